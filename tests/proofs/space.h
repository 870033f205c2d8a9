/* SPDX-License-Identifier: MIT */
/* Any small world of address spaces, page tables and frames, and what must hold of every one. Included after
 * kernel/aspace.c. */
#pragma once

#include "sv39.h"

#define PAGES (USER_END >> PAGE_BITS)

static uint64_t table_0[ENTRIES], table_1[ENTRIES];
static char frame_0[1 << PAGE_BITS], frame_1[1 << PAGE_BITS];
static struct slot slot_0, slot_1, slot_2, slot_3; /* two to the tables, two to frames */
static struct address_space space_a, space_b;
static uint64_t *const table_at[2] = {table_0, table_1};
static struct slot *const slot_at[4] = {&slot_0, &slot_1, &slot_2, &slot_3};

/* --- Where things lie: objects of their own, which makes proofs many times faster than one memory --- */

static uint64_t place_of(const void *object)
{
    for (uint64_t t = 0; t < 2; t++)
        if (object == table_at[t])
            return t << PAGE_BITS;
    CHECK(object == frame_0 || object == frame_1, "mapping: entries are of tables and frames");
    return (object == frame_0 ? 2ull : 3ull) << PAGE_BITS;
}

static void *table_named(uint64_t place)
{
    CHECK(place >> PAGE_BITS < 2 && !(place & ((1 << PAGE_BITS) - 1)),
          "owned: every table in use belongs to a capability that names its space and place");
    return place ? table_1 : table_0;
}

static granule number_of(const void *slot)
{
    for (granule i = 0; i < 4; i++)
        if (slot == slot_at[i])
            return i + 1;
    CHECK(!slot, "lists: exactly what is mapped in a space is in its list");
    return 0;
}

static void *slot_named(granule ref)
{
    CHECK(ref >= 1 && ref <= 4, "lists: exactly what is mapped in a space is in its list");
    return ref == 1 ? &slot_0 : ref == 2 ? &slot_1 : ref == 3 ? &slot_2 : &slot_3;
}

/* --- Any world --- */

static unsigned index_at(unsigned page, unsigned level)
{
    return page >> level * LEVEL_BITS & (ENTRIES - 1);
}

static bool covers(const struct slot *table, unsigned level, const struct slot *slot)
{
    return table->space == slot->space &&
           table->page >> level * LEVEL_BITS == slot->page >> level * LEVEL_BITS;
}

static void enter(uint64_t *entry, uint64_t pte)
{
    ASSUME(*entry == 0);
    *entry = pte;
}

static void enter_in_root(const struct slot *slot, uint64_t pte)
{
    if (slot->space == &space_a)
        enter(&space_a.entry[index_at(slot->page, 2)], pte);
    else
        enter(&space_b.entry[index_at(slot->page, 2)], pte);
}

static void any_mapped_slot(struct slot *slot, enum object_type type, void *object)
{
    slot->type = type;
    slot->object = object;
    slot->rights = nondet_u8();
    slot->flags = nondet_bool() ? SLOT_STALE : 0;
    slot->page = any_below(PAGES);
    slot->space = nondet_bool() ? NULL : nondet_bool() ? &space_a : &space_b;
}

/* The frame's entry, of any rights that it may have, or none: as when a table above was taken out. */
static void any_leaf(const struct slot *frame, bool live0, bool live1, bool below)
{
    unsigned rights = any_below(8);
    uint64_t pte = slot_pte(frame, LEAF_BITS | rights << 1);

    if (!frame->space || nondet_bool())
        return;
    ASSUME(POSSIBLE_RIGHTS >> rights & 1 && !(rights & ~frame->rights));
    if (frame->size_bits == GIGAPAGE_BITS) {
        enter_in_root(frame, pte);
    } else if (frame->size_bits == MEGAPAGE_BITS && live0 && covers(slot_at[0], 2, frame)) {
        enter(&table_at[0][index_at(frame->page, 1)], pte);
    } else {
        ASSUME(live1 && below == (frame->size_bits == PAGE_BITS) && covers(slot_at[1], below ? 1 : 2, frame));
        enter(&table_at[1][index_at(frame->page, below ? 0 : 1)], pte);
    }
}

static void any_frames(bool live0, bool live1, bool below)
{
    static const uint8_t sizes[] = {PAGE_BITS, MEGAPAGE_BITS, GIGAPAGE_BITS};
    bool same = nondet_bool();

    for (unsigned i = 2; i < 4; i++) {
        any_mapped_slot(slot_at[i], OBJ_FRAME, i == 2 || same ? frame_0 : frame_1);
        slot_at[i]->size_bits = sizes[any_below(3)];
        ASSUME(!(slot_at[i]->page & ((1u << (slot_at[i]->size_bits - PAGE_BITS)) - 1)));
    }
    ASSUME(!same || slot_at[2]->size_bits == slot_at[3]->size_bits);
    any_leaf(slot_at[2], live0, live1, below);
    any_leaf(slot_at[3], live0, live1, below);
}

/* The list of what is mapped in each space, in any order. */
static void any_lists(void)
{
    unsigned key[4];

    for (unsigned i = 0; i < 4; i++) {
        key[i] = any_below(4);
        for (unsigned j = 0; j < i; j++)
            ASSUME(key[i] != key[j]);
    }
    for (unsigned i = 0; i < 4; i++) {
        unsigned before = 4, after = 4;

        for (unsigned j = 0; j < 4 && slot_at[i]->space; j++) {
            if (slot_at[j]->space != slot_at[i]->space)
                continue;
            if (key[j] < key[i] && (before == 4 || key[j] > key[before]))
                before = j;
            if (key[j] > key[i] && (after == 4 || key[j] < key[after]))
                after = j;
        }
        if (!slot_at[i]->space)
            continue;
        slot_at[i]->map_prev = before < 4 ? granule_of(slot_at[before]) : 0;
        slot_at[i]->map_next = after < 4 ? granule_of(slot_at[after]) : 0;
        if (before == 4 && slot_at[i]->space == &space_a)
            space_a.note.maps = 2 * granule_of(slot_at[i]);
        if (before == 4 && slot_at[i]->space == &space_b)
            space_b.note.maps = 2 * granule_of(slot_at[i]);
    }
}

static uint64_t bytes_mapped(const struct address_space *space)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < 4; i++)
        if (slot_at[i]->space == space && slot_at[i]->type == OBJ_FRAME)
            bytes += 1ull << slot_at[i]->size_bits;
    return bytes;
}

/* Table 0 is in a root, or nowhere; table 1 in a root, in table 0, or nowhere. Of what is nowhere, a fresh
 * table is zero, and one that was mapped before holds anything. */
static void any_world(void)
{
    bool live0 = nondet_bool(), live1 = nondet_bool(), below = live1 && nondet_bool();

    for (unsigned t = 0; t < 2; t++) {
        any_mapped_slot(slot_at[t], OBJ_PAGE_TABLE, table_at[t]);
        ASSUME(slot_at[t]->flags & SLOT_STALE || !slot_at[t]->space);
        for (unsigned i = 0; i < ENTRIES; i++)
            table_at[t][i] =
                (t == 0 ? live0 : live1) || !(slot_at[t]->flags & SLOT_STALE) ? 0 : nondet_u64();
    }
    for (unsigned i = ROOT_USER_ENTRIES; i < ENTRIES; i++) {
        space_a.entry[i] = nondet_u64();
        space_b.entry[i] = nondet_u64();
    }
    ASSUME((!live0 || slot_at[0]->space) && (!live1 || slot_at[1]->space));
    if (live0)
        enter_in_root(slot_at[0], slot_pte(slot_at[0], PTE_V));
    if (below) {
        ASSUME(live0 && covers(slot_at[0], 2, slot_at[1]));
        enter(&table_at[0][index_at(slot_at[1]->page, 1)], slot_pte(slot_at[1], PTE_V));
    } else if (live1) {
        enter_in_root(slot_at[1], slot_pte(slot_at[1], PTE_V));
    }
    any_frames(live0, live1, below);
    any_lists();
    space_a.note.mapped = 2 * bytes_mapped(&space_a);
    space_b.note.mapped = 2 * bytes_mapped(&space_b);
    any_locks();
}

/* --- What holds after every operation --- */

/* The entry that the hardware would find for a page, and at which level. */
static uint64_t *hardware_walk(struct address_space *space, unsigned page, unsigned *level)
{
    uint64_t *entry =
        space == &space_a ? &space_a.entry[index_at(page, 2)] : &space_b.entry[index_at(page, 2)];

    for (*level = 2; *level > 0 && pte_is_table(*entry); --*level) {
        unsigned t = *entry == slot_pte(slot_at[0], PTE_V) ? 0 : 1;

        CHECK(*entry == slot_pte(slot_at[t], PTE_V) && slot_at[t]->space == space &&
                  slot_at[t]->flags & SLOT_STALE &&
                  slot_at[t]->page >> *level * LEVEL_BITS == page >> *level * LEVEL_BITS,
              "owned: every table in use belongs to a capability that names its space and place");
        entry = t == 0 ? &table_0[index_at(page, *level - 1)] : &table_1[index_at(page, *level - 1)];
    }
    return entry;
}

static bool owns(const struct slot *slot, const struct address_space *space, unsigned page, uint64_t entry,
                 unsigned level)
{
    return slot->type == OBJ_FRAME && slot->space == space &&
           slot->size_bits == PAGE_BITS + level * LEVEL_BITS &&
           slot->page == page >> level * LEVEL_BITS << level * LEVEL_BITS &&
           (entry | LEAF_RIGHTS) == slot_pte(slot, LEAF_BITS | LEAF_RIGHTS) &&
           !((entry & LEAF_RIGHTS) >> 1 & ~(uint64_t)slot->rights);
}

/* At any page of any space. */
static void check_entries(void)
{
    struct address_space *space = nondet_bool() ? &space_a : &space_b;
    unsigned page = any_below(PAGES), level;
    uint64_t entry = *hardware_walk(space, page, &level);

    CHECK(entry == 0 || owns(slot_at[2], space, page, entry, level) ||
              owns(slot_at[3], space, page, entry, level),
          "owned: every mapped frame, by a capability with these rights that names its space and page");
    CHECK((entry & (PTE_W | PTE_X)) != (PTE_W | PTE_X),
          "rights: nothing is mapped to be written and executed");
}

static void check_list(const struct address_space *space)
{
    granule at = space->note.maps >> 1, before = 0;
    unsigned count = 0, mapped = 0;

    for (unsigned i = 0; i < 4; i++)
        mapped += slot_at[i]->space == space;
    for (unsigned turn = 0; turn < 4 && at; turn++) {
        granule next = 0;

        for (unsigned i = 0; i < 4; i++) {
            if (at != granule_of(slot_at[i]))
                continue;
            count += slot_at[i]->space == space && slot_at[i]->map_prev == before;
            next = slot_at[i]->map_next;
        }
        before = at;
        at = next;
    }
    CHECK(!at && count == mapped, "lists: exactly what is mapped in a space is in its list");
    CHECK(space->note.mapped == 2 * bytes_mapped(space), "lists: and as many bytes are counted");
}

static void check_lists(void)
{
    check_list(&space_a);
    check_list(&space_b);
    check_given_back(space_a.note.lock | space_b.note.lock);
}

/* Any entry of any table, and its value before the operation. */
static uint64_t *witness, witness_before;
static const void *witness_in;

static void watch_any_entry(void)
{
    unsigned index = any_below(ENTRIES), which = any_below(4);

    witness_in = which == 0 ? (void *)&space_a : which == 1 ? (void *)&space_b : table_at[which - 2];
    witness = which == 0   ? &space_a.entry[index]
              : which == 1 ? &space_b.entry[index]
              : which == 2 ? &table_0[index]
                           : &table_1[index];
    witness_before = *witness;
}
