/* SPDX-License-Identifier: MIT */
/* The instructions that C has no word for. */
    .section .text.guest, "ax", @progbits

    /* uint64_t guest_instret(void) */
    .global guest_instret
    .type guest_instret, @function
guest_instret:
    rdinstret a0
    ret

    /* a0 function, a1 its argument, sp the top of the stack */
    .global guest_entry
guest_entry:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    mv s0, zero
    mv ra, zero
    mv t0, a0
    mv a0, a1
    jr t0

    .section .note.GNU-stack, "", @progbits
