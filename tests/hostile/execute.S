/* SPDX-License-Identifier: MIT */
/* Code that is copied to a page of another address space: nothing but itself is there. */
#include <abi/syscall.h>

    .section .text.probe_watch, "ax", @progbits
    .balign 8
    .global probe_watch, probe_watch_end
    /* a0 an address, a1 an endpoint: sees whether the word stays the same, then tells it; all ones if not. */
probe_watch:
    ld a2, 0(a0)
    li t0, 3000
1:  ld a3, 0(a0)
    bne a3, a2, 2f
    addi t0, t0, -1
    bnez t0, 1b
    j 3f
2:  li a2, -1
3:  mv a0, a1
    li a1, 1
    li a7, SYS_CALL
    ecall
    j .
probe_watch_end:

    .section .note.GNU-stack, "", @progbits
