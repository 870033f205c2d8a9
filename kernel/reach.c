/* SPDX-License-Identifier: MIT */
/* Which locks messages, signals and faults need: see reach.h. */
#include "reach.h"

#include "invoke.h"
#include "irq.h"
#include "lock.h"
#include "syscall.h"

#define ATTEMPTS 3 /* homes may move while a lock is waited for: whoever is unlucky so often takes all */

/* Takes what is missing; false: nothing was. */
static bool lock_missing(reach_of *ask, void *event, unsigned attempt)
{
    struct hart *self = hart_self();
    struct reach reach = {self, self->partner, self};

    if (has_all_locks() || ask(&reach, event))
        return false;
    if (reach.missing && attempt < ATTEMPTS)
        lock_pair(reach.missing);
    else
        lock_all();
    return true;
}

void lock_for(reach_of *ask, void *event)
{
    for (unsigned attempt = 0; lock_missing(ask, event, attempt); attempt++)
        continue;
}

bool lock_for_thread(reach_of *ask, struct thread *thread)
{
    for (unsigned attempt = 0; lock_missing(ask, thread, attempt); attempt++)
        if (hart_self()->current != thread)
            return false;
    return true;
}

bool reach_all(struct reach *reach)
{
    reach->missing = NULL;
    return false;
}

bool reach_hart(struct reach *reach, struct hart *hart)
{
    if (hart == reach->self || (hart && hart == reach->partner))
        return true;
    if (reach->partner)
        return reach_all(reach);
    reach->missing = hart;
    return false;
}

/* It is made ready, if it has something to run on. */
static bool reach_waiter(struct reach *reach, const struct thread *thread)
{
    return !thread->context || reach_hart(reach, thread_home(thread));
}

/* The current thread's message; whoever receives it may be lent what the current thread runs on. */
static bool reach_send(struct reach *reach, const struct endpoint *endpoint)
{
    if (!reach_hart(reach, endpoint->home))
        return false;
    return !endpoint->receivers.head || reach_waiter(reach, endpoint->receivers.head);
}

bool reach_signal(struct reach *reach, void *event)
{
    const struct notification *notification = event;
    const struct thread *bound;

    if (!reach_hart(reach, notification->home))
        return false;
    if (notification->queue.head)
        return reach_waiter(reach, notification->queue.head);
    bound = notification->bound;
    if (!bound)
        return true;
    if (!reach_hart(reach, thread_home(bound)))
        return false;
    return bound->state != THREAD_BLOCKED_RECV ||
           reach_hart(reach, ((const struct endpoint *)bound->blocked_on)->home);
}

/* The first who waits to send: a caller goes on waiting, and lends what it runs on to who has nothing. */
static bool reach_sender(struct reach *reach, const struct thread *thread, const struct thread *sender)
{
    bool own_time = thread->context && thread->context->owner == thread;

    if (tag_caps(sender->send_tag))
        return reach_all(reach);
    return (sender->calling && own_time) || reach_hart(reach, thread_home(sender));
}

static bool reach_receive(struct reach *reach, const struct thread *thread, const struct endpoint *endpoint)
{
    if (thread->bound && !reach_hart(reach, thread->bound->home))
        return false;
    if (!reach_hart(reach, endpoint->home))
        return false;
    return !endpoint->senders.head || reach_sender(reach, thread, endpoint->senders.head);
}

/* The answer to the current caller. What it lent comes back; others may have got it since. */
static bool reach_reply(struct reach *reach, const struct thread *thread, uint64_t tag)
{
    const struct thread *caller = thread->caller;
    const struct sched_context *context;

    if (!caller)
        return true;
    if (tag_caps(tag))
        return reach_all(reach);
    if (!reach_hart(reach, thread_home(caller)))
        return false;
    if (caller->fault_waits && tag_label(tag))
        return reach_all(reach);
    context = caller->context;
    return context->thread == caller ||
           (context->thread == thread && !context->parked && thread->depth == caller->depth + 1) ||
           reach_all(reach);
}

static bool reach_wait(struct reach *reach, const struct thread *thread,
                       const struct notification *notification)
{
    if (!reach_hart(reach, notification->home))
        return false;
    return !notification->bound || notification->bound == thread ||
           reach_hart(reach, thread_home(notification->bound));
}

bool reach_fault(struct reach *reach, void *event)
{
    const struct thread *thread = event;
    const struct slot *slot = &thread->slot[THREAD_FAULT];

    if (slot_is_empty(slot) || thread->depth >= DEPTH_FAULT_LIMIT)
        return reach_all(reach); /* whoever waits for its answer is woken, and the log says so */
    return reach_send(reach, slot->object);
}

static bool reach_timer(struct reach *reach, const struct timer *timer, const struct slot *to)
{
    if (!reach_hart(reach, timer->home) ||
        (timer->notification && !reach_hart(reach, timer->notification->home)))
        return false;
    return !to || slot_type(to) != OBJ_NOTIFICATION ||
           reach_hart(reach, ((const struct notification *)to->object)->home);
}

/* Operations on kernel objects that do with less than all locks. The arguments are not checked yet. */
static bool reach_operation(struct reach *reach, const struct thread *by, struct slot *cap)
{
    uint64_t op = tag_label(by->reg[REG_A0 + 1]), type = arg(by, 1);
    struct address_space *space = cap->space;

    if (op / OP_FIRST(1) != slot_type(cap))
        return true;
    switch (op) {
    case OP_UNTYPED_RETYPE: /* the fast lanes look at capabilities to other objects than memory */
        return ((type == OBJ_FRAME || type == OBJ_PAGE_TABLE || type == OBJ_UNTYPED) && !reap_is_due()) ||
               reach_all(reach);
    case OP_FRAME_MAP: /* lanes of harts that may have old instructions, or translations, are closed */
        return !(arg(by, 3) & RIGHT_EXEC) || reach_all(reach);
    case OP_FRAME_UNMAP: return !space || !arch_space_elsewhere(space) || reach_all(reach);
    case OP_FRAME_CLEAR: return true;
    case OP_TIMER_CANCEL: return reach_timer(reach, cap->object, NULL);
    case OP_TIMER_SET: return reach_timer(reach, cap->object, cspace_slot(by, arg(by, 1)));
    case OP_IRQ_HANDLER_ACK: return reach_hart(reach, irq_lines[cap->number].hart);
    default: return reach_all(reach);
    }
}

bool lane_object(struct thread *thread, struct slot *cap)
{
    struct reach reach = {hart_self(), NULL, NULL};

    if (!reach_operation(&reach, thread, cap))
        return false;
    kernel_invoke(thread, cap);
    return true;
}

/* What is wrong with the call touches nobody but the thread. */
static bool reach_by_cap(struct reach *reach, struct thread *thread, uint64_t number, struct slot *slot,
                         uint64_t tag)
{
    switch (number << 8 | slot->type) {
    case SYS_CALL << 8 | OBJ_ENDPOINT:
    case SYS_SEND << 8 | OBJ_ENDPOINT:
    case SYS_TRY_SEND << 8 | OBJ_ENDPOINT:
        return tag_caps(tag) ? reach_all(reach) : reach_send(reach, slot->object);
    case SYS_SEND << 8 | OBJ_NOTIFICATION:
    case SYS_TRY_SEND << 8 | OBJ_NOTIFICATION: return reach_signal(reach, slot->object);
    case SYS_REPLY_RECV << 8 | OBJ_ENDPOINT:
        return reach_reply(reach, thread, tag) && reach_receive(reach, thread, slot->object);
    case SYS_RECV << 8 | OBJ_ENDPOINT:
    case SYS_TRY_RECV << 8 | OBJ_ENDPOINT: /* a caller that is not answered is woken */
        return thread->caller ? reach_all(reach) : reach_receive(reach, thread, slot->object);
    case SYS_WAIT << 8 | OBJ_NOTIFICATION:
    case SYS_TRY_WAIT << 8 | OBJ_NOTIFICATION: return reach_wait(reach, thread, slot->object);
    case SYS_SEND << 8 | OBJ_REPLY:
    case SYS_TRY_SEND << 8 | OBJ_REPLY: return reach_all(reach);
    default: return number != SYS_CALL || reach_operation(reach, thread, slot);
    }
}

bool reach_syscall(struct reach *reach, void *event)
{
    struct thread *thread = event;
    uint64_t number = thread->reg[REG_A7], tag = thread->reg[REG_A0 + 1];
    struct slot *slot = cspace_slot(thread, thread->reg[REG_A0]);

    if (thread->foreign)
        return reach_fault(reach, thread);
    if (number == SYS_YIELD)
        return true;
    if (number == SYS_REPLY)
        return reach_reply(reach, thread, tag);
    return !slot || number > SYS_TRY_WAIT || reach_by_cap(reach, thread, number, slot, tag);
}
