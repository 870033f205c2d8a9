/* SPDX-License-Identifier: MIT */
/* A program in one page, for address spaces that hold nothing else but a page to count in. */
#include <abi/syscall.h>

    .section .text.spin_page, "ax", @progbits
    .balign 4096
    /* a0 where to count */
    .global spin_page
spin_page:
    mv s0, a0
    li s1, 0
1:  ld t0, 0(s0)
    addi t0, t0, 1
    sd t0, 0(s0)
    addi s1, s1, 1
    andi t0, s1, 63
    bnez t0, 1b
    li a0, 0
    li a1, 0
    li a7, SYS_YIELD
    ecall
    j 1b

    .balign 4096
    .section .note.GNU-stack, "", @progbits
