/* SPDX-License-Identifier: MIT */
/* Sets of ranges of physical memory, of bounded size. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RANGE_SET_MAX 64

struct range {
    uint64_t start, end; /* [start, end) */
};

/* In ascending order; none touches the next. */
struct range_set {
    struct range range[RANGE_SET_MAX];
    unsigned count;
};

/* Adds [start, end) to the set, or takes it out; an empty range changes nothing. False when that takes more
 * ranges than fit; the set is unchanged then. */
bool range_add(struct range_set *set, uint64_t start, uint64_t end);
bool range_remove(struct range_set *set, uint64_t start, uint64_t end);
/* Takes all of `these` out of the set; false when some are left in it because that takes too many ranges. */
bool range_remove_all(struct range_set *set, const struct range_set *these);
/* Whether the set has any address of [start, end), or all of them. */
bool range_overlaps(const struct range_set *set, uint64_t start, uint64_t end);
bool range_covers(const struct range_set *set, uint64_t start, uint64_t end);
/* Bytes in all ranges. */
uint64_t range_total(const struct range_set *set);
