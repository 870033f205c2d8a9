/* SPDX-License-Identifier: MIT */
/*
 * Untyped memory: the only source of kernel objects. An untyped's slot counts how much of it, from the start, was given
 * to children; when the last child is gone the count starts over. Memory is cleared before it becomes an object, a page
 * at a time, so that clearing a gigapage can be interrupted; how far it got is noted in the slot.
 */
#include "aspace.h"
#include "invoke.h"

#include <base/checked.h>
#include <string.h>

#define MAX_COUNT        64 /* objects that one call makes */
#define MAX_COUNT_SPACES 4

/* What a retype would do, worked out before anything is changed. */
struct retype {
    enum object_type type;
    unsigned size_bits;   /* of one object */
    struct slot *slots;   /* where the capabilities go: consecutive empty slots */
    uint64_t count;
    uint64_t start, end;  /* bytes within the untyped */
};

/* Log2 of the size of an object, 0 when this type cannot be made or not of that size. */
static unsigned object_bits(uint64_t type, uint64_t size_bits)
{
    switch (type) {
    case OBJ_UNTYPED:
        return size_bits >= UNTYPED_MIN_BITS && size_bits <= UNTYPED_MAX_BITS ? size_bits : 0;
    case OBJ_CNODE:
        return size_bits >= CNODE_MIN_BITS && size_bits <= CNODE_MAX_BITS ? size_bits : 0;
    case OBJ_FRAME:
        return size_bits == PAGE_BITS || size_bits == MEGAPAGE_BITS || size_bits == GIGAPAGE_BITS ? size_bits : 0;
    case OBJ_THREAD:
        return THREAD_BITS;
    case OBJ_SCHED_CONTEXT:
        return SCHED_CONTEXT_BITS;
    case OBJ_ADDRESS_SPACE:
    case OBJ_PAGE_TABLE:
        return PAGE_BITS;
    case OBJ_ENDPOINT:
        return ENDPOINT_BITS;
    case OBJ_NOTIFICATION:
        return NOTIFICATION_BITS;
    case OBJ_REPLY:
        return REPLY_BITS;
    case OBJ_TIMER:
        return TIMER_BITS;
    default:
        return 0;
    }
}

/* Whether nothing uses the memory any more. */
static bool is_unused(const struct slot *untyped)
{
    return !untyped->child && !(untyped->flags & SLOT_RAISED);
}

static uint64_t bytes_used(const struct slot *untyped)
{
    return is_unused(untyped) ? 0 : untyped->used;
}

static enum error find_slots(struct invocation *inv, struct retype *retype)
{
    struct slot *cnode = &inv->thread->slot[THREAD_CSPACE];
    enum error error;
    uint64_t first = inv->arg[3];

    if (inv->arg[2])
        cnode = arg_cap(inv, 3, OBJ_CNODE, RIGHT_CONTROL, &error);
    if (!cnode)
        return error;
    if (first == 0 || !range_inside(first, retype->count, 1ull << (cnode->size_bits - SLOT_BITS)))
        return fail(inv, ERR_BAD_ARG, 4, 1ull << (cnode->size_bits - SLOT_BITS));
    retype->slots = cnode_slot(cnode, first);
    for (uint64_t i = 0; i < retype->count; i++)
        if (!slot_is_empty(&retype->slots[i]))
            return fail(inv, ERR_SLOT_FULL, 4, first + i);
    return ERR_OK;
}

static enum error decode_retype(struct invocation *inv, struct retype *retype)
{
    const struct slot *untyped = inv->slot;
    uint64_t size = 1ull << untyped->size_bits, used = bytes_used(untyped), offset = inv->arg[5];
    uint64_t limit = inv->arg[0] == OBJ_ADDRESS_SPACE ? MAX_COUNT_SPACES : MAX_COUNT;
    enum error error;

    retype->size_bits = object_bits(inv->arg[0], inv->arg[1]);
    if (!retype->size_bits)
        return fail(inv, ERR_BAD_ARG, inv->arg[0] < OBJ_TYPE_COUNT ? 2 : 1, inv->arg[0]);
    retype->type = inv->arg[0];
    if (untyped->flags & SLOT_DEVICE && retype->type != OBJ_FRAME && retype->type != OBJ_UNTYPED)
        return fail(inv, ERR_WRONG_TYPE, 1, retype->type);
    retype->count = inv->arg[4];
    if (retype->count == 0 || retype->count > limit)
        return fail(inv, ERR_BAD_ARG, 5, limit);
    error = find_slots(inv, retype);
    if (error)
        return error;
    if (offset && (offset < used || offset & ((1ull << retype->size_bits) - 1)))
        return fail(inv, ERR_BAD_ARG, 6, used);
    if (offset > size)
        return fail(inv, ERR_NO_MEMORY, 6, size);
    retype->start = offset ? offset : align_up(used, 1ull << retype->size_bits);
    if (retype->start > size || retype->count > (size - retype->start) >> retype->size_bits)
        return fail(inv, ERR_NO_MEMORY, 0, size - used);
    retype->end = retype->start + (retype->count << retype->size_bits);
    return ERR_OK;
}

/* Clears what the objects will take, going on where an interrupted call stopped. False: interrupted again. */
static bool clear_memory(struct slot *untyped, const struct retype *retype)
{
    uint64_t at = retype->start, stretch = (uint64_t)untyped->page << SLOT_BITS;

    if (stretch <= at && at < untyped->cleared)
        at = untyped->cleared;
    else
        untyped->page = at >> SLOT_BITS;
    while (at < retype->end) {
        uint64_t step = retype->end - at < 1 << PAGE_BITS ? retype->end - at : 1 << PAGE_BITS;

        memset((char *)untyped->object + at, 0, step);
        at += step;
        untyped->cleared = at;
        if (at < retype->end && arch_interrupt_pending())
            return false;
    }
    return true;
}

static void make_object(struct slot *untyped, struct slot *slot, const struct retype *retype, uint64_t offset)
{
    void *object = (char *)untyped->object + offset;

    slot_make_child(untyped, slot, retype->type, object, retype->size_bits);
    if (retype->type == OBJ_ADDRESS_SPACE)
        space_init(object);
}

static enum error untyped_retype(struct invocation *inv)
{
    struct slot *untyped = inv->slot;
    struct retype retype = {0};
    enum error error = decode_retype(inv, &retype);

    if (error)
        return error;
    if (is_unused(untyped)) {
        /* Memory that comes back may belong to objects that are still being taken apart; and what was found above may
         * be among what they take with them. */
        if (reap_is_due()) {
            reap();
            return restart(inv);
        }
        if (untyped->used)
            untyped->used = untyped->cleared = untyped->page = 0;
    }
    if (retype.type != OBJ_UNTYPED && !(untyped->flags & SLOT_DEVICE) && !clear_memory(untyped, &retype))
        return restart(inv);
    untyped->used = retype.end;
    untyped->cleared = untyped->page = 0;
    for (uint64_t i = 0; i < retype.count; i++)
        make_object(untyped, &retype.slots[i], &retype, retype.start + (i << retype.size_bits));
    return ERR_OK;
}

static enum error untyped_info(struct invocation *inv)
{
    bool device = inv->slot->flags & SLOT_DEVICE;

    inv->result[0] = inv->slot->size_bits;
    inv->result[1] = bytes_used(inv->slot);
    inv->result[2] = device;
    inv->result[3] = device ? arch_physical(inv->slot->object) : 0;
    inv->result_count = 4;
    return ERR_OK;
}

enum error untyped_invoke(struct invocation *inv)
{
    switch (inv->op) {
    case OP_UNTYPED_RETYPE:
        return untyped_retype(inv);
    case OP_UNTYPED_INFO:
        return untyped_info(inv);
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}
