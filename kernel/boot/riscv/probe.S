/* SPDX-License-Identifier: MIT */
#include "arch/riscv/layout.h"

    .text
/* A function that finds out whether the hart can execute an instruction, which has the argument in t1. If
 * not, there is a trap, which leaves SPP and SPIE as they must not be when the hart goes to user mode. */
    .macro probe name, instruction:vararg
    .globl \name
\name:
    la t0, 1f
    csrrw t0, stvec, t0
    mv t1, a0
    li a0, 0
    \instruction
    li a0, 1
    .balign 4
1:  csrw stvec, t0
    li t0, SSTATUS_SPP
    csrc sstatus, t0
    li t0, SSTATUS_SPIE
    csrs sstatus, t0
    ret
    .endm

    probe probe_stimecmp, csrr t1, 0x14d
    probe probe_cbo_zero, .insn i 0x0f, 2, x0, t1, 4
