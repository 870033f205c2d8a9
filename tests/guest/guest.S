/* SPDX-License-Identifier: MIT */
/* The instructions of probes and threads: see guest.h. */
#include <abi/syscall.h>

#define PROBE_SURVIVED 0x5afe

    .option arch, +zifencei

.macro begin name
    .section .text.\name, "ax", @progbits
    .balign 4
    .global \name
    .type \name, @function
\name:
.endm

    /* a0 an argument, a1 the function that gets it, sp the top of the stack */
    begin guest_entry
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    mv s0, zero
    jalr a1
    unimp

    begin guest_instret
    rdinstret a0
    ret

    begin probe_load
    ld a2, 0(a0)
    j survived
    begin probe_store
    sd a1, 0(a0)
    j survived
    begin probe_jump
    fence.i
    jalr a0
    /* Word 0 is in a2. */
survived:
    mv a0, a1
    li a1, PROBE_SURVIVED
    slli a1, a1, TAG_LABEL_SHIFT
    addi a1, a1, 1
    li a7, SYS_CALL
    ecall
    j .

    begin spin_load
    ld a2, 0(a0)
    j spin_load
    begin spin_store
    addi a2, a2, 1
    sd a2, 0(a0)
    j spin_store
    begin spin_call
    fence.i
    mv s0, a0
1:  jalr s0
    j 1b

    begin spin_count
    li a1, 0
1:  addi a1, a1, 1
    sd a1, 0(a0)
    j 1b

    .section .note.GNU-stack, "", @progbits
