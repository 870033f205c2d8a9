/* SPDX-License-Identifier: MIT */
/* Checked arithmetic against the same sums in 128 bits, over every pair of numbers near an edge. */
#include <base/checked.h>

#include "support.h"

typedef unsigned __int128 wide;

/* 0, 1, each power of two and the largest number, each with its neighbours. */
static unsigned edges(uint64_t numbers[256])
{
    unsigned count = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        numbers[count++] = (1ull << bit) - 1;
        numbers[count++] = 1ull << bit;
        numbers[count++] = (1ull << bit) + 1;
    }
    numbers[count++] = UINT64_MAX - 1;
    numbers[count++] = UINT64_MAX;
    return count;
}

Test(checked, add_and_mul)
{
    uint64_t numbers[256], result;
    unsigned count = edges(numbers);

    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = 0; j < count; j++) {
            uint64_t a = numbers[i], b = numbers[j];
            wide sum = (wide)a + b, product = (wide)a * b;
            cr_assert_eq(checked_add(a, b, &result), sum <= UINT64_MAX);
            cr_assert_eq(result, (uint64_t)sum);
            cr_assert_eq(checked_mul(a, b, &result), product <= UINT64_MAX);
            cr_assert_eq(result, (uint64_t)product);
        }
    }
}

Test(checked, range_inside)
{
    uint64_t numbers[256];
    unsigned count = edges(numbers);

    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = 0; j < count; j++) {
            for (unsigned k = 0; k < count; k++) {
                bool inside = (wide)numbers[i] + numbers[j] <= numbers[k];
                if (range_inside(numbers[i], numbers[j], numbers[k]) != inside)
                    cr_assert_fail("offset %#lx, count %#lx, size %#lx", numbers[i], numbers[j], numbers[k]);
            }
        }
    }
}

Test(checked, alignment)
{
    uint64_t numbers[256];
    unsigned count = edges(numbers);

    for (unsigned i = 0; i < count; i++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t alignment = 1ull << bit, value = numbers[i];
            cr_assert_eq(align_down(value, alignment), value / alignment * alignment);
            /* Above the last multiple it wraps to 0. */
            wide up = ((wide)value + alignment - 1) / alignment * alignment;
            cr_assert_eq(align_up(value, alignment), (uint64_t)up);
        }
    }
}
