/* SPDX-License-Identifier: MIT */
/* Which slots of the own CNode are in use: a bitmap, a set bit is a slot in use. */
#include "internal.h"

#define MAX_SLOTS (1u << (CNODE_MAX_BITS - SLOT_BITS))

static uint64_t used[MAX_SLOTS / 64];
static unsigned word_count;
static unsigned free_count;
static unsigned hint; /* no free single slot lies in a word before this one */

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

unsigned slot_count_free(void)
{
    return free_count;
}

cap_t slot_alloc(void)
{
    while (hint < word_count && used[hint] == ~0ull)
        hint++;
    if (hint == word_count)
        return 0;
    unsigned bit = (unsigned)__builtin_ctzll(~used[hint]);
    used[hint] |= 1ull << bit;
    free_count--;
    return hint * 64 + bit;
}

cap_t slot_alloc_group(unsigned count)
{
    uint64_t group = (count < 64 ? 1ull << count : 0) - 1;
    uint64_t heads = ~0ull / group; /* one bit at the start of each group */
    for (unsigned w = hint; w < word_count; w++) {
        uint64_t taken = used[w];
        if (taken == ~0ull)
            continue;
        for (unsigned shift = 1; shift < count; shift *= 2)
            taken |= taken >> shift;
        uint64_t open = ~taken & heads;
        if (open != 0) {
            unsigned bit = (unsigned)__builtin_ctzll(open);
            used[w] |= group << bit;
            free_count -= count;
            return w * 64 + bit;
        }
    }
    return 0;
}

void slot_release(cap_t slot)
{
    unsigned word = slot / 64;
    uint64_t bit = 1ull << slot % 64;
    if (slot == 0 || word >= word_count || !(used[word] & bit))
        return;
    used[word] &= ~bit;
    free_count++;
    if (word < hint)
        hint = word;
}

void slot_free(cap_t slot)
{
    if (slot == 0)
        return;
    cnode_delete(rt_caps.cnode, slot);
    slot_release(slot);
}
