/* SPDX-License-Identifier: MIT */
/*
 * Order between memory and device registers (RISC-V unprivileged specification, FENCE: i and o are device
 * input and output). Memory that a device and a driver share is ordered by the C11 atomics, since DMA is
 * coherent.
 */
#pragma once

/* What was read from and written to memory so far comes before device writes from here on. */
static inline void barrier_memory_before_output(void)
{
    __asm__ volatile("fence rw, o" ::: "memory");
}

/* Device writes so far come before what is read from and written to memory from here on. */
static inline void barrier_output_before_memory(void)
{
    __asm__ volatile("fence o, rw" ::: "memory");
}

/* Device reads so far come before what is read from and written to memory from here on. */
static inline void barrier_input_before_memory(void)
{
    __asm__ volatile("fence i, rw" ::: "memory");
}
