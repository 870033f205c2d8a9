/* SPDX-License-Identifier: MIT */
/* CNodes: operations on the capabilities in them. */
#include "invoke.h"

/* The slot that argument 1 names in the invoked CNode; NULL after fail(). */
static struct slot *arg_own_slot(struct invocation *inv, enum error *error)
{
    struct slot *slot = inv->arg[0] ? cnode_slot(inv->slot, inv->arg[0]) : NULL;

    if (!slot)
        *error = fail(inv, ERR_BAD_ARG, 1, 1ull << (inv->slot->size_bits - SLOT_BITS));
    return slot;
}

/* Decodes what copy, mint and move share: an empty target and a source with a capability. */
static enum error arg_transfer(struct invocation *inv, struct slot **to, struct slot **from)
{
    enum error error = ERR_OK;

    *to = arg_own_slot(inv, &error);
    if (!*to)
        return error;
    if (!slot_is_empty(*to))
        return fail(inv, ERR_SLOT_FULL, 1, (*to)->type);
    *from = arg_full_slot(inv, 2, 3, &error);
    return error;
}

static enum error cnode_copy(struct invocation *inv)
{
    struct slot *to, *from;
    enum error error = arg_transfer(inv, &to, &from);

    if (error)
        return error;
    if (!slot_can_copy(from))
        return fail(inv, ERR_WRONG_TYPE, 3, from->type);
    slot_copy(from, to, inv->arg[3]);
    return ERR_OK;
}

static enum error cnode_mint(struct invocation *inv)
{
    struct slot *to, *from;
    enum error error = arg_transfer(inv, &to, &from);

    if (error)
        return error;
    if (from->type != OBJ_ENDPOINT && from->type != OBJ_NOTIFICATION)
        return fail(inv, ERR_WRONG_TYPE, 3, from->type);
    if (from->badge)
        return fail(inv, ERR_IN_USE, 5, from->badge);
    slot_copy(from, to, inv->arg[3]);
    to->badge = inv->arg[4];
    return ERR_OK;
}

static enum error cnode_move(struct invocation *inv)
{
    struct slot *to, *from;
    enum error error = arg_transfer(inv, &to, &from);

    if (error)
        return error;
    if (!slot_can_move(from))
        return fail(inv, ERR_TOO_MANY, 3, SLOT_MOVE_MAX_CHILDREN);
    slot_move(from, to);
    return ERR_OK;
}

static enum error cnode_delete(struct invocation *inv)
{
    enum error error;
    struct slot *slot = arg_own_slot(inv, &error);

    if (!slot)
        return error;
    if (!slot_delete(slot) || !reap())
        return restart(inv);
    return ERR_OK;
}

static enum error cnode_revoke(struct invocation *inv)
{
    enum error error;
    struct slot *slot = arg_own_slot(inv, &error);

    if (!slot)
        return error;
    if (!slot_revoke(slot) || !reap())
        return restart(inv);
    return ERR_OK;
}

static enum error cnode_inspect(struct invocation *inv)
{
    enum error error;
    const struct slot *slot = arg_own_slot(inv, &error);

    if (!slot)
        return error;
    inv->result_count = 5;
    if (slot_is_empty(slot))
        return ERR_OK;
    inv->result[0] = slot->type;
    inv->result[1] = slot->rights;
    inv->result[2] = slot->type == OBJ_ENDPOINT || slot->type == OBJ_NOTIFICATION ? slot->badge : 0;
    inv->result[3] = slot->size_bits;
    inv->result[4] = object_id(slot);
    return ERR_OK;
}

enum error cnode_invoke(struct invocation *inv)
{
    switch (inv->op) {
    case OP_CNODE_COPY:
        return cnode_copy(inv);
    case OP_CNODE_MINT:
        return cnode_mint(inv);
    case OP_CNODE_MOVE:
        return cnode_move(inv);
    case OP_CNODE_DELETE:
        return cnode_delete(inv);
    case OP_CNODE_REVOKE:
        return cnode_revoke(inv);
    case OP_CNODE_INSPECT:
        return cnode_inspect(inv);
    case OP_CNODE_SIZE:
        inv->result[0] = 1ull << (inv->slot->size_bits - SLOT_BITS);
        inv->result_count = 1;
        return ERR_OK;
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}
