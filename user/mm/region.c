/* SPDX-License-Identifier: MIT */
/* The regions of a space: a sorted array without overlaps. */
#include "mm.h"

#include <string.h>

unsigned region_after(const struct space *space, uint64_t address)
{
    unsigned low = 0, high = space->region_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (space->region[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct region *region_find(struct space *space, uint64_t address)
{
    unsigned hot = space->region_hot;
    if (hot >= space->region_count || address < space->region[hot].start ||
        address >= space->region[hot].end) {
        hot = region_after(space, address);
        if (hot == space->region_count || space->region[hot].start > address)
            return NULL;
        space->region_hot = hot;
    }
    return &space->region[hot];
}

bool region_is_clear(const struct space *space, uint64_t start, uint64_t end)
{
    unsigned i = region_after(space, start);
    return i == space->region_count || space->region[i].start >= end;
}

uint64_t region_choose(const struct space *space, uint64_t length, uint64_t alignment)
{
    uint64_t ceiling = CHOOSE_END; /* the range must end at or below */
    unsigned i = region_after(space, CHOOSE_END);
    if (i < space->region_count && space->region[i].start < CHOOSE_END + PAGE_BYTES)
        ceiling = space->region[i].start - PAGE_BYTES;
    for (;;) {
        uint64_t floor = i > 0 ? space->region[i - 1].end + PAGE_BYTES : USER_LOW;
        if (ceiling > floor && ceiling - floor >= length) {
            uint64_t start = align_down(ceiling - length, alignment);
            if (start >= floor)
                return start;
        }
        if (i == 0)
            return 0;
        i--;
        if (space->region[i].start < USER_LOW + PAGE_BYTES)
            return 0;
        if (space->region[i].start - PAGE_BYTES < ceiling)
            ceiling = space->region[i].start - PAGE_BYTES;
    }
}

/* Makes sure that there is memory for one region more. */
static enum error make_room(struct space *space)
{
    if (space->region_count == MAX_REGIONS)
        return ERR_TOO_MANY;
    uint64_t needed = (space->region_count + 1) * sizeof(struct region);
    if (needed > space->region_pages * PAGE_BYTES) {
        if (!own_page((char *)space->region + space->region_pages * PAGE_BYTES))
            return ERR_NO_MEMORY;
        space->region_pages++;
    }
    return ERR_OK;
}

static void insert_at(struct space *space, unsigned i, const struct region *region)
{
    memmove(&space->region[i + 1], &space->region[i], (space->region_count - i) * sizeof(*region));
    space->region[i] = *region;
    space->region_count++;
}

static void remove_at(struct space *space, unsigned i)
{
    space->region_count--;
    memmove(&space->region[i], &space->region[i + 1], (space->region_count - i) * sizeof(struct region));
}

/* Whether `b` goes on where `a` ends, so that the two can be one. */
static bool joins(const struct region *a, const struct region *b)
{
    return a->end == b->start && a->prot == b->prot && a->segment == 0 && b->segment == 0;
}

enum error region_insert(struct space *space, const struct region *region)
{
    unsigned i = region_after(space, region->start);
    bool before = i > 0 && joins(&space->region[i - 1], region);
    bool after = i < space->region_count && joins(region, &space->region[i]);
    if (before && after) {
        space->region[i - 1].end = space->region[i].end;
        remove_at(space, i);
    } else if (before) {
        space->region[i - 1].end = region->end;
    } else if (after) {
        space->region[i].start = region->start;
    } else {
        enum error error = make_room(space);
        if (error)
            return error;
        insert_at(space, i, region);
    }
    return ERR_OK;
}

enum error region_can_cut(struct space *space, uint64_t start, uint64_t end)
{
    const struct region *region = region_find(space, start);
    bool splits = region != NULL && region->start < start && end < region->end;
    return splits ? make_room(space) : ERR_OK;
}

void region_cut(struct space *space, uint64_t start, uint64_t end)
{
    unsigned i = region_after(space, start);
    if (i < space->region_count && space->region[i].start < start) {
        struct region rest = space->region[i];
        space->region[i].end = start;
        i++;
        if (end < rest.end) {
            rest.offset += end - rest.start;
            rest.start = end;
            insert_at(space, i, &rest);
            return;
        }
    }
    while (i < space->region_count && space->region[i].end <= end)
        remove_at(space, i);
    if (i < space->region_count && space->region[i].start < end) {
        space->region[i].offset += end - space->region[i].start;
        space->region[i].start = end;
    }
}
