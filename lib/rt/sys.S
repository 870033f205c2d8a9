/* SPDX-License-Identifier: MIT */
/* The system call stubs and the one instruction that C has no word for. Register use: abi/syscall.h. */
#include <abi/syscall.h>

    /* uint32_t sys_msg(uint64_t number, cap_t cap, struct msg *m): struct msg is badge, tag, eight words. */
    .section .text.sys_msg, "ax", @progbits
    .global sys_msg
    .type sys_msg, @function
sys_msg:
    addi sp, sp, -16
    sd ra, 8(sp)
    sd s1, 0(sp)
    mv s1, a2
    mv a7, a0
    mv a0, a1
    ld a1, 8(s1)
    ld a2, 16(s1)
    ld a3, 24(s1)
    ld a4, 32(s1)
    ld a5, 40(s1)
    ld a6, 48(s1)
    ld t0, 56(s1)
    ld t1, 64(s1)
    ld t2, 72(s1)
    ecall
    sd a0, 0(s1)
    sd a1, 8(s1)
    sd a2, 16(s1)
    sd a3, 24(s1)
    sd a4, 32(s1)
    sd a5, 40(s1)
    sd a6, 48(s1)
    sd t0, 56(s1)
    sd t1, 64(s1)
    sd t2, 72(s1)
    srli a0, a1, TAG_LABEL_SHIFT
    ld s1, 0(sp)
    ld ra, 8(sp)
    addi sp, sp, 16
    ret
    .size sys_msg, . - sys_msg

    /*
     * uint32_t sys_invoke(cap_t cap, uint64_t tag, uint64_t word0, ..., uint64_t word5): the arguments are in
     * the registers of the system call already but for the last, which is where the number goes.
     */
    .section .text.sys_invoke, "ax", @progbits
    .global sys_invoke
    .type sys_invoke, @function
sys_invoke:
    addi sp, sp, -16
    sd ra, 8(sp)
    mv t0, a7
    li a7, SYS_CALL
    ecall
    srli a0, a1, TAG_LABEL_SHIFT
    ld ra, 8(sp)
    addi sp, sp, 16
    ret
    .size sys_invoke, . - sys_invoke

    /* uint64_t rt_ticks(void) */
    .section .text.rt_ticks, "ax", @progbits
    .global rt_ticks
    .type rt_ticks, @function
rt_ticks:
    rdtime a0
    ret
    .size rt_ticks, . - rt_ticks

    .section .note.GNU-stack, "", @progbits
