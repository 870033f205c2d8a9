/* SPDX-License-Identifier: MIT */
/* Checked arithmetic, for all numbers. 128-bit numbers say what is right. */
#include "proof.h"

#include <base/checked.h>

typedef unsigned __int128 wide;

/*
 * proof range_inside: all numbers
 * options: --unsigned-overflow-check --no-sat-preprocessor
 * planted lib/base/checked.h: s/return !(count > size || offset > size - count);/return offset + count <= size;/
 */
void prove_range_inside(void)
{
    uint64_t offset = nondet_u64(), count = nondet_u64(), size = nondet_u64();

    CHECK(range_inside(offset, count, size) == ((wide)offset + count <= size),
          "arithmetic: a range inside another");
}

/*
 * proof checked_add: all numbers
 * options: --no-sat-preprocessor
 * planted lib/base/checked.h: s/return !__builtin_add_overflow(a, b, sum);/*sum = a + b; return *sum > a;/
 */
void prove_checked_add(void)
{
    uint64_t a = nondet_u64(), b = nondet_u64(), sum = 0;
    bool fits = checked_add(a, b, &sum);

    CHECK(fits == ((wide)a + b <= UINT64_MAX), "arithmetic: overflow is noticed");
    CHECK(!fits || sum == a + b, "arithmetic: the sum is right");
}

/*
 * proof align: all numbers, all powers of two
 * options: --no-sat-preprocessor
 * planted lib/base/checked.h: s/return (value + alignment - 1)/return (value + alignment)/
 */
void prove_align(void)
{
    uint64_t value = nondet_u64(), alignment = 1ull << any_below(64), down = align_down(value, alignment),
             up = align_up(value, alignment);

    CHECK(down <= value && value - down < alignment && (down & (alignment - 1)) == 0,
          "arithmetic: aligned downwards");
    CHECK((up & (alignment - 1)) == 0 && up - value < alignment, "arithmetic: aligned upwards");
}
