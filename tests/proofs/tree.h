/* SPDX-License-Identifier: MIT */
/*
 * Any small derivation tree, and what must hold of every one. Included after kernel/cap.c.
 *
 * The slots are separate variables rather than an array, which makes proofs ten times faster. Their numbers
 * are such that a parent comes before its children and a sibling before the next: every tree has such
 * numbers.
 */
#pragma once

#ifndef SLOTS
#define SLOTS 4
#endif

#ifndef SLOT_AT
#define SLOT_AT                                                                                              \
    {                                                                                                        \
        &slot_0, &slot_1, &slot_2, &slot_3                                                                   \
    }
static struct slot slot_0, slot_1, slot_2, slot_3;
#endif
static struct slot *const slot_at[SLOTS] = SLOT_AT;
static char things[SLOTS][64]; /* what the capabilities are to */

static struct slot *any_slot(void)
{
    return slot_at[any_below(SLOTS)];
}

static bool has_no_object(unsigned type)
{
    return type == OBJ_IRQ_HANDLER;
}

/* A capability without its place in the tree: of any type that processes can have several of, to any
 * object. */
static void any_capability(struct slot *slot)
{
    unsigned thing = any_below(SLOTS);

    slot->type = any_below(OBJ_IRQ_HANDLER) + 1;
    slot->rights = nondet_u8();
    slot->size_bits = nondet_u8();
    slot->flags = nondet_u8();
    slot->page = nondet_u32();
    slot->cleared = nondet_u64();
    slot->badge = nondet_u64();
    if (has_no_object(slot->type))
        slot->number = thing;
    else
        slot->object = things[thing];
}

/* Links slot i in, whose siblings are those with the same key: the number of the parent, or SLOTS + that of
 * the first of those without. */
static void link_in(unsigned i, const unsigned key[SLOTS])
{
    struct slot *slot = slot_at[i];

    slot->parent = slot->child = slot->prev = slot->next = NULL;
    for (unsigned j = 0; j < SLOTS; j++) {
        if (slot_is_empty(slot_at[j]))
            continue;
        if (key[i] == j)
            slot->parent = slot_at[j];
        if (j < i && key[j] == key[i])
            slot->prev = slot_at[j];
        if (!slot->next && j > i && key[j] == key[i])
            slot->next = slot_at[j];
        if (!slot->child && key[j] == i)
            slot->child = slot_at[j];
    }
}

/* Whether two slots have capabilities to one object. */
static bool to_same(const struct slot *a, const struct slot *b)
{
    return a && b && a->type == b->type && a->object == b->object && (a->object || a->number == b->number);
}

/* --- What holds after every operation --- */

static bool links_are_mutual(const struct slot *slot)
{
    if (slot->next &&
        (slot->next->prev != slot || slot->next->parent != slot->parent || slot_is_empty(slot->next)))
        return false;
    if (slot->prev && (slot->prev->next != slot || slot_is_empty(slot->prev)))
        return false;
    if (slot->child && (slot->child->parent != slot || slot->child->prev || slot_is_empty(slot->child)))
        return false;
    return !slot->parent || (!slot_is_empty(slot->parent) && (slot->prev || slot->parent->child == slot));
}

static bool chains_end(const struct slot *slot)
{
    const struct slot *up = slot, *along = slot;

    for (unsigned i = 0; i < SLOTS; i++) {
        up = up ? up->parent : NULL;
        along = along ? along->next : NULL;
    }
    return !up && !along;
}

static bool is_zero(const struct slot *slot)
{
    return !slot->object && !slot->rights && !slot->size_bits && !(slot->flags & ~SLOT_IN_THREAD) &&
           !slot->page && !slot->badge && !slot->cleared && !slot->parent && !slot->child && !slot->next &&
           !slot->prev;
}

static bool tree_is_well_formed(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slot_is_empty(slot_at[i]) ? !is_zero(slot_at[i])
                                      : !links_are_mutual(slot_at[i]) || !chains_end(slot_at[i]))
            return false;
    }
    return true;
}

/* Only untyped memory has children that are to something else; a copy never has a right more than what it is
 * a copy of. */
static bool rights_only_fall(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct slot *slot = slot_at[i], *parent = slot->parent;

        if (slot_is_empty(slot) || !parent || parent->type == OBJ_UNTYPED)
            continue;
        if (!to_same(slot, parent) || slot->rights & ~parent->rights || slot->size_bits != parent->size_bits)
            return false;
    }
    return true;
}

/* Memory of whose children some were moved up and some were not: no other than `raising`. */
static bool at_most_one_is_half_raised(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct slot *slot = slot_at[i];

        if ((slot->type == OBJ_UNTYPED && slot->flags & SLOT_RAISED && slot->child) != (slot == raising))
            return false;
    }
    return true;
}

/* Whether the slot was moved up to be beside its memory, which still has one to the same object below it. */
static bool is_parted(const struct slot *slot)
{
    return raising && slot->prev == raising && to_same(slot, raising->child);
}

/* Whether nothing before the slot in the order in which slot_is_last() looks is to the same object. */
static bool leads(const struct slot *slot)
{
    return !slot_is_empty(slot) && !to_same(slot, slot->parent) && !to_same(slot, slot->prev) &&
           !is_parted(slot);
}

/* There is but one capability to untyped memory and to a page table: what cannot be copied. (An untyped that
 * was made at the start of another one counts as another object here. Nothing happens when an untyped
 * ends.) */
static bool is_unique(unsigned type)
{
    return type == OBJ_UNTYPED || type == OBJ_PAGE_TABLE;
}

/* All capabilities to one object hang together, which is all that slot_is_last() relies on. */
static bool objects_hang_together(void)
{
    for (unsigned i = 0; i < SLOTS; i++)
        for (unsigned j = 0; j < i; j++)
            if (to_same(slot_at[i], slot_at[j]) && !slot_is_empty(slot_at[i]) &&
                ((leads(slot_at[i]) && leads(slot_at[j])) || is_unique(slot_at[i]->type)))
                return false;
    return true;
}

static bool is_only_one(const struct slot *slot)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (slot_at[i] != slot && !slot_is_empty(slot_at[i]) && to_same(slot, slot_at[i]))
            return false;
    return true;
}

/* Any tree of up to SLOTS capabilities in which all of that holds. */
static void any_slots(void)
{
    unsigned key[SLOTS];

    for (unsigned i = 0; i < SLOTS; i++) {
        key[i] = nondet_u32();
        if (nondet_bool()) {
            slot_at[i]->flags = nondet_bool() ? SLOT_IN_THREAD : 0;
            key[i] = 2 * SLOTS;
            continue;
        }
        any_capability(slot_at[i]);
        ASSUME(key[i] < i ? !slot_is_empty(slot_at[key[i]]) : key[i] >= SLOTS && key[i] <= SLOTS + i);
        ASSUME(key[i] < i || key[key[i] - SLOTS] == key[i]);
    }
    for (unsigned i = 0; i < SLOTS; i++)
        if (!slot_is_empty(slot_at[i]))
            link_in(i, key);
    raising = nondet_bool() ? any_slot() : NULL;
    ASSUME(at_most_one_is_half_raised());
    ASSUME(rights_only_fall());
    ASSUME(objects_hang_together());
}

static void check_tree(void)
{
    CHECK(tree_is_well_formed(), "tree: well formed");
    CHECK(at_most_one_is_half_raised(), "tree: the children of one untyped at most are half moved up");
    CHECK(rights_only_fall(), "rights: none is amplified");
    CHECK(objects_hang_together(), "tree: capabilities to one object hang together");
}
