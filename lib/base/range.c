/* SPDX-License-Identifier: MIT */
/* Sets of ranges of physical memory. */
#include <base/range.h>

#include <string.h>

/* Replaces `drop` ranges from index `at` on by the `put` ranges at `with`. */
static bool splice(struct range_set *set, unsigned at, unsigned drop, const struct range *with, unsigned put)
{
    unsigned tail = set->count - at - drop;

    if (at + put + tail > RANGE_SET_MAX)
        return false;
    memmove(&set->range[at + put], &set->range[at + drop], tail * sizeof(struct range));
    memcpy(&set->range[at], with, put * sizeof(struct range));
    set->count = at + put + tail;
    return true;
}

bool range_add(struct range_set *set, uint64_t start, uint64_t end)
{
    unsigned first = 0, last;
    struct range merged = {start, end};

    if (start >= end)
        return true;
    while (first < set->count && set->range[first].end < start)
        first++;
    for (last = first; last < set->count && set->range[last].start <= end; last++) {
        merged.start = set->range[last].start < merged.start ? set->range[last].start : merged.start;
        merged.end = set->range[last].end > merged.end ? set->range[last].end : merged.end;
    }
    return splice(set, first, last - first, &merged, 1);
}

bool range_remove(struct range_set *set, uint64_t start, uint64_t end)
{
    unsigned first = 0, last, put = 0;
    struct range rest[2];

    if (start >= end)
        return true;
    while (first < set->count && set->range[first].end <= start)
        first++;
    for (last = first; last < set->count && set->range[last].start < end; last++)
        continue;
    if (first == last)
        return true;
    if (set->range[first].start < start)
        rest[put++] = (struct range){set->range[first].start, start};
    if (set->range[last - 1].end > end)
        rest[put++] = (struct range){end, set->range[last - 1].end};
    return splice(set, first, last - first, rest, put);
}

bool range_remove_all(struct range_set *set, const struct range_set *these)
{
    bool fits = true;

    for (unsigned i = 0; i < these->count; i++)
        fits &= range_remove(set, these->range[i].start, these->range[i].end);
    return fits;
}

bool range_overlaps(const struct range_set *set, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < set->count; i++)
        if (start < end && start < set->range[i].end && set->range[i].start < end)
            return true;
    return false;
}

bool range_covers(const struct range_set *set, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->range[i].start <= start && end <= set->range[i].end)
            return true;
    return start >= end;
}

uint64_t range_total(const struct range_set *set)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < set->count; i++)
        total += set->range[i].end - set->range[i].start;
    return total;
}
