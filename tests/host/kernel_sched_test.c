/* SPDX-License-Identifier: MIT */
/* Priorities, budgets, and harts: which thread runs, and for how long. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

#define A w.thread[0]
#define B w.thread[1]
#define C w.thread[2]
#define D w.thread[3]

TestSuite(kernel_sched, .init = world_objects, .timeout = 50);

/* Lets time pass on this hart until `until`, as the hardware does: with a timer interrupt whenever one is
 * due. */
static void let_time_pass(uint64_t until)
{
    while (host.timer <= until) {
        host_time = host.timer > host_time ? host.timer : host_time;
        kernel_timer();
        schedule();
    }
    host_time = until;
}

/* --- Priorities --- */

Test(kernel_sched, the_highest_priority_runs_first_over_all_256)
{
    static struct thread *all[PRIORITIES];
    uint8_t order[PRIORITIES];

    for (unsigned i = 0; i < 4; i++)
        thread_suspend(w.thread[i]);
    for (unsigned i = 0; i < PRIORITIES; i++)
        order[i] = i;
    srand(1);
    for (unsigned i = PRIORITIES - 1; i > 0; i--) {
        unsigned other = rand() % (i + 1);
        uint8_t priority = order[i];

        order[i] = order[other];
        order[other] = priority;
    }
    for (unsigned i = 0; i < PRIORITIES; i++)
        all[order[i]] = world_thread(order[i]);
    for (int priority = PRIORITIES - 1; priority >= 0; priority--) {
        cr_assert_eq(schedule(), all[priority], "not priority %d", priority);
        check_threads();
        thread_suspend(all[priority]);
    }
    cr_assert_null(schedule());
}

Test(kernel_sched, a_thread_of_higher_priority_preempts_when_it_wakes)
{
    receive(C, EP);  /* 110 */
    receive(D, EP2); /* 90 */
    run(A);
    cr_assert_eq(schedule(), A);
    sys(A, SYS_SEND, EP2, 0, 0);
    cr_assert_eq(schedule(), A, "90 ran before 100");
    sys(A, SYS_SEND, EP, 0, 0);
    cr_assert_eq(schedule(), C);
    receive(C, EP);
    cr_assert_eq(schedule(), A, "who was preempted goes on before its equals");
}

Test(kernel_sched, changing_a_priority_takes_effect_at_once)
{
    schedule();
    run(C);
    schedule();
    cr_assert_eq(INVOKE_AS(C, TH2, OP_THREAD_SET_PRIORITY, 50, 200), ERR_OK);
    cr_assert_eq(schedule()->priority, 100);
    cr_assert_eq(INVOKE_AS(A, TH3, OP_THREAD_SET_PRIORITY, 200, 200), ERR_OK);
    cr_assert_eq(schedule(), D);
    cr_assert_eq(INVOKE_AS(D, TH1, OP_THREAD_SET_PRIORITY, 200, 200), ERR_OK);
    cr_assert_eq(schedule(), D, "an equal does not preempt");
    check_threads();
}

Test(kernel_sched, nobody_gives_more_priority_than_its_ceiling)
{
    A->ceiling = 150;
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_PRIORITY, 151, 10), ERR_BAD_ARG);
    cr_assert_eq(word_of(A, 0), 1);
    cr_assert_eq(word_of(A, 1), 150);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_PRIORITY, 10, 151), ERR_BAD_ARG);
    cr_assert_eq(word_of(A, 0), 2);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_PRIORITY, ~0ull, 10), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_PRIORITY, 256, 10), ERR_BAD_ARG);
    cr_assert_eq(B->priority, 100);
    cr_assert_eq(B->ceiling, 200);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_PRIORITY, 150, 150), ERR_OK);
    cr_assert_eq(INVOKE(TH0, OP_THREAD_SET_PRIORITY, 100, 20), ERR_OK, "giving up one's own");
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_PRIORITY, 21, 0), ERR_BAD_ARG);
}

Test(kernel_sched, yield_lets_equals_run_in_turn)
{
    thread_suspend(C);
    schedule();
    run(A);
    for (unsigned i = 0; i < 6; i++) {
        struct thread *thread = schedule();

        cr_assert_eq(thread, i % 2 ? B : A);
        syscall_words(thread, SYS_YIELD, 0, 0, NULL, 0);
        cr_assert_eq(label_of(thread), ERR_OK);
        check_threads();
    }
    thread_suspend(B);
    schedule();
    syscall_words(A, SYS_YIELD, 0, 0, NULL, 0);
    cr_assert_eq(schedule(), A, "nobody of its priority is there");
}

/* --- Budgets --- */

Test(kernel_sched, equals_take_turns_by_budget)
{
    struct thread *turn[] = {A, B};

    thread_suspend(C);
    for (unsigned i = 0; i < 2; i++)
        context_configure(turn[i]->context, 0, 1000 * (i + 1), 1000 * (i + 1));
    run(A);
    schedule();
    charge_now();
    for (unsigned i = 0; i < 10; i++) {
        uint64_t before = host_time;

        cr_assert_eq(schedule(), turn[i % 2], "turn %u", i);
        let_time_pass(before + 1000 * (i % 2 + 1) - 1);
        cr_assert_eq(harts[0].current, turn[i % 2], "turn %u was too short", i);
        let_time_pass(before + 1000 * (i % 2 + 1));
        cr_assert_neq(harts[0].current, turn[i % 2], "turn %u was too long", i);
        check_threads();
    }
}

/* The four threads never wait; each gets its budget in each period, and the one of lowest priority what is
 * left. */
Test(kernel_sched, budgets_are_what_threads_get)
{
    static const uint64_t budget[] = {1000, 2000, 500, 0};
    uint64_t start;

    for (unsigned i = 0; i < 3; i++)
        context_configure(w.thread[i]->context, 0, budget[i], 10000);
    schedule();
    start = host_time;
    for (unsigned i = 0; i < 4; i++)
        w.thread[i]->cpu_time = 0;
    for (unsigned n = 1; n <= 100; n++) {
        let_time_pass(start + n * 10000);
        check_threads();
    }
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_geq(w.thread[i]->cpu_time, 99 * budget[i], "thread %u ran %lu", i, w.thread[i]->cpu_time);
        cr_assert_leq(w.thread[i]->cpu_time, 101 * budget[i], "thread %u ran %lu", i, w.thread[i]->cpu_time);
    }
    cr_assert_geq(D->cpu_time, 100 * 6000);
}

Test(kernel_sched, a_thread_whose_budget_is_used_up_waits_for_the_next_period)
{
    for (unsigned i = 1; i < 4; i++)
        thread_suspend(w.thread[i]);
    context_configure(A->context, 0, 1000, 5000);
    run(A);
    schedule();
    for (unsigned n = 0; n < 5; n++) {
        uint64_t start = A->context->period_start;

        cr_assert_eq(host.timer, host_time + A->context->remaining);
        let_time_pass(start + 1000);
        cr_assert_null(harts[0].current);
        cr_assert_eq(host.timer, start + 5000);
        thread_resume(B);
        cr_assert_eq(INVOKE_AS(B, TH0, OP_THREAD_INFO), ERR_OK);
        cr_assert_eq(word_of(B, 6) & 3, 2, "throttled, not running");
        thread_suspend(B);
        schedule();
        let_time_pass(start + 4999);
        cr_assert_null(harts[0].current);
        let_time_pass(start + 5000);
        cr_assert_eq(harts[0].current, A);
        check_threads();
    }
}

Test(kernel_sched, a_thread_that_wakes_in_a_later_period_has_a_full_budget)
{
    context_configure(A->context, 0, 1000, 5000);
    receive(C, EP2);
    run(A);
    cr_assert_eq(schedule(), A);
    host_time += 600;
    receive(A, EP);
    schedule();
    cr_assert_eq(A->context->remaining, 400);
    host_time += 20000;
    sys(B, SYS_SEND, EP, 0, 0);
    receive(B, EP2);
    cr_assert_eq(schedule(), A);
    cr_assert_eq(A->context->remaining, 1000);
}

Test(kernel_sched, configuring_renews_a_budget_that_was_used_up)
{
    context_configure(A->context, 0, 1000, 50000);
    thread_suspend(C);
    run(A);
    schedule();
    host_time += 1000;
    hart_self()->reschedule = true;
    schedule();
    cr_assert_eq(A->context->remaining, 0);
    cr_assert(A->context->node.queued);
    cr_assert_eq(INVOKE_AS(B, W_SCHED, OP_SCHED_CONTROL_CONFIGURE, SC0, 2000, 50000), ERR_OK);
    cr_assert_eq(A->context->remaining, 2000);
    check_threads();
}

Test(kernel_sched, configure_refuses_what_could_not_work)
{
    static const struct {
        uint64_t context, budget, period;
        enum error error;
    } bad[] = {
        {SC1, 0, 1000, ERR_BAD_ARG},      {SC1, 100, 1000, ERR_BAD_ARG},     {SC1, 1000, 999, ERR_BAD_ARG},
        {SC1, 1000, ~0ull, ERR_BAD_ARG},  {TH1, 1000, 1000, ERR_WRONG_TYPE}, {500, 1000, 1000, ERR_NO_CAP},
        {SC1, ~0ull, ~0ull, ERR_BAD_ARG}, {0, 1000, 1000, ERR_NO_CAP},
    };
    uint64_t before = world_hash(A);

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_eq(
            INVOKE(W_SCHED, OP_SCHED_CONTROL_CONFIGURE, bad[i].context, bad[i].budget, bad[i].period),
            bad[i].error, "case %u", i);
        cr_expect_eq(world_hash(A), before, "case %u", i);
    }
    cr_assert_eq(INVOKE(W_SCHED, OP_SCHED_CONTROL_CONFIGURE, SC1, 1000, 1000), ERR_OK);
    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_INFO), ERR_OK);
    cr_assert_eq(word_of(A, 1), 1000);
    cr_assert_eq(word_of(A, 2), 1000);
}

Test(kernel_sched, a_thread_runs_with_a_context_only_and_that_is_bound_once)
{
    cr_assert_eq(make(OBJ_SCHED_CONTEXT, 0, W_USER), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, W_USER), ERR_IN_USE);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    cr_assert(!B->queued);
    check_threads();
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, W_USER), ERR_NOT_CONFIGURED);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, SC2), ERR_IN_USE);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, SC1), ERR_OK);
    cr_assert(B->queued);
    cr_assert_eq(INVOKE(TH0, OP_THREAD_BIND_CONTEXT, 0), ERR_OK, "taking one's own");
    cr_assert_null(hart_self()->current);
    check_threads();
}

/* --- Harts --- */

Test(kernel_sched, a_thread_runs_on_the_hart_of_its_context)
{
    cr_assert_eq(make(OBJ_CNODE, 10, W_USER), ERR_OK);
    slot_make_root(&w.slots[W_USER + 1], OBJ_SCHED_CONTROL, NULL, 0, RIGHTS_ALL);
    w.slots[W_USER + 1].number = 1;
    cr_assert_eq(INVOKE(W_USER + 1, OP_SCHED_CONTROL_CONFIGURE, SC1, 1000, 1000), ERR_OK);
    cr_assert_eq(host.ipis, 1, "hart 1 idles and was not told");
    cr_assert(!harts[1].reschedule, "it chooses in any case");
    check_threads();
    host.hart = 1;
    cr_assert_eq(schedule(), B);
    cr_assert_eq(B->hart, &harts[1]);
    host.hart = 0;
    cr_assert_neq(schedule(), B);
    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_INFO), ERR_OK);
    cr_assert_eq(word_of(A, 0), 1);
    check_threads();
}

/* B runs on hart 1 and the caller on hart 0. */
static void b_on_hart_1(void)
{
    context_configure(B->context, 1, 1000000, 1000000);
    host.hart = 1;
    cr_assert_eq(schedule(), B);
    host.hart = 0;
    host.ipis = 0;
    run(A);
}

Test(kernel_sched, a_thread_that_runs_elsewhere_is_taken_off_its_hart)
{
    b_on_hart_1();
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SUSPEND), ERR_OK);
    cr_assert_eq(host.ipis, 1);
    cr_assert_null(harts[1].current);
    cr_assert(!harts[1].evict);
    cr_assert_null(host.space[1], "its address space may go away");
    check_threads();
    host.hart = 1;
    cr_assert_null(schedule());
}

Test(kernel_sched, a_context_that_moves_takes_its_thread_off_the_other_hart)
{
    b_on_hart_1();
    context_configure(B->context, 0, 1000000, 1000000);
    cr_assert_null(harts[1].current);
    cr_assert(B->queued);
    cr_assert(queue_has(&harts[0].ready[100], B));
    check_threads();
}

Test(kernel_sched, one_hart_is_interrupted_for_a_thread_that_must_run_there_and_for_no_other)
{
    b_on_hart_1();
    receive(C, EP);  /* 110 */
    receive(D, EP2); /* 90 */
    context_configure(C->context, 1, 1000000, 1000000);
    context_configure(D->context, 1, 1000000, 1000000);
    run(A);
    host.ipis = 0;
    sys(A, SYS_SEND, EP2, 0, 0);
    cr_assert_eq(host.ipis, 0, "90 need not be told while 100 runs");
    sys(A, SYS_SEND, EP, 0, 0);
    cr_assert_eq(host.ipis, 1);
    host.hart = 1;
    cr_assert_eq(schedule(), C);
    check_threads();
}

Test(kernel_sched, lowering_the_priority_of_a_thread_elsewhere_makes_that_hart_choose_anew)
{
    b_on_hart_1();
    context_configure(D->context, 1, 1000000, 1000000); /* 90, ready */
    host.ipis = 0;
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_PRIORITY, 80, 80), ERR_OK);
    cr_assert_eq(host.ipis, 1);
    host.hart = 1;
    cr_assert_eq(schedule(), D);
    check_threads();
}

Test(kernel_sched, a_call_crosses_harts_and_comes_back)
{
    receive(B, EP);
    context_configure(B->context, 1, 1000000, 1000000);
    run(A);
    call(A, EP, 1, 1);
    cr_assert_neq(schedule(), A);
    host.hart = 1;
    cr_assert_eq(schedule(), B);
    check_message_of(B, 1, 0, 2, 1);
    sys(B, SYS_REPLY_RECV, EP, tag_make(0, 2, 0), 2);
    cr_assert_null(schedule());
    host.hart = 0;
    cr_assert_eq(harts[0].ready[100].head, A);
    check_message_of(A, 0, 0, 2, 2);
    check_threads();
}

/* 24 threads of 4 priorities come, leave and change their priority; whoever is received is the first of those
 * that a plain list says are the most urgent. */
Test(kernel_sched, senders_are_received_by_priority_and_then_by_arrival)
{
    enum { COUNT = 24, ROUNDS = 4000 };
    static struct thread senders[COUNT];
    struct thread_queue queue = {NULL};
    struct thread *list[COUNT];
    unsigned waiting = 0;

    srand(1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct thread *thread = &senders[rand() % COUNT];
        unsigned at = 0;

        while (at < waiting && list[at] != thread)
            at++;
        if (at < waiting) {
            queue_remove_ranked(&queue, thread);
            memmove(&list[at], &list[at + 1], (--waiting - at) * sizeof(list[0]));
        } else {
            thread->priority = 10 * (rand() % 4);
            queue_rank(&queue, thread);
            for (at = 0; at < waiting && list[at]->priority >= thread->priority; at++)
                continue;
            memmove(&list[at + 1], &list[at], (waiting++ - at) * sizeof(list[0]));
            list[at] = thread;
        }
        thread = queue.head;
        for (at = 0; at < waiting; at++, thread = thread->next)
            cr_assert_eq(thread, list[at], "round %u, place %u", round, at);
        cr_assert_null(thread);
    }
}

Test(kernel_sched, a_sender_whose_priority_rises_goes_before_others)
{
    sys(w.thread[0], SYS_CALL, EP, tag_make(1, 0, 0), 1);
    sys(w.thread[1], SYS_CALL, EP, tag_make(2, 0, 0), 1);
    sched_set_priority(w.thread[1], 105);
    cr_assert_eq(((struct endpoint *)w.slots[EP].object)->senders.head, w.thread[1]);
    check_threads();
}
