/* SPDX-License-Identifier: MIT */
/* Scheduling contexts: whom they are bound to, how they go along with calls and come back, and deadlines. */
#include "context.h"

#include "invoke.h"
#include "lock.h"
#include "sched.h"
#include "timer.h"

bool lanes_off;

static bool has_deadline(const struct thread *thread)
{
    return thread->context && thread->context->owner == thread && thread->context->deadline;
}

void deadline_begin(struct thread *thread)
{
    if (has_deadline(thread))
        thread->context->woken_at = arch_time() + 1;
}

void deadline_end(struct thread *thread)
{
    struct sched_context *context = thread->context;
    uint64_t latency;

    if (!has_deadline(thread) || !context->woken_at)
        return;
    latency = arch_time() + 1 - context->woken_at;
    context->woken_at = 0;
    context->handled++;
    context->total_latency += latency;
    if (latency > context->worst_latency)
        context->worst_latency = latency < UINT32_MAX ? latency : UINT32_MAX;
    if (latency > context->deadline)
        context->missed++;
}

void thread_lane_update(struct thread *thread)
{
    const struct slot *cspace = &thread->slot[THREAD_CSPACE];
    bool closed = lanes_off || slot_is_empty(cspace) || has_deadline(thread) || thread->foreign ||
                  (thread->bound && thread->bound->bits);

    thread->lane_slots = closed ? 0 : 1ull << (cspace->size_bits - SLOT_BITS);
}

/* --- Binding --- */

/* A thread that is about to move to another hart is no longer for the fast lanes of the old one. */
static void leave_lane(struct thread *thread)
{
    if (is_running(thread))
        return; /* where it waits next goes by what it is then */
    thread->lane = thread->hart = NULL;
    if (thread->state == THREAD_BLOCKED_RECV)
        ((struct endpoint *)thread->blocked_on)->lane = NULL;
    else if (thread->state == THREAD_BLOCKED_WAIT)
        ((struct notification *)thread->blocked_on)->lane = NULL;
}

void context_replenish(struct sched_context *context)
{
    context->remaining = context->budget;
    context->period_start = arch_time();
    if (context->thread)
        sched_ready(context->thread);
}

void context_configure(struct sched_context *context, uint32_t hart, uint64_t budget, uint64_t period)
{
    struct thread *thread = context->thread, *fp_owner;

    if (thread) {
        hart_evict(thread);
        sched_remove(thread);
        leave_lane(thread);
    }
    fp_owner = harts[context->hart].fp_owner;
    if (context->owner)
        leave_lane(context->owner);
    if (fp_owner && fp_owner->context == context)
        hart_save_fp(fp_owner);
    time_queue_remove(&context->node);
    context->hart = hart;
    context->budget = budget;
    context->period = period;
    context_replenish(context);
}

void context_bind(struct sched_context *context, struct thread *thread)
{
    if (thread->hart != &harts[context->hart] || context->deadline)
        leave_lane(thread);
    context->owner = context->thread = thread;
    context->woken_at = 0;
    thread->context = context;
    thread->depth = DEPTH_OWNER;
    thread_lane_update(thread);
    sched_ready(thread);
}

/* Takes the context off the threads from the last called up to the one at `depth`, which keeps it. */
static void strip(struct sched_context *context, struct thread *last, int depth)
{
    for (struct thread *at = last; at && at->context == context && at->depth > depth; at = at->caller) {
        hart_save_fp(at);
        at->context = NULL;
    }
}

/* Takes the context off all that were called from `depth` on. A chain of calls is in pieces where a reply
 * object took a caller's place: what runs on the context is the end of one, each parked thread that of
 * another. */
static void strip_all(struct sched_context *context, int depth)
{
    struct thread **link = &context->parked;

    strip(context, context->thread, depth);
    while (*link) {
        struct thread *parked = *link;

        strip(context, parked, depth);
        if (parked->context && parked->depth < depth)
            link = &parked->next;
        else
            *link = parked->next;
    }
    context->thread = NULL;
}

void context_unbind(struct sched_context *context)
{
    /* The current thread may have lost it in this very system call. */
    if (hart_self()->context == context)
        sched_charge(hart_self());
    if (context->thread) {
        hart_evict(context->thread);
        sched_remove(context->thread);
    }
    strip_all(context, INT8_MIN);
    if (context->owner)
        thread_lane_update(context->owner);
    context->owner = NULL;
}

void context_destroy(struct sched_context *context)
{
    context_unbind(context);
    time_queue_remove(&context->node);
}

/* --- Lending --- */

void context_lend(struct thread *from, struct thread *to)
{
    struct sched_context *context = from->context;

    if (to->context || !context || from->depth >= DEPTH_FAULT_LIMIT)
        return;
    sched_remove(from);
    to->context = context;
    to->depth = from->depth + 1;
    context->thread = to;
}

void context_park(struct thread *caller)
{
    struct sched_context *context = caller->context;

    if (!context || context->thread == caller)
        return;
    caller->next = context->parked;
    context->parked = caller;
}

void context_recall(struct thread *from)
{
    struct sched_context *context = from->context;

    if (!context || context->thread == from)
        return;
    /* Whoever runs on it here has just answered, and is charged when the next thread is chosen. */
    if (context->thread && context->thread != hart_self()->current) {
        hart_evict(context->thread);
        sched_remove(context->thread);
    }
    strip_all(context, from->depth);
    context->thread = from;
}

void context_release(struct thread *thread)
{
    struct sched_context *context = thread->context;

    if (!context || context->owner == thread || context->thread != thread)
        return;
    hart_save_fp(thread);
    thread->context = NULL;
    context->thread = NULL;
}

/* --- Operations --- */

OPERATION(SCHED_CONTEXT_INFO)
{
    const struct sched_context *context = cap->object;

    return ANSWER(by, context->hart, context->budget, context->period, context->consumed);
}

OPERATION(SCHED_CONTEXT_SET_DEADLINE)
{
    struct sched_context *context = cap->object;

    if (arg(by, 1) >> 62)
        return fail(by, ERR_BAD_ARG, 1, 1ull << 62);
    context->deadline = arg(by, 1);
    context->handled = context->missed = context->worst_latency = 0;
    context->total_latency = context->woken_at = 0;
    if (context->owner) {
        leave_lane(context->owner);
        thread_lane_update(context->owner);
    }
    return 0;
}

OPERATION(SCHED_CONTEXT_DEADLINE_INFO)
{
    const struct sched_context *context = cap->object;

    return ANSWER(by, context->deadline, context->handled, context->missed, context->total_latency,
                  context->worst_latency);
}

/* A budget so small that a thread could not leave the kernel with any of it left would stop the hart. */
static uint64_t minimum_budget(void)
{
    return arch_timebase / 100000 + 1;
}

OPERATION(SCHED_CONTROL_CONFIGURE)
{
    uint64_t budget = arg(by, 2), period = arg(by, 3);
    int error;
    struct slot *context = arg_cap(by, 1, OBJ_SCHED_CONTEXT, RIGHT_CONTROL, &error);

    if (!context)
        return error;
    if (budget < minimum_budget())
        return fail(by, ERR_BAD_ARG, 2, minimum_budget());
    if (period < budget || period > 1ull << 62)
        return fail(by, ERR_BAD_ARG, 3, budget);
    context_configure(context->object, cap->number, budget, period);
    return 0;
}
