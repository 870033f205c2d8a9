/* SPDX-License-Identifier: MIT */
/*
 * Arenas, and the runs of pages in them. Free runs are kept by length, so that the shortest that is long
 * enough is found by looking at four words; neighbours that are free are one run.
 */
#include "internal.h"

#define MAGIC         0x61656472614361ull
#define DISCARD_PAGES 32 /* when so many pages of a free run may hold something, it loses that */

static struct page *free_runs[RUN_PAGES + 1];
static uint64_t free_lengths[RUN_PAGES / 64 + 1]; /* a bit for each list that is not empty */
static struct arena *arenas;
static struct arena *spare; /* one that is all free; more are given back */

struct page *run_of(const void *address)
{
    const struct arena *arena = arena_of(address);
    struct page *page = page_of(address);

    if (arena->magic != (MAGIC ^ (uintptr_t)arena) || page < (struct page *)arena + HEADER_PAGES)
        alloc_bad(address, "not from the heap");
    return page->kind == PAGE_INSIDE ? page - page->back : page;
}

/* --- Free runs --- */

static void list_add(struct page *run)
{
    struct page **list = &free_runs[run->pages];

    run->kind = PAGE_FREE;
    run->prev = NULL;
    run->next = *list;
    if (*list != NULL)
        (*list)->prev = run;
    *list = run;
    free_lengths[run->pages / 64] |= 1ull << run->pages % 64;
    run[run->pages - 1].back = run->pages - 1;
}

static void list_remove(struct page *run)
{
    if (run->next != NULL)
        run->next->prev = run->prev;
    if (run->prev != NULL)
        run->prev->next = run->next;
    else
        free_runs[run->pages] = run->next;
    if (free_runs[run->pages] == NULL)
        free_lengths[run->pages / 64] &= ~(1ull << run->pages % 64);
    run->kind = PAGE_INSIDE;
}

/* The shortest free run of at least so many pages. */
static struct page *shortest(unsigned pages)
{
    uint64_t wanted = ~0ull << pages % 64;

    for (unsigned word = pages / 64; word < sizeof(free_lengths) / 8; word++, wanted = ~0ull)
        if (free_lengths[word] & wanted)
            return free_runs[word * 64 + (unsigned)__builtin_ctzll(free_lengths[word] & wanted)];
    return NULL;
}

/* Splits what lies behind the first pages off as a free run. */
static void split(struct page *run, unsigned pages, unsigned dirty)
{
    if (run->pages == pages)
        return;
    struct page *rest = run + pages;
    rest->pages = run->pages - pages;
    rest->dirty = dirty < rest->pages ? dirty : rest->pages;
    list_add(rest);
    run->pages = pages;
}

/* --- Arenas --- */

static bool arena_make(void)
{
    struct arena *arena = alloc_system_map(ARENA_BYTES, ARENA_BYTES);

    stats.calls++;
    if (arena == NULL)
        return false;
    *arena = (struct arena){.magic = MAGIC ^ (uintptr_t)arena, .next = arenas};
    if (arenas != NULL)
        arenas->prev = arena;
    arenas = arena;
    stats.regions++;
    stats.mapped += ARENA_BYTES;
    stats.used += HEADER_PAGES * PAGE;
    struct page *run = (struct page *)arena + HEADER_PAGES;
    run->pages = RUN_PAGES;
    list_add(run);
    return true;
}

static void arena_drop(struct arena *arena)
{
    list_remove((struct page *)arena + HEADER_PAGES);
    if (arena->next != NULL)
        arena->next->prev = arena->prev;
    *(arena->prev != NULL ? &arena->prev->next : &arenas) = arena->next;
    stats.regions--;
    stats.mapped -= ARENA_BYTES;
    stats.used -= HEADER_PAGES * PAGE;
    stats.calls++;
    alloc_system_unmap(arena, ARENA_BYTES);
}

static void discard(struct page *run)
{
    stats.calls++;
    if (alloc_system_discard(page_address(run), run->pages * (size_t)PAGE))
        run->dirty = 0;
}

/* --- Taking and giving --- */

/* The pages before the first one in the run whose number is a multiple of `align`. */
static unsigned pages_before(const struct page *run, unsigned align)
{
    return -(uintptr_t)page_address(run) / PAGE % align;
}

struct page *run_take(unsigned pages, unsigned align)
{
    struct page *run = shortest(pages + align - 1);

    if (run == NULL && (pages + align - 1 > RUN_PAGES || !arena_make()))
        return NULL;
    if (run == NULL)
        run = shortest(pages + align - 1);
    if (arena_of(run) == spare)
        spare = NULL;
    unsigned dirty = run->dirty;
    unsigned before = pages_before(run, align);
    list_remove(run);
    if (before > 0) {
        struct page *front = run;
        run += before;
        run->pages = front->pages - before;
        front->pages = before;
        front->dirty = dirty < before ? dirty : before;
        list_add(front);
    }
    split(run, pages, dirty);
    run->dirty = dirty;
    for (unsigned i = 0; i < pages; i++) {
        run[i].kind = PAGE_INSIDE;
        run[i].back = i;
    }
    stats.used += pages * (size_t)PAGE;
    return run;
}

/* Makes one of a free run, which is in no list, and those beside it. */
static struct page *join(struct page *run)
{
    struct page *first = (struct page *)arena_of(run) + HEADER_PAGES, *end = first + RUN_PAGES;
    struct page *behind = run + run->pages;

    if (behind < end && behind->kind == PAGE_FREE) {
        list_remove(behind);
        run->pages += behind->pages;
        run->dirty += behind->dirty;
    }
    if (run == first)
        return run;
    struct page *before = run - 1;
    before = before->kind == PAGE_INSIDE ? before - before->back : before;
    if (before->kind != PAGE_FREE)
        return run;
    list_remove(before);
    before->pages += run->pages;
    before->dirty += run->dirty;
    run->kind = PAGE_INSIDE;
    return before;
}

void run_give(struct page *run)
{
    struct arena *arena = arena_of(run);

    stats.used -= run->pages * (size_t)PAGE;
    run->dirty = run->pages;
    run->kind = PAGE_INSIDE;
    run = join(run);
    if (run->dirty >= DISCARD_PAGES)
        discard(run);
    list_add(run);
    if (run->pages < RUN_PAGES || arena == spare)
        return;
    if (spare != NULL)
        arena_drop(arena);
    else
        spare = arena;
}

bool run_resize(struct page *run, unsigned pages)
{
    struct page *behind = run + run->pages;
    unsigned had = run->pages;

    if (pages > had) {
        const struct page *end = (struct page *)arena_of(run) + ARENA_PAGES;
        if (behind >= end || behind->kind != PAGE_FREE || had + behind->pages < pages)
            return false;
        list_remove(behind);
        run->pages += behind->pages;
        split(run, pages, behind->dirty);
        for (unsigned i = had; i < pages; i++) {
            run[i].kind = PAGE_INSIDE;
            run[i].back = i;
        }
        stats.used += (pages - had) * (size_t)PAGE;
    } else if (pages < had) {
        struct page *rest = run + pages;
        run->pages = pages;
        rest->pages = had - pages;
        run_give(rest);
    }
    return true;
}

void run_trim(void)
{
    for (unsigned pages = 1; pages <= RUN_PAGES; pages++)
        for (struct page *run = free_runs[pages]; run != NULL; run = run->next)
            if (run->dirty)
                discard(run);
    if (spare != NULL)
        arena_drop(spare);
    spare = NULL;
}
