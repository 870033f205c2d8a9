/* SPDX-License-Identifier: MIT */
/*
 * Where traps arrive and leave. In user mode sscratch holds the running struct thread, in the kernel
 * 0. The kernel never takes interrupts, so a trap that finds 0 there is a fault of the kernel itself.
 */
#include "layout.h"

.macro each_register op, base
    .irp n, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \op x\n, \n * 8(\base)
    .endr
.endm

    .text
    .balign 4
    .globl trap_entry
trap_entry:
    csrrw a0, sscratch, a0
    beqz a0, kernel_fault_entry
    sd ra, 8(a0)
    sd sp, 16(a0)
    sd gp, 24(a0)
    sd tp, 32(a0)
    each_register sd, a0
    csrr t0, sepc
    sd t0, 0(a0)
    csrrw t0, sscratch, zero
    sd t0, 80(a0)
    ld tp, THREAD_HART(a0)
    ld sp, HART_STACK_TOP(tp)
    li s0, 0 /* ends backtraces */
    call trap_from_user
    unimp

/* Resumes the thread in a0. sstatus has SPP = 0 and SPIE = 1 ever since the hart was started. */
    .globl user_enter
user_enter:
    ld t0, 0(a0)
    csrw sepc, t0
    csrw sscratch, a0
    ld ra, 8(a0)
    ld sp, 16(a0)
    ld gp, 24(a0)
    ld tp, 32(a0)
    each_register ld, a0
    ld a0, 80(a0)
    sret

/* The stack may be what is broken: everything goes to the hart's emergency stack. */
kernel_fault_entry:
    csrrw a0, sscratch, sp /* a0 as it was */
    la sp, harts
    sub sp, tp, sp
    srli sp, sp, 16
    beqz sp, 1f
    la tp, harts /* it was not even that; any hart's stack will do */
1:  ld sp, HART_EMERGENCY_STACK_TOP(tp)
    addi sp, sp, -FRAME_SIZE
    sd a0, 80(sp)
    csrrw a0, sscratch, zero
    sd a0, 16(sp)
    sd ra, 8(sp)
    sd gp, 24(sp)
    sd tp, 32(sp)
    each_register sd, sp
    csrr t0, sepc
    sd t0, 0(sp)
    mv a0, sp
    call trap_from_kernel
    unimp

/* bool csr_probe_stimecmp(void): whether the register can be read. */
    .globl csr_probe_stimecmp
csr_probe_stimecmp:
    la t0, 1f
    csrrw t0, stvec, t0
    li a0, 0
    csrr t1, 0x14d
    li a0, 1
    .balign 4
1:  csrw stvec, t0
    ret

    .option push
    .option arch, +d

.macro each_fp_register op
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \op f\n, THREAD_FP + \n * 8(a0)
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \op f\n, THREAD_FP + \n * 8(a0)
    .endr
.endm

/* void fp_save(struct thread *): FP must be on. */
    .globl fp_save
fp_save:
    each_fp_register fsd
    frcsr t0
    sd t0, THREAD_FCSR(a0)
    ret

/* void fp_restore(const struct thread *) */
    .globl fp_restore
fp_restore:
    each_fp_register fld
    ld t0, THREAD_FCSR(a0)
    fscsr t0
    ret
    .option pop
