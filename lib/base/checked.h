/* SPDX-License-Identifier: MIT */
/* Arithmetic that notices overflow, and the range check for numbers that somebody else wrote. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* sum = a + b; false when it does not fit. */
static inline bool checked_add(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

/* product = a * b; false when it does not fit. */
static inline bool checked_mul(uint64_t a, uint64_t b, uint64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* Whether [offset, offset + count) lies inside [0, size). Cannot overflow. */
static inline bool range_inside(uint64_t offset, uint64_t count, uint64_t size)
{
    return !(count > size || offset > size - count);
}

/* alignment is a power of two; align_up wraps to 0 at the top of the address space. */
static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
    return value & ~(alignment - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}
