/* SPDX-License-Identifier: MIT */
/* Thread objects: their life, and the operations on them. */
#include "thread.h"

#include "context.h"
#include "invoke.h"
#include "lock.h"
#include "notification.h"
#include "sched.h"

#include <base/granules.h>
#include <string.h>

/* A thread that is suspended while it waits in a queue goes back before its system call; pc is that of the
 * ecall. */
static void leave_queue(struct thread *thread)
{
    struct endpoint *endpoint = thread->blocked_on;
    struct notification *notification = thread->blocked_on;

    if (thread->state == THREAD_BLOCKED_WAIT) {
        queue_remove(&notification->queue, thread);
        thread->reg[REG_A7] = SYS_WAIT;
    } else if (thread->state == THREAD_BLOCKED_SEND) {
        queue_remove_ranked(&endpoint->senders, thread);
    } else {
        queue_remove(&endpoint->receivers, thread);
        thread->reg[REG_A7] = SYS_RECV; /* the answer that may have gone before it has been given */
    }
    thread->blocked_on = NULL;
    thread->calling = false;
    if (thread->fault_waits)
        thread->fault_waits = false;
    else
        thread->reg[REG_PC] -= 4;
}

/* Whoever was to answer forgets this caller. */
static void leave_callee(struct thread *thread)
{
    if (thread->blocked_on_reply)
        ((struct reply *)thread->blocked_on)->caller = NULL;
    else
        ((struct thread *)thread->blocked_on)->caller = NULL;
    thread->blocked_on = NULL;
    thread->blocked_on_reply = false;
}

void thread_suspend(struct thread *thread)
{
    hart_evict(thread);
    switch (thread->state) {
    case THREAD_READY:
        sched_remove(thread);
        thread_settle(thread);
        break;
    case THREAD_BLOCKED_SEND:
    case THREAD_BLOCKED_RECV:
    case THREAD_BLOCKED_WAIT: leave_queue(thread); break;
    case THREAD_BLOCKED_REPLY:
        context_recall(thread);
        leave_callee(thread);
        if (!thread->fault_waits)
            thread_result(thread, 0, tag_make(ERR_CANCELLED, 0, 0), NULL, 0);
        thread->fault_waits = false;
        break;
    default: break;
    }
    thread->state = THREAD_INACTIVE;
}

void thread_resume(struct thread *thread)
{
    thread->state = THREAD_READY;
    sched_ready(thread);
}

void thread_slot_lost(struct slot *slot)
{
    struct thread *thread = (struct thread *)((uint64_t)slot & ~((1ull << THREAD_BITS) - 1));

    thread_lane_update(thread);
    if (slot == &thread->slot[THREAD_SPACE])
        thread_suspend(thread);
}

static void unbind_notification(struct thread *thread)
{
    if (thread->bound)
        thread->bound->bound = NULL;
    thread->bound = NULL;
    thread_lane_update(thread);
}

/* Whatever hart holds the FP registers of a thread that does not run forgets whose they are. The next thread
 * that gets them there has all of them overwritten. */
static void drop_fp(struct thread *thread)
{
    if (thread->fp_hart)
        thread->fp_hart->fp_owner = NULL;
    thread->fp_hart = NULL;
}

bool thread_destroy(struct thread *thread)
{
    thread_suspend(thread);
    drop_fp(thread);
    if (thread->caller) {
        thread_wake_error(thread->caller, ERR_PEER_GONE);
        thread->caller = NULL;
    }
    unbind_notification(thread);
    if (thread->context) {
        struct sched_context *context = thread->context;

        if (context->owner == thread)
            context_unbind(context);
        else
            context->thread = NULL;
        thread->context = NULL;
    }
    for (unsigned i = 0; i < THREAD_SLOTS; i++)
        if (!slot_delete(&thread->slot[i]))
            return false;
    return true;
}

/* --- Operations --- */

static bool is_stopped(const struct thread *thread)
{
    return thread->state == THREAD_INACTIVE || thread->state == THREAD_FAULTED;
}

/* The scheduling context that argument `n` names, if it can be bound to the thread; NULL after fail(). */
static struct sched_context *unbound_context(struct thread *by, const struct thread *thread, unsigned n,
                                             int *error)
{
    const struct slot *slot = arg_cap(by, n, OBJ_SCHED_CONTEXT, RIGHT_CONTROL, error);
    struct sched_context *context;

    if (!slot)
        return NULL;
    context = slot->object;
    if (!context->owner && !thread->context && context->budget)
        return context;
    *error = context->owner    ? fail(by, ERR_IN_USE, n, 0)
             : thread->context ? fail(by, ERR_IN_USE, 0, 0)
                               : fail(by, ERR_NOT_CONFIGURED, n, 0);
    return NULL;
}

OPERATION(THREAD_CONFIGURE)
{
    static const struct {
        uint8_t type, rights;
    } wanted[THREAD_SLOTS] = {
        [THREAD_CSPACE] = {OBJ_CNODE, RIGHT_CONTROL},
        [THREAD_SPACE] = {OBJ_ADDRESS_SPACE, RIGHT_CONTROL},
        [THREAD_MSG] = {OBJ_FRAME, RIGHT_READ | RIGHT_WRITE},
        [THREAD_FAULT] = {OBJ_ENDPOINT, RIGHT_SEND},
    };
    struct thread *thread = cap->object;
    struct slot *from[THREAD_SLOTS] = {NULL};
    struct sched_context *context = NULL;
    uint64_t priorities = arg(by, 6), limit = by->ceiling;
    int error;

    if (!is_stopped(thread))
        return fail(by, ERR_IN_USE, 0, thread->state);
#pragma GCC unroll 4
    for (unsigned i = 0; i < THREAD_SLOTS; i++) {
        if (!arg(by, i + 1))
            continue;
        from[i] = arg_cap(by, i + 1, wanted[i].type, wanted[i].rights, &error);
        if (!from[i])
            return error;
    }
    if (from[THREAD_MSG] && from[THREAD_MSG]->flags & SLOT_DEVICE)
        return fail(by, ERR_WRONG_TYPE, 3, 0);
    if (arg(by, 5) && !(context = unbound_context(by, thread, 5, &error)))
        return error;
    if ((uint8_t)priorities > limit || priorities >> 8 > limit)
        return fail(by, ERR_BAD_ARG, 6, limit);

#pragma GCC unroll 4
    for (unsigned i = 0; i < THREAD_SLOTS; i++)
        if (!slot_is_empty(&thread->slot[i]) && !slot_delete(&thread->slot[i]))
            return OUTCOME_RESTART;
#pragma GCC unroll 4
    for (unsigned i = 0; i < THREAD_SLOTS; i++) {
        thread->slot[i].flags = SLOT_IN_THREAD;
        if (from[i])
            slot_copy(from[i], &thread->slot[i], RIGHTS_ALL);
    }
    thread->lane = NULL; /* until it has run in its address space */
    thread->asid_round = 0;
    if (request_length(by) >= 6) {
        thread->priority = priorities;
        thread_level_update(thread);
        thread->ceiling = priorities >> 8;
    }
    if (context)
        context_bind(context, thread);
    else
        thread_lane_update(thread);
    return 0;
}

static int unbind_context(struct thread *by, struct slot *cap, struct sched_context *own)
{
    if (own && own->owner != cap->object)
        return fail(by, ERR_IN_USE, 0, 0);
    if (own)
        context_unbind(own);
    return 0;
}

OPERATION(THREAD_BIND_CONTEXT)
{
    struct thread *thread = cap->object;
    struct sched_context *context;
    int error;

    if (!arg(by, 1))
        return unbind_context(by, cap, thread->context);
    context = unbound_context(by, thread, 1, &error);
    if (!context)
        return error;
    context_bind(context, thread);
    return 0;
}

OPERATION(THREAD_SET_PRIORITY)
{
    struct thread *thread = cap->object;
    uint64_t limit = by->ceiling, priority = arg(by, 1), ceiling = arg(by, 2);

    if (priority > limit)
        return fail(by, ERR_BAD_ARG, 1, limit);
    if (ceiling > limit)
        return fail(by, ERR_BAD_ARG, 2, limit);
    thread->ceiling = ceiling;
    sched_set_priority(thread, priority);
    return 0;
}

/* Whether the thread could run if it were ready. */
static int check_startable(struct thread *by, const struct thread *thread)
{
    if (!is_stopped(thread))
        return fail(by, ERR_IN_USE, 0, thread->state);
    if (slot_is_empty(&thread->slot[THREAD_SPACE]))
        return fail(by, ERR_NOT_CONFIGURED, 0, 0);
    return 0;
}

/* What is left of an earlier life. A thread that never used FP has zeros there. */
static void clear_registers(struct thread *thread)
{
    granules_clear(thread->reg, sizeof(thread->reg));
    drop_fp(thread);
    if (thread->fp_used) {
        granules_clear(thread->fp, sizeof(thread->fp));
        thread->fcsr = thread->fp_eager = 0;
        thread->fp_used = false;
        thread_level_update(thread);
    }
}

OPERATION(THREAD_START)
{
    struct thread *thread = cap->object;
    int error = check_startable(by, thread);

    if (error)
        return error;
    clear_registers(thread);
    thread->reg[REG_PC] = arg(by, 1);
    thread->reg[REG_SP] = arg(by, 2);
    thread->reg[REG_A0] = arg(by, 3);
    thread->reg[REG_A0 + 1] = arg(by, 4);
    thread->reg[REG_A0 + 2] = arg(by, 5);
    thread->reg[REG_TP] = arg(by, 6);
    thread_resume(thread);
    return 0;
}

OPERATION(THREAD_RESUME)
{
    int error = check_startable(by, cap->object);

    if (!error)
        thread_resume(cap->object);
    return error;
}

OPERATION(THREAD_SUSPEND)
{
    struct thread *thread = cap->object;
    bool self = thread == by;

    /* Suspending oneself: the call is over before the thread stops. */
    if (self)
        thread_result(thread, 0, tag_make(ERR_OK, 0, 0), NULL, 0);
    thread_suspend(thread);
    return self ? OUTCOME_SILENT : 0;
}

OPERATION(THREAD_READ_REGISTERS)
{
    struct thread *thread = cap->object;

    if (thread->state == THREAD_READY)
        return fail(by, ERR_IN_USE, 0, thread->state);
    if (!thread_msg_page(by))
        return fail(by, ERR_NOT_CONFIGURED, 0, 0);
    return answer_words(by, thread->reg, 32);
}

OPERATION(THREAD_WRITE_REGISTERS)
{
    struct thread *thread = cap->object;

    if (!is_stopped(thread))
        return fail(by, ERR_IN_USE, 0, thread->state);
    if (request_length(by) < 32 || !thread_msg_page(by))
        return fail(by, ERR_BAD_ARG, 1, 32);
    for (unsigned i = 0; i < 32; i++)
        thread->reg[i] = message_word(by, i);
    return 0;
}

OPERATION(THREAD_BIND_NOTIFICATION)
{
    struct thread *thread = cap->object;
    struct notification *notification;
    const struct slot *slot;
    int error;

    if (!arg(by, 1)) {
        unbind_notification(thread);
        return 0;
    }
    slot = arg_cap(by, 1, OBJ_NOTIFICATION, RIGHT_WAIT, &error);
    if (!slot)
        return error;
    notification = slot->object;
    if (notification->bound && notification->bound != thread)
        return fail(by, ERR_IN_USE, 1, 0);
    unbind_notification(thread);
    thread->bound = notification;
    notification->bound = thread;
    /* It may have bits that the thread, receiving already, would miss. */
    notification_signal(notification, 0);
    return 0;
}

OPERATION(THREAD_SET_FOREIGN)
{
    struct thread *thread = cap->object;

    if (arg(by, 1) > 1)
        return fail(by, ERR_BAD_ARG, 1, 1);
    if (!is_stopped(thread))
        return fail(by, ERR_IN_USE, 0, thread->state);
    thread->lane = NULL;
    thread->foreign = arg(by, 1);
    thread_lane_update(thread);
    return 0;
}

OPERATION(THREAD_SET_TIMEOUT_FAULT)
{
    if (arg(by, 1) > 1)
        return fail(by, ERR_BAD_ARG, 1, 1);
    ((struct thread *)cap->object)->timeout_fault = arg(by, 1);
    return 0;
}

OPERATION(THREAD_SET_NAME)
{
    struct thread *thread = cap->object;
    const uint64_t name[2] = {arg(by, 1), arg(by, 2)};

    memcpy(thread->name, name, sizeof(thread->name));
    thread->name[sizeof(thread->name) - 1] = 0;
    return 0;
}

/* The words of struct thread_info. */
OPERATION(THREAD_INFO)
{
    const struct thread *thread = cap->object;
    bool running = is_running(thread);
    bool throttled = thread->state == THREAD_READY && !(thread->context && thread->context->remaining);

    return ANSWER(by, thread->state, thread->priority, thread->ceiling,
                  thread->context ? thread->context->hart : ~0ull, thread->cpu_time, thread->reg[REG_PC],
                  (uint64_t)running | (uint64_t)throttled << 1 | (uint64_t)thread->foreign << 2,
                  thread->switches);
}
