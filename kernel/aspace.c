/* SPDX-License-Identifier: MIT */
/* Address spaces, page tables and frames: see aspace.h. */
#include "aspace.h"

#include "invoke.h"

#include <string.h>

#define TABLE_ENTRIES 512

void space_init(struct address_space *space)
{
    arch_space_init(space);
}

static unsigned table_index(uint64_t address, unsigned level)
{
    return address >> (PAGE_BITS + 9 * level) & (TABLE_ENTRIES - 1);
}

/* The entry for `address` in the table of the lowest level that exists, down to `*level`; sets *level to where it is. */
static uint64_t *space_walk(struct address_space *space, uint64_t address, unsigned *level)
{
    uint64_t *table = space->entry;

    for (unsigned at = 2;; at--) {
        uint64_t *entry = &table[table_index(address, at)];

        if (at == *level || !(*entry & PTE_V) || pte_is_leaf(*entry)) {
            *level = at;
            return entry;
        }
        table = arch_direct(pte_physical(*entry));
    }
}

/* --- The list of what is mapped in a space --- */

static void mapping_add(struct slot *slot, struct address_space *space, uint64_t address)
{
    struct slot *first = granule_to(space->note.maps >> 1);

    slot->space = space;
    slot->page = address >> PAGE_BITS;
    slot->map_prev = 0;
    slot->map_next = granule_of(first);
    if (first)
        first->map_prev = granule_of(slot);
    space->note.maps = (uint64_t)granule_of(slot) << 1;
}

static void mapping_remove(struct slot *slot)
{
    struct slot *next = granule_to(slot->map_next), *prev = granule_to(slot->map_prev);

    if (prev)
        prev->map_next = slot->map_next;
    else
        slot->space->note.maps = (uint64_t)slot->map_next << 1;
    if (next)
        next->map_prev = slot->map_prev;
    slot->space = NULL;
    slot->map_next = slot->map_prev = 0;
    slot->page = 0;
    if (slot->type == OBJ_PAGE_TABLE)
        slot->flags |= SLOT_STALE;
}

void mapping_moved(struct slot *from, struct slot *to)
{
    struct slot *next = granule_to(from->map_next), *prev = granule_to(from->map_prev);

    if (!from->space)
        return;
    if (prev)
        prev->map_next = granule_of(to);
    else
        to->space->note.maps = (uint64_t)granule_of(to) << 1;
    if (next)
        next->map_prev = granule_of(to);
}

/* --- Map and unmap --- */

static unsigned frame_level(const struct slot *slot)
{
    return (slot->size_bits - PAGE_BITS) / 9;
}

static uint64_t leaf_bits(uint64_t rights)
{
    uint64_t bits = PTE_V | PTE_U | PTE_A | PTE_D;

    if (rights & RIGHT_READ)
        bits |= PTE_R;
    if (rights & RIGHT_WRITE)
        bits |= PTE_W;
    if (rights & RIGHT_EXEC)
        bits |= PTE_X;
    return bits;
}

uint64_t *page_entry(struct address_space *space, uint64_t address)
{
    unsigned level = 0;
    uint64_t *entry = space_walk(space, address, &level);

    return level == 0 ? entry : NULL;
}

void page_enter(struct slot *slot, struct address_space *space, uint64_t *entry, uint64_t address, uint64_t rights)
{
    *entry = pte_make(arch_physical(slot->object), leaf_bits(rights));
    mapping_add(slot, space, address);
    space->note.mapped += 2ull << PAGE_BITS;
}

enum error frame_map(struct slot *slot, struct address_space *space, uint64_t address, uint64_t rights)
{
    unsigned level = frame_level(slot);
    uint64_t *entry;

    if (rights & ~(uint64_t)(RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC) || !(rights & (RIGHT_READ | RIGHT_EXEC)) ||
        (rights & RIGHT_WRITE && (rights & RIGHT_EXEC || !(rights & RIGHT_READ))))
        return ERR_BAD_ARG;
    if (rights & ~(uint64_t)slot->rights)
        return ERR_NO_RIGHT;
    if (address & ((1ull << slot->size_bits) - 1))
        return ERR_BAD_ALIGN;
    if (address >= USER_END)
        return ERR_BAD_ADDRESS;
    if (slot->space)
        return ERR_MAPPED;
    entry = space_walk(space, address, &level);
    if (*entry & PTE_V)
        return ERR_MAPPED;
    if (level != frame_level(slot))
        return ERR_NO_TABLE;

    *entry = pte_make(arch_physical(slot->object), leaf_bits(rights));
    mapping_add(slot, space, address);
    space->note.mapped += 2ull << slot->size_bits;
    if (rights & RIGHT_EXEC)
        arch_instruction_fence(space);
    return ERR_OK;
}

enum error table_map(struct slot *slot, struct address_space *space, uint64_t address, unsigned *level)
{
    uint64_t *entry;

    if (address >= USER_END)
        return ERR_BAD_ADDRESS;
    if (slot->space)
        return ERR_MAPPED;
    *level = 0;
    entry = space_walk(space, address, level);
    if (*level == 0 || *entry & PTE_V)
        return ERR_MAPPED;

    if (slot->flags & SLOT_STALE)
        memset(slot->object, 0, 1 << PAGE_BITS);
    slot->flags &= ~SLOT_STALE;
    *entry = pte_make(arch_physical(slot->object), PTE_V);
    mapping_add(slot, space, address);
    return ERR_OK;
}

/* The entry may belong to another mapping by now, when a table between was taken out and replaced: it is cleared only
 * if it points at this object. */
void slot_unmap(struct slot *slot)
{
    struct address_space *space = slot->space;
    uint64_t address = (uint64_t)slot->page << PAGE_BITS;
    bool frame = slot->type == OBJ_FRAME;

    if (!space)
        return;
    for (unsigned lowest = frame ? frame_level(slot) : 1;; lowest++) {
        unsigned level = lowest;
        uint64_t *entry = space_walk(space, address, &level);

        if (*entry & PTE_V && pte_is_leaf(*entry) == frame && pte_physical(*entry) == arch_physical(slot->object)) {
            *entry = 0;
            break;
        }
        if (frame || lowest == 2)
            break;
    }
    if (frame)
        space->note.mapped -= 2ull << slot->size_bits;
    mapping_remove(slot);
    if (frame && slot->size_bits == PAGE_BITS)
        arch_space_flush_page(space, address);
    else
        arch_space_flush(space);
}

bool space_unmap_step(struct address_space *space)
{
    struct slot *slot = granule_to(space->note.maps >> 1);

    if (slot)
        mapping_remove(slot);
    if (space->note.maps)
        return true;
    memset(space->entry, 0, ROOT_USER_ENTRIES * sizeof(space->entry[0]));
    arch_space_flush(space);
    return false;
}

bool space_allows(struct address_space *space, uint64_t address, uint64_t access)
{
    unsigned level = 0;
    uint64_t entry;

    if (address >= USER_END)
        return false;
    entry = *space_walk(space, address, &level);
    return entry & PTE_V && pte_is_leaf(entry) && !(leaf_bits(access) & ~entry);
}

/* --- Operations --- */

enum error space_invoke(struct invocation *inv)
{
    const struct address_space *space = inv->slot->object;

    if (inv->op != OP_ADDRESS_SPACE_INFO)
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    inv->result[0] = space->note.mapped >> 1;
    inv->result_count = 1;
    return ERR_OK;
}

enum error table_invoke(struct invocation *inv)
{
    struct slot *space;
    enum error error;
    unsigned level;

    switch (inv->op) {
    case OP_PAGE_TABLE_MAP:
        space = arg_cap(inv, 1, OBJ_ADDRESS_SPACE, RIGHT_CONTROL, &error);
        if (!space)
            return error;
        error = table_map(inv->slot, space->object, inv->arg[1], &level);
        if (error)
            return fail(inv, error, 2, inv->arg[1]);
        inv->result[0] = level;
        inv->result_count = 1;
        return ERR_OK;
    case OP_PAGE_TABLE_UNMAP:
        slot_unmap(inv->slot);
        return ERR_OK;
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}

static enum error frame_clear(struct invocation *inv)
{
    struct slot *slot = inv->slot;

    if (slot->flags & SLOT_DEVICE)
        return fail(inv, ERR_UNSUPPORTED, 0, 0);
    if (slot->size_bits > PAGE_BITS)
        return fail(inv, ERR_UNSUPPORTED, 0, slot->size_bits);
    memset(slot->object, 0, 1ull << slot->size_bits);
    return ERR_OK;
}

static enum error frame_info(struct invocation *inv)
{
    struct slot *slot = inv->slot;

    inv->result[0] = slot->size_bits;
    inv->result[1] = slot->flags & SLOT_DEVICE ? 1 : 0;
    inv->result[2] = slot->space ? (uint64_t)slot->page << PAGE_BITS : 0;
    inv->result[3] = slot->rights & RIGHT_DMA ? arch_physical(slot->object) : 0;
    inv->result_count = 4;
    return ERR_OK;
}

enum error frame_invoke(struct invocation *inv)
{
    struct slot *space;
    enum error error;

    switch (inv->op) {
    case OP_FRAME_MAP:
        space = arg_cap(inv, 1, OBJ_ADDRESS_SPACE, RIGHT_CONTROL, &error);
        if (!space)
            return error;
        error = frame_map(inv->slot, space->object, inv->arg[1], inv->arg[2]);
        if (error)
            return fail(inv, error, error == ERR_BAD_ARG || error == ERR_NO_RIGHT ? 3 : 2, inv->arg[1]);
        return ERR_OK;
    case OP_FRAME_UNMAP:
        slot_unmap(inv->slot);
        return ERR_OK;
    case OP_FRAME_CLEAR:
        return frame_clear(inv);
    case OP_FRAME_INFO:
        return frame_info(inv);
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}
