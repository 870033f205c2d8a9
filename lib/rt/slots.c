/* SPDX-License-Identifier: MIT */
/*
 * Which slots of the own CNode are in use: a bitmap, a set bit is a slot in use. Threads take and give
 * slots at the same time: each bit is changed by one atomic operation, and whoever finds that another was
 * first tries again.
 */
#include "internal.h"

#define MAX_SLOTS (1u << (CNODE_MAX_BITS - SLOT_BITS))

static uint64_t used[MAX_SLOTS / 64];
static unsigned word_count;
static unsigned free_count;
static unsigned hint; /* the word to look at first */

void slots_init(uint64_t first, uint64_t end)
{
    if (end > MAX_SLOTS)
        end = MAX_SLOTS;
    word_count = (unsigned)((end + 63) / 64);
    for (uint64_t slot = 0; slot < first && slot < end; slot++)
        used[slot / 64] |= 1ull << slot % 64;
    for (uint64_t slot = end; slot < word_count * 64ull; slot++)
        used[slot / 64] |= 1ull << slot % 64;
    hint = 0;
    free_count = 0;
    for (unsigned w = 0; w < word_count; w++)
        free_count += (unsigned)__builtin_popcountll(~used[w]);
}

static uint64_t word_at(unsigned word)
{
    return __atomic_load_n(&used[word], __ATOMIC_RELAXED);
}

/* Clears bits that are set. */
static void give(unsigned word, uint64_t bits)
{
    __atomic_fetch_and(&used[word], ~bits, __ATOMIC_RELEASE);
}

/* Sets bits of a word; false, and nothing is changed, when some were set. */
static bool take(unsigned word, uint64_t bits)
{
    uint64_t before = __atomic_fetch_or(&used[word], bits, __ATOMIC_ACQUIRE);
    if ((before & bits) == 0)
        return true;
    if ((bits & ~before) != 0)
        give(word, bits & ~before);
    return false;
}

unsigned slot_count_free(void)
{
    return __atomic_load_n(&free_count, __ATOMIC_RELAXED);
}

/* One bit at the start of each group of `count` that is free in a word. */
static uint64_t free_groups(uint64_t taken, unsigned count)
{
    for (unsigned shift = 1; shift < count; shift *= 2)
        taken |= taken >> shift;
    return ~taken & ~0ull / ((count < 64 ? 1ull << count : 0) - 1);
}

/* A group in words [from, to); 0: there is none. */
static cap_t search(unsigned from, unsigned to, unsigned count)
{
    uint64_t group = (count < 64 ? 1ull << count : 0) - 1;
    for (unsigned w = from; w < to; w++)
        for (uint64_t open; (open = free_groups(word_at(w), count)) != 0;) {
            unsigned bit = (unsigned)__builtin_ctzll(open);
            if (!take(w, group << bit))
                continue;
            __atomic_fetch_sub(&free_count, count, __ATOMIC_RELAXED);
            return w * 64 + bit;
        }
    return 0;
}

cap_t slot_alloc_group(unsigned count)
{
    unsigned first = __atomic_load_n(&hint, __ATOMIC_RELAXED);
    cap_t slot = search(first, word_count, count);
    return slot != 0 ? slot : search(0, first, count);
}

cap_t slot_alloc(void)
{
    cap_t slot = slot_alloc_group(1);
    if (slot != 0)
        __atomic_store_n(&hint, slot / 64, __ATOMIC_RELAXED);
    return slot;
}

void slot_release(cap_t slot)
{
    unsigned word = slot / 64;
    uint64_t bit = 1ull << slot % 64;
    if (slot == 0 || word >= word_count || !(word_at(word) & bit))
        return;
    give(word, bit);
    __atomic_fetch_add(&free_count, 1, __ATOMIC_RELAXED);
    if (word < __atomic_load_n(&hint, __ATOMIC_RELAXED))
        __atomic_store_n(&hint, word, __ATOMIC_RELAXED);
}

void slot_free(cap_t slot)
{
    if (slot == 0)
        return;
    cnode_delete(rt_caps.cnode, slot);
    slot_release(slot);
}
