/* SPDX-License-Identifier: MIT */
/* System calls: what each number does, and the way to an operation on a kernel object. */
#include "kernel.h"

#include "aspace.h"
#include "invoke.h"

#include <abi/fault.h>

/* The right that an operation needs, by type and number within the type. */
#define MAX_OPERATIONS 12
static const uint8_t operation_right[OBJ_TYPE_COUNT][MAX_OPERATIONS] = {
#define OP(type, n, name, right) [OBJ_##type][n] = RIGHT_##right,
    OPERATION_LIST(OP)
#undef OP
};

typedef enum error (*invoke_function)(struct invocation *);
static const invoke_function invoke_table[OBJ_TYPE_COUNT] = {
    [OBJ_UNTYPED] = untyped_invoke,
    [OBJ_CNODE] = cnode_invoke,
    [OBJ_THREAD] = thread_invoke,
    [OBJ_SCHED_CONTEXT] = context_invoke,
    [OBJ_ADDRESS_SPACE] = space_invoke,
    [OBJ_PAGE_TABLE] = table_invoke,
    [OBJ_FRAME] = frame_invoke,
    [OBJ_REPLY] = reply_invoke,
    [OBJ_TIMER] = timer_invoke,
    [OBJ_IRQ_HANDLER] = irq_handler_invoke,
    [OBJ_IRQ_CONTROL] = irq_control_invoke,
    [OBJ_SCHED_CONTROL] = sched_control_invoke,
    [OBJ_DEBUG] = debug_invoke,
    [OBJ_RESET] = reset_invoke,
};

/* --- Decoding arguments --- */

enum error fail(struct invocation *inv, enum error error, unsigned n, uint64_t hint)
{
    inv->bad_arg = n;
    inv->hint = hint;
    return error;
}

enum error restart(struct invocation *inv)
{
    inv->restart = true;
    return ERR_OK;
}

struct slot *arg_cap(struct invocation *inv, unsigned n, enum object_type type, uint8_t rights, enum error *error)
{
    struct slot *slot = cspace_slot(inv->thread, inv->arg[n - 1]);

    if (!slot || slot_is_empty(slot))
        *error = fail(inv, ERR_NO_CAP, n, inv->arg[n - 1]);
    else if (slot->type != type)
        *error = fail(inv, ERR_WRONG_TYPE, n, slot->type);
    else if (rights & ~slot->rights)
        *error = fail(inv, ERR_NO_RIGHT, n, slot->rights);
    else
        return slot;
    return NULL;
}

static struct slot *arg_slot(struct invocation *inv, unsigned cnode, unsigned index, enum error *error)
{
    struct slot *holder = &inv->thread->slot[THREAD_CSPACE], *slot;

    if (inv->arg[cnode - 1])
        holder = arg_cap(inv, cnode, OBJ_CNODE, RIGHT_CONTROL, error);
    if (!holder)
        return NULL;
    slot = inv->arg[index - 1] ? cnode_slot(holder, inv->arg[index - 1]) : NULL;
    if (!slot)
        *error = fail(inv, ERR_BAD_ARG, index, 1ull << (holder->size_bits - SLOT_BITS));
    return slot;
}

struct slot *arg_empty_slot(struct invocation *inv, unsigned cnode, unsigned index, enum error *error)
{
    struct slot *slot = arg_slot(inv, cnode, index, error);

    if (!slot || slot_is_empty(slot))
        return slot;
    *error = fail(inv, ERR_SLOT_FULL, index, slot->type);
    return NULL;
}

struct slot *arg_full_slot(struct invocation *inv, unsigned cnode, unsigned index, enum error *error)
{
    struct slot *slot = arg_slot(inv, cnode, index, error);

    if (!slot || !slot_is_empty(slot))
        return slot;
    *error = fail(inv, ERR_NO_CAP, index, inv->arg[index - 1]);
    return NULL;
}

/* --- Invoking --- */

static enum error check_right(struct invocation *inv)
{
    unsigned n = inv->op - OP_FIRST(inv->slot->type);
    uint8_t right = n < MAX_OPERATIONS ? operation_right[inv->slot->type][n] : 0;

    if (!right)
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    if (!(inv->slot->rights & right))
        return fail(inv, ERR_NO_RIGHT, 0, inv->slot->rights);
    return ERR_OK;
}

static void finish(struct invocation *inv, enum error error)
{
    struct thread *thread = inv->thread;
    uint64_t cause[2] = {inv->bad_arg, inv->hint};

    if (inv->restart)
        thread->reg[REG_PC] -= 4;
    else if (error)
        thread_result(thread, 0, tag_make(error, 2, 0), cause, 2);
    else if (!inv->no_result)
        thread_result(thread, 0, tag_make(ERR_OK, inv->result_count, 0), inv->result,
                      inv->result_count < MSG_REGS ? inv->result_count : MSG_REGS);
}

static void invoke(struct thread *thread, struct slot *slot, uint64_t tag)
{
    struct invocation inv = {.thread = thread, .slot = slot, .op = tag_label(tag), .length = tag_length(tag)};
    enum error error;

    if (inv.length > MSG_MAX_WORDS) {
        finish(&inv, fail(&inv, ERR_TOO_LONG, 0, MSG_MAX_WORDS));
        return;
    }
    for (unsigned i = 0; i < MSG_REGS && i < inv.length; i++)
        inv.arg[i] = message_word(thread, i);
    error = check_right(&inv);
    if (!error)
        error = invoke_table[slot->type](&inv);
    finish(&inv, error);
}

/* --- System calls --- */

static void result(struct thread *thread, enum error error, uint64_t hint)
{
    uint64_t cause[2] = {0, hint};

    thread_result(thread, 0, tag_make(error, 2, 0), cause, 2);
}

static void sys_call(struct thread *thread, struct slot *slot, uint64_t tag)
{
    if (slot->type == OBJ_ENDPOINT)
        ipc_send(thread, slot, tag, true, true);
    else if (invoke_table[slot->type])
        invoke(thread, slot, tag);
    else
        result(thread, slot_is_empty(slot) ? ERR_NO_CAP : ERR_BAD_OP, slot->type);
}

static void sys_send(struct thread *thread, struct slot *slot, uint64_t tag, bool block)
{
    if (slot->type == OBJ_ENDPOINT) {
        ipc_send(thread, slot, tag, false, block);
    } else if (slot->type == OBJ_NOTIFICATION && slot->rights & RIGHT_SIGNAL) {
        result(thread, ERR_OK, 0);
        notification_signal(slot->object, slot->badge ? slot->badge : 1);
    } else if (slot->type == OBJ_REPLY && slot->rights & RIGHT_SEND) {
        reply_send(thread, slot->object, tag);
    } else if (slot->type == OBJ_NOTIFICATION || slot->type == OBJ_REPLY) {
        result(thread, ERR_NO_RIGHT, slot->rights);
    } else {
        result(thread, slot_is_empty(slot) ? ERR_NO_CAP : ERR_WRONG_TYPE, slot->type);
    }
}

static void sys_receive(struct thread *thread, struct slot *slot, bool block)
{
    if (slot->type == OBJ_ENDPOINT)
        ipc_receive(thread, slot, block);
    else
        result(thread, slot_is_empty(slot) ? ERR_NO_CAP : ERR_WRONG_TYPE, slot->type);
}

static void sys_wait(struct thread *thread, struct slot *slot, bool block)
{
    if (slot->type == OBJ_NOTIFICATION)
        notification_receive(thread, slot, block);
    else
        result(thread, slot_is_empty(slot) ? ERR_NO_CAP : ERR_WRONG_TYPE, slot->type);
}

static void sys_reply_receive(struct thread *thread, struct slot *slot, uint64_t tag)
{
    if (slot->type != OBJ_ENDPOINT) {
        result(thread, slot_is_empty(slot) ? ERR_NO_CAP : ERR_WRONG_TYPE, slot->type);
        return;
    }
    ipc_reply(thread, tag);
    ipc_receive(thread, slot, true);
}

/* Calls that take no capability; false when `number` is none of them. */
static bool sys_without_cap(struct thread *thread, uint64_t number, uint64_t tag)
{
    switch (number) {
    case SYS_YIELD:
        result(thread, ERR_OK, 0);
        sched_step_back(thread);
        return true;
    case SYS_REPLY:
        result(thread, ipc_reply(thread, tag) ? ERR_OK : ERR_NO_CALLER, 0);
        return true;
    default:
        return false;
    }
}

static void dispatch(struct thread *thread, uint64_t number, struct slot *slot, uint64_t tag)
{
    switch (number) {
    case SYS_CALL:
        return sys_call(thread, slot, tag);
    case SYS_SEND:
        return sys_send(thread, slot, tag, true);
    case SYS_TRY_SEND:
        return sys_send(thread, slot, tag, false);
    case SYS_RECV:
        return sys_receive(thread, slot, true);
    case SYS_TRY_RECV:
        return sys_receive(thread, slot, false);
    case SYS_REPLY_RECV:
        return sys_reply_receive(thread, slot, tag);
    case SYS_WAIT:
        return sys_wait(thread, slot, true);
    case SYS_TRY_WAIT:
        return sys_wait(thread, slot, false);
    default:
        return result(thread, ERR_BAD_OP, number);
    }
}

void kernel_syscall(struct thread *thread)
{
    uint64_t number = thread->reg[REG_A7], index = thread->reg[REG_A0], tag = thread->reg[REG_A0 + 1];
    struct slot *slot;

    if (thread->foreign) {
        kernel_fault(thread, FAULT_FOREIGN, 0, 0, 8);
        return;
    }
    thread->reg[REG_PC] += 4;
    if (sys_without_cap(thread, number, tag))
        return;
    slot = index ? cspace_slot(thread, index) : NULL;
    if (slot)
        dispatch(thread, number, slot, tag);
    else
        result(thread, ERR_NO_CAP, index);
}

void kernel_fault(struct thread *thread, uint32_t fault, uint64_t address, uint64_t access, uint64_t cause)
{
    struct address_space *space = thread->slot[THREAD_SPACE].object;

    if (fault == FAULT_PAGE && space && space_allows(space, address, access)) {
        arch_space_flush_page(space, address);
        return;
    }
    thread->fault_address = address;
    thread->fault_access = access;
    thread->fault_cause = cause;
    ipc_fault(thread, fault);
}
