/* SPDX-License-Identifier: MIT */
/* Capability slots and the derivation tree: see cap.h. */
#include "cap.h"

#include "aspace.h"
#include "context.h"
#include "ipc.h"
#include "irq.h"
#include "notification.h"
#include "thread.h"
#include "timer.h"

#include <base/xtea.h>

uint32_t object_id_key[4];

/* CNodes and address spaces whose last capability is gone and that still have to be taken apart. */
static struct cnode_header *dying_cnodes;
static struct address_space *dying_spaces;

/* Untyped memory whose children are being moved up. Those of one object are no neighbours until all are, so
 * that is finished before any capability is deleted. */
static struct slot *raising;

/* Links `to` in as the first child of `parent`. */
static void tree_insert_child(struct slot *parent, struct slot *to)
{
    struct slot *next = parent->child;

    to->parent = parent;
    to->next = next;
    if (next)
        next->prev = to;
    parent->child = to;
}

/* Lets the neighbours in the tree, except children, name `next` and `prev` instead of the slot. */
static inline void tree_relink(const struct slot *slot, struct slot *next, struct slot *prev)
{
    if (slot->prev)
        slot->prev->next = next;
    else if (slot->parent)
        slot->parent->child = next;
    if (slot->next)
        slot->next->prev = prev;
}

/* Moves the first child of `slot` up, to be its next sibling. */
static void tree_raise_child(struct slot *slot)
{
    struct slot *child = slot->child;

    if (slot->type == OBJ_UNTYPED) {
        slot->flags |= SLOT_RAISED;
        raising = child->next ? slot : NULL;
    }
    slot->child = child->next;
    if (child->next)
        child->next->prev = NULL;
    child->parent = slot->parent;
    child->prev = slot;
    child->next = slot->next;
    if (child->next)
        child->next->prev = child;
    slot->next = child;
}

/* An empty slot is all zero but for this flag; what fills one relies on that. */
static void slot_clear(struct slot *slot)
{
    uint8_t kept = slot->flags & SLOT_IN_THREAD;

    *slot = (struct slot){.flags = kept};
}

/* What lets the fast lanes tell a capability that is for them by one look at its flags. */
static uint8_t lane_flags(enum object_type type, uint8_t rights)
{
    if (type != OBJ_ENDPOINT)
        return 0;
    return (rights & RIGHT_SEND ? SLOT_LANE_SEND : 0) | (rights & RIGHT_RECV ? SLOT_LANE_RECV : 0);
}

void slot_make_root(struct slot *to, enum object_type type, void *object, uint8_t size_bits, uint8_t rights)
{
    to->type = type;
    to->object = object;
    to->size_bits = size_bits;
    to->rights = rights;
    to->flags |= lane_flags(type, rights);
}

void slot_make_child(struct slot *parent, struct slot *to, enum object_type type, void *object,
                     uint8_t size_bits)
{
    to->object = object;
    to->rights = RIGHTS_ALL;
    to->size_bits = size_bits;
    to->flags |= (parent->flags & SLOT_DEVICE) | lane_flags(type, RIGHTS_ALL);
    tree_insert_child(parent, to);
    __atomic_store_n(&to->type, type, __ATOMIC_RELEASE); /* see slot_type() */
}

bool slot_can_copy(const struct slot *slot)
{
    return slot->type != OBJ_NULL && slot->type != OBJ_UNTYPED && slot->type != OBJ_PAGE_TABLE;
}

void slot_copy(struct slot *from, struct slot *to, uint8_t rights)
{
    enum object_type type = from->type;

    to->object = from->object;
    to->rights = from->rights & rights;
    to->size_bits = from->size_bits;
    to->flags |= (from->flags & SLOT_DEVICE) | lane_flags(type, to->rights);
    if (type != OBJ_FRAME)
        to->badge = from->badge;
    tree_insert_child(from, to);
    __atomic_store_n(&to->type, type, __ATOMIC_RELEASE); /* see slot_type() */
}

bool slot_can_move(const struct slot *slot)
{
    unsigned children = 0;

    for (const struct slot *child = slot->child; child; child = child->next)
        if (++children > SLOT_MOVE_MAX_CHILDREN)
            return false;
    return true;
}

void slot_move(struct slot *from, struct slot *to)
{
    *to = *from;
    tree_relink(to, to, to);
    for (struct slot *child = to->child; child; child = child->next)
        child->parent = to;
    if (from->type == OBJ_FRAME || from->type == OBJ_PAGE_TABLE)
        mapping_moved(from, to);
    if (raising == from)
        raising = to;
    slot_clear(from);
}

bool slot_same_object(const struct slot *a, const struct slot *b)
{
    return a->type == b->type && a->object == b->object && (a->object || a->number == b->number);
}

static bool is_to_same(const struct slot *slot, const struct slot *neighbour)
{
    return neighbour && slot_same_object(slot, neighbour);
}

bool slot_is_last(const struct slot *slot)
{
    return !is_to_same(slot, slot->parent) && !is_to_same(slot, slot->prev) &&
           !is_to_same(slot, slot->next) && !is_to_same(slot, slot->child);
}

/* A step takes up to 1,000 instructions. */
unsigned steps_between_pauses = 8;

bool pause_is_due(void)
{
    return ++hart_self()->steps >= steps_between_pauses || arch_interrupt_pending();
}

void pause_over(void)
{
    hart_self()->steps = 0;
}

static void cnode_put_aside(struct slot *slot)
{
    struct cnode_header *header = slot->object;

    header->cursor = cnode_slots(slot);
    if (header->dying)
        return;
    header->dying = true;
    header->dying_next = dying_cnodes;
    dying_cnodes = header;
}

static void space_put_aside(struct address_space *space)
{
    /* Other harts that run none of its threads use the kernel's own tables already. */
    arch_space_leave(space);
    if (space->note.dying)
        return;
    space_unmap_all(space);
    space->note.dying = 2;
    space->note.dying_next = dying_spaces;
    dying_spaces = space;
}

/* One bounded step of destroying the object of its last capability; true when nothing is left to do. */
static bool object_destroy(struct slot *slot)
{
    switch (slot->type) {
    case OBJ_THREAD: return thread_destroy(slot->object);
    case OBJ_ENDPOINT: return endpoint_destroy(slot->object);
    case OBJ_NOTIFICATION: return notification_destroy(slot->object);
    case OBJ_REPLY: reply_destroy(slot->object); return true;
    case OBJ_TIMER: timer_stop(slot->object); return true;
    case OBJ_SCHED_CONTEXT: context_destroy(slot->object); return true;
    case OBJ_IRQ_HANDLER: irq_release(slot->number); return true;
    case OBJ_CNODE: cnode_put_aside(slot); return true;
    case OBJ_ADDRESS_SPACE: space_put_aside(slot->object); return true;
    default: return true;
    }
}

static bool raise_rest(void)
{
    while (raising) {
        tree_raise_child(raising);
        if (pause_is_due())
            return false;
    }
    return true;
}

bool slot_delete(struct slot *slot)
{
    if (slot_is_empty(slot))
        return true;
    if (slot->flags & SLOT_CLEARING || !raise_rest())
        return false;
    if (slot_is_last(slot))
        while (!object_destroy(slot))
            if (pause_is_due())
                return false;
    while (slot->child) {
        tree_raise_child(slot);
        if (pause_is_due())
            return false;
    }
    if (slot->type == OBJ_FRAME || slot->type == OBJ_PAGE_TABLE)
        slot_unmap(slot);
    tree_relink(slot, slot->next, slot->prev);
    slot_clear(slot);
    if (slot->flags & SLOT_IN_THREAD)
        thread_slot_lost(slot);
    return true;
}

/* One step at a time: a child without children is deleted, the first child of a child is raised beside it. So
 * every descendant is raised once and deleted once, however deep the tree is. */
bool slot_revoke(struct slot *slot)
{
    if (!raise_rest())
        return false;
    while (slot->child) {
        if (slot->child->child)
            tree_raise_child(slot->child);
        else if (!slot_delete(slot->child))
            return false;
        if (slot->child && pause_is_due())
            return false;
    }
    return true;
}

static bool reap_cnode(struct cnode_header *header)
{
    struct slot *slots = (struct slot *)header;

    while (header->cursor > 1) {
        if (!slot_delete(&slots[header->cursor - 1]))
            return false;
        header->cursor--;
        if (pause_is_due())
            return false;
    }
    return true;
}

bool reap_is_due(void)
{
    return dying_cnodes || dying_spaces;
}

bool reap(void)
{
    while (reap_is_due()) {
        if (dying_spaces) {
            if (!space_unmap_step(dying_spaces)) {
                dying_spaces->note.dying = 0;
                dying_spaces = dying_spaces->note.dying_next;
            }
        } else {
            struct cnode_header *header = dying_cnodes;

            dying_cnodes = header->dying_next;
            if (!reap_cnode(header)) {
                header->dying_next = dying_cnodes;
                dying_cnodes = header;
                return false;
            }
            header->dying = false;
        }
        if (reap_is_due() && pause_is_due())
            return false;
    }
    return true;
}

uint64_t object_id(const struct slot *slot)
{
    uint64_t where = slot->object ? (uint64_t)granule_of(slot->object) : slot->number;

    return xtea_encipher(where << 5 | slot->type, object_id_key);
}
