/* SPDX-License-Identifier: MIT */
/* Interrupt controllers: arch.h says what is done with their lines. */
#pragma once

#include "machine.h"

static inline volatile uint32_t *intc_register(const struct intc *intc, uint64_t offset)
{
    return (volatile uint32_t *)(intc->registers + offset);
}

static inline uint32_t intc_get(const struct intc *intc, uint64_t offset)
{
    return *intc_register(intc, offset);
}

static inline void intc_put(const struct intc *intc, uint64_t offset, uint32_t value)
{
    *intc_register(intc, offset) = value;
}
