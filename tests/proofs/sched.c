/* SPDX-License-Identifier: MIT */
/*
 * Ready queues and budgets, for three threads with a context each on one hart. Their priorities are concrete,
 * from the same and from different words of the bitmap, which makes the queues of 256 priorities cheap
 * enough.
 */
#include "proof.h"

#include "kernel/context.c"
#include "kernel/sched.c"

#define THREADS 3

struct hart harts[MAX_HARTS];
static struct thread thread_0, thread_1, thread_2;
static struct sched_context context_0, context_1, context_2;
static struct thread *const threads[THREADS] = {&thread_0, &thread_1, &thread_2};
static struct sched_context *const contexts[THREADS] = {&context_0, &context_1, &context_2};
static uint64_t now, heap_deadline;
static bool heap_queued;

struct hart *hart_self(void)
{
    return &harts[0];
}
uint64_t arch_time(void)
{
    return now;
}
void arch_send_ipi(struct hart *hart)
{
    (void)hart;
}
void hart_evict(struct thread *thread)
{
    (void)thread;
}
void hart_save_fp(struct thread *thread)
{
    thread->fp_hart = NULL;
}
void time_queue_remove(struct heap_node *node)
{
    node->queued = 0;
}

void time_queue_insert(struct hart *hart, struct heap_node *node, uint64_t deadline)
{
    CHECK(hart == &harts[0] && !node->queued, "budgets: a context waits for its period but once");
    node->queued = 1;
    heap_queued = true;
    heap_deadline = deadline;
}

/* --- Queues --- */

static struct thread_queue queue;
static unsigned waiting; /* threads 0 .. waiting - 1 are in the queue, in this order */

/* Any queue of up to `limit` threads. What the head has as `prev` and a queue of less than two as tail means
 * nothing. */
static void any_queue(unsigned limit)
{
    waiting = any_below(limit + 1);
    for (unsigned i = 0; i < THREADS; i++)
        *threads[i] = (struct thread){.next = i + 1 < waiting ? threads[i + 1] : NULL,
                                      .prev = i ? threads[i - 1] : NULL};
    queue.head = waiting ? &thread_0 : NULL;
    queue.tail = waiting > 1 ? threads[waiting - 1] : nondet_bool() ? &thread_2 : NULL;
}

/* Whether the queue holds exactly `count` threads, the n-th of them `expected[n]`. */
static bool queue_is(struct thread *const expected[THREADS], unsigned count)
{
    const struct thread *at = queue.head;

    for (unsigned i = 0; i < THREADS; i++) {
        if (i >= count)
            break;
        if (at != expected[i] || (i > 0 && at->prev != expected[i - 1]))
            return false;
        at = at->next;
    }
    return !at && (count < 2 || queue.tail == expected[count - 1]);
}

/*
 * proof queue_append: any queue of up to 2 threads
 * options: --unwind 5
 * planted kernel/sched.c: s/queue->head \&\& queue->head->next ? queue->tail : queue->head;/queue->tail;/
 */
void prove_queue_append(void)
{
    any_queue(2);
    queue_append(&queue, threads[waiting]);
    CHECK(queue_is(threads, waiting + 1), "queues: the last in arrival is the last in the queue");
}

/*
 * proof queue_prepend: any queue of up to 2 threads
 * options: --unwind 5
 * planted kernel/sched.c: s/^        queue->tail = second;/        ;/
 */
void prove_queue_prepend(void)
{
    struct thread *expected[THREADS];

    any_queue(2);
    expected[0] = threads[waiting];
    expected[1] = &thread_0;
    expected[2] = &thread_1;
    queue_prepend(&queue, threads[waiting]);
    CHECK(queue_is(expected, waiting + 1), "queues: it is the first, the others keep their order");
}

/*
 * proof queue_remove: any queue of 1 to 3 threads, any of them
 * options: --unwind 5
 * planted kernel/sched.c: s/^        queue->tail = thread->prev;/        ;/
 */
void prove_queue_remove(void)
{
    struct thread *expected[THREADS];
    unsigned i;

    any_queue(3);
    ASSUME(waiting);
    i = any_below(waiting);
    expected[0] = threads[i == 0];
    expected[1] = threads[i <= 1 ? 2 : 1];
    expected[2] = NULL;
    queue_remove(&queue, threads[i]);
    CHECK(queue_is(expected, waiting - 1), "queues: it is out, the others keep their order");
}

/* The same, by priority; the first and the last of each are peers. */
static void any_ranked_queue(unsigned limit)
{
    any_queue(limit);
    for (unsigned i = 0; i < THREADS; i++)
        threads[i]->priority = nondet_u8();
    for (unsigned i = 0; i + 1 < waiting; i++)
        ASSUME(threads[i]->priority >= threads[i + 1]->priority);
    for (unsigned i = 0; i < waiting; i++) {
        unsigned first = i, last = i;

        for (unsigned j = 0; j < waiting; j++) {
            if (threads[j]->priority == threads[i]->priority && j < first)
                first = j;
            if (threads[j]->priority == threads[i]->priority && j > last)
                last = j;
        }
        threads[i]->peer = i == first ? threads[last] : i == last ? threads[first] : NULL;
    }
}

static void check_ranked_queue(unsigned count)
{
    const struct thread *prev = NULL, *first = NULL, *at = queue.head;
    unsigned found = 0;

    for (; found < THREADS && at; found++, prev = at, at = at->next) {
        CHECK(!prev || (at->prev == prev && prev->priority >= at->priority),
              "queues: senders wait by priority");
        if (!prev || prev->priority != at->priority)
            first = at;
        CHECK((at->next && at->next->priority == at->priority) || (first->peer == at && at->peer == first),
              "queues: the first and the last of a priority are peers");
    }
    CHECK(!at && found == count, "queues: nobody else waits");
}

/*
 * proof queue_rank: any queue of up to 2 senders of any priorities, another of any
 * options: --unwind 5
 * planted kernel/sched.c: s/next->priority >= thread->priority/next->priority > thread->priority/
 * planted kernel/sched.c: s/^    thread->peer->peer = thread;//
 */
void prove_queue_rank(void)
{
    struct thread *thread;

    any_ranked_queue(2);
    thread = threads[waiting];
    queue_rank(&queue, thread);
    check_ranked_queue(waiting + 1);
    CHECK(!thread->next || thread->next->priority < thread->priority, "queues: the last of its priority");
}

/*
 * proof queue_remove_ranked: any queue of 1 to 3 senders of any priorities, any of them
 * options: --unwind 5
 * planted kernel/sched.c: s/^        heir->peer = thread->peer;//
 */
void prove_queue_remove_ranked(void)
{
    struct thread *thread;

    any_ranked_queue(3);
    ASSUME(waiting);
    thread = threads[any_below(waiting)];
    queue_remove_ranked(&queue, thread);
    check_ranked_queue(waiting - 1);
}

/*
 * proof highest_bit: all values
 * options: --unwind 8 --no-sat-preprocessor
 * planted lib/base/bits.h: s/for (unsigned half = 32; half; half/for (unsigned half = 16; half; half/
 */
void prove_highest_bit(void)
{
    uint64_t value = nondet_u64();

    ASSUME(value);
    CHECK(value >> highest_bit(value) == 1, "queues: the highest bit");
}

/* --- Ready queues --- */

/* What everything about the ready queues must agree on. */
static bool ready_is_well_formed(void)
{
    struct hart *hart = &harts[0];
    int top = -1;

    for (unsigned i = 0; i < THREADS; i++) {
        const struct thread *thread = threads[i];
        const struct thread_queue *ready = &hart->ready[thread->priority];
        bool found = false;

        if (hart->front != thread)
            for (const struct thread *at = ready->head; at; at = at->next)
                found |= at == thread;
        if (found && thread->priority > top)
            top = thread->priority;
        if (thread->queued != (found || hart->front == thread))
            return false;
        if ((hart->ready_map[thread->priority / 64] >> thread->priority % 64 & 1) != (ready->head != NULL))
            return false;
    }
    return hart->queue_top == top && (!hart->front || hart->front->priority >= top) &&
           hart->ready_top == (hart->front ? hart->front->priority : top) &&
           hart->lane_floor == (hart->closed ? LANES_CLOSED : hart->ready_top);
}

/* Any of three threads with these priorities are ready, in the order of their numbers, thread `front` (or
 * none) in front of the queues. */
static void any_ready(const uint8_t *priority, unsigned front)
{
    struct hart *hart = &harts[0];

    *hart = (struct hart){.ready_top = -1, .queue_top = -1, .closed = nondet_bool()};
    for (unsigned i = 0; i < THREADS; i++) {
        *contexts[i] =
            (struct sched_context){.thread = threads[i], .owner = threads[i], .remaining = nondet_u64()};
        *threads[i] = (struct thread){.priority = priority[i], .context = contexts[i], .state = nondet_u8()};
        if (i == front) {
            hart->front = threads[i];
            threads[i]->queued = true;
        }
        if (i == front || !nondet_bool())
            continue;
        threads[i]->queued = true;
        queue_append(&hart->ready[priority[i]], threads[i]);
        hart->ready_map[priority[i] / 64] |= 1ull << priority[i] % 64;
        if (priority[i] > hart->queue_top)
            hart->queue_top = priority[i];
    }
    hart->ready_top = hart->front ? hart->front->priority : hart->queue_top;
    hart->lane_floor = hart->closed ? LANES_CLOSED : hart->ready_top;
    ASSUME(!hart->front || hart->front->priority >= hart->queue_top);
}

static const uint8_t priorities[THREADS] = {7, 70, 7};
#define RUNS (THREADS * (THREADS + 1)) /* each thread, with each or none in front */

/*
 * proof sched_ready: any of 3 threads ready, with priorities 7, 70 and 7, any thread, handed the hart or not
 * options: --unwind 5 --unwindset highest_bit.0:8,prove_sched_ready.0:13
 * planted kernel/sched.c: s/^    set_ready_top(hart, thread->priority);/    ;/
 * planted kernel/sched.c: s/if (thread->queued || is_running(thread) || /if (is_running(thread) || /
 */
void prove_sched_ready(void)
{
    for (unsigned run = 0; run < RUNS; run++) {
        unsigned i = run % THREADS;

        any_ready(priorities, run / THREADS);
        if (nondet_bool())
            sched_handoff(threads[i]);
        else
            sched_ready(threads[i]);
        CHECK(ready_is_well_formed(), "ready queues: well formed");
        CHECK(threads[i]->queued || !can_run(threads[i]), "ready queues: who can run is in one");
        CHECK(!threads[i]->queued || ready_first(&harts[0])->priority >= threads[i]->priority,
              "ready queues: the first has the highest priority");
    }
}

/*
 * proof sched_remove: any of 3 threads ready, with priorities 7, 70 and 7, any thread
 * options: --unwind 5 --unwindset highest_bit.0:8,prove_sched_remove.0:13
 * planted kernel/sched.c: s/^    hart->ready_map\[thread->priority \/ 64\] &= ~.*$//
 * planted kernel/sched.c: s/^        hart->queue_top = highest_ready(hart);//
 */
void prove_sched_remove(void)
{
    for (unsigned run = 0; run < RUNS; run++) {
        unsigned i = run % THREADS;

        any_ready(priorities, run / THREADS);
        sched_remove(threads[i]);
        CHECK(ready_is_well_formed(), "ready queues: well formed");
        CHECK(!threads[i]->queued, "ready queues: the thread is in none");
    }
}

/*
 * proof sched_set_priority: any of 3 threads ready, with priorities 7, 70 and 7, none in front; any thread to
 * another
 * options: --unwind 5 --unwindset highest_bit.0:8,prove_sched_set_priority.0:13
 * planted kernel/sched.c: s/^    sched_remove(thread);$/    ;/
 */
void prove_sched_set_priority(void)
{
    for (unsigned run = 0; run < THREADS; run++) {
        any_ready(priorities, THREADS);
        sched_set_priority(threads[run], 70);
        CHECK(ready_is_well_formed(), "ready queues: well formed");
    }
}

/* --- Budgets --- */

/* Any configured context, at any time after its period began. Times are below 2^63. */
static void any_context(struct sched_context *context)
{
    *context = (struct sched_context){.budget = nondet_u64(),
                                      .period = nondet_u64(),
                                      .remaining = nondet_u64(),
                                      .period_start = nondet_u64(),
                                      .consumed = nondet_u64(),
                                      .node.queued = nondet_bool()};
    now = nondet_u64();
    ASSUME(context->budget && context->budget <= context->period && context->period <= 1ull << 62);
    ASSUME(context->remaining <= context->budget && context->period_start <= now && now <= 1ull << 62);
    ASSUME(context->consumed <= 1ull << 62 && (!context->node.queued || !context->remaining));
}

/*
 * proof context_charge: any context, any time spent on it
 * options: --unwind 3 --unsigned-overflow-check
 * planted kernel/sched.c: s/^        context->remaining -= spent;//
 * planted kernel/sched.c: s/^    if (now >= next || context->budget == context->period) {/    if (true) {/
 * planted kernel/sched.c: s/^    if (!context->node.queued)$/    if (true)/
 */
void prove_context_charge(void)
{
    struct sched_context before;
    uint64_t spent = nondet_u64();
    bool out;

    any_context(&context_0);
    ASSUME(spent <= now);
    before = context_0;
    out = context_charge(&context_0, spent, now);
    CHECK(context_0.remaining <= context_0.budget, "budgets: never more left than the budget");
    CHECK(out == (spent >= before.remaining), "budgets: it is noticed when one is used up");
    CHECK(out || context_0.remaining == before.remaining - spent, "budgets: the time is taken off");
    CHECK(!out || context_0.remaining == 0 || before.budget == before.period ||
              now >= before.period_start + before.period,
          "budgets: no new one before the period is over");
    CHECK(!out || context_0.remaining || context_0.node.queued,
          "budgets: who has none left is woken for the next period");
    CHECK(!heap_queued || heap_deadline == before.period_start + before.period, "budgets: at its beginning");
}

/*
 * proof context_begin: any context, any time
 * options: --unwind 3 --unsigned-overflow-check
 * planted kernel/sched.c: s/^    if (now - context->period_start < context->period)/    if (false)/
 */
void prove_context_begin(void)
{
    struct sched_context before;

    any_context(&context_0);
    before = context_0;
    context_begin(&context_0, now);
    CHECK(context_0.remaining <= context_0.budget, "budgets: never more left than the budget");
    CHECK(context_0.remaining == before.remaining || now >= before.period_start + before.period,
          "budgets: no new one before the period is over");
    CHECK(context_0.period_start == before.period_start || context_0.period_start == now,
          "budgets: periods begin now");
}

/*
 * proof context_configure: any context, any budget and period
 * options: --unwind 5
 * planted kernel/context.c: s/^    context->remaining = context->budget;/    context->remaining = context->period;/
 */
void prove_context_configure(void)
{
    uint64_t budget = nondet_u64(), period = nondet_u64();

    any_context(&context_0);
    context_0.hart = 1;
    ASSUME(budget && budget <= period);
    context_configure(&context_0, 0, budget, period);
    CHECK(context_0.remaining == budget && context_0.budget == budget && context_0.period == period &&
              context_0.period_start == now && context_0.hart == 0,
          "budgets: a new one begins with all of it");
    CHECK(!context_0.node.queued, "budgets: it does not wait for the old period");
}

/*
 * proof context_lend: a chain of one or two calls along which a context goes, which comes back from anywhere
 * options: --unwind 5
 * planted kernel/context.c: s/^        at->context = NULL;/        ;/
 * planted kernel/context.c: s/^    context->thread = from;//
 */
void prove_context_lend(void)
{
    for (unsigned run = 0; run < 4; run++) {
        bool twice = run & 1, step_by_step = run & 2;

        thread_0 = (struct thread){.context = &context_0, .depth = DEPTH_OWNER};
        thread_1 = (struct thread){.caller = &thread_0};
        thread_2 = (struct thread){.caller = &thread_1};
        context_0 = (struct sched_context){.thread = &thread_0, .owner = &thread_0};
        context_lend(&thread_0, &thread_1);
        CHECK(context_0.thread == &thread_1 && thread_1.context == &context_0 &&
                  thread_1.depth == DEPTH_OWNER + 1,
              "lending: the one that was called runs on it");
        if (twice)
            context_lend(&thread_1, &thread_2);
        CHECK(!twice || context_0.thread == &thread_2, "lending: the one that was called runs on it");
        if (step_by_step)
            context_recall(&thread_1);
        context_recall(&thread_0);
        CHECK(context_0.thread == &thread_0 && thread_0.context == &context_0, "lending: it comes back");
        CHECK(!thread_1.context && !thread_2.context, "lending: nobody else keeps it");
    }
}

/*
 * proof deadline_end: any context with a deadline, any time
 * options: --unwind 3
 * planted kernel/context.c: s/latency < UINT32_MAX ? latency : UINT32_MAX;/latency;/
 * planted kernel/context.c: s/^    if (latency > context->deadline)/    if (latency >= context->deadline)/
 */
void prove_deadline_end(void)
{
    struct sched_context before;

    any_context(&context_0);
    context_0.deadline = nondet_u64();
    context_0.woken_at = nondet_u64();
    context_0.worst_latency = nondet_u32();
    context_0.missed = any_below(1000);
    ASSUME(context_0.deadline && context_0.woken_at && context_0.woken_at <= now + 1);
    context_0.owner = &thread_0;
    thread_0 = (struct thread){.context = &context_0};
    before = context_0;
    deadline_end(&thread_0);
    CHECK(context_0.missed - before.missed == (now + 1 - before.woken_at > before.deadline),
          "deadlines: missed ones are counted");
    CHECK(context_0.worst_latency >= before.worst_latency &&
              (context_0.worst_latency == UINT32_MAX || context_0.worst_latency >= now + 1 - before.woken_at),
          "deadlines: the worst is kept");
    CHECK(context_0.woken_at == 0, "deadlines: each wake-up counts once");
}
