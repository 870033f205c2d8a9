/* SPDX-License-Identifier: MIT */
/* Thread objects: their life, and the operations on them. */
#include "aspace.h"
#include "invoke.h"

#include <string.h>

/* A thread that is suspended while it waits in a queue goes back before its system call; pc is that of the ecall. */
static void leave_queue(struct thread *thread)
{
    struct thread_queue *queue = thread->state == THREAD_BLOCKED_WAIT
                                     ? &((struct notification *)thread->blocked_on)->queue
                                     : &((struct endpoint *)thread->blocked_on)->queue;

    queue_remove(queue, thread);
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
        break;
    case THREAD_BLOCKED_SEND:
    case THREAD_BLOCKED_RECV:
    case THREAD_BLOCKED_WAIT:
        leave_queue(thread);
        break;
    case THREAD_BLOCKED_REPLY:
        context_recall(thread);
        leave_callee(thread);
        if (!thread->fault_waits)
            thread_result(thread, 0, tag_make(ERR_CANCELLED, 0, 0), NULL, 0);
        thread->fault_waits = false;
        break;
    default:
        break;
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

    if (slot == &thread->slot[THREAD_SPACE])
        thread_suspend(thread);
}

static void unbind_notification(struct thread *thread)
{
    if (thread->bound)
        thread->bound->bound = NULL;
    thread->bound = NULL;
}

bool thread_destroy(struct thread *thread)
{
    thread_suspend(thread);
    if (thread->caller) {
        struct thread *caller = thread->caller;

        thread_wake_error(caller, ERR_PEER_GONE);
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

/* Looks up argument `n`, where 0 means none; false after fail(). */
static bool arg_cap_or_none(struct invocation *inv, unsigned n, enum object_type type, uint8_t rights,
                            struct slot **slot, enum error *error)
{
    *slot = NULL;
    if (inv->arg[n - 1] == 0)
        return true;
    *slot = arg_cap(inv, n, type, rights, error);
    return *slot != NULL;
}

static bool is_stopped(const struct thread *thread)
{
    return thread->state == THREAD_INACTIVE || thread->state == THREAD_FAULTED;
}

static enum error thread_configure(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;
    struct slot *from[THREAD_SLOTS];
    enum error error;

    if (!is_stopped(thread))
        return fail(inv, ERR_IN_USE, 0, thread->state);
    if (!arg_cap_or_none(inv, 1, OBJ_CNODE, RIGHT_CONTROL, &from[THREAD_CSPACE], &error) ||
        !arg_cap_or_none(inv, 2, OBJ_ADDRESS_SPACE, RIGHT_CONTROL, &from[THREAD_SPACE], &error) ||
        !arg_cap_or_none(inv, 3, OBJ_FRAME, RIGHT_READ | RIGHT_WRITE, &from[THREAD_MSG], &error) ||
        !arg_cap_or_none(inv, 4, OBJ_ENDPOINT, RIGHT_SEND, &from[THREAD_FAULT], &error))
        return error;
    if (from[THREAD_MSG] && from[THREAD_MSG]->flags & SLOT_DEVICE)
        return fail(inv, ERR_WRONG_TYPE, 3, 0);

    for (unsigned i = 0; i < THREAD_SLOTS; i++)
        if (!slot_delete(&thread->slot[i]))
            return restart(inv);
    for (unsigned i = 0; i < THREAD_SLOTS; i++) {
        thread->slot[i].flags = SLOT_IN_THREAD;
        if (from[i])
            slot_copy(from[i], &thread->slot[i], RIGHTS_ALL);
    }
    return ERR_OK;
}

static enum error thread_bind_context(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;
    struct sched_context *context, *own = thread->context ? thread->context : thread->lent;
    struct slot *slot;
    enum error error;

    if (!arg_cap_or_none(inv, 1, OBJ_SCHED_CONTEXT, RIGHT_CONTROL, &slot, &error))
        return error;
    if (!slot) {
        if (own && own->owner == thread)
            context_unbind(own);
        return ERR_OK;
    }
    context = slot->object;
    if (context->owner)
        return fail(inv, ERR_IN_USE, 1, 0);
    if (own)
        return fail(inv, ERR_IN_USE, 0, 0);
    if (!context->budget)
        return fail(inv, ERR_NOT_CONFIGURED, 1, 0);
    context_bind(context, thread);
    return ERR_OK;
}

static enum error thread_set_priority(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;
    uint64_t ceiling = inv->thread->ceiling;

    if (inv->arg[0] > ceiling)
        return fail(inv, ERR_BAD_ARG, 1, ceiling);
    if (inv->arg[1] > ceiling)
        return fail(inv, ERR_BAD_ARG, 2, ceiling);
    thread->ceiling = inv->arg[1];
    sched_set_priority(thread, inv->arg[0]);
    return ERR_OK;
}

/* Whether the thread could run if it were ready. */
static enum error check_startable(struct invocation *inv, const struct thread *thread)
{
    if (!is_stopped(thread))
        return fail(inv, ERR_IN_USE, 0, thread->state);
    if (slot_is_empty(&thread->slot[THREAD_SPACE]))
        return fail(inv, ERR_NOT_CONFIGURED, 0, 0);
    return ERR_OK;
}

static enum error thread_start(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;
    enum error error = check_startable(inv, thread);

    if (error)
        return error;
    memset(thread->reg, 0, sizeof(thread->reg));
    memset(thread->fp, 0, sizeof(thread->fp));
    thread->fcsr = 0;
    thread->fp_used = false;
    thread->reg[REG_PC] = inv->arg[0];
    thread->reg[REG_SP] = inv->arg[1];
    thread->reg[REG_A0] = inv->arg[2];
    thread->reg[REG_A0 + 1] = inv->arg[3];
    thread->reg[REG_A0 + 2] = inv->arg[4];
    thread->reg[REG_TP] = inv->arg[5];
    thread_resume(thread);
    return ERR_OK;
}

static enum error thread_resume_op(struct invocation *inv)
{
    enum error error = check_startable(inv, inv->slot->object);

    if (!error)
        thread_resume(inv->slot->object);
    return error;
}

static enum error thread_suspend_op(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;

    /* Suspending oneself: the call is over before the thread stops. */
    if (thread == inv->thread) {
        thread_result(thread, 0, tag_make(ERR_OK, 0, 0), NULL, 0);
        inv->no_result = true;
    }
    thread_suspend(thread);
    return ERR_OK;
}

static enum error thread_read_registers(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;

    if (thread->state == THREAD_READY)
        return fail(inv, ERR_IN_USE, 0, thread->state);
    if (!thread_msg_page(inv->thread))
        return fail(inv, ERR_NOT_CONFIGURED, 0, 0);
    for (unsigned i = 0; i < MSG_REGS; i++)
        inv->result[i] = thread->reg[i];
    for (unsigned i = MSG_REGS; i < 32; i++)
        message_set_word(inv->thread, i, thread->reg[i]);
    inv->result_count = 32;
    return ERR_OK;
}

static enum error thread_write_registers(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;

    if (!is_stopped(thread))
        return fail(inv, ERR_IN_USE, 0, thread->state);
    if (inv->length < 32 || !thread_msg_page(inv->thread))
        return fail(inv, ERR_BAD_ARG, 1, 32);
    for (unsigned i = 0; i < 32; i++)
        thread->reg[i] = message_word(inv->thread, i);
    return ERR_OK;
}

static enum error thread_bind_notification(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;
    struct notification *notification;
    struct slot *slot;
    enum error error;

    if (!arg_cap_or_none(inv, 1, OBJ_NOTIFICATION, RIGHT_WAIT, &slot, &error))
        return error;
    notification = slot ? slot->object : NULL;
    if (notification && notification->bound && notification->bound != thread)
        return fail(inv, ERR_IN_USE, 1, 0);
    unbind_notification(thread);
    thread->bound = notification;
    if (notification) {
        notification->bound = thread;
        notification_signal(notification, 0); /* it may have bits that the thread, receiving already, would miss */
    }
    return ERR_OK;
}

static enum error thread_info(struct invocation *inv)
{
    const struct thread *thread = inv->slot->object;
    bool running = thread->hart && thread->hart->current == thread;
    bool throttled = thread->state == THREAD_READY && !(thread->context && thread->context->remaining);
    struct thread_info info = {
        .state = thread->state,
        .priority = thread->priority,
        .ceiling = thread->ceiling,
        .hart = thread->context ? thread->context->hart : ~0ull,
        .cpu_time = thread->cpu_time,
        .pc = thread->reg[REG_PC],
        .flags = (uint64_t)running | (uint64_t)throttled << 1 | (uint64_t)thread->foreign << 2,
        .switches = thread->switches,
    };

    memcpy(inv->result, &info, sizeof(info));
    inv->result_count = MSG_REGS;
    return ERR_OK;
}

static enum error thread_set_name(struct invocation *inv)
{
    struct thread *thread = inv->slot->object;

    memcpy(thread->name, inv->arg, sizeof(thread->name));
    thread->name[sizeof(thread->name) - 1] = 0;
    return ERR_OK;
}

enum error thread_invoke(struct invocation *inv)
{
    switch (inv->op) {
    case OP_THREAD_CONFIGURE:
        return thread_configure(inv);
    case OP_THREAD_BIND_CONTEXT:
        return thread_bind_context(inv);
    case OP_THREAD_SET_PRIORITY:
        return thread_set_priority(inv);
    case OP_THREAD_START:
        return thread_start(inv);
    case OP_THREAD_SUSPEND:
        return thread_suspend_op(inv);
    case OP_THREAD_RESUME:
        return thread_resume_op(inv);
    case OP_THREAD_READ_REGISTERS:
        return thread_read_registers(inv);
    case OP_THREAD_WRITE_REGISTERS:
        return thread_write_registers(inv);
    case OP_THREAD_BIND_NOTIFICATION:
        return thread_bind_notification(inv);
    case OP_THREAD_SET_FOREIGN:
        if (inv->arg[0] > 1)
            return fail(inv, ERR_BAD_ARG, 1, 1);
        ((struct thread *)inv->slot->object)->foreign = inv->arg[0];
        return ERR_OK;
    case OP_THREAD_SET_NAME:
        return thread_set_name(inv);
    case OP_THREAD_INFO:
        return thread_info(inv);
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}
