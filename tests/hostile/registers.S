/* SPDX-License-Identifier: MIT */
/*
 * Threads that fill all their registers from a struct record, do one thing, and note all registers there
 * again. The stack pointer is the address of the record. They tell the end of each round to the record's
 * endpoint by a call, and go on when they are answered. Offsets: registers.c.
 */
#include <abi/syscall.h>

#define IN       0    /* x0..x31; x0 is not used */
#define OUT      256
#define FP_IN    512
#define FP_OUT   768
#define FCSR_IN  1024
#define FCSR_OUT 1032
#define ENDPOINT 1040

    .option arch, +d, +zifencei

.macro each op, at
    .irp n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \op x\n, \at + \n * 8(sp)
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \op x\n, \at + \n * 8(sp)
    .endr
.endm

.macro each_fp op, at
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \op f\n, \at + \n * 8(sp)
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \op f\n, \at + \n * 8(sp)
    .endr
.endm

    .section .text.registers, "ax", @progbits

/* Everything is in registers; does `what`, notes what is in them then. */
.macro round name, fp, what:vararg
    .balign 4
    .global \name
\name:
    mv sp, a0
1:
    .if \fp
    each_fp fld, FP_IN
    ld t0, FCSR_IN(sp)
    fscsr t0
    .endif
    each ld, IN
    \what
    each sd, OUT
    sd sp, OUT + 16(sp)
    .if \fp
    each_fp fsd, FP_OUT
    frcsr t0
    sd t0, FCSR_OUT(sp)
    .endif
    ld a0, ENDPOINT(sp)
    li a1, 0
    li a7, SYS_CALL
    ecall
    j 1b
.endm

.macro spin
2:  addi t6, t6, -1
    bnez t6, 2b
.endm

    round round_ecall, 1, ecall
    round round_ecall_no_fp, 0, ecall
    round round_touch, 1, lb zero, 0(a0) /* faults until the page is there */
    round round_spin, 1, spin
    round round_spin_no_fp, 0, spin

    /* A new thread notes what its registers hold before anything else. a0 the record. */
    .balign 4
    .global round_newborn
round_newborn:
    sd sp, 256 + 16(a0)
    mv sp, a0
    each sd, OUT
    each_fp fsd, FP_OUT
    frcsr t0
    sd t0, FCSR_OUT(sp)
    ld a0, ENDPOINT(sp)
    li a1, 0
    li a7, SYS_CALL
    ecall
    j .

    /* Calls the endpoint in a0 with the words 0x1001... for ever. */
    .balign 4
    .global client_for_ever
client_for_ever:
    mv s0, a0
    mv s1, a1
1:  mv a0, s0
    mv a1, s1
    li a2, 0x1001
    li a3, 0x1002
    li a4, 0x1003
    li a5, 0x1004
    li a6, 0x1005
    li t0, 0x1006
    li t1, 0x1007
    li t2, 0x1008
    li a7, SYS_CALL
    ecall
    j 1b

    .section .note.GNU-stack, "", @progbits
