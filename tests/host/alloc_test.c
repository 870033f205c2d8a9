/* SPDX-License-Identifier: MIT */
/*
 * The heap, on a system of anonymous mappings that are counted. Each block has a pattern of its own, so
 * blocks that overlap show; its memory is written by this test only.
 *
 * sources: lib/alloc/alloc.c lib/alloc/large.c lib/alloc/run.c lib/alloc/slab.c
 */
#include "support.h"

#include <alloc/alloc.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE  4096
#define SLOTS 2000

static size_t mapped;     /* bytes */
static unsigned mappings; /* alive */
static size_t room = SIZE_MAX; /* that the system has */
static unsigned discards, populates;
static jmp_buf bad;
static char complaint[80];

void *alloc_system_map(size_t length, size_t alignment)
{
    cr_assert_eq(length % PAGE, 0);
    if (length > room - mapped)
        return NULL;
    char *start = mmap(NULL, length + alignment, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    char *address = start + -(uintptr_t)start % alignment;
    if (address > start)
        munmap(start, (size_t)(address - start));
    munmap(address + length, alignment - (size_t)(address - start));
    mapped += length;
    mappings++;
    return address;
}

void alloc_system_unmap(void *address, size_t length)
{
    cr_assert_eq(munmap(address, length), 0);
    mapped -= length;
    mappings--;
}

bool alloc_system_populate(void *address, size_t length)
{
    cr_assert_eq(((uintptr_t)address | length) % PAGE, 0);
    populates++;
    return true;
}

bool alloc_system_discard(void *address, size_t length)
{
    cr_assert_eq(((uintptr_t)address | length) % PAGE, 0);
    discards++;
    return madvise(address, length, MADV_DONTNEED) == 0;
}

void alloc_bad(const void *block, const char *what)
{
    (void)block;
    snprintf(complaint, sizeof(complaint), "%s", what);
    longjmp(bad, 1);
}

/* What alloc_free() says of a pointer; "": nothing. */
static const char *freed(void *block)
{
    complaint[0] = 0;
    if (setjmp(bad) == 0)
        alloc_free(block);
    return complaint;
}

struct block {
    unsigned char *at;
    size_t size;
    unsigned char seed;
};

static unsigned char pattern(const struct block *block, size_t i)
{
    return (unsigned char)(block->seed + i * 7 + (i >> 8));
}

/* Of long blocks the ends and some bytes in between. */
static size_t step_of(const struct block *block)
{
    return block->size > 20000 ? 1021 : 1;
}

static void fill(const struct block *block)
{
    for (size_t i = 0; i < block->size; i += step_of(block))
        block->at[i] = pattern(block, i);
    block->at[block->size - 1] = pattern(block, block->size - 1);
}

static void check(const struct block *block, size_t size)
{
    for (size_t i = 0; i < size; i += step_of(block))
        if (block->at[i] != pattern(block, i))
            cr_assert(false, "byte %zu of %zu", i, block->size);
}

static size_t random_size(uint64_t *random)
{
    static const size_t up_to[] = {64, 64, 300, 300, 1024, 5000, 17000, 100000, 600000, 3000000};

    return 1 + random_below(random, up_to[random_below(random, 10)]);
}

static size_t random_alignment(uint64_t *random)
{
    return random_below(random, 8) ? ALLOC_ALIGN : 1ull << random_below(random, 22);
}

static void take(struct block *block, uint64_t *random)
{
    size_t size = random_size(random), alignment = random_alignment(random);
    bool zeroed = random_below(random, 4) == 0;

    *block = (struct block){zeroed ? alloc_zeroed(size) : alloc(size, alignment), size,
                            (unsigned char)random_next(random)};
    if (block->at == NULL)
        return;
    cr_assert_eq((uintptr_t)block->at % (zeroed ? ALLOC_ALIGN : alignment), 0);
    cr_assert_geq(alloc_size(block->at), size);
    if (zeroed)
        cr_assert(block->at[0] == 0 && memcmp(block->at, block->at + 1, size - 1) == 0, "%zu bytes", size);
    fill(block);
}

static void resize(struct block *block, uint64_t *random)
{
    size_t size = random_size(random);
    unsigned char *at = alloc_resize(block->at, size);

    if (at == NULL) {
        check(block, block->size);
        return;
    }
    block->at = at;
    check(&(struct block){at, block->size, block->seed}, size < block->size ? size : block->size);
    block->size = size;
    fill(block);
}

static void give(struct block *block)
{
    check(block, block->size);
    alloc_free(block->at);
    block->at = NULL;
}

/* The sums agree with what is given out. */
static void check_stats(const struct block *block)
{
    struct alloc_stats stats = alloc_stats();
    size_t allocated = 0, blocks = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        if (block[i].at != NULL) {
            allocated += alloc_size(block[i].at);
            blocks++;
        }
    cr_assert_eq(stats.blocks, blocks);
    cr_assert_eq(stats.allocated, allocated);
    cr_assert_eq(stats.mapped, mapped);
    cr_assert_eq(stats.regions, mappings);
    cr_assert_leq(stats.allocated, stats.used);
    cr_assert_leq(stats.used, stats.mapped);
}

static void random_blocks(uint64_t seed, unsigned steps, unsigned *refused)
{
    static struct block block[SLOTS];
    uint64_t random = seed;

    for (unsigned i = 0; i < steps; i++) {
        /* The number of blocks that live goes up and down. */
        struct block *one = &block[random_below(&random, i / 3000 % 2 ? SLOTS / 20 : SLOTS)];
        if (one->at == NULL)
            take(one, &random);
        else if (random_below(&random, 4) == 0)
            resize(one, &random);
        else
            give(one);
        *refused += one->at == NULL && one->size != 0 && mapped > room / 2;
        if (i % 1000 == 0)
            check_stats(block);
    }
    for (unsigned i = 0; i < SLOTS; i++)
        if (block[i].at != NULL)
            give(&block[i]);
    check_stats(block);
    alloc_trim();
    cr_assert_eq(alloc_stats().used, 0, "%zu bytes are kept", alloc_stats().used);
    cr_assert_eq(mapped, 0);
}

Test(alloc, random_blocks_do_not_overlap_and_all_comes_back)
{
    unsigned refused = 0;

    for (uint64_t seed = 1; seed < 3; seed++)
        random_blocks(seed, 30000, &refused);
    cr_assert_gt(discards, 10);
}

Test(alloc, without_memory_nothing_is_lost)
{
    unsigned refused = 0;

    room = 24 << 20;
    random_blocks(5, 30000, &refused);
    cr_assert_gt(refused, 100, "%u were refused", refused);
}

Test(alloc, alignments_up_to_a_gibibyte)
{
    for (size_t alignment = 1; alignment <= ALLOC_ALIGN_MAX; alignment *= 2)
        for (size_t size = 1; size <= 1 << 20; size *= 32) {
            char *block = alloc(size, alignment);
            cr_assert_not_null(block);
            cr_assert_eq((uintptr_t)block % alignment, 0);
            block[0] = block[size - 1] = 1;
            alloc_free(block);
        }
    alloc_trim();
    cr_assert_eq(mapped, 0);
}

Test(alloc, mistakes_are_named)
{
    char *small = alloc(40, ALLOC_ALIGN), *other = alloc(40, ALLOC_ALIGN);
    char *run = alloc(40000, ALLOC_ALIGN), *large = alloc(2 << 20, ALLOC_ALIGN);

    cr_assert_str_eq(freed(small + 8), "is not the start of a block");
    cr_assert_str_eq(freed(small + 20 * 48), "is not the start of a block");
    cr_assert_str_eq(freed(run + PAGE), "is not the start of a block");
    cr_assert_str_eq(freed(run + 16), "is not the start of a block");
    cr_assert_str_eq(freed((char *)((uintptr_t)small & ~0xfffffull) + 64), "not from the heap");
    cr_assert_str_eq(freed((char *)((uintptr_t)small & ~0xfffffull)), "is not the start of a block");
    cr_assert_str_eq(freed(NULL), "");
    cr_assert_str_eq(freed(small), "");
    cr_assert_str_eq(freed(other), "");
    cr_assert_str_eq(freed(small), "was freed before");
    cr_assert_str_eq(freed(run), "");
    cr_assert_str_eq(freed(run), "was freed before");
    cr_assert_str_eq(freed(large), "");
    cr_assert_str_eq(freed(large), "is not the start of a block");
    *(uintptr_t *)other ^= 0x1234560; /* it is the first of the free ones */
    if (setjmp(bad) == 0) {
        alloc(40, ALLOC_ALIGN);
        complaint[0] = 0;
    }
    cr_assert_str_eq(complaint, "was written after it had been freed");
}

/* What a block that was given back looked like does not make a new one suspicious. */
Test(alloc, a_block_may_hold_what_a_free_one_did)
{
    uintptr_t copy[2], *block = alloc(32, ALLOC_ALIGN), *other = alloc(32, ALLOC_ALIGN);

    cr_assert_not_null(other);
    alloc_free(block);
    memcpy(copy, block, sizeof(copy));
    cr_assert_eq(alloc(32, ALLOC_ALIGN), block);
    memcpy(block, copy, sizeof(copy));
    cr_assert_str_eq(freed(block), "");
}

Test(alloc, grows_and_shrinks_where_it_is)
{
    char *run = alloc(5 * PAGE, ALLOC_ALIGN);

    memset(run, 7, 5 * PAGE);
    cr_assert_eq(alloc_resize(run, 60 * PAGE), run);
    cr_assert_eq(alloc_size(run), 60 * PAGE);
    cr_assert_eq(alloc_resize(run, 6 * PAGE), run);
    cr_assert_eq(alloc_size(run), 6 * PAGE);
    for (unsigned i = 0; i < 5 * PAGE; i++)
        cr_assert_eq(run[i], 7);
    char *small = alloc(33, ALLOC_ALIGN);
    cr_assert_eq(alloc_resize(small, 48), small);
    cr_assert_neq(alloc_resize(small, 49), small);
}

Test(alloc, advice)
{
    size_t length = 100 * PAGE;
    char *block = alloc(length, ALLOC_ALIGN);

    memset(block, 1, length);
    cr_assert(alloc_advise(block, length, ALLOC_SEQUENTIAL));
    cr_assert(alloc_advise(block + 1, length - 1, ALLOC_WILL_NEED));
    cr_assert_eq(populates, 1);
    cr_assert(alloc_advise(block + 1, 3 * PAGE, ALLOC_DONT_NEED));
    cr_assert_eq(block[PAGE - 1], 1);
    for (unsigned i = PAGE; i < 3 * PAGE; i++)
        cr_assert_eq(block[i], 0);
    cr_assert_eq(block[3 * PAGE], 1);
    cr_assert(alloc_advise(block + 1, PAGE, ALLOC_DONT_NEED), "no whole page");
    cr_assert_eq(discards, 1);
}

Test(alloc, sizes_too_large_are_refused)
{
    cr_assert_null(alloc(SIZE_MAX, ALLOC_ALIGN));
    cr_assert_null(alloc(SIZE_MAX - PAGE, ALLOC_ALIGN));
    cr_assert_null(alloc_resize(NULL, SIZE_MAX / 2));
    cr_assert_eq(alloc_stats().blocks, 0);
    cr_assert_eq(alloc_fragmentation(&(struct alloc_stats){.allocated = 750, .used = 1000}), 250);
}
