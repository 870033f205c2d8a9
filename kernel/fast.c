/* SPDX-License-Identifier: MIT */
/*
 * The fast lane: a call to a receiver that waits, and an answer after which the server waits again, with no more than
 * eight words and no capabilities. Everything else, and everything unusual, is left to the general path of syscall.c
 * and ipc.c, which does the same with the same result; tests/host/kernel_fast_test.c compares the two.
 */
#include "kernel.h"

#include "ipc.h"

/* The capability that a0 names, if it is one to an endpoint with the right. */
static const struct slot *endpoint_slot(const struct thread *thread, uint8_t right)
{
    const struct slot *cspace = &thread->slot[THREAD_CSPACE], *slot;
    uint64_t index = thread->reg[REG_A0];

    if (!cspace->object || index >> (cspace->size_bits - SLOT_BITS))
        return NULL;
    slot = (const struct slot *)cspace->object + index;
    return slot->type == OBJ_ENDPOINT && slot->rights & right ? slot : NULL;
}

/* Whether a tag is of a message that is all in registers, with nothing in it that is not the user's to say. */
static bool is_short(uint64_t tag)
{
    return (uint32_t)tag <= MSG_REGS;
}

static void move_message(const struct thread *from, struct thread *to, uint64_t badge, uint64_t tag)
{
    uint32_t length = tag;

    to->reg[REG_A0] = badge;
    to->reg[REG_A0 + 1] = tag;
#pragma GCC unroll 8
    for (unsigned i = 0; i < MSG_REGS; i++)
        to->reg[word_register[i]] = i < length ? from->reg[word_register[i]] : 0;
    to->reg[REG_RA] = to->reg[REG_A7] = 0;
    to->reg[REG_T3] = to->reg[REG_T3 + 1] = to->reg[REG_T3 + 2] = to->reg[REG_T3 + 3] = 0;
}

static bool fast_call(struct thread *thread)
{
    const struct slot *slot = endpoint_slot(thread, RIGHT_SEND);
    uint64_t tag = thread->reg[REG_A0 + 1];
    struct endpoint *endpoint;
    struct thread *to;

    if (!slot || !is_short(tag))
        return false;
    endpoint = slot->object;
    to = endpoint->queue.head;
    if (!to || !endpoint->receivers || thread->context->depth >= CONTEXT_MAX_DEPTH)
        return false;

    queue_remove(&endpoint->queue, to);
    to->blocked_on = NULL;
    to->state = THREAD_READY;
    to->caller = thread;
    move_message(thread, to, slot->badge, tag);
    thread->reg[REG_PC] += 4;
    thread->state = THREAD_BLOCKED_REPLY;
    thread->blocked_on = to;
    if (!to->context)
        context_lend(thread, to);
    sched_direct(thread, to);
    return true;
}

/* A context that came with the call goes back the way it came. */
static void return_context(struct thread *thread, struct thread *caller)
{
    struct sched_context *context = caller->lent;

    thread->context = NULL;
    context->lender = caller->lender;
    caller->lent = NULL;
    caller->lender = NULL;
    caller->context = context;
    context->thread = caller;
    context->depth--;
}

static bool fast_reply_receive(struct thread *thread)
{
    const struct slot *slot = endpoint_slot(thread, RIGHT_RECV);
    uint64_t tag = thread->reg[REG_A0 + 1];
    struct thread *caller = thread->caller;
    struct endpoint *endpoint;

    if (!slot || !is_short(tag) || !caller || caller->fault_waits)
        return false;
    endpoint = slot->object;
    if (endpoint->queue.head && !endpoint->receivers)
        return false;
    if (thread->bound && thread->bound->bits)
        return false;
    if (caller->lent ? caller->lent != thread->context : thread->context->owner != thread)
        return false;

    if (caller->lent)
        return_context(thread, caller);
    move_message(thread, caller, 0, tag);
    caller->blocked_on = NULL;
    caller->state = THREAD_READY;
    thread->caller = NULL;
    thread->reg[REG_PC] += 4;
    thread->state = THREAD_BLOCKED_RECV;
    thread->blocked_on = endpoint;
    endpoint->receivers = true;
    queue_append(&endpoint->queue, thread);
    sched_direct(thread, caller);
    return true;
}

bool kernel_fast(struct thread *thread)
{
    uint64_t number = thread->reg[REG_A7];

    if (thread->foreign)
        return false;
    if (number == SYS_CALL)
        return fast_call(thread);
    return number == SYS_REPLY_RECV && fast_reply_receive(thread);
}
