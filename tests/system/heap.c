/* SPDX-License-Identifier: MIT */
/*
 * The heap in a program of the system that ships: that memory comes from mm and goes back, what happens when
 * there is none, and threads that use it at once. `heap bench` compares it with picolibc's, which is linked
 * beside it under other names, in instructions of the whole system; the kernel's command line has `counters`.
 */
#include <alloc/alloc.h>
#include <errno.h>
#include <malloc.h>
#include <proto/mm.h>
#include <rt/rt.h>
#include <rt/thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB        (1ull << 20)
#define SLOTS      2000
#define OPERATIONS 1000000
#define THREADS    4

void *picolibc_malloc(size_t size);
void picolibc_free(void *block);
char picolibc_heap[64 << 20]; /* what it takes its memory from; see mk/system.mk */

static uint64_t used(void)
{
    struct mm_stats_reply stats;

    return mm_stats(START_MM, NULL, &stats) ? 0 : stats.used;
}

static void must(bool right, const char *what)
{
    if (right)
        return;
    printf("heap: failed: %s (%lu bytes are used)\n", what, used());
    exit(1);
}

static uint64_t next(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

/* --- What comes back --- */

/* Takes 8 MiB twice in turn, of which not more than the quota of 16 MiB may be in use at once. What was given
 * back stays the process's and is used again (user/mm/README.md). */
static void large_and_small_in_turn(void)
{
    static char *small[10000];
    uint64_t before = used(), most = 0;

    for (unsigned round = 0; round < 8; round++) {
        char *large = malloc(8 * MIB);
        must(large != NULL, "take 8 MiB");
        must(round > 0 || used() < before + MIB, "memory counts before it is touched");
        memset(large, 1, 8 * MIB);
        must(used() >= before + 8 * MIB, "touched memory does not count");
        free(large);
        for (unsigned i = 0; i < 10000; i++) {
            small[i] = malloc(800);
            must(small[i] != NULL, "take 800 bytes");
            memset(small[i], 1, 800);
        }
        for (unsigned i = 0; i < 10000; i++)
            free(small[i]);
        alloc_trim();
        must(round < 2 || used() <= most, "each round takes more");
        most = used();
    }
}

static void advice_is_taken(void)
{
    char *block = malloc(8 * MIB), *other = malloc(8 * MIB);

    memset(block, 1, 8 * MIB);
    must(alloc_advise(block, 8 * MIB, ALLOC_DONT_NEED), "give advice");
    memset(other, 2, 8 * MIB); /* there would be no memory for both */
    must(alloc_advise(other, 8 * MIB, ALLOC_DONT_NEED), "give advice");
    must(block[0] == 0 && block[8 * MIB - 1] == 0 && other[5 * MIB] == 0, "it still holds something");
    must(alloc_advise(block, 4 * MIB, ALLOC_WILL_NEED), "give advice");
    free(block);
    free(other);
}

static void alignments(void)
{
    void *block = NULL;

    for (size_t alignment = 8; alignment <= 1 << 30; alignment *= 4) {
        must(posix_memalign(&block, alignment, 100) == 0, "take an aligned block");
        must((uintptr_t)block % alignment == 0, "it is not aligned");
        free(block);
    }
    must(posix_memalign(&block, 24, 100) == EINVAL, "24 is no alignment");
    must(aligned_alloc(3, 100) == NULL && errno == EINVAL, "nor is 3");
}

static void too_much_is_refused(void)
{
    volatile size_t half = 1ull << 33; /* the compiler is not to see it */

    must(malloc(half << 7) == NULL && errno == ENOMEM, "a TiB");
    must(calloc(half, half) == NULL && errno == ENOMEM, "more than there are addresses");
}

/* --- Threads --- */

static void churn(void *argument)
{
    uint64_t random = (uintptr_t)argument;
    static _Thread_local unsigned char *block[100];
    static _Thread_local size_t size[100];

    for (unsigned i = 0; i < 20000; i++) {
        unsigned slot = next(&random) % 100;
        if (block[slot] != NULL) {
            must(block[slot][0] == slot && block[slot][size[slot] - 1] == slot, "a block has changed");
            free(block[slot]);
            block[slot] = NULL;
            continue;
        }
        size[slot] = 1 + next(&random) % 2000;
        block[slot] = malloc(size[slot]);
        must(block[slot] != NULL, "take a block");
        block[slot][0] = block[slot][size[slot] - 1] = slot;
    }
    for (unsigned slot = 0; slot < 100; slot++)
        free(block[slot]);
}

static void threads_share_it(void)
{
    struct thread *thread[THREADS];
    enum error error;

    for (unsigned i = 0; i < THREADS; i++) {
        thread[i] = thread_start(THREAD_ANY_HART, churn, (void *)(uintptr_t)(i + 1), &error);
        must(thread[i] != NULL, "start a thread");
    }
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(thread[i]);
}

/* --- Compared --- */

static size_t random_size(uint64_t *random)
{
    uint64_t kind = next(random) % 100;
    size_t up_to = kind < 60 ? 64 : kind < 90 ? 512 : kind < 99 ? 4096 : 65536;

    return 1 + next(random) % up_to;
}

static inline uint64_t instructions(void)
{
    uint64_t count;

    __asm__ volatile("rdinstret %0" : "=r"(count));
    return count;
}

/* Blocks of mixed sizes are taken and freed in no order, up to SLOTS at once. Instructions. */
static uint64_t mixed(void *(*take)(size_t), void (*give)(void *))
{
    static char *block[SLOTS];
    uint64_t random = 1, begin = instructions();

    for (unsigned i = 0; i < OPERATIONS; i++) {
        char **one = &block[next(&random) % SLOTS];
        if (*one == NULL) {
            *one = take(random_size(&random));
            must(*one != NULL, "take a block");
            **one = 1;
        } else {
            give(*one);
            *one = NULL;
        }
    }
    uint64_t end = instructions();
    if (take == malloc) {
        struct alloc_stats stats = alloc_stats();
        printf("heap: %lu bytes in %lu blocks, %lu used, %u in 1,000 fragmented, %lu regions, %lu calls\n",
               stats.allocated, stats.blocks, stats.used, alloc_fragmentation(&stats), stats.regions,
               stats.calls);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        give(block[i]);
        block[i] = NULL;
    }
    return end - begin;
}

static void *nothing(size_t size)
{
    static char one;

    (void)size;
    return &one;
}

static void no_more(void *block)
{
    (void)block;
}

static void bench(void)
{
    uint64_t without = mixed(nothing, no_more), theirs = mixed(picolibc_malloc, picolibc_free) - without,
             own = mixed(malloc, free) - without;

    printf("heap: an operation of %u takes %lu instructions, with picolibc %lu\n", OPERATIONS,
           own / OPERATIONS, theirs / OPERATIONS);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        bench();
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "twice") == 0) {
        char *volatile block = malloc(100);
        free(block);
        free(block);
        return 0;
    }
    large_and_small_in_turn();
    advice_is_taken();
    alignments();
    too_much_is_refused();
    threads_share_it();
    printf("heap: all is well\n");
    return 0;
}
