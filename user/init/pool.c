/* SPDX-License-Identifier: MIT */
/*
 * Memory before there is mm. The kernel leaves naturally aligned blocks of untyped memory; what init needs
 * for itself and for mm is split off the smallest block that suffices, and whatever was not touched goes to
 * mm whole.
 */
#include "init.h"

#include <base/format.h>

/* Blocks of RAM that nobody uses yet. Splitting one adds at most one for each size. */
#define MAX_BLOCKS (BOOT_MAX_UNTYPED + 2 * UNTYPED_MAX_BITS)

struct block {
    cap_t slot;
    uint8_t bits;
};

static struct block blocks[MAX_BLOCKS];
static unsigned block_count;
static cap_t reserve;
static uint64_t used;

void pool_init(const struct boot_info *boot)
{
    for (uint64_t i = 0; i < boot->untyped_count && i < BOOT_MAX_UNTYPED; i++) {
        if (!boot->untyped[i].device)
            blocks[block_count++] = (struct block){boot->untyped[i].slot, boot->untyped[i].size_bits};
    }
}

/* Index of the smallest block of at least 2^bits bytes; block_count when there is none. */
static unsigned smallest(unsigned bits)
{
    unsigned best = block_count;

    for (unsigned i = 0; i < block_count; i++) {
        if (blocks[i].bits >= bits && (best == block_count || blocks[i].bits < blocks[best].bits))
            best = i;
    }
    return best;
}

/* Makes two blocks out of block `i`. */
static void halve(unsigned i)
{
    unsigned bits = blocks[i].bits - 1u;
    cap_t pair = slot_alloc_group(2);

    if (pair == 0 || block_count == MAX_BLOCKS)
        give_up("init: no slots left to split memory");
    enum error error = untyped_retype(blocks[i].slot, OBJ_UNTYPED, bits, 0, pair, 2, 0);
    if (error)
        give_up("init: cannot split memory of 2^%u bytes: %s", bits + 1, error_text(error));
    blocks[i] = (struct block){pair, (uint8_t)bits};
    blocks[block_count++] = (struct block){pair + 1, (uint8_t)bits};
}

cap_t pool_take(unsigned bits)
{
    unsigned i = smallest(bits);

    if (i == block_count)
        give_up("init: too little memory: no %lu KiB in one piece for mm", (1ul << bits) >> 10);
    while (blocks[i].bits > bits)
        halve(i);
    cap_t slot = blocks[i].slot;
    blocks[i] = blocks[--block_count];
    return slot;
}

void pool_reserve(unsigned bits)
{
    reserve = pool_take(bits);
}

cap_t pool_object(enum object_type type, unsigned size_bits)
{
    cap_t slot = slot_alloc();
    enum error error = slot == 0 ? ERR_TOO_MANY : untyped_retype(reserve, type, size_bits, 0, slot, 1, 0);

    if (error)
        give_up("init: cannot make an object of type %s: %s", object_type_name(type), error_text(error));
    used += 1ull << size_bits;
    return slot;
}

uint64_t pool_used(void)
{
    return used;
}

uint64_t pool_give(cap_t cnode, uint64_t first, struct start_info *start)
{
    char text[24];

    for (unsigned i = 0; i < block_count; i++) {
        format_buffer(text, sizeof(text), "%lx:%x", first, blocks[i].bits);
        if (!start_info_arg(start, text)) {
            log_line("init: memory in too many pieces; %u of them are not used", block_count - i);
            break;
        }
        enum error error = cnode_move(cnode, first, 0, blocks[i].slot);
        if (error)
            give_up("init: cannot give memory to mm: %s", error_text(error));
        slot_release(blocks[i].slot);
        first++;
    }
    block_count = 0;
    return first;
}
