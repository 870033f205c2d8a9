/* SPDX-License-Identifier: MIT */
/* Registers of platform-level interrupt controllers (RISC-V PLIC Specification 1.0, chapter 3). */
#pragma once

#include "machine.h"

#define PLIC_PRIORITY       0x000000
#define PLIC_ENABLE         0x002000
#define PLIC_ENABLE_STRIDE  0x80
#define PLIC_CONTEXT        0x200000
#define PLIC_CONTEXT_STRIDE 0x1000
#define PLIC_THRESHOLD      0x0
#define PLIC_CLAIM          0x4

static inline volatile uint32_t *plic_enable_register(const struct intc *plic, uint32_t context,
                                                     uint32_t source)
{
    return intc_register(plic, PLIC_ENABLE + context * PLIC_ENABLE_STRIDE + source / 32 * 4);
}

static inline volatile uint32_t *plic_context_register(const struct intc *plic, uint32_t context,
                                                      uint32_t offset)
{
    return intc_register(plic, PLIC_CONTEXT + context * PLIC_CONTEXT_STRIDE + offset);
}
