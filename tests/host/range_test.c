/* SPDX-License-Identifier: MIT */
/* Sets of ranges, against ones that have a bit for each number. */
#include <base/range.h>

#include "support.h"

#define NUMBERS 200

TestSuite(range, .timeout = 50);

static void check_ranges(const struct range_set *set, const bool *in)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < set->count; i++) {
        cr_assert_lt(set->range[i].start, set->range[i].end);
        cr_assert(i == 0 || set->range[i - 1].end < set->range[i].start, "two ranges touch");
    }
    for (unsigned n = 0, i = 0; n < NUMBERS; n++) {
        while (i < set->count && set->range[i].end <= n)
            i++;
        cr_assert_eq(i < set->count && set->range[i].start <= n, in[n], "number %u", n);
        total += in[n];
    }
    cr_assert_eq(range_total(set), total);
}

/* Of every range of up to 20 numbers. */
static void check_questions(const struct range_set *set, const bool *in)
{
    for (unsigned start = 0; start < NUMBERS; start++) {
        bool any = false, all = true;
        for (unsigned end = start + 1; end <= NUMBERS && end <= start + 20; end++) {
            any |= in[end - 1];
            all &= in[end - 1];
            cr_assert_eq(range_overlaps(set, start, end), any, "[%u, %u)", start, end);
            cr_assert_eq(range_covers(set, start, end), all, "[%u, %u)", start, end);
        }
    }
}

Test(range, ranges_are_sets)
{
    srand(1);
    for (unsigned round = 0; round < 200; round++) {
        struct range_set set = {0};
        bool in[NUMBERS] = {false};

        for (unsigned i = 0; i < 60; i++) {
            unsigned start = rand() % NUMBERS, end = start + rand() % 20;
            bool add = rand() % 3;

            end = end < NUMBERS ? end : NUMBERS;
            cr_assert(add ? range_add(&set, start, end) : range_remove(&set, start, end));
            for (unsigned n = start; n < end; n++)
                in[n] = add;
            check_ranges(&set, in);
        }
        check_questions(&set, in);
    }
}

Test(range, a_set_that_is_full_stays_as_it_is)
{
    struct range_set set = {0}, before;

    for (unsigned i = 0; i < RANGE_SET_MAX; i++)
        cr_assert(range_add(&set, i * 10, i * 10 + 5));
    before = set;
    cr_assert_not(range_add(&set, 10007, 10008));
    cr_assert_not(range_remove(&set, 12, 13));
    cr_assert_eq(memcmp(&set, &before, sizeof(set)), 0);
    cr_assert(range_add(&set, 5, 10), "it joins two");
    cr_assert_eq(set.count, RANGE_SET_MAX - 1);
}
