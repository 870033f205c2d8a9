/* SPDX-License-Identifier: MIT */
/*
 * Where traps arrive and leave. sscratch always holds the struct hart, and so does tp in the kernel: that a
 * trap from the kernel swaps the two changes nothing. The kernel never takes interrupts: a trap from S-mode
 * is a fault of the kernel itself.
 *
 * A system call is first offered to the fast lanes (lane.S). What they leave, and every other trap, is saved
 * in full and goes to trap.c.
 */
#include "layout.h"
#include "offsets.h"

.macro each_register op, base
    .irp n, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    \op x\n, THREAD_REGS + \n * REG_BYTES(\base)
    .endr
.endm

    .text
    .balign 4
    .globl trap_entry
trap_entry:
    csrrw tp, sscratch, tp
    sd t5, HART_SCRATCH(tp)
    csrr t5, scause
    addi t5, t5, -ECALL_FROM_USER
    beqz t5, lane_entry
3:  csrr t5, sstatus
    andi t5, t5, SSTATUS_SPP
    bnez t5, kernel_fault_entry
    ld t5, HART_CURRENT(tp)
    sd ra, THREAD_RA(t5)
    sd sp, THREAD_SP(t5)
    sd gp, THREAD_GP(t5)
    each_register sd, t5
    sd t6, THREAD_T6(t5)
    mv a0, t5
    ld t5, HART_SCRATCH(tp)
    sd t5, THREAD_T5(a0)
    csrrw t5, sscratch, tp
    sd t5, THREAD_TP(a0)
    csrr t5, sepc
    sd t5, THREAD_PC(a0)
    ld sp, HART_STACK_TOP(tp)
    li s0, 0 /* ends backtraces */
    mv t6, a0
    csrr s1, scause
    addi t0, s1, -ECALL_FROM_USER
    beqz t0, fault_foreign
    li t0, PAGE_FAULTS
    srl t0, t0, s1
    andi t0, t0, 1
    bnez t0, fault_page
    .globl fault_wait
/* In C. The hart has no lock. */
fault_wait:
    mv a0, t6
    call trap_from_user
    unimp

/* The trap vector of foreign threads, whose every ecall is saved in full. */
    .balign 4
    .globl trap_entry_foreign
trap_entry_foreign:
    csrrw tp, sscratch, tp
    sd t5, HART_SCRATCH(tp)
    j 3b

/* A system call for the general path of which nothing is saved yet. The hart has no lock, */
    .globl syscall_general
syscall_general:
    ld t6, HART_CURRENT(tp)
    li t4, 0
    j 1f
/* or its own. */
    .globl syscall_locked
syscall_locked:
    li t4, 1
1:  csrrw t5, sscratch, tp
    sd t5, THREAD_TP(t6)
    sd sp, THREAD_SP(t6)
    sd gp, THREAD_GP(t6)
    .irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    sd x\n, \n * THREAD_RA(t6)
    .endr
    j 2f
/* The registers that a system call keeps have been saved in the thread in t6, and the hart has its own
 * lock. */
    .globl syscall_saved
syscall_saved:
    li t4, 1
2:
    csrr t5, sepc
    sd t5, THREAD_PC(t6)
    .irp n, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17
    sd x\n, \n * THREAD_RA(t6)
    .endr
    ld sp, HART_STACK_TOP(tp)
    li s0, 0
    mv a0, t6
    mv a1, t4
    mv s1, t6
/* All is saved; a0 and a1 are as C wants them, and s1 is the thread. */
    .globl syscall_in_c
syscall_in_c:
    call syscall_from_user

/* The same thread, s1, goes on, and only the results of the system call have changed. */
    ld t0, THREAD_PC(s1)
    csrw sepc, t0
    .globl syscall_return
syscall_return:
    .irp n, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16
    ld x\n, \n * THREAD_RA(s1)
    .endr
    ld s1, THREAD_S1(s1)
    .irp n, 1, 17, 28, 29, 30, 31
    li x\n, 0
    .endr
    sret

/* Resumes the thread in a0. sstatus has SPP = 0 and SPIE = 1 ever since the hart was started. */
    .globl user_enter
user_enter:
    ld t0, THREAD_PC(a0)
    csrw sepc, t0
    mv t6, a0
    ld ra, THREAD_RA(t6)
    ld sp, THREAD_SP(t6)
    ld gp, THREAD_GP(t6)
    ld tp, THREAD_TP(t6)
    each_register ld, t6
    ld t5, THREAD_T5(t6)
    ld t6, THREAD_T6(t6)
    sret

/* The stack may be what is broken: everything goes to the hart's emergency stack. */
kernel_fault_entry:
    csrrw t5, sscratch, tp /* tp as it was */
    sd sp, HART_SCRATCH_SP(tp)
    ld sp, HART_EMERGENCY_STACK_TOP(tp)
    addi sp, sp, -FRAME_SIZE
    sd t5, THREAD_TP(sp)
    ld t5, HART_SCRATCH_SP(tp)
    sd t5, THREAD_SP(sp)
    ld t5, HART_SCRATCH(tp)
    sd t5, THREAD_T5(sp)
    sd ra, THREAD_RA(sp)
    sd gp, THREAD_GP(sp)
    each_register sd, sp
    sd t6, THREAD_T6(sp)
    csrr t0, sepc
    sd t0, THREAD_PC(sp)
    mv a0, sp
    call trap_from_kernel
    unimp

    .option push
    .option arch, +d

.macro each_fp_register op
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \op f\n, THREAD_FP + \n * REG_BYTES(t3)
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \op f\n, THREAD_FP + \n * REG_BYTES(t3)
    .endr
.endm

/* void fp_save(struct thread *): FP must be on. The kernel's C code does not use gp. */
    .globl fp_save
fp_save:
    mv t3, a0
    mv t5, ra
/* For the fast lanes: the thread is in t3; returns to t5 and changes gp. */
    .globl fp_save_lane
fp_save_lane:
    each_fp_register fsd
    frcsr gp
    sd gp, THREAD_FCSR(t3)
    jr t5

/* void fp_restore(const struct thread *) */
    .globl fp_restore
fp_restore:
    mv t3, a0
    mv t5, ra
    .globl fp_restore_lane
fp_restore_lane:
    each_fp_register fld
    ld gp, THREAD_FCSR(t3)
    fscsr gp
    jr t5
    .option pop
