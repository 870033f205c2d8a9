/* SPDX-License-Identifier: MIT */
/* Untyped memory: the only source of kernel objects. An untyped's slot counts how much of it, from the start,
 * was given to children; when the last child is gone the count starts over. Memory is cleared before it
 * becomes an object, a page at a time, so that clearing a gigapage can be interrupted; how far it got is
 * noted in the slot. */
#include "invoke.h"
#include "lock.h"

#include <base/checked.h>
#include <base/granules.h>

#define MAX_COUNT        64 /* objects that one call makes */
#define MAX_COUNT_SPACES 4

/* What a retype would do, worked out before anything is changed. */
struct retype {
    enum object_type type;
    unsigned size_bits; /* of one object */
    struct slot *slots; /* where the capabilities go: consecutive empty slots */
    uint64_t count;
    uint64_t start, end; /* bytes within the untyped */
};

/* Log2 of the sizes that objects of a type can have, a bit for each; and of the size of those that have but
 * one, where what was asked for is ignored. */
#define FROM_TO(first, last) ((2ull << (last)) - (1ull << (first)))
static const uint64_t possible_bits[OBJ_TYPE_COUNT] = {
    [OBJ_UNTYPED] = FROM_TO(UNTYPED_MIN_BITS, UNTYPED_MAX_BITS),
    [OBJ_CNODE] = FROM_TO(CNODE_MIN_BITS, CNODE_MAX_BITS),
    [OBJ_FRAME] = 1ull << PAGE_BITS | 1ull << MEGAPAGE_BITS | 1ull << GIGAPAGE_BITS,
};
static const uint8_t fixed_bits[OBJ_TYPE_COUNT] = {
    [OBJ_THREAD] = THREAD_BITS,      [OBJ_SCHED_CONTEXT] = SCHED_CONTEXT_BITS,
    [OBJ_ADDRESS_SPACE] = PAGE_BITS, [OBJ_PAGE_TABLE] = PAGE_BITS,
    [OBJ_ENDPOINT] = ENDPOINT_BITS,  [OBJ_NOTIFICATION] = NOTIFICATION_BITS,
    [OBJ_REPLY] = REPLY_BITS,        [OBJ_TIMER] = TIMER_BITS,
};

/* Log2 of the size of an object, 0 when this type cannot be made or not of that size. */
static unsigned object_bits(uint64_t type, uint64_t size_bits)
{
    if (type >= OBJ_TYPE_COUNT)
        return 0;
    if (fixed_bits[type])
        return fixed_bits[type];
    return size_bits < 64 && possible_bits[type] >> size_bits & 1 ? size_bits : 0;
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

static int find_slots(struct thread *by, struct retype *retype)
{
    int error;
    uint64_t first = arg(by, 4);
    const struct slot *cnode = arg_cnode(by, 3, &error);

    if (!cnode)
        return error;
    if (first == 0 || !range_inside(first, retype->count, cnode_slots(cnode)))
        return fail(by, ERR_BAD_ARG, 4, cnode_slots(cnode));
    retype->slots = (struct slot *)cnode->object + first;
    for (uint64_t i = 0; i < retype->count; i++)
        if (!slot_is_empty(&retype->slots[i]))
            return fail(by, ERR_SLOT_FULL, 4, first + i);
    return 0;
}

static int find_memory(struct thread *by, struct slot *cap, struct retype *retype)
{
    const struct slot *untyped = cap;
    uint64_t size = 1ull << untyped->size_bits, used = bytes_used(untyped), offset = arg(by, 6);
    uint64_t object_size = 1ull << retype->size_bits;

    if (offset && (offset < used || offset & (object_size - 1)))
        return fail(by, ERR_BAD_ARG, 6, used);
    if (offset > size)
        return fail(by, ERR_NO_MEMORY, 6, size);
    retype->start = offset ? offset : align_up(used, object_size);
    if (retype->start > size || retype->count > (size - retype->start) >> retype->size_bits)
        return fail(by, ERR_NO_MEMORY, 0, size - used);
    retype->end = retype->start + (retype->count << retype->size_bits);
    return 0;
}

static int decode_retype(struct thread *by, struct slot *cap, struct retype *retype)
{
    uint64_t type = arg(by, 1), limit = type == OBJ_ADDRESS_SPACE ? MAX_COUNT_SPACES : MAX_COUNT;
    int error;

    retype->type = type;
    retype->size_bits = object_bits(type, arg(by, 2));
    if (!retype->size_bits)
        return fail(by, ERR_BAD_ARG, type < OBJ_TYPE_COUNT ? 2 : 1, type);
    if (cap->flags & SLOT_DEVICE && type != OBJ_FRAME && type != OBJ_UNTYPED)
        return fail(by, ERR_WRONG_TYPE, 1, type);
    retype->count = arg(by, 5);
    if (retype->count == 0 || retype->count > limit)
        return fail(by, ERR_BAD_ARG, 5, limit);
    error = find_slots(by, retype);
    return error ? error : find_memory(by, cap, retype);
}

/* How far what the objects will take is clear already. */
static uint64_t cleared_to(const struct slot *untyped, const struct retype *retype)
{
    uint64_t stretch = (uint64_t)untyped->page << SLOT_BITS;

    return stretch <= retype->start && retype->start < untyped->cleared ? untyped->cleared : retype->start;
}

/* Clears what the objects will take, going on where an interrupted call stopped. False: interrupted again. */
static bool clear_memory(struct slot *untyped, const struct retype *retype)
{
    uint64_t at = cleared_to(untyped, retype);

    if (at == retype->start)
        untyped->page = at >> SLOT_BITS;
    while (at < retype->end) {
        uint64_t step = retype->end - at < 1 << PAGE_BITS ? retype->end - at : 1 << PAGE_BITS;

        granules_clear((char *)untyped->object + at, step);
        at += step;
        untyped->cleared = at;
        if (at < retype->end && pause_is_due())
            return false;
    }
    return true;
}

/* --- Clearing with no lock held --- */

/* Lets the own hart's lock go; the slot stays where it is meanwhile. False: another hart does so already, and
 * nothing was done. */
static bool clearing_begin(struct thread *by, struct slot *slot)
{
    bool busy;

    spin_lock(&tree_lock);
    busy = slot->flags & SLOT_CLEARING;
    slot->flags |= SLOT_CLEARING;
    spin_unlock(&tree_lock);
    if (busy)
        return false;
    by->reg[REG_PC] -= 4;
    unlock();
    return true;
}

/* False: OUTCOME_GONE. */
static bool clearing_end(struct thread *by, struct slot *slot)
{
    lock_own();
    spin_lock(&tree_lock);
    slot->flags &= ~SLOT_CLEARING;
    spin_unlock(&tree_lock);
    if (hart_self()->current != by)
        return false;
    by->reg[REG_PC] += 4;
    return true;
}

/* --- Retype --- */

/* Finds out what is to be done, with the lock of the tree held. */
static int prepare_retype(struct thread *by, struct slot *untyped, struct retype *retype)
{
    int error = decode_retype(by, untyped, retype);

    if (error)
        return error;
    if (untyped->flags & SLOT_CLEARING)
        return OUTCOME_RESTART;
    if (is_unused(untyped)) {
        /* Memory that comes back may belong to objects that are still being taken apart; and what was found
         * above may be among what they take with them. */
        if (reap_is_due()) {
            if (has_all_locks())
                reap();
            return OUTCOME_RESTART;
        }
        if (untyped->used)
            untyped->used = untyped->cleared = untyped->page = 0;
    } else if (untyped->flags & SLOT_RAISED) { /* a child would part those moved up from the rest */
        return fail(by, ERR_IN_USE, 0, 0);
    }
    return 0;
}

static void make_objects(struct slot *untyped, const struct retype *retype)
{
    untyped->used = retype->end;
    untyped->cleared = untyped->page = 0;
    for (uint64_t i = 0; i < retype->count; i++) {
        void *object = (char *)untyped->object + retype->start + (i << retype->size_bits);

        slot_make_child(untyped, &retype->slots[i], retype->type, object, retype->size_bits);
        if (retype->type == OBJ_ADDRESS_SPACE)
            arch_space_init(object);
    }
}

/* Whether the memory is as the objects need it; who has all locks clears it here. */
static bool is_clear(struct slot *untyped, const struct retype *retype)
{
    if (retype->type == OBJ_UNTYPED || untyped->flags & SLOT_DEVICE)
        return true;
    return has_all_locks() ? clear_memory(untyped, retype) : cleared_to(untyped, retype) >= retype->end;
}

/* Clears it without any lock. 0: it is to be tried again. */
static int __attribute__((noinline)) clear_unlocked(struct thread *by, struct slot *untyped,
                                                    const struct retype *retype)
{
    bool done;

    if (!clearing_begin(by, untyped))
        return OUTCOME_RESTART;
    done = clear_memory(untyped, retype);
    if (!clearing_end(by, untyped))
        return OUTCOME_GONE;
    return done ? 0 : OUTCOME_RESTART;
}

/* What was found before memory was cleared is found anew after it: slots may have been filled, children
 * deleted. */
OPERATION(UNTYPED_RETYPE)
{
    struct retype retype;
    bool done;
    int error;

    do {
        spin_lock(&tree_lock);
        error = prepare_retype(by, cap, &retype);
        done = !error && is_clear(cap, &retype);
        if (done)
            make_objects(cap, &retype);
        spin_unlock(&tree_lock);
        if (!error && !done)
            error = has_all_locks() ? OUTCOME_RESTART : clear_unlocked(by, cap, &retype);
    } while (!error && !done);
    return error;
}

OPERATION(UNTYPED_INFO)
{
    bool device = cap->flags & SLOT_DEVICE;

    return ANSWER(by, cap->size_bits, bytes_used(cap), device, device ? arch_physical(cap->object) : 0);
}
