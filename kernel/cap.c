/* SPDX-License-Identifier: MIT */
/* Capability slots and the derivation tree: see cap.h. */
#include "cap.h"

#include "aspace.h"
#include "ipc.h"

uint64_t object_id_key = 0x9e3779b97f4a7c15ull;

/* CNodes and address spaces whose last capability is gone and that still have to be taken apart. */
static struct cnode_header *dying_cnodes;
static struct address_space *dying_spaces;

struct slot *cnode_slot(const struct slot *cnode, uint64_t index)
{
    if (index >= 1ull << (cnode->size_bits - SLOT_BITS))
        return NULL;
    return (struct slot *)cnode->object + index;
}

struct slot *cspace_slot(const struct thread *thread, uint64_t index)
{
    const struct slot *cspace = &thread->slot[THREAD_CSPACE];

    return slot_is_empty(cspace) ? NULL : cnode_slot(cspace, index);
}

/* Links `to` in as the first child of `parent`. */
static void tree_insert_child(struct slot *parent, struct slot *to)
{
    to->parent = parent;
    to->prev = NULL;
    to->next = parent->child;
    if (to->next)
        to->next->prev = to;
    parent->child = to;
}

static void tree_remove(struct slot *slot)
{
    if (slot->prev)
        slot->prev->next = slot->next;
    else if (slot->parent)
        slot->parent->child = slot->next;
    if (slot->next)
        slot->next->prev = slot->prev;
}

/* Moves the first child of `slot` up, to be its next sibling. */
static void tree_raise_child(struct slot *slot)
{
    struct slot *child = slot->child;

    if (slot->type == OBJ_UNTYPED)
        slot->flags |= SLOT_RAISED;
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

static void slot_clear(struct slot *slot)
{
    uint8_t kept = slot->flags & SLOT_IN_THREAD;

    *slot = (struct slot){.flags = kept};
}

void slot_make_root(struct slot *to, enum object_type type, void *object, uint8_t size_bits, uint8_t rights)
{
    slot_clear(to);
    to->type = type;
    to->object = object;
    to->size_bits = size_bits;
    to->rights = rights;
}

void slot_make_child(struct slot *parent, struct slot *to, enum object_type type, void *object, uint8_t size_bits)
{
    slot_make_root(to, type, object, size_bits, RIGHTS_ALL);
    to->flags |= parent->flags & SLOT_DEVICE;
    tree_insert_child(parent, to);
}

bool slot_can_copy(const struct slot *slot)
{
    return slot->type != OBJ_NULL && slot->type != OBJ_UNTYPED && slot->type != OBJ_PAGE_TABLE;
}

void slot_copy(struct slot *from, struct slot *to, uint8_t rights)
{
    slot_clear(to);
    to->object = from->object;
    to->type = from->type;
    to->rights = from->rights & rights;
    to->size_bits = from->size_bits;
    to->flags |= from->flags & SLOT_DEVICE;
    if (from->type != OBJ_FRAME)
        to->badge = from->badge;
    tree_insert_child(from, to);
}

/* Points the neighbours of a slot that was moved to its new place, except its children. */
static void tree_relink(struct slot *slot)
{
    if (slot->prev)
        slot->prev->next = slot;
    else if (slot->parent)
        slot->parent->child = slot;
    if (slot->next)
        slot->next->prev = slot;
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
    tree_relink(to);
    for (struct slot *child = to->child; child; child = child->next)
        child->parent = to;
    if (from->type == OBJ_FRAME || from->type == OBJ_PAGE_TABLE)
        mapping_moved(from, to);
    slot_clear(from);
}

static bool same_object(const struct slot *a, const struct slot *b)
{
    return b && a->type == b->type && a->object == b->object &&
           (a->object || a->number == b->number);
}

/* While the children of an untyped are being moved up, those that still are below it and those that are beside it
 * already are neighbours too. */
static bool parted_from_same(const struct slot *slot)
{
    if (slot->prev)
        return same_object(slot, slot->prev->child);
    return slot->parent && same_object(slot, slot->parent->next);
}

bool slot_is_last(const struct slot *slot)
{
    return !same_object(slot, slot->parent) && !same_object(slot, slot->prev) && !same_object(slot, slot->next) &&
           !same_object(slot, slot->child) && !parted_from_same(slot);
}

static void cnode_put_aside(struct slot *slot)
{
    struct cnode_header *header = slot->object;

    header->cursor = 1ull << (slot->size_bits - SLOT_BITS);
    if (header->dying)
        return;
    header->dying = true;
    header->dying_next = dying_cnodes;
    dying_cnodes = header;
}

static void space_put_aside(struct address_space *space)
{
    hart_leave_space(space);
    if (space->note.dying)
        return;
    space->note.dying = 2;
    space->note.dying_next = dying_spaces;
    dying_spaces = space;
}

/* One bounded step of destroying the object of its last capability; true when nothing is left to do. */
static bool object_destroy(struct slot *slot)
{
    switch (slot->type) {
    case OBJ_THREAD:
        return thread_destroy(slot->object);
    case OBJ_ENDPOINT:
        return endpoint_destroy(slot->object);
    case OBJ_NOTIFICATION:
        return notification_destroy(slot->object);
    case OBJ_REPLY:
        reply_destroy(slot->object);
        return true;
    case OBJ_TIMER:
        timer_stop(slot->object);
        return true;
    case OBJ_SCHED_CONTEXT:
        context_destroy(slot->object);
        return true;
    case OBJ_IRQ_HANDLER:
        irq_release(slot->number);
        return true;
    case OBJ_CNODE:
        cnode_put_aside(slot);
        return true;
    case OBJ_ADDRESS_SPACE:
        space_put_aside(slot->object);
        return true;
    default:
        return true;
    }
}

bool slot_delete(struct slot *slot)
{
    if (slot_is_empty(slot))
        return true;
    if (slot_is_last(slot))
        while (!object_destroy(slot))
            if (arch_interrupt_pending())
                return false;
    while (slot->child) {
        tree_raise_child(slot);
        if (arch_interrupt_pending())
            return false;
    }
    if (slot->type == OBJ_FRAME || slot->type == OBJ_PAGE_TABLE)
        slot_unmap(slot);
    tree_remove(slot);
    slot_clear(slot);
    if (slot->flags & SLOT_IN_THREAD)
        thread_slot_lost(slot);
    return true;
}

/* One step at a time: a child without children is deleted, the first child of a child is raised beside it. So every
 * descendant is raised once and deleted once, however deep the tree is. */
bool slot_revoke(struct slot *slot)
{
    while (slot->child) {
        if (slot->child->child)
            tree_raise_child(slot->child);
        else if (!slot_delete(slot->child))
            return false;
        if (slot->child && arch_interrupt_pending())
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
        if (arch_interrupt_pending())
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
        if (reap_is_due() && arch_interrupt_pending())
            return false;
    }
    return true;
}

uint64_t object_id(const struct slot *slot)
{
    uint64_t where = slot->object ? (uint64_t)granule_of(slot->object) : slot->number;

    return (where << 5 | slot->type) * object_id_key;
}
