/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of every process: a0 is the page that it was started with (struct start_info, or
 * struct boot_info for init), sp the top of its stack. Takes the thread-local area off the stack and goes on
 * in C.
 */
    .section .text.start, "ax", @progbits
    .global _start
    .type _start, @function
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    lui t0, %hi(__tls_size)
    addi t0, t0, %lo(__tls_size)
    sub sp, sp, t0
    lui t0, %hi(__tls_align)
    addi t0, t0, %lo(__tls_align)
    neg t0, t0
    and sp, sp, t0
    mv tp, sp
    mv a1, sp
    /* The end of the chain of frames, for debuggers. */
    mv s0, zero
    mv ra, zero
    call rt_enter
    .size _start, . - _start

    .section .note.GNU-stack, "", @progbits
