/* SPDX-License-Identifier: MIT */
/*
 * System calls with every register known before and noted after. The block (struct block in lanes.h) that a
 * thread works with is in tp meanwhile: `in` at 0, `out` at 256, what C wants back at 512.
 */
#include <abi/syscall.h>

.macro each_register op, offset
    .irp n, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26
    \op x\n, \offset + \n * 8(tp)
    .endr
    .irp n, 27, 28, 29, 30, 31
    \op x\n, \offset + \n * 8(tp)
    .endr
.endm

.macro each_kept op, base
    .irp n, 1, 2, 3, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    \op x\n, 512 + \n * 8(\base)
    .endr
.endm

.macro with_registers name
    .section .text.\name, "ax", @progbits
    .global \name
    .type \name, @function
\name:
    each_kept sd, a0
    sd tp, 512 + 4 * 8(a0)
    mv tp, a0
    each_register ld, 0
.endm

.macro with_registers_end
    each_register sd, 256
    sd tp, 256 + 4 * 8(tp)
    each_kept ld, tp
    ld tp, 512 + 4 * 8(tp)
    ret
.endm

    /* void lanes_syscall(struct block *) */
    with_registers lanes_syscall
    ecall
    with_registers_end

    /* void lanes_probe(struct block *): reads where a0 of `in` points; four bytes of instruction. */
    with_registers lanes_probe
    .option push
    .option norvc
    .global lanes_probe_instruction
lanes_probe_instruction:
    ld zero, 0(a0)
    .option pop
    with_registers_end

    /* Where threads start: a0 block. */
    .section .text.lanes_start, "ax", @progbits
    .global lanes_start
    .type lanes_start, @function
lanes_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    call lanes_worker
    unimp

    /* Answers whatever comes to the endpoint in a0. */
    .section .text.lanes_echo, "ax", @progbits
    .global lanes_echo
    .type lanes_echo, @function
lanes_echo:
    mv s0, a0
    li a7, SYS_RECV
    ecall
1:  mv a0, s0
    li a7, SYS_REPLY_RECV
    ecall
    j 1b

    /* uint64_t lanes_round_trips(cap_t endpoint, uint64_t count): instructions that `count` calls took. */
    .section .text.lanes_round_trips, "ax", @progbits
    .global lanes_round_trips
    .type lanes_round_trips, @function
lanes_round_trips:
    addi sp, sp, -32
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    sd s2, 24(sp)
    mv s0, a0
    mv s1, a1
    rdinstret s2
1:  mv a0, s0
    li a1, 0
    li a7, SYS_CALL
    ecall
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s2
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    ld s2, 24(sp)
    addi sp, sp, 32
    ret

    /* uint64_t lanes_instructions(void) */
    .section .text.lanes_instructions, "ax", @progbits
    .global lanes_instructions
    .type lanes_instructions, @function
lanes_instructions:
    rdinstret a0
    ret

    .section .note.GNU-stack, "", @progbits
