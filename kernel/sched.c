/* SPDX-License-Identifier: MIT */
/*
 * Which thread runs: 256 priorities, a bitmap of ready queues per hart, round robin by budget within a priority.
 *
 * A ready queue holds the threads that are THREAD_READY, have a scheduling context with budget left, and do not run at
 * this moment. A context whose budget is used up before its period is over waits in its hart's time queue; the thread
 * on it stays THREAD_READY but is in no queue until then.
 */
#include "cap.h"
#include "invoke.h"
#include "kernel.h"

void queue_append(struct thread_queue *queue, struct thread *thread)
{
    thread->next = NULL;
    thread->prev = queue->tail;
    if (queue->tail)
        queue->tail->next = thread;
    else
        queue->head = thread;
    queue->tail = thread;
}

void queue_prepend(struct thread_queue *queue, struct thread *thread)
{
    thread->prev = NULL;
    thread->next = queue->head;
    if (queue->head)
        queue->head->prev = thread;
    else
        queue->tail = thread;
    queue->head = thread;
}

void queue_remove(struct thread_queue *queue, struct thread *thread)
{
    if (thread->prev)
        thread->prev->next = thread->next;
    else
        queue->head = thread->next;
    if (thread->next)
        thread->next->prev = thread->prev;
    else
        queue->tail = thread->prev;
    thread->next = thread->prev = NULL;
}

/* --- Ready queues --- */

static void ready_insert(struct thread *thread, bool first)
{
    struct hart *hart = &harts[thread->context->hart];

    if (first)
        queue_prepend(&hart->ready[thread->priority], thread);
    else
        queue_append(&hart->ready[thread->priority], thread);
    hart->ready_map[thread->priority / 64] |= 1ull << thread->priority % 64;
    thread->queued = true;
}

void sched_remove(struct thread *thread)
{
    struct hart *hart;

    if (!thread->queued)
        return;
    hart = &harts[thread->context->hart];
    queue_remove(&hart->ready[thread->priority], thread);
    if (!hart->ready[thread->priority].head)
        hart->ready_map[thread->priority / 64] &= ~(1ull << thread->priority % 64);
    thread->queued = false;
}

static bool is_running(const struct thread *thread)
{
    return thread->hart && thread->hart->current == thread;
}

static bool can_run(const struct thread *thread)
{
    return thread->state == THREAD_READY && thread->context && thread->context->remaining;
}

/* Has the hart choose anew what it runs. */
static void hart_reschedule(struct hart *hart)
{
    hart->reschedule = true;
    if (hart != hart_self())
        arch_send_ipi(hart);
}

/* A thread of that priority became ready on a hart: have it looked at if it should run at once. */
static void hart_notice(struct hart *hart, uint8_t priority)
{
    if (!hart->current || hart->current->priority < priority)
        hart_reschedule(hart);
}

void sched_ready(struct thread *thread)
{
    if (thread->queued || is_running(thread) || !can_run(thread))
        return;
    ready_insert(thread, false);
    hart_notice(&harts[thread->context->hart], thread->priority);
}

void sched_set_priority(struct thread *thread, uint8_t priority)
{
    bool queued = thread->queued;

    sched_remove(thread);
    thread->priority = priority;
    if (queued)
        sched_ready(thread);
    else if (is_running(thread))
        hart_reschedule(thread->hart);
}

/* Index of the highest set bit; value is not 0. (The base instruction set has none that counts zeros.) */
static unsigned highest_bit(uint64_t value)
{
    unsigned bit = 0;

    for (unsigned half = 32; half; half /= 2)
        if (value >> half) {
            value >>= half;
            bit += half;
        }
    return bit;
}

static struct thread *ready_first(const struct hart *hart)
{
    for (int i = PRIORITIES / 64 - 1; i >= 0; i--)
        if (hart->ready_map[i])
            return hart->ready[i * 64 + highest_bit(hart->ready_map[i])].head;
    return NULL;
}

/* --- Budgets --- */

void context_replenish(struct sched_context *context)
{
    context->remaining = context->budget;
    context->period_start = arch_time();
    if (context->thread)
        sched_ready(context->thread);
}

/* The budget is used up: a new period may have begun already (the thread then goes behind its equals), else the
 * context waits for it. */
static void context_exhausted(struct sched_context *context, uint64_t now)
{
    uint64_t next = context->period_start + context->period;

    if (now >= next || context->budget == context->period) {
        context->remaining = context->budget;
        context->period_start = now;
    } else {
        context->node.kind = HEAP_CONTEXT;
        heap_insert(&harts[context->hart], &context->node, next);
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

/* Charges a hart's current thread, and the context, for its time. Returns whether the budget ran out. */
static bool charge_for(struct hart *hart, struct sched_context *context, uint64_t now)
{
    uint64_t spent = now - hart->slice_start;

    hart->slice_start = now;
    if (hart->current)
        hart->current->cpu_time += spent;
    return context && context_charge(context, spent, now);
}

/* The context is what the thread runs on, or ran on until it lent it in this system call. */
static bool charge(struct hart *hart, uint64_t now)
{
    const struct thread *thread = hart->current;

    return charge_for(hart, !thread ? NULL : thread->context ? thread->context : thread->lent, now);
}

void sched_charge(struct hart *hart)
{
    charge(hart, arch_time());
}

/* A thread that starts on a context whose period is over begins a new one. */
static void context_begin(struct sched_context *context, uint64_t now)
{
    if (now - context->period_start < context->period)
        return;
    context->period_start = now;
    context->remaining = context->budget;
}

/* --- Scheduling contexts --- */

void context_configure(struct sched_context *context, uint32_t hart, uint64_t budget, uint64_t period)
{
    struct thread *thread = context->thread;

    if (thread) {
        hart_evict(thread);
        sched_remove(thread);
    }
    heap_remove(&context->node);
    context->hart = hart;
    context->budget = budget;
    context->period = period;
    context_replenish(context);
}

void context_bind(struct sched_context *context, struct thread *thread)
{
    context->owner = context->thread = thread;
    thread->context = context;
    sched_ready(thread);
}

/* Takes the context off whoever runs on it now. */
static void context_detach(struct sched_context *context)
{
    struct thread *thread = context->thread;

    if (!thread)
        return;
    hart_evict(thread);
    sched_remove(thread);
    thread->context = NULL;
    context->thread = NULL;
}

/* Takes the last lender off the chain of those that passed the context on. */
static struct thread *context_pop_lender(struct sched_context *context)
{
    struct thread *last = context->lender;

    context->lender = last->lender;
    context->depth--;
    last->lent = NULL;
    last->lender = NULL;
    return last;
}

void context_unbind(struct sched_context *context)
{
    while (context->lender)
        context_pop_lender(context);
    context_detach(context);
    context->owner = NULL;
}

void context_destroy(struct sched_context *context)
{
    context_unbind(context);
    heap_remove(&context->node);
}

void context_lend(struct thread *from, struct thread *to)
{
    struct sched_context *context = from->context;

    if (to->context || !context || context->depth >= CONTEXT_FAULT_DEPTH)
        return;
    sched_remove(from);
    from->lent = context;
    from->lender = context->lender;
    context->lender = from;
    from->context = NULL;
    to->context = context;
    context->thread = to;
    context->depth++;
}

/* Those who passed it on after `from` are no longer lenders. */
void context_recall(struct thread *from)
{
    struct sched_context *context = from->lent;

    if (!context)
        return;
    while (context_pop_lender(context) != from)
        ;
    context_detach(context);
    from->context = context;
    context->thread = from;
}

void context_release(struct thread *thread)
{
    struct sched_context *context = thread->context;

    if (!context || context->owner == thread || (thread->caller && thread->caller->lent == context))
        return;
    if (is_running(thread))
        sched_charge(thread->hart);
    thread->context = NULL;
    context->thread = NULL;
}

/* --- Choosing --- */

void sched_step_back(struct thread *thread)
{
    struct hart *hart = thread->hart;

    if (!can_run(thread) || hart->current != thread)
        return;
    charge(hart, arch_time());
    hart->current = NULL;
    arch_fp_leave(thread);
    sched_ready(thread);
}

/* Ends the turn of the current thread if something else must run. */
static void hart_put_current(struct hart *hart, bool exhausted)
{
    struct thread *thread = hart->current, *first = ready_first(hart);
    bool stays = can_run(thread) && thread->context->hart == hart->index;

    if (stays && (!first || first->priority < thread->priority ||
                  (first->priority == thread->priority && !exhausted)))
        return;
    arch_fp_leave(thread);
    hart->current = NULL;
    if (can_run(thread)) {
        ready_insert(thread, stays && !exhausted);
        if (!stays)
            hart_notice(&harts[thread->context->hart], thread->priority);
    }
}

static void hart_program_timer(struct hart *hart, uint64_t now)
{
    struct heap_node *first = heap_first(hart);
    uint64_t deadline = first ? first->deadline : ~0ull;

    if (hart->current && now + hart->current->context->remaining < deadline)
        deadline = now + hart->current->context->remaining;
    if (deadline >= hart->timer_deadline)
        return;
    hart->timer_deadline = deadline;
    arch_set_timer(deadline);
}

/* Whether a queued thread goes before one of that priority that becomes ready now. */
static bool ready_before(const struct hart *hart, unsigned priority)
{
    if (hart->ready_map[priority / 64] >> priority % 64)
        return true;
    for (unsigned i = priority / 64 + 1; i < PRIORITIES / 64; i++)
        if (hart->ready_map[i])
            return true;
    return false;
}

static void hart_use_space(struct hart *hart, struct address_space *space)
{
    if (space == hart->space)
        return;
    arch_space_switch(space);
    hart->space = space;
}

/* No clock is read when the context stays the same: a call to a server that has none of its own. */
void sched_direct(struct thread *from, struct thread *to)
{
    struct hart *hart = from->hart;

    if (hart->reschedule || hart->current != from || !can_run(to) || to->context->hart != hart->index ||
        ready_before(hart, to->priority)) {
        if (hart->current == from && !from->context)
            charge_for(hart, to->context, arch_time());
        sched_ready(to);
        return;
    }
    if (from->fp_used || to->fp_used) {
        arch_fp_leave(from);
        arch_fp_enter(to);
    }
    if (from->context) {
        uint64_t now = arch_time();

        charge(hart, now);
        context_begin(to->context, now);
        hart->current = to;
        hart_program_timer(hart, now);
    }
    hart->current = to;
    to->hart = hart;
    to->switches++;
    hart->switches++;
    hart_use_space(hart, to->slot[THREAD_SPACE].object);
}

static void hart_take_next(struct hart *hart, uint64_t now)
{
    struct thread *thread = ready_first(hart);

    if (!thread)
        return;
    sched_remove(thread);
    hart->current = thread;
    thread->hart = hart;
    thread->switches++;
    hart->switches++;
    context_begin(thread->context, now);
    arch_fp_enter(thread);
}

struct thread *schedule(void)
{
    struct hart *hart = hart_self();
    uint64_t now;
    bool exhausted;

    if (hart->current && !hart->reschedule && can_run(hart->current))
        return hart->current;
    now = arch_time();
    exhausted = charge(hart, now);
    hart->reschedule = false;
    if (hart->current)
        hart_put_current(hart, exhausted);
    if (!hart->current)
        hart_take_next(hart, now);
    hart_use_space(hart, hart->current ? hart->current->slot[THREAD_SPACE].object : NULL);
    hart_program_timer(hart, now);
    return hart->current;
}

/* --- Operations --- */

enum error context_invoke(struct invocation *inv)
{
    const struct sched_context *context = inv->slot->object;

    if (inv->op != OP_SCHED_CONTEXT_INFO)
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    inv->result[0] = context->hart;
    inv->result[1] = context->budget;
    inv->result[2] = context->period;
    inv->result[3] = context->consumed;
    inv->result_count = 4;
    return ERR_OK;
}

/* A budget so small that a thread could not leave the kernel with any of it left would stop the hart. */
static uint64_t minimum_budget(void)
{
    return arch_timebase / 100000 + 1;
}

enum error sched_control_invoke(struct invocation *inv)
{
    uint64_t budget = inv->arg[1], period = inv->arg[2];
    enum error error;
    struct slot *context;

    if (inv->op != OP_SCHED_CONTROL_CONFIGURE)
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    context = arg_cap(inv, 1, OBJ_SCHED_CONTEXT, RIGHT_CONTROL, &error);
    if (!context)
        return error;
    if (budget < minimum_budget())
        return fail(inv, ERR_BAD_ARG, 2, minimum_budget());
    if (period < budget || period > 1ull << 62)
        return fail(inv, ERR_BAD_ARG, 3, budget);
    context_configure(context->object, inv->slot->number, budget, period);
    return ERR_OK;
}
