/* SPDX-License-Identifier: MIT */
/* Registers of platform-level interrupt controllers (RISC-V PLIC Specification 1.0, chapter 3). */
#pragma once

#include <stdint.h>

#define PLIC_PRIORITY       0x000000
#define PLIC_ENABLE         0x002000
#define PLIC_ENABLE_STRIDE  0x80
#define PLIC_CONTEXT        0x200000
#define PLIC_CONTEXT_STRIDE 0x1000
#define PLIC_THRESHOLD      0x0
#define PLIC_CLAIM          0x4

/* Offset of the word that enables a source in a context, */
static inline uint64_t plic_enable_word(uint32_t context, uint32_t source)
{
    return PLIC_ENABLE + context * PLIC_ENABLE_STRIDE + source / 32 * 4;
}

/* and of a register of a context. */
static inline uint64_t plic_context_register(uint32_t context, uint32_t offset)
{
    return PLIC_CONTEXT + context * PLIC_CONTEXT_STRIDE + offset;
}
