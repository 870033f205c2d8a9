/* SPDX-License-Identifier: MIT */
/* Between the files of the heap. */
#pragma once

#include "alloc.h"

#define PAGE         4096u
#define ARENA_BYTES  (1u << 20)
#define ARENA_PAGES  (ARENA_BYTES / PAGE)
#define HEADER_PAGES (ARENA_PAGES * sizeof(struct page) / PAGE)
#define RUN_PAGES    (ARENA_PAGES - HEADER_PAGES) /* of the longest run */
#define LARGE_BYTES  (ARENA_BYTES / 2)            /* blocks above have a mapping of their own */

#define CLASSES      36
#define CLASS_MAX    16384 /* bytes of the largest class */

enum page_kind {
    PAGE_INSIDE, /* not the first of a run */
    PAGE_FREE,   /* the first of a run that nobody has */
    PAGE_SLAB,   /* of one that holds blocks of a class */
    PAGE_RUN,    /* of one that is a block */
};

/* A page of an arena. Its header is an array of them; those of the header's own pages are struct arena. All
 * but `back` and `kind` are for the first page of a run. */
struct page {
    struct page *next, *prev; /* runs that are free and as long; slabs of the class with room */
    void *free;               /* slab: blocks that were given back, linked by their first word */
    uint16_t pages;           /* in the run */
    uint16_t back;            /* pages before this one in its run; right in slabs, and at a free run's end */
    uint16_t live;            /* slab: blocks given out */
    uint16_t fresh;           /* slab: blocks from this one on were never given out */
    uint16_t dirty;           /* pages of a run, when it was free, that may hold something: at most so many */
    uint8_t kind;
    uint8_t class;
    uint8_t unused[28];
};
_Static_assert(sizeof(struct page) == 64, "the address of a page's descriptor is a shift away");

struct arena {
    uint64_t magic;
    struct arena *next, *prev;
};

static inline struct arena *arena_of(const void *address)
{
    return (struct arena *)((uintptr_t)address & ~(uintptr_t)(ARENA_BYTES - 1));
}

static inline struct page *page_of(const void *address)
{
    return (struct page *)arena_of(address) + (uintptr_t)address % ARENA_BYTES / PAGE;
}

/* The address of a page whose descriptor this is. */
static inline char *page_address(const struct page *page)
{
    return (char *)arena_of(page) + (uintptr_t)page % ARENA_BYTES / sizeof(struct page) * PAGE;
}

/* The first page of the run that the address is in. Ends in alloc_bad() if it is in no arena. */
struct page *run_of(const void *address);

/* Runs of pages (run.c). NULL: no memory. `align` is a number of pages, a power of two. */
struct page *run_take(unsigned pages, unsigned align);
void run_give(struct page *run);
/* Makes a block's run longer, by what lies free behind it, or shorter; false: it cannot be so long. */
bool run_resize(struct page *run, unsigned pages);
void run_trim(void);

/* Size classes (slab.c). */
unsigned class_of(size_t size); /* the smallest that fits; size is at most CLASS_MAX */
size_t class_size(unsigned class);
void *slab_take(unsigned class);
void slab_give(struct page *slab, void *block);
bool slab_is_block(const struct page *slab, const void *block);
void slab_trim(void);

/* Mappings of their own (large.c). The address of each is a multiple of ARENA_BYTES, as that of no other
 * block is. */
void *large_take(size_t size, size_t alignment);
void large_give(void *block);
size_t large_size(const void *block);

extern struct alloc_stats stats;
