/* SPDX-License-Identifier: MIT */
/* CNodes: operations on the capabilities in them. */
#include "invoke.h"

/* The slot that argument 1 names in the invoked CNode; NULL after fail(). */
static struct slot *arg_own_slot(struct thread *by, struct slot *cap, int *error)
{
    struct slot *slot = arg(by, 1) ? cnode_slot(cap, arg(by, 1)) : NULL;

    if (!slot)
        *error = fail(by, ERR_BAD_ARG, 1, cnode_slots(cap));
    return slot;
}

/* What copy, mint and move share: an empty target and a source with a capability, NULL after fail(). */
static struct slot *arg_transfer(struct thread *by, struct slot *cap, struct slot **to, int *error)
{
    *to = arg_own_slot(by, cap, error);
    if (!*to)
        return NULL;
    if (slot_is_empty(*to))
        return arg_full_slot(by, 2, 3, error);
    *error = fail(by, ERR_SLOT_FULL, 1, (*to)->type);
    return NULL;
}

OPERATION(CNODE_COPY)
{
    int error;
    struct slot *to, *from = arg_transfer(by, cap, &to, &error);

    if (!from)
        return error;
    if (!slot_can_copy(from))
        return fail(by, ERR_WRONG_TYPE, 3, from->type);
    slot_copy(from, to, arg(by, 4));
    return 0;
}

OPERATION(CNODE_MINT)
{
    int error;
    struct slot *to, *from = arg_transfer(by, cap, &to, &error);

    if (!from)
        return error;
    if (from->type != OBJ_ENDPOINT && from->type != OBJ_NOTIFICATION)
        return fail(by, ERR_WRONG_TYPE, 3, from->type);
    if (from->badge)
        return fail(by, ERR_IN_USE, 5, from->badge);
    slot_copy(from, to, arg(by, 4));
    to->badge = arg(by, 5);
    return 0;
}

OPERATION(CNODE_MOVE)
{
    int error;
    struct slot *to, *from = arg_transfer(by, cap, &to, &error);

    if (!from)
        return error;
    if (from->flags & SLOT_CLEARING)
        return OUTCOME_RESTART;
    if (!slot_can_move(from))
        return fail(by, ERR_TOO_MANY, 3, SLOT_MOVE_MAX_CHILDREN);
    slot_move(from, to);
    return 0;
}

OPERATION(CNODE_DELETE)
{
    int error;
    struct slot *slot = arg_own_slot(by, cap, &error);

    if (!slot)
        return error;
    return slot_delete(slot) && reap() ? 0 : OUTCOME_RESTART;
}

OPERATION(CNODE_REVOKE)
{
    int error;
    struct slot *slot = arg_own_slot(by, cap, &error);

    if (!slot)
        return error;
    return slot_revoke(slot) && reap() ? 0 : OUTCOME_RESTART;
}

OPERATION(CNODE_INSPECT)
{
    int error;
    const struct slot *slot = arg_own_slot(by, cap, &error), *other;

    if (!slot)
        return error;
    other = cspace_slot(by, arg(by, 2));
    if (!other)
        return fail(by, ERR_NO_CAP, 2, arg(by, 2));
    return ANSWER(by, slot->type, slot->rights,
                  slot->type == OBJ_ENDPOINT || slot->type == OBJ_NOTIFICATION ? slot->badge : 0,
                  slot->size_bits, !slot_is_empty(slot) && slot_same_object(slot, other));
}

OPERATION(CNODE_SIZE)
{
    return ANSWER(by, cnode_slots(cap));
}

OPERATION(CNODE_OBJECT_ID)
{
    int error;
    const struct slot *slot = arg_own_slot(by, cap, &error);

    if (!slot)
        return error;
    return ANSWER(by, slot_is_empty(slot) ? 0 : object_id(slot));
}
