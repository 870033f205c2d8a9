/* SPDX-License-Identifier: MIT */
/* Physical memory: a buddy system over untyped capabilities. */
#include "mm.h"

#define SPLIT_MAX (UNTYPED_MAX_BITS - CHUNK_BITS + 1) /* pairs that one block_take can need */

struct pair {
    struct block block[2];
};

static struct pool pairs;
static uint32_t free_list[UNTYPED_MAX_BITS + 1], free_count[UNTYPED_MAX_BITS + 1];
static uint32_t kept[UNTYPED_MAX_BITS + 1]; /* a half of the last two free ones that were not joined */
static uint64_t total_bytes, free_bytes;

void blocks_init(void)
{
    pool_init(&pairs, OWN_BLOCKS, sizeof(struct pair));
    for (unsigned bits = 0; bits <= UNTYPED_MAX_BITS; bits++)
        free_list[bits] = free_count[bits] = kept[bits] = 0;
    total_bytes = free_bytes = 0;
}

struct block *block_at(uint32_t number)
{
    return &((struct pair *)pool_at(&pairs, number / 2))->block[number % 2];
}

void block_link(uint32_t *list, uint32_t number)
{
    struct block *block = block_at(number);
    block->prev = 0;
    block->next = *list;
    if (*list != 0)
        block_at(*list)->prev = number;
    *list = number;
}

void block_unlink(uint32_t *list, uint32_t number)
{
    struct block *block = block_at(number);
    if (block->prev != 0)
        block_at(block->prev)->next = block->next;
    else
        *list = block->next;
    if (block->next != 0)
        block_at(block->next)->prev = block->prev;
}

static void set_free(uint32_t number)
{
    struct block *block = block_at(number);
    block->state = BLOCK_FREE;
    block->carved = 0;
    free_bytes += 1ull << block->bits;
    free_count[block->bits]++;
    block_link(&free_list[block->bits], number);
}

static void set_taken(uint32_t number, enum block_state state)
{
    struct block *block = block_at(number);
    block->state = state;
    free_bytes -= 1ull << block->bits;
    free_count[block->bits]--;
    block_unlink(&free_list[block->bits], number);
}

uint32_t block_add(cap_t slot, unsigned bits)
{
    uint32_t pair = pool_take(&pairs);
    if (pair == 0)
        return 0;
    *block_at(pair * 2) = (struct block){.slot = slot, .bits = (uint8_t)bits};
    *block_at(pair * 2 + 1) = (struct block){.state = BLOCK_NONE};
    total_bytes += 1ull << bits;
    set_free(pair * 2);
    return pair * 2;
}

/* Enters the two halves of `parent`; the pair is at hand. */
static uint32_t enter_halves(uint32_t parent, const cap_t child[2])
{
    uint32_t number = pool_take(&pairs) * 2;
    for (unsigned i = 0; i < 2; i++) {
        *block_at(number + i) = (struct block){
            .parent = parent,
            .slot = child[i],
            .bits = block_at(parent)->bits - 1,
        };
        set_free(number + i);
    }
    return number;
}

uint32_t block_note_split(uint32_t parent, const cap_t child[2])
{
    if (!pool_ready(&pairs, 1))
        return 0;
    set_taken(parent, BLOCK_SPLIT);
    return enter_halves(parent, child);
}

void block_note_used(uint32_t number)
{
    set_taken(number, BLOCK_USED);
}

/* Splits a free block; returns the first half, which is free as the other one is, or 0. A pair is at
 * hand. */
static uint32_t split(uint32_t number)
{
    const struct block *block = block_at(number);
    cap_t slot = slots_take(2);
    if (slot == 0)
        return 0;
    if (untyped_retype(block->slot, OBJ_UNTYPED, block->bits - 1, 0, slot, 2, 0)) {
        slot_release(slot);
        slot_release(slot + 1);
        return 0;
    }
    set_taken(number, BLOCK_SPLIT);
    return enter_halves(number, (const cap_t[2]){slot, slot + 1});
}

/* Whether a block and its neighbour are free halves. */
static bool is_whole(uint32_t number)
{
    return block_at(number)->state == BLOCK_FREE && block_at(number ^ 1)->state == BLOCK_FREE;
}

/* Joins two free halves; returns their parent. */
static uint32_t join(uint32_t number)
{
    uint32_t parent = block_at(number)->parent;
    cnode_revoke(START_CNODE, block_at(parent)->slot);
    for (unsigned i = 0; i < 2; i++) {
        slot_release(block_at(number ^ i)->slot);
        set_taken(number ^ i, BLOCK_NONE);
    }
    pool_put(&pairs, number / 2);
    set_free(parent);
    return parent;
}

/* Joins a free block with its neighbour, and so on. The last two of a size are kept, because often one is
 * needed again at once; so of each size at most two halves are not joined. */
static void join_up(uint32_t number)
{
    while (is_whole(number) && free_count[block_at(number)->bits] > 2)
        number = join(number);
    if (is_whole(number))
        kept[block_at(number)->bits] = number;
}

/* Joins those too. True when there were some. */
static bool join_kept(void)
{
    bool any = false;
    for (unsigned bits = 0; bits <= UNTYPED_MAX_BITS; bits++) {
        uint32_t number = kept[bits];
        if (number == 0 || block_at(number)->bits != bits)
            continue;
        for (; is_whole(number); any = true)
            number = join(number);
    }
    return any;
}

/* The smallest free block that is not below 2^bits bytes; 0: none. */
static uint32_t find_free(unsigned bits)
{
    for (; bits <= UNTYPED_MAX_BITS; bits++)
        if (free_list[bits] != 0)
            return free_list[bits];
    return 0;
}

static uint32_t take(unsigned bits, enum error *error)
{
    *error = ERR_NO_MEMORY;
    if (bits > UNTYPED_MAX_BITS || !pool_ready(&pairs, SPLIT_MAX))
        return 0;
    uint32_t number = find_free(bits);
    if (number == 0 && join_kept())
        number = find_free(bits);
    while (number != 0 && block_at(number)->bits > bits) {
        uint32_t half = split(number);
        if (half == 0)
            join_up(number);
        number = half;
    }
    if (number == 0)
        return 0;
    set_taken(number, BLOCK_USED);
    *error = ERR_OK;
    return number;
}

uint32_t block_take(unsigned bits, enum error *error)
{
    store_enter();
    uint32_t number = take(bits, error);
    store_leave();
    return number;
}

static uint32_t halve(uint32_t number)
{
    if (!pool_ready(&pairs, 1))
        return 0;
    set_free(number);
    uint32_t first = split(number);
    if (first == 0) {
        set_taken(number, BLOCK_USED);
        return 0;
    }
    set_taken(first, BLOCK_USED);
    set_taken(first + 1, BLOCK_USED);
    return first;
}

uint32_t block_halve(uint32_t number)
{
    store_enter();
    uint32_t first = halve(number);
    store_leave();
    return first;
}

enum error block_carve(uint32_t number, enum object_type type, unsigned bits, cap_t first, unsigned count)
{
    struct block *block = block_at(number);
    uint64_t start = align_up(block->carved, 1ull << bits), bytes = (uint64_t)count << bits;
    if (!range_inside(start, bytes, 1ull << block->bits))
        return ERR_NO_MEMORY;
    enum error error = untyped_retype(block->slot, type, bits, 0, first, count, start);
    if (!error)
        block->carved = start + bytes;
    return error;
}

void block_give(uint32_t number)
{
    cnode_revoke(START_CNODE, block_at(number)->slot);
    store_enter();
    set_free(number);
    join_up(number);
    store_leave();
}

uint64_t blocks_total(void)
{
    return total_bytes;
}

uint64_t blocks_free(void)
{
    return free_bytes;
}
