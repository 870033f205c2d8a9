/* SPDX-License-Identifier: MIT */
/* Address spaces, page tables and frames: see aspace.h. */
#include "aspace.h"

#include "invoke.h"
#include "lock.h"

#include <base/granules.h>

#define LEVEL_BITS 9 /* of an address, that pick an entry of a table */

/* The entry for `address` in a table each of whose entries maps 2^bits bytes. */
static inline uint64_t *table_entry(void *table, uint64_t address, unsigned bits)
{
    return (uint64_t *)table + (address >> bits & ((1 << LEVEL_BITS) - 1));
}

/* The entry for `address` in the lowest table that exists, down to that whose entries map 2^lowest bytes;
 * *bits is what this one's do. */
static inline uint64_t *space_walk(struct address_space *space, uint64_t address, unsigned lowest,
                                   unsigned *bits)
{
    uint64_t *entry = table_entry(space, address, GIGAPAGE_BITS);
    unsigned at;

#pragma GCC unroll 2
    for (at = GIGAPAGE_BITS; at > lowest; at -= LEVEL_BITS) {
        if (!pte_is_table(*entry))
            break;
        entry = table_entry(arch_granule_base + pte_physical(*entry), address, at - LEVEL_BITS);
    }
    *bits = at;
    return entry;
}

/* --- The list of what is mapped in a space --- */

/* The mapped slot that a reference, which is not 0, names. */
static struct slot *mapping_at(granule ref)
{
    return granule_at(ref);
}

static inline void mapping_add(struct slot *slot, struct address_space *space, uint64_t address)
{
    granule first = space->note.maps >> 1, self = granule_of(slot);

    slot->page = address >> PAGE_BITS;
    slot->map_prev = 0;
    slot->map_next = first;
    if (first)
        mapping_at(first)->map_prev = self;
    space->note.maps = (uint64_t)self << 1;
}

/* Lets the neighbours in the list name `prev` and `next` instead of the slot. */
static inline void mapping_relink(const struct slot *slot, granule prev, granule next)
{
    if (slot->map_prev)
        mapping_at(slot->map_prev)->map_next = next;
    else
        slot->space->note.maps = (uint64_t)next << 1;
    if (slot->map_next)
        mapping_at(slot->map_next)->map_prev = prev;
}

static inline void mapping_remove(struct slot *slot)
{
    mapping_relink(slot, slot->map_prev, slot->map_next);
    __atomic_store_n(&slot->space, NULL, __ATOMIC_RELEASE);
}

void mapping_moved(struct slot *from, struct slot *to)
{
    if (from->space)
        mapping_relink(from, granule_of(to), granule_of(to));
}

/* --- Map and unmap --- */

/* A frame's entry is told by these bits and its address, whatever its rights are. */
#define LEAF_BITS   (PTE_V | PTE_U | PTE_A | PTE_D)
#define LEAF_RIGHTS (PTE_R | PTE_W | PTE_X)

static uint64_t leaf_rights(uint64_t rights)
{
    _Static_assert(PTE_R == RIGHT_READ << 1 && PTE_W == RIGHT_WRITE << 1 && PTE_X == RIGHT_EXEC << 1, "ABI");
    return rights << 1;
}

/* Rights that a mapping can have, a bit for each combination: memory is not written unless it can be read,
 * and not both written and executed. */
#define POSSIBLE_RIGHTS                                                                                      \
    (1 << RIGHT_READ | 1 << (RIGHT_READ | RIGHT_WRITE) | 1 << RIGHT_EXEC | 1 << (RIGHT_READ | RIGHT_EXEC))

/* The entry that a mapped slot's object has in the table above. */
static uint64_t slot_pte(const struct slot *slot, uint64_t bits)
{
    return pte_make((char *)slot->object - arch_granule_base, bits);
}

inline void page_enter(struct slot *slot, struct address_space *space, uint64_t *entry, uint64_t address,
                       uint64_t rights)
{
    *entry = slot_pte(slot, LEAF_BITS | leaf_rights(rights));
    mapping_add(slot, space, address);
    space->note.mapped += 2ull << slot->size_bits;
}

enum error table_map(struct slot *slot, struct address_space *space, uint64_t address, unsigned *level)
{
    unsigned bits;
    uint64_t *entry;

    if (address >= USER_END)
        return ERR_BAD_ADDRESS;
    if (slot->space)
        return ERR_MAPPED;
    entry = space_walk(space, address, PAGE_BITS, &bits);
    if (bits == PAGE_BITS || *entry & PTE_V)
        return ERR_MAPPED;

    if (slot->flags & SLOT_STALE)
        granules_clear(slot->object, 1 << PAGE_BITS);
    slot->flags |= SLOT_STALE;
    /* No hart may see what the table held before. */
    __atomic_store_n(entry, slot_pte(slot, PTE_V), __ATOMIC_RELEASE);
    slot->space = space;
    mapping_add(slot, space, address);
    *level = (bits - PAGE_BITS) / LEVEL_BITS;
    return ERR_OK;
}

/* The entry for a slot's address may belong to another mapping by now, when a table between was taken out and
 * replaced: so it is cleared only if it points at this object. */
static void frame_unmap(struct slot *slot)
{
    struct address_space *space = slot->space;
    uint64_t address = (uint64_t)slot->page << PAGE_BITS;
    unsigned bits;
    uint64_t *entry = space_walk(space, address, PAGE_BITS, &bits);

    if ((*entry | LEAF_RIGHTS) == slot_pte(slot, LEAF_BITS | LEAF_RIGHTS))
        *entry = 0;
    space->note.mapped -= 2ull << slot->size_bits;
    mapping_remove(slot);
    if (slot->size_bits == PAGE_BITS)
        arch_space_flush_page(space, address);
    else
        arch_space_flush(space);
}

/* The table above may be either of two. */
static void table_unmap(struct slot *slot)
{
    struct address_space *space = slot->space;

    for (unsigned lowest = MEGAPAGE_BITS; lowest <= GIGAPAGE_BITS; lowest += LEVEL_BITS) {
        unsigned bits;
        uint64_t *entry = space_walk(space, (uint64_t)slot->page << PAGE_BITS, lowest, &bits);

        if (*entry == slot_pte(slot, PTE_V)) {
            *entry = 0;
            break;
        }
    }
    mapping_remove(slot);
    arch_space_flush(space);
}

/* Another hart may unmap the same slot at this moment. */
void slot_unmap(struct slot *slot)
{
    struct address_space *space = slot->space;

    if (!space)
        return;
    spin_lock(&space->note.lock);
    if (slot->space == space && slot->type == OBJ_FRAME)
        frame_unmap(slot);
    else if (slot->space == space)
        table_unmap(slot);
    spin_unlock(&space->note.lock);
}

void space_unmap_all(struct address_space *space)
{
    granules_clear(space->entry, ROOT_USER_ENTRIES * sizeof(space->entry[0]));
    arch_space_flush(space);
}

bool space_unmap_step(struct address_space *space)
{
    if (space->note.maps)
        mapping_remove(mapping_at(space->note.maps >> 1));
    return space->note.maps;
}

bool space_allows(struct address_space *space, uint64_t address, uint64_t access)
{
    unsigned bits;
    uint64_t entry;

    if (address >= USER_END)
        return false;
    entry = *space_walk(space, address, PAGE_BITS, &bits);
    return entry & PTE_V && pte_is_leaf(entry) && !(leaf_rights(access) & ~entry);
}

/* --- Operations --- */

OPERATION(ADDRESS_SPACE_INFO)
{
    const struct address_space *space = cap->object;

    return ANSWER(by, space->note.mapped >> 1);
}

OPERATION(PAGE_TABLE_MAP)
{
    int refused;
    enum error error;
    const struct slot *space = arg_cap(by, 1, OBJ_ADDRESS_SPACE, RIGHT_CONTROL, &refused);
    unsigned level;

    if (!space)
        return refused;
    error = table_map(cap, space->object, arg(by, 2), &level);
    if (error)
        return fail(by, error, 2, arg(by, 2));
    return ANSWER(by, level);
}

OPERATION(PAGE_TABLE_UNMAP)
{
    slot_unmap(cap);
    return 0;
}

/* An entry that was invalid needs no fence: should a hart have kept it, kernel_fault() sees to that. */
static enum error frame_map(struct slot *slot, struct address_space *space, uint64_t address, uint64_t rights)
{
    struct address_space *nowhere = NULL;
    unsigned bits;
    uint64_t *entry = space_walk(space, address, PAGE_BITS, &bits);

    if (*entry & PTE_V || bits < slot->size_bits)
        return ERR_MAPPED;
    if (bits > slot->size_bits)
        return slot->space ? ERR_MAPPED : ERR_NO_TABLE;
    /* Others may map it elsewhere at this moment. */
    if (!__atomic_compare_exchange_n(&slot->space, &nowhere, space, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return ERR_MAPPED;
    page_enter(slot, space, entry, address, rights);
    return ERR_OK;
}

OPERATION(FRAME_MAP)
{
    struct slot *slot = cap;
    uint64_t address = arg(by, 2), rights = arg(by, 3);
    struct address_space *space;
    enum error refused;
    int error;
    const struct slot *space_slot = arg_cap(by, 1, OBJ_ADDRESS_SPACE, RIGHT_CONTROL, &error);

    if (!space_slot)
        return error;
    if (rights > (RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC) || !(POSSIBLE_RIGHTS >> rights & 1))
        return fail(by, ERR_BAD_ARG, 3, address);
    if (rights & ~(uint64_t)slot->rights)
        return fail(by, ERR_NO_RIGHT, 3, address);
    if (address & ((1ull << slot->size_bits) - 1))
        return fail(by, ERR_BAD_ALIGN, 2, address);
    if (address >= USER_END)
        return fail(by, ERR_BAD_ADDRESS, 2, address);
    space = space_slot->object;
    spin_lock(&space->note.lock);
    refused = frame_map(slot, space, address, rights);
    spin_unlock(&space->note.lock);
    if (refused)
        return fail(by, refused, 2, address);
    if (rights & RIGHT_EXEC)
        arch_instruction_fence(space);
    return 0;
}

OPERATION(FRAME_UNMAP)
{
    slot_unmap(cap);
    return 0;
}

/* The own hart's lock is kept: a page takes less than a step of what others wait for, and while it is kept
 * the frame stays, because who ends an object has all locks. */
OPERATION(FRAME_CLEAR)
{
    struct slot *slot = cap;

    if (slot->flags & SLOT_DEVICE)
        return fail(by, ERR_UNSUPPORTED, 0, 0);
    if (slot->size_bits > PAGE_BITS)
        return fail(by, ERR_UNSUPPORTED, 0, slot->size_bits);
    granules_clear(slot->object, 1 << PAGE_BITS);
    return 0;
}

OPERATION(FRAME_INFO)
{
    struct slot *slot = cap;

    return ANSWER(by, slot->size_bits, slot->flags & SLOT_DEVICE ? 1 : 0,
                  slot->space ? (uint64_t)slot->page << PAGE_BITS : 0,
                  slot->rights & RIGHT_DMA ? arch_physical(slot->object) : 0);
}
