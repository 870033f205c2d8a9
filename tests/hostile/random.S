/* SPDX-License-Identifier: MIT */
/* Waits with registers full of patterns, and ways to fault. Offsets of struct watch: random.c. */
#include <abi/syscall.h>

    .option arch, +d

.macro each_kept op, at
    .irp n, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
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

    .section .text.watch_wait, "ax", @progbits
    .global watch_wait
    .type watch_wait, @function
    /* uint64_t watch_wait(struct watch *watch, cap_t notification): waits; what was in the registers that a
     * call keeps is in watch->out then. Spins for watch->out[31] rounds first. Returns the tag. */
watch_wait:
    addi sp, sp, -128
    sd ra, 0(sp)
    sd gp, 8(sp)
    sd tp, 16(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd s\n, 24 + \n * 8(sp)
    .endr
    sd sp, 1024(a0)
    mv sp, a0
    each_kept ld, 0
    each_fp fld, 512
    ld t0, 256 + 31 * 8(sp)
1:  addi t0, t0, -1
    bgtz t0, 1b
    mv a0, a1
    li a1, 0
    li a7, SYS_WAIT
    ecall
    each_kept sd, 256
    each_fp fsd, 768
    ld sp, 1024(sp)
    ld ra, 0(sp)
    ld gp, 8(sp)
    ld tp, 16(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld s\n, 24 + \n * 8(sp)
    .endr
    addi sp, sp, 128
    mv a0, a1
    ret

    .section .text.call_with_fp, "ax", @progbits
    .global call_with_fp
    .type call_with_fp, @function
    /* uint64_t call_with_fp(uint64_t number, cap_t cap, struct msg *m, uint64_t pattern): sys_msg with all
     * registers of floating point filled from the pattern; returns what of them was not as before. */
call_with_fp:
    addi sp, sp, -32
    sd ra, 0(sp)
    sd s1, 8(sp)
    mv s1, a3
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    addi a3, s1, \n
    fmv.d.x f\n, a3
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    addi a3, s1, \n
    fmv.d.x f\n, a3
    .endr
    call sys_msg
    li a0, 0
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    addi a3, s1, \n
    fmv.x.d a4, f\n
    xor a4, a4, a3
    or a0, a0, a4
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    addi a3, s1, \n
    fmv.x.d a4, f\n
    xor a4, a4, a3
    or a0, a0, a4
    .endr
    ld ra, 0(sp)
    ld s1, 8(sp)
    addi sp, sp, 32
    ret

    .section .text.misbehave, "ax", @progbits
    .global misbehave
    .type misbehave, @function
    /* void misbehave(uint64_t way, uint64_t address): reads, writes or jumps there, executes zeros, or
     * stops. */
misbehave:
    li t0, 1
    beqz a0, 1f
    beq a0, t0, 2f
    li t0, 2
    beq a0, t0, 3f
    li t0, 3
    beq a0, t0, 4f
    fsqrt.d f1, f2
    ebreak
    ret
1:  ld t0, 0(a1)
    ret
2:  sd t0, 0(a1)
    ret
3:  jr a1
4:  .4byte 0

    .section .note.GNU-stack, "", @progbits
