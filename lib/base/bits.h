/* SPDX-License-Identifier: MIT */
/* Looking for bits. */
#pragma once

#include <stdint.h>

/* Index of the highest set bit; value is not 0. (The base instruction set has none that counts zeros.) */
static inline unsigned highest_bit(uint64_t value)
{
    unsigned bit = 0;

    for (unsigned half = 32; half; half /= 2)
        if (value >> half) {
            value >>= half;
            bit += half;
        }
    return bit;
}
