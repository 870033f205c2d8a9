/* SPDX-License-Identifier: MIT */
/*
 * Which thread runs: 256 priorities, a bitmap of ready queues per hart, round robin by budget within a
 * priority.
 *
 * A ready queue holds the threads that are THREAD_READY, have a scheduling context with budget left, and do
 * not run at this moment. A context whose budget is used up before its period is over waits in its hart's
 * time queue; the thread on it stays THREAD_READY but is in no queue until then.
 */
#include "sched.h"

#include "cap.h"
#include "ipc.h"
#include "lock.h"
#include "reach.h"
#include "syscall.h"
#include "timer.h"

#include <abi/fault.h>
#include <base/bits.h>

void queue_append(struct thread_queue *queue, struct thread *thread)
{
    struct thread *last = queue->head && queue->head->next ? queue->tail : queue->head;

    thread->next = NULL;
    thread->prev = last;
    queue->tail = thread;
    if (last)
        last->next = thread;
    else
        queue->head = thread;
}

void queue_prepend(struct thread_queue *queue, struct thread *thread)
{
    struct thread *second = queue->head;

    thread->next = second;
    queue->head = thread;
    if (!second)
        return;
    second->prev = thread;
    if (!second->next)
        queue->tail = second;
}

void queue_remove(struct thread_queue *queue, struct thread *thread)
{
    if (queue->head == thread)
        queue->head = thread->next;
    else
        thread->prev->next = thread->next;
    if (thread->next)
        thread->next->prev = thread->prev;
    else
        queue->tail = thread->prev;
}

/* The first and the last of each priority point to each other (`peer`), so that no more threads are passed
 * than there are priorities. */
void queue_rank(struct thread_queue *queue, struct thread *thread)
{
    struct thread *next = queue->head, *prev = NULL;

    while (next && next->priority >= thread->priority) {
        prev = next->peer;
        next = prev->next;
    }
    thread->peer = prev && prev->priority == thread->priority ? prev->peer : thread;
    thread->peer->peer = thread;
    thread->prev = prev;
    thread->next = next;
    *(prev ? &prev->next : &queue->head) = thread;
    *(next ? &next->prev : &queue->tail) = thread;
}

void queue_remove_ranked(struct thread_queue *queue, struct thread *thread)
{
    struct thread *prev = queue->head == thread ? NULL : thread->prev, *next = thread->next;
    bool first = !prev || prev->priority != thread->priority;
    bool last = !next || next->priority != thread->priority;

    if (first != last) {
        struct thread *heir = first ? next : prev;

        heir->peer = thread->peer;
        thread->peer->peer = heir;
    }
    queue_remove(queue, thread);
}

/* --- Lanes --- */

void lanes_close(struct hart *hart, enum lane_closed reason)
{
    hart->closed |= reason;
    set_ready_top(hart, hart->ready_top);
}

void lanes_open(struct hart *hart, enum lane_closed reason)
{
    hart->closed &= ~reason;
    set_ready_top(hart, hart->ready_top);
}

/* --- Ready queues: one per priority, and before them a place for one thread that was interrupted --- */

static int highest_ready(const struct hart *hart)
{
    for (int i = PRIORITIES / 64 - 1; i >= 0; i--)
        if (hart->ready_map[i])
            return i * 64 + highest_bit(hart->ready_map[i]);
    return -1;
}

static void queue_insert(struct hart *hart, struct thread *thread, bool first)
{
    struct thread_queue *queue = &hart->ready[thread->priority];

    if (first)
        queue_prepend(queue, thread);
    else
        queue_append(queue, thread);
    hart->ready_map[thread->priority / 64] |= 1ull << thread->priority % 64;
    if (thread->priority > hart->queue_top)
        hart->queue_top = thread->priority;
}

/* Puts a thread in front of all that are ready; who was there is the first in the queue of its priority. */
static void set_front(struct hart *hart, struct thread *thread)
{
    struct thread *other = hart->front;

    hart->front = thread;
    set_ready_top(hart, thread->priority);
    if (other)
        queue_insert(hart, other, true);
}

/* `first`: before its equals. Nobody who is ready goes before the thread in front, if there is one. */
static void ready_insert(struct thread *thread, bool first)
{
    struct hart *hart = &harts[thread->context->hart];
    bool runs_next = hart->front || !hart->current || thread->priority > hart->current->priority;

    thread->queued = true;
    /* Whoever is hart->front runs before all that are queued, so it must not be somebody who goes behind this
     * thread. */
    if (first ? thread->priority >= hart->ready_top
              : (runs_next || hart->front) && thread->priority > hart->ready_top)
        return set_front(hart, thread);
    queue_insert(hart, thread, first);
    if (thread->priority > hart->ready_top)
        set_ready_top(hart, thread->priority);
}

void sched_remove(struct thread *thread)
{
    struct hart *hart;

    if (!thread->queued)
        return;
    hart = &harts[thread->context->hart];
    thread->queued = false;
    if (hart->front == thread) {
        hart->front = NULL;
        set_ready_top(hart, hart->queue_top);
        return;
    }
    queue_remove(&hart->ready[thread->priority], thread);
    if (hart->ready[thread->priority].head)
        return;
    hart->ready_map[thread->priority / 64] &= ~(1ull << thread->priority % 64);
    if (thread->priority == hart->queue_top) {
        hart->queue_top = highest_ready(hart);
        set_ready_top(hart, hart->front ? hart->front->priority : hart->queue_top);
    }
}

static struct thread *ready_first(const struct hart *hart)
{
    if (hart->front)
        return hart->front;
    return hart->queue_top < 0 ? NULL : hart->ready[hart->queue_top].head;
}

static bool can_run(const struct thread *thread)
{
    const struct sched_context *context = thread->context;

    return thread->state == THREAD_READY && context && context->thread == thread && context->remaining;
}

/* Has the hart choose anew what it runs; another one that is idle does so whenever it wakes. */
static void hart_reschedule(struct hart *hart)
{
    if (hart == hart_self() || hart->current)
        hart->reschedule = true;
    if (hart != hart_self() && hart_call_due(hart))
        arch_send_ipi(hart);
}

/* A thread of that priority became ready on a hart: have it looked at if it should run at once. */
static void hart_notice(struct hart *hart, uint8_t priority)
{
    if (!hart->current || hart->current->priority < priority)
        hart_reschedule(hart);
}

static void make_ready(struct thread *thread, bool first)
{
    if (thread->queued || is_running(thread) || !can_run(thread))
        return;
    ready_insert(thread, first);
    hart_notice(&harts[thread->context->hart], thread->priority);
}

void sched_ready(struct thread *thread)
{
    make_ready(thread, false);
}

void sched_handoff(struct thread *thread)
{
    make_ready(thread, thread->context && thread->context->hart == hart_self()->index);
}

void sched_set_priority(struct thread *thread, uint8_t priority)
{
    struct endpoint *endpoint = thread->state == THREAD_BLOCKED_SEND ? thread->blocked_on : NULL;
    bool queued = thread->queued;

    sched_remove(thread);
    if (endpoint)
        queue_remove_ranked(&endpoint->senders, thread);
    thread->priority = priority;
    thread_level_update(thread);
    if (endpoint)
        queue_rank(&endpoint->senders, thread);
    else if (queued)
        sched_ready(thread);
    else if (is_running(thread))
        hart_reschedule(thread->hart);
}

/* --- Budgets --- */

/* The budget is used up: a new period may have begun already (the thread then goes behind its equals), else
 * the context waits for it. */
static void context_exhausted(struct sched_context *context, uint64_t now)
{
    uint64_t next = context->period_start + context->period;

    if (now >= next || context->budget == context->period) {
        context->remaining = context->budget;
        context->period_start = now;
    } else {
        context->node.kind = HEAP_CONTEXT;
        time_queue_insert(&harts[context->hart], &context->node, next);
    }
}

/* Returns whether the budget ran out. Whoever the context was lent to meanwhile may wait to run on it. */
static bool context_charge(struct sched_context *context, uint64_t spent, uint64_t now)
{
    context->consumed += spent;
    if (spent < context->remaining) {
        context->remaining -= spent;
        return false;
    }
    context->remaining = 0;
    if (!context->node.queued)
        context_exhausted(context, now);
    if (!context->remaining && context->thread)
        sched_remove(context->thread);
    return true;
}

/* Charges a hart's current thread, and what it runs on, for its time. Returns whether the budget ran out.
 * Calls along which a context goes read no clock: the whole time is put down to the last of the threads. */
static bool charge(struct hart *hart, uint64_t now)
{
    uint64_t spent = now - hart->slice_start;

    hart->slice_start = now;
    if (hart->current)
        hart->current->cpu_time += spent;
    return hart->context && context_charge(hart->context, spent, now);
}

void sched_charge(struct hart *hart)
{
    charge(hart, arch_time());
    hart->context = NULL;
}

/* A thread that starts on a context whose period is over begins a new one. A budget that is all of the period
 * is only a time slice: it is renewed behind the equals, when it is used up. */
static void context_begin(struct sched_context *context, uint64_t now)
{
    if (now - context->period_start < context->period)
        return;
    context->period_start = now;
    if (context->budget < context->period)
        context->remaining = context->budget;
}

/* --- Choosing --- */

void sched_step_back(struct thread *thread)
{
    struct hart *hart = thread->hart;

    if (hart->current == thread)
        hart->step_back = hart->reschedule = true;
}

/* Whether the current thread, which may have used its time slice up, is to go on. */
static bool goes_on(const struct hart *hart, const struct thread *thread, bool exhausted)
{
    return can_run(thread) && thread->context->hart == hart->index &&
           (hart->ready_top < thread->priority || (hart->ready_top == thread->priority && !exhausted));
}

static void hart_program_timer(struct hart *hart, uint64_t now)
{
    const struct heap_node *timer = granule_to(hart->heap), *context = granule_to(hart->throttled);
    uint64_t deadline = timer ? timer->deadline : ~0ull;

    if (deadline < hart->timer_rest)
        deadline = hart->timer_rest;
    if (context && context->deadline < deadline)
        deadline = context->deadline;
    if (hart->current && now + hart->current->context->remaining < deadline)
        deadline = now + hart->current->context->remaining;
    if (deadline >= hart->timer_deadline)
        return;
    hart->timer_deadline = deadline;
    arch_set_timer(deadline);
}

/* The thread that runs leaves the hart, and the first that is ready gets it. (The current one is queued last,
 * for then it is in front.) */
static void hart_switch(struct hart *hart, bool exhausted)
{
    struct thread *from = hart->current, *to = ready_first(hart);

    if (to)
        sched_remove(to);
    hart->current = to;
    if (from) {
        arch_fp_leave();
        if (from->state == THREAD_READY)
            make_ready(from, !exhausted && from->context && from->context->hart == hart->index);
    }
    if (!to)
        return;
    thread_settle(to);
    to->hart = hart;
    to->lane = to->foreign ? NULL : hart;
    to->switches++;
    hart->switches++;
    arch_fp_enter(to);
}

/* Whether the thread's budget is used up and somebody is there to be told. */
static bool timed_out(const struct thread *thread)
{
    const struct sched_context *context = thread->context;

    return thread->timeout_fault && thread->state == THREAD_READY && context && context->thread == thread &&
           !context->remaining && !slot_is_empty(&thread->slot[THREAD_FAULT]);
}

struct thread *schedule(void)
{
    struct hart *hart = hart_self();
    uint64_t now;
    bool exhausted;

    if (sched_stays(hart))
        return hart->current;
    now = arch_time();
    exhausted = charge(hart, now) || hart->step_back;
    hart->reschedule = hart->step_back = false;
    if (hart->current && timed_out(hart->current) && lock_for_thread(reach_fault, hart->current) &&
        timed_out(hart->current))
        kernel_fault(hart->current, FAULT_TIMEOUT, hart->current->context->consumed, 0, 0);
    if (!hart->current || !goes_on(hart, hart->current, exhausted))
        hart_switch(hart, exhausted);
    hart->context = hart->current ? hart->current->context : NULL;
    if (hart->context)
        context_begin(hart->context, now);
    arch_space_switch(hart->current);
    hart_program_timer(hart, now);
    return hart->current;
}
