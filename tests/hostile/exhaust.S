/* SPDX-License-Identifier: MIT */
/* A thread that makes the same call for ever: a0 the capability, a1 the tag, sp the first word. */
#include <abi/syscall.h>

    .section .text.call_for_ever, "ax", @progbits
    .balign 4
    .global call_for_ever
call_for_ever:
    mv s0, a0
    mv s1, a1
1:  mv a0, s0
    mv a1, s1
    mv a2, sp
    li a7, SYS_CALL
    ecall
    j 1b

    .section .note.GNU-stack, "", @progbits
