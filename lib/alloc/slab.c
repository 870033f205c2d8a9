/* SPDX-License-Identifier: MIT */
/*
 * Small blocks. There are four size classes between two powers of two. A slab is a run of pages with blocks
 * of one class; those given back are linked, those never given out are behind them, untouched.
 */
#include "internal.h"

/* A block that is free. The mark is there to suspect that it is given back twice. */
struct link {
    struct link *next;
    uintptr_t mark;
};

static const uint16_t sizes[CLASSES] = {
    16,   32,   48,   64,   80,   96,   112,  128,  160,   192,   224,   256,
    320,  384,  448,  512,  640,  768,  896,  1024, 1280,  1536,  1792,  2048,
    2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192, 10240, 12288, 14336, 16384,
};
/* Pages of a slab: at least four blocks, and at most an eighth of it is of no use. */
static const uint8_t slab_pages[CLASSES] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,
    1, 1, 2, 3, 4, 2, 5, 3, 7, 4, 5, 6, 7, 8, 10, 12, 14, 16,
};
/* Class by size in units of 16 bytes, up to 1 KiB, and of 512 bytes. */
static uint8_t by_16[1024 / 16 + 1], by_512[CLASS_MAX / 512 + 1];
static struct {
    struct page *room;  /* slabs with free blocks */
    uint32_t factor;    /* offset * factor >> 32 is the number of a block */
    uint16_t count;     /* blocks in a slab */
} classes[CLASSES];

static void prepare(void)
{
    unsigned class = 0;

    for (unsigned i = 0; i <= 1024 / 16; i++) {
        class += i * 16 > sizes[class];
        by_16[i] = class;
    }
    for (unsigned i = 0; i <= CLASS_MAX / 512; i++) {
        for (class = 0; sizes[class] < i * 512;)
            class++;
        by_512[i] = class;
    }
    for (class = 0; class < CLASSES; class++) {
        classes[class].factor = (uint32_t)((1ull << 32) / sizes[class] + 1);
        classes[class].count = slab_pages[class] * PAGE / sizes[class];
    }
}

unsigned class_of(size_t size)
{
    if (classes[0].count == 0)
        prepare();
    return size <= 1024 ? by_16[(size + 15) / 16] : by_512[(size + 511) / 512];
}

size_t class_size(unsigned class)
{
    return sizes[class];
}

static uintptr_t mark_of(const void *block)
{
    return (uintptr_t)block ^ 0x66726565626c6f63ull;
}

/* --- Slabs with room --- */

static void room_add(struct page *slab)
{
    struct page **room = &classes[slab->class].room;

    slab->prev = NULL;
    slab->next = *room;
    if (*room != NULL)
        (*room)->prev = slab;
    *room = slab;
}

static void room_remove(struct page *slab)
{
    if (slab->next != NULL)
        slab->next->prev = slab->prev;
    *(slab->prev != NULL ? &slab->prev->next : &classes[slab->class].room) = slab->next;
}

static struct page *slab_make(unsigned class)
{
    struct page *slab = run_take(slab_pages[class], 1);

    if (slab == NULL)
        return NULL;
    slab->kind = PAGE_SLAB;
    slab->class = class;
    slab->free = NULL;
    slab->live = slab->fresh = 0;
    room_add(slab);
    return slab;
}

/* --- Blocks --- */

/* A block that was given back must still point to one of its slab. */
static struct link *next_of(const struct page *slab, const struct link *block)
{
    if (block->next != NULL && !slab_is_block(slab, block->next))
        alloc_bad(block, "was written after it had been freed");
    return block->next;
}

void *slab_take(unsigned class)
{
    struct page *slab = classes[class].room;

    if (slab == NULL && (slab = slab_make(class)) == NULL)
        return NULL;
    struct link *block = slab->free;
    if (block != NULL) {
        slab->free = next_of(slab, block);
        block->mark = 0;
    } else {
        block = (struct link *)(page_address(slab) + slab->fresh++ * (size_t)sizes[class]);
    }
    if (++slab->live == classes[class].count)
        room_remove(slab);
    stats.allocated += sizes[class];
    stats.blocks++;
    return block;
}

bool slab_is_block(const struct page *slab, const void *block)
{
    uint64_t offset = (uint64_t)((const char *)block - page_address(slab));
    uint64_t number = offset * classes[slab->class].factor >> 32;

    return offset < slab->pages * PAGE && number < slab->fresh && number * sizes[slab->class] == offset;
}

static bool is_free(const struct page *slab, const struct link *block)
{
    const struct link *at = slab->free;

    for (unsigned i = 0; at != NULL && i < classes[slab->class].count; i++, at = next_of(slab, at))
        if (at == block)
            return true;
    return false;
}

void slab_give(struct page *slab, void *address)
{
    struct link *block = address;
    unsigned class = slab->class;

    if (!slab_is_block(slab, block))
        alloc_bad(block, "is not the start of a block");
    if (block->mark == mark_of(block) && is_free(slab, block))
        alloc_bad(block, "was freed before");
    block->next = slab->free;
    block->mark = mark_of(block);
    slab->free = block;
    stats.allocated -= sizes[class];
    stats.blocks--;
    if (slab->live-- == classes[class].count)
        room_add(slab);
    if (slab->live > 0 || (classes[class].room == slab && slab->next == NULL))
        return;
    room_remove(slab);
    run_give(slab);
}

void slab_trim(void)
{
    for (unsigned class = 0; class < CLASSES; class++) {
        struct page *slab = classes[class].room;
        while (slab != NULL) {
            struct page *next = slab->next;
            if (slab->live == 0) {
                room_remove(slab);
                run_give(slab);
            }
            slab = next;
        }
    }
}
