/* SPDX-License-Identifier: MIT */
/*
 * void task_switch(struct task_registers *from, const struct task_registers *to): returns where `to` called
 * it. What a function call may change needs no saving (RISC-V ELF psABI, "Register Convention").
 */
    .section .text.task_switch, "ax", @progbits
    .global task_switch
    .type task_switch, @function
task_switch:
    sd ra, 0(a0)
    sd sp, 8(a0)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd s\n, 16 + 8 * \n(a0)
    .endr
    ld ra, 0(a1)
    ld sp, 8(a1)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld s\n, 16 + 8 * \n(a1)
    .endr
#ifdef __riscv_float_abi_double
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    fsd fs\n, 112 + 8 * \n(a0)
    fld fs\n, 112 + 8 * \n(a1)
    .endr
#endif
    ret
    .size task_switch, . - task_switch

    .section .note.GNU-stack, "", @progbits
