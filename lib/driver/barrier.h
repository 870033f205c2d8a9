/* SPDX-License-Identifier: MIT */
/*
 * Order between memory and device registers (RISC-V unprivileged specification, FENCE: i and o are device
 * input and output), and blocks of caches (Zicbom; section 2.5.3 of the CMO specification 1.0: FENCE orders
 * them like reads and writes). Memory that a device and a driver share is ordered by the C11 atomics, where
 * DMA is coherent.
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

/* Reads and writes of memory so far come before those from here on. */
static inline void barrier_memory(void)
{
    __asm__ volatile("fence rw, rw" ::: "memory");
}

/* cbo.clean and cbo.flush, which assemblers know by name only for processors that have them. */
static inline void cache_block_clean(char *block)
{
    __asm__ volatile(".insn i 0x0f, 2, x0, %0, 1" : : "r"(block) : "memory");
}

static inline void cache_block_flush(char *block)
{
    __asm__ volatile(".insn i 0x0f, 2, x0, %0, 2" : : "r"(block) : "memory");
}
