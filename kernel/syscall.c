/* SPDX-License-Identifier: MIT */
/* System calls: what each number does, and the way to an operation on a kernel object. */
#include "syscall.h"

#include "aspace.h"
#include "invoke.h"
#include "notification.h"
#include "sched.h"

#include <abi/fault.h>

#define MAX_METHODS 16
static const struct method {
    int (*perform)(struct thread *by, struct slot *cap);
    uint8_t right; /* that the capability must have */
} methods[OBJ_TYPE_COUNT][MAX_METHODS] = {
#define OP(type, n, name, right) [OBJ_##type][n] = {op_##type##_##name, RIGHT_##right},
    OPERATION_LIST(OP)
#undef OP
};

/* --- Decoding arguments --- */

int fail(struct thread *by, enum error error, unsigned n, uint64_t hint)
{
    const uint64_t cause[2] = {n, hint};

    thread_result(by, 0, tag_make(error, 2, 0), cause, 2);
    return OUTCOME_SILENT;
}

int fail_cap(struct thread *by, unsigned n, enum object_type type, const struct slot *slot)
{
    if (!slot || slot_is_empty(slot))
        return fail(by, ERR_NO_CAP, n, arg(by, n));
    if (slot->type != type)
        return fail(by, ERR_WRONG_TYPE, n, slot->type);
    return fail(by, ERR_NO_RIGHT, n, slot->rights);
}

static struct slot *arg_slot(struct thread *by, unsigned cnode, unsigned index, int *error)
{
    const struct slot *holder = arg_cnode(by, cnode, error);
    struct slot *slot;

    if (!holder)
        return NULL;
    slot = arg(by, index) ? cnode_slot(holder, arg(by, index)) : NULL;
    if (!slot)
        *error = fail(by, ERR_BAD_ARG, index, cnode_slots(holder));
    return slot;
}

struct slot *arg_empty_slot(struct thread *by, unsigned cnode, unsigned index, int *error)
{
    struct slot *slot = arg_slot(by, cnode, index, error);

    if (!slot || slot_is_empty(slot))
        return slot;
    *error = fail(by, ERR_SLOT_FULL, index, slot->type);
    return NULL;
}

struct slot *arg_full_slot(struct thread *by, unsigned cnode, unsigned index, int *error)
{
    struct slot *slot = arg_slot(by, cnode, index, error);

    if (!slot || !slot_is_empty(slot))
        return slot;
    *error = fail(by, ERR_NO_CAP, index, arg(by, index));
    return NULL;
}

/* --- Invoking --- */

int answer_words(struct thread *by, const uint64_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        message_set_word(by, i, words[i]);
    return count;
}

static int refuse(struct thread *by, struct slot *cap, uint64_t op) __attribute__((cold));
static int refuse(struct thread *by, struct slot *cap, uint64_t op)
{
    unsigned type = cap->type;
    uint64_t n = op - OP_FIRST(type);

    if (slot_is_empty(cap))
        return fail(by, ERR_NO_CAP, 0, 0);
    if (n >= MAX_METHODS || !methods[type][n].perform)
        return fail(by, ERR_BAD_OP, 0, op);
    return fail(by, ERR_NO_RIGHT, 0, cap->rights);
}

/* In the table an operation that does not exist needs no right at all, and what needs none is refused. */
static int perform(struct thread *by, struct slot *cap, uint64_t op)
{
    unsigned type = slot_type(cap);
    uint64_t n = op - OP_FIRST(type);

    if (request_length(by) > MSG_MAX_WORDS)
        return fail(by, ERR_TOO_LONG, 0, MSG_MAX_WORDS);
    if (n >= MAX_METHODS || !(methods[type][n].right & cap->rights))
        return refuse(by, cap, op);
    return methods[type][n].perform(by, cap);
}

/* The words of an answer are in their registers already; those beyond it keep what the thread had in them. */
void kernel_invoke(struct thread *thread, struct slot *slot)
{
    int outcome = perform(thread, slot, tag_label(thread->reg[REG_A0 + 1]));

    if (outcome >= 0) {
        thread->reg[REG_A0] = 0;
        thread->reg[REG_A0 + 1] = tag_make(ERR_OK, outcome, 0);
        thread_clear_rest(thread);
    } else if (outcome == OUTCOME_RESTART) {
        pause_over();
        thread->reg[REG_PC] -= 4;
    }
}

/* --- System calls --- */

static void result(struct thread *thread, enum error error, uint64_t hint)
{
    uint64_t cause[2] = {0, hint};

    thread_result(thread, 0, tag_make(error, error ? 2 : 0, 0), cause, 2);
}

static void sys_call(struct thread *thread, struct slot *slot, uint64_t tag)
{
    if (slot->type == OBJ_ENDPOINT)
        ipc_send(thread, slot, tag, true, true);
    else
        kernel_invoke(thread, slot);
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

static void sys_receive(struct thread *thread, struct slot *slot, enum object_type type, bool block)
{
    if (slot->type != type)
        result(thread, slot_is_empty(slot) ? ERR_NO_CAP : ERR_WRONG_TYPE, slot->type);
    else if (type == OBJ_ENDPOINT)
        ipc_receive(thread, slot, block);
    else
        notification_receive(thread, slot, block);
}

static void sys_reply_receive(struct thread *thread, struct slot *slot, uint64_t tag)
{
    /* A caller that was answered cannot be unanswered when the receiving then fails. */
    if (slot->type == OBJ_ENDPOINT && slot->rights & RIGHT_RECV)
        ipc_reply(thread, tag);
    sys_receive(thread, slot, OBJ_ENDPOINT, true);
}

/* Calls that take no capability; false when `number` is none of them. */
static bool sys_without_cap(struct thread *thread, uint64_t number, uint64_t tag)
{
    switch (number) {
    case SYS_YIELD:
        result(thread, ERR_OK, 0);
        sched_step_back(thread);
        return true;
    case SYS_REPLY: result(thread, ipc_reply(thread, tag) ? ERR_OK : ERR_NO_CALLER, 0); return true;
    default: return false;
    }
}

static void dispatch(struct thread *thread, uint64_t number, struct slot *slot, uint64_t tag)
{
    switch (number) {
    case SYS_SEND: return sys_send(thread, slot, tag, true);
    case SYS_TRY_SEND: return sys_send(thread, slot, tag, false);
    case SYS_RECV: return sys_receive(thread, slot, OBJ_ENDPOINT, true);
    case SYS_TRY_RECV: return sys_receive(thread, slot, OBJ_ENDPOINT, false);
    case SYS_REPLY_RECV: return sys_reply_receive(thread, slot, tag);
    case SYS_WAIT: return sys_receive(thread, slot, OBJ_NOTIFICATION, true);
    case SYS_TRY_WAIT: return sys_receive(thread, slot, OBJ_NOTIFICATION, false);
    default: return result(thread, ERR_BAD_OP, number);
    }
}

void kernel_syscall(struct thread *thread)
{
    uint64_t number = thread->reg[REG_A7], index = thread->reg[REG_A0], tag = thread->reg[REG_A0 + 1];
    struct slot *slot = cspace_slot(thread, index);

    if (thread->foreign) {
        kernel_fault(thread, FAULT_FOREIGN, 0, 0, 8);
        return;
    }
    thread->reg[REG_PC] += 4;
    if (number == SYS_CALL && slot)
        sys_call(thread, slot, tag);
    else if (sys_without_cap(thread, number, tag))
        return;
    else if (slot)
        dispatch(thread, number, slot, tag);
    else
        result(thread, ERR_NO_CAP, index);
}

void kernel_fault(struct thread *thread, uint32_t fault, uint64_t address, uint64_t access, uint64_t cause)
{
    struct address_space *space = thread->slot[THREAD_SPACE].object;

    if (fault == FAULT_PAGE && space && space_allows(space, address, access)) {
        arch_space_forget_page(address);
        return;
    }
    thread->fault_address = address;
    thread->fault_access = access;
    thread->fault_cause = cause;
    ipc_fault(thread, fault);
}
