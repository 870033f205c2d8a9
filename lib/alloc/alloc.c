/* SPDX-License-Identifier: MIT */
/* The heap as its users see it. */
#include "internal.h"

#include <string.h>

struct alloc_stats stats;

static bool is_large(const void *block)
{
    return (uintptr_t)block % ARENA_BYTES == 0;
}

static unsigned pages_for(size_t size)
{
    return (unsigned)((size + PAGE - 1) / PAGE);
}

/* The run that the block is, or the slab that it is in; checks that it is one. */
static struct page *checked_run(const void *block)
{
    struct page *run = run_of(block);

    if (run->kind == PAGE_SLAB ? !slab_is_block(run, block)
                               : run->kind != PAGE_RUN || page_address(run) != block)
        alloc_bad(block, run->kind == PAGE_FREE ? "was freed before" : "is not the start of a block");
    return run;
}

static void *take_run(size_t size, size_t alignment)
{
    struct page *run = run_take(pages_for(size), alignment > PAGE ? (unsigned)(alignment / PAGE) : 1);

    if (run == NULL)
        return NULL;
    run->kind = PAGE_RUN;
    stats.allocated += run->pages * (size_t)PAGE;
    stats.blocks++;
    return page_address(run);
}

/* A class whose every block is aligned so: its size is a multiple, and slabs begin with a page. */
static unsigned aligned_class(size_t size, size_t alignment)
{
    unsigned class = class_of(size > alignment ? size : alignment);

    while (class < CLASSES && class_size(class) % alignment != 0)
        class++;
    return class;
}

void *alloc(size_t size, size_t alignment)
{
    size += size == 0;
    if (size <= CLASS_MAX && alignment <= ALLOC_ALIGN)
        return slab_take(class_of(size));
    if (size <= CLASS_MAX && alignment <= PAGE)
        return slab_take(aligned_class(size, alignment));
    if (size <= LARGE_BYTES && alignment < LARGE_BYTES / 2)
        return take_run(size, alignment);
    return large_take(size, alignment);
}

/* Whether memory just taken may hold something. */
static bool may_be_dirty(const void *block)
{
    const struct page *run;

    if (is_large(block))
        return false;
    run = run_of(block);
    return run->kind == PAGE_SLAB || run->dirty > 0;
}

void *alloc_zeroed(size_t size)
{
    void *block = alloc(size, ALLOC_ALIGN);

    if (block != NULL && may_be_dirty(block))
        memset(block, 0, size);
    return block;
}

void alloc_free(void *block)
{
    if (block == NULL)
        return;
    if (is_large(block)) {
        large_give(block);
        return;
    }
    struct page *run = run_of(block);
    if (run->kind == PAGE_SLAB) {
        slab_give(run, block);
        return;
    }
    run = checked_run(block);
    stats.allocated -= run->pages * (size_t)PAGE;
    stats.blocks--;
    run_give(run);
}

size_t alloc_size(const void *block)
{
    if (is_large(block))
        return large_size(block);
    const struct page *run = checked_run(block);
    return run->kind == PAGE_SLAB ? class_size(run->class) : run->pages * (size_t)PAGE;
}

/* Whether the block has the room where it is, without much more than that. */
static bool resize_in_place(void *block, size_t had, size_t size)
{
    if (is_large(block) || size > LARGE_BYTES)
        return size <= had && size > had / 2;
    struct page *run = checked_run(block);
    if (run->kind == PAGE_SLAB)
        return size <= CLASS_MAX && class_of(size) == run->class;
    if (size <= CLASS_MAX || !run_resize(run, pages_for(size)))
        return false;
    stats.allocated += run->pages * (size_t)PAGE - had;
    return true;
}

void *alloc_resize(void *block, size_t size)
{
    size_t had = block != NULL ? alloc_size(block) : 0;

    if (block != NULL && resize_in_place(block, had, size))
        return block;
    void *other = alloc(size, ALLOC_ALIGN);
    if (other == NULL)
        return size <= had ? block : NULL;
    if (block != NULL)
        memcpy(other, block, had < size ? had : size);
    alloc_free(block);
    return other;
}

bool alloc_advise(void *start, size_t length, enum alloc_advice advice)
{
    uintptr_t from = ((uintptr_t)start + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    uintptr_t end = ((uintptr_t)start + length) & ~(uintptr_t)(PAGE - 1);

    if (from >= end || advice < ALLOC_WILL_NEED)
        return true;
    stats.calls++;
    return advice == ALLOC_WILL_NEED ? alloc_system_populate((void *)from, end - from)
                                     : alloc_system_discard((void *)from, end - from);
}

void alloc_trim(void)
{
    slab_trim();
    run_trim();
}

struct alloc_stats alloc_stats(void)
{
    return stats;
}

unsigned alloc_fragmentation(const struct alloc_stats *of)
{
    return of->used == 0 ? 0 : (unsigned)((of->used - of->allocated) * 1000 / of->used);
}
