/* SPDX-License-Identifier: MIT */
/* Blocks that are mapped by themselves, found by address in a table of lists. */
#include "internal.h"

#define LISTS 256

struct large {
    struct large *next;
    void *address;
    size_t length;
};
static struct large *lists[LISTS];

static struct large **find(const void *address)
{
    struct large **link = &lists[(uintptr_t)address / ARENA_BYTES % LISTS];

    while (*link != NULL && (*link)->address != address)
        link = &(*link)->next;
    if (*link == NULL)
        alloc_bad(address, "is not the start of a block");
    return link;
}

void *large_take(size_t size, size_t alignment)
{
    size_t length = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
    struct large *large;

    if (length < size || (large = slab_take(class_of(sizeof(*large)))) == NULL)
        return NULL;
    stats.calls++;
    large->address = alloc_system_map(length, alignment > ARENA_BYTES ? alignment : ARENA_BYTES);
    if (large->address == NULL) {
        slab_give(run_of(large), large);
        return NULL;
    }
    large->length = length;
    struct large **list = &lists[(uintptr_t)large->address / ARENA_BYTES % LISTS];
    large->next = *list;
    *list = large;
    stats.allocated += length - class_size(class_of(sizeof(*large)));
    stats.used += length;
    stats.mapped += length;
    stats.regions++;
    return large->address;
}

void large_give(void *block)
{
    struct large **link = find(block), *large = *link;

    *link = large->next;
    stats.allocated -= large->length - class_size(class_of(sizeof(*large)));
    stats.used -= large->length;
    stats.mapped -= large->length;
    stats.regions--;
    stats.calls++;
    alloc_system_unmap(large->address, large->length);
    slab_give(run_of(large), large);
}

size_t large_size(const void *block)
{
    return (*find(block))->length;
}
