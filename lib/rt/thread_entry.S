/* SPDX-License-Identifier: MIT */
/* The first instructions of a further thread: a0 is its struct thread. THREAD_START leaves gp zero. */
    .section .text.thread_entry, "ax", @progbits
    .global thread_entry
    .type thread_entry, @function
thread_entry:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    /* The end of the chain of frames, for debuggers. */
    mv s0, zero
    mv ra, zero
    call thread_main
    .size thread_entry, . - thread_entry

    .section .note.GNU-stack, "", @progbits
