/* SPDX-License-Identifier: MIT */
#include "arch/riscv/layout.h"

    .text
/* bool csr_probe_stimecmp(void): whether the register can be read. If not, there is a trap, which leaves SPP
 * and SPIE as they must not be when the hart goes to user mode. */
    .globl csr_probe_stimecmp
csr_probe_stimecmp:
    la t0, 1f
    csrrw t0, stvec, t0
    li a0, 0
    csrr t1, 0x14d
    li a0, 1
    .balign 4
1:  csrw stvec, t0
    li t0, SSTATUS_SPP
    csrc sstatus, t0
    li t0, SSTATUS_SPIE
    csrs sstatus, t0
    ret
