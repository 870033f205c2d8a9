/* SPDX-License-Identifier: MIT */
/* Deadlines of threads, counted tick by tick and kept off the fast lanes; faults when a budget is used up. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

#define A w.thread[0]
#define B w.thread[1]
#define C w.thread[2]
#define D w.thread[3]

#define DEADLINE 100

TestSuite(kernel_time, .init = world_objects, .timeout = 50);

enum { IRQ = W_USER, TIMER };

/* --- Deadlines: B's --- */

static void set_deadline(uint64_t ticks)
{
    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_SET_DEADLINE, ticks), ERR_OK);
}

static void check_counts(uint64_t handled, uint64_t missed, uint64_t total, uint64_t worst)
{
    const struct sched_context *context = w.slots[SC1].object;
    const uint64_t wanted[] = {context->deadline, handled, missed, total, worst};

    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_DEADLINE_INFO), ERR_OK);
    cr_assert_eq(tag_length(tag_of(A)), 5);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(word_of(A, i), wanted[i], "word %u is %lu, not %lu", i, word_of(A, i), wanted[i]);
    check_threads();
}

static void wait_for_message(void)
{
    receive(B, EP);
}

static void wait_for_bits(void)
{
    sys(B, SYS_WAIT, NOTE, 0, 0);
}

static void send_message(void)
{
    sys(A, SYS_SEND, EP, 0, 0);
}

static void call_it(void)
{
    call(C, EP, 1, 1);
}

static void signal_it(void)
{
    sys(A, SYS_SEND, NOTE, 0, 0);
}

static void interrupt_it(void)
{
    host.claim = 7;
    kernel_interrupt();
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_ACK), ERR_OK);
}

static void expire_it(void)
{
    cr_assert_eq(INVOKE(TIMER, OP_TIMER_SET, NOTE, host_time, 0), ERR_OK);
    kernel_timer();
}

/* What wakes B, and how it waits for that. */
static const struct {
    const char *name;
    void (*wake)(void), (*wait)(void);
    bool binds; /* the notification, as it waits for messages too */
} wakers[] = {
    {"a message", send_message, wait_for_message, false},
    {"a call", call_it, wait_for_message, false},
    {"a signal", signal_it, wait_for_bits, false},
    {"a bound signal", signal_it, wait_for_message, true},
    {"an interrupt", interrupt_it, wait_for_bits, false},
    {"a timer", expire_it, wait_for_bits, false},
};

static void make_sources(void)
{
    make(OBJ_TIMER, 0, TIMER);
    cr_assert_eq(INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 7, 0, IRQ), ERR_OK);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_BIND, NOTE), ERR_OK);
}

Test(kernel_time, every_way_of_waking_a_thread_is_counted_to_the_tick)
{
    static const uint64_t latency[] = {0, 1, DEADLINE, DEADLINE + 1, 7, 100000};

    make_sources();
    for (unsigned i = 0; i < sizeof(wakers) / sizeof(wakers[0]); i++) {
        uint64_t total = 0, worst = 0, missed = 0, handled = 0;

        if (wakers[i].binds)
            cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_NOTIFICATION, NOTE), ERR_OK);
        set_deadline(DEADLINE); /* begins to count anew */
        wakers[i].wait();
        for (unsigned n = 0; n < 12; n++) {
            host_time += 1000 + n; /* even and odd */
            wakers[i].wake();
            cr_assert_eq(B->state, THREAD_READY, "%s does not wake it", wakers[i].name);
            check_counts(handled, missed, total, worst);
            host_time += latency[n % 6];
            wakers[i].wait();
            handled++;
            total += latency[n % 6];
            missed += latency[n % 6] > DEADLINE;
            worst = latency[n % 6] > worst ? latency[n % 6] : worst;
            check_counts(handled, missed, total, worst);
        }
        wakers[i].wake(); /* the next may wait elsewhere */
        cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_NOTIFICATION, 0), ERR_OK);
    }
}

Test(kernel_time, messages_that_wait_already_are_counted_one_by_one)
{
    set_deadline(DEADLINE);
    sys(C, SYS_SEND, EP, 0, 0);
    sys(D, SYS_SEND, EP, 0, 0);
    receive(B, EP);
    check_counts(0, 0, 0, 0);
    host_time += 30;
    receive(B, EP); /* the second ends the first */
    check_counts(1, 0, 30, 30);
    host_time += 200;
    receive(B, EP);
    check_counts(2, 1, 230, 200);
    send_message();
    signal_it();
    host_time += 5;
    sys(B, SYS_WAIT, NOTE, 0, 0); /* bits that are there */
    check_counts(3, 1, 235, 200);
}

Test(kernel_time, asking_without_waiting_ends_nothing)
{
    set_deadline(DEADLINE);
    receive(B, EP);
    send_message();
    host_time += 10;
    sys(B, SYS_TRY_RECV, EP, 0, 0);
    sys(B, SYS_TRY_WAIT, NOTE, 0, 0);
    check_counts(0, 0, 0, 0);
    host_time += 10;
    receive(C, EP2);
    call(B, EP2, 1, 1); /* what others do for it is part of it */
    host_time += 10;
    reply(C, ERR_OK, 1);
    receive(B, EP);
    check_counts(1, 0, 30, 30);
}

Test(kernel_time, what_a_passive_server_does_counts_for_nobody)
{
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    set_deadline(DEADLINE);
    cr_assert_eq(INVOKE(SC0, OP_SCHED_CONTEXT_SET_DEADLINE, DEADLINE), ERR_OK);
    receive(D, EP2);
    B->state = THREAD_BLOCKED_RECV; /* it came to wait when it had a context */
    B->blocked_on = w.slots[EP].object;
    queue_append(&((struct endpoint *)w.slots[EP].object)->receivers, B);
    call(A, EP, 1, 1);
    cr_assert_eq(B->context, A->context);
    host_time += 500;
    reply_receive(B, EP, ERR_OK, 1);
    cr_assert_eq(A->context->handled, 0);
    check_counts(0, 0, 0, 0);
}

Test(kernel_time, a_context_that_is_bound_anew_has_forgotten_what_it_was_woken_for)
{
    set_deadline(DEADLINE);
    receive(B, EP);
    send_message();
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    host_time += 5000;
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, SC1), ERR_OK);
    receive(B, EP);
    check_counts(0, 0, 0, 0);
}

Test(kernel_time, a_worst_latency_beyond_what_is_kept_is_the_most_that_is)
{
    set_deadline(DEADLINE);
    receive(B, EP);
    send_message();
    host_time += 1ull << 33;
    B->context->remaining = B->context->budget;
    receive(B, EP);
    check_counts(1, 1, 1ull << 33, UINT32_MAX);
}

Test(kernel_time, without_a_deadline_nothing_is_counted)
{
    receive(B, EP);
    send_message();
    host_time += 50;
    receive(B, EP);
    check_counts(0, 0, 0, 0);
    set_deadline(DEADLINE);
    send_message();
    host_time += 50;
    set_deadline(0); /* while it works */
    receive(B, EP);
    check_counts(0, 0, 0, 0);
}

static const struct endpoint *endpoint(void)
{
    return w.slots[EP].object;
}

static const struct notification *notification(void)
{
    return w.slots[NOTE].object;
}

Test(kernel_time, the_lanes_are_closed_to_a_thread_with_a_deadline)
{
    cr_assert_neq(B->lane_slots, 0);
    set_deadline(DEADLINE);
    cr_assert_eq(B->lane_slots, 0);
    cr_assert_null(B->lane);
    receive(B, EP);
    cr_assert_null(endpoint()->lane);
    send_message();
    sys(B, SYS_WAIT, NOTE, 0, 0);
    cr_assert_null(notification()->lane);
    signal_it();
    check_threads();
    set_deadline(0);
    cr_assert_neq(B->lane_slots, 0);
    receive(B, EP);
    cr_assert_eq(endpoint()->lane, hart_self());
    check_threads();
}

Test(kernel_time, the_lanes_close_when_a_waiting_thread_gets_a_deadline)
{
    receive(B, EP);
    cr_assert_eq(endpoint()->lane, hart_self());
    set_deadline(DEADLINE);
    cr_assert_null(endpoint()->lane);
    send_message();
    set_deadline(0);
    sys(B, SYS_WAIT, NOTE, 0, 0);
    cr_assert_eq(notification()->lane, hart_self());
    set_deadline(DEADLINE);
    cr_assert_null(notification()->lane);
    signal_it();
    host_time += 3;
    receive(B, EP);
    check_counts(1, 0, 3, 3);
}

Test(kernel_time, the_lanes_close_when_a_context_with_a_deadline_is_bound_and_open_when_it_goes)
{
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    cr_assert_neq(B->lane_slots, 0);
    set_deadline(DEADLINE);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, SC1), ERR_OK);
    cr_assert_eq(B->lane_slots, 0);
    receive(B, EP);
    cr_assert_null(endpoint()->lane);
    check_threads();
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    cr_assert_neq(B->lane_slots, 0);
}

/* --- Timeout faults: B's budget, told to C through EP --- */

#define BUDGET 1000
#define PERIOD 10000

static void timeout_world(bool asked)
{
    slot_copy(&w.slots[BADGED], &B->slot[THREAD_FAULT], RIGHTS_ALL);
    cr_assert_eq(INVOKE(W_SCHED, OP_SCHED_CONTROL_CONFIGURE, SC1, BUDGET, PERIOD), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_TIMEOUT_FAULT, asked), ERR_OK);
    thread_suspend(D);
    receive(C, EP);
    thread_suspend(A);
    for (unsigned i = 0; i < 32; i++)
        B->reg[i] = 0x1000 + i * 8;
    cr_assert_eq(schedule(), B);
}

/* Lets time pass until `until`, with a timer interrupt whenever one is due. */
static void let_time_pass(uint64_t until)
{
    while (host.timer <= until) {
        host_time = host.timer > host_time ? host.timer : host_time;
        kernel_timer();
        schedule();
    }
    host_time = until;
}

static void check_timeout(uint64_t consumed)
{
    const uint64_t wanted[MSG_REGS] = {consumed, 0x1000, 0, 0, 0x1000 + 8 * REG_SP, 0x1000 + 8 * REG_RA};

    cr_assert_eq(C->state, THREAD_READY);
    cr_assert_eq(badge_of(C), 77);
    cr_assert_eq(tag_of(C), tag_make(FAULT_TIMEOUT, 6, 0) | TAG_FAULT, "tag %lx", tag_of(C));
    for (unsigned i = 0; i < MSG_REGS; i++)
        cr_assert_eq(word_of(C, i), wanted[i], "word %u is %lx", i, word_of(C, i));
    cr_assert_eq(B->state, THREAD_BLOCKED_REPLY);
    check_threads();
}

Test(kernel_time, a_used_up_budget_is_told_and_the_answer_lets_the_next_period_begin)
{
    uint64_t start = host_time;

    timeout_world(true);
    for (unsigned n = 0; n < 4; n++) {
        let_time_pass(start + BUDGET - 1);
        cr_assert_eq(hart_self()->current, B);
        let_time_pass(start + BUDGET);
        cr_assert_eq(hart_self()->current, C);
        check_timeout(BUDGET * (n + 1));
        host_time += 10;
        reply_receive(C, EP, ERR_OK, 0);
        cr_assert_eq(B->state, THREAD_READY);
        cr_assert_null(schedule(), "it goes on without a budget");
        check_threads();
        let_time_pass(start + PERIOD - 1);
        cr_assert_null(hart_self()->current);
        let_time_pass(start + PERIOD);
        cr_assert_eq(hart_self()->current, B);
        for (unsigned i = 0; i < 32; i++)
            cr_assert_eq(B->reg[i], 0x1000 + i * 8, "x%u", i);
        check_threads();
        start += PERIOD;
    }
}

Test(kernel_time, an_answer_after_the_period_resumes_it_at_once)
{
    uint64_t start = host_time;

    timeout_world(true);
    let_time_pass(start + BUDGET);
    let_time_pass(start + 3 * PERIOD);
    cr_assert_eq(B->state, THREAD_BLOCKED_REPLY);
    reply_receive(C, EP, ERR_OK, 0);
    cr_assert_eq(schedule(), B);
    check_threads();
}

Test(kernel_time, configuring_the_context_anew_resumes_it_at_once)
{
    uint64_t start = host_time;

    timeout_world(true);
    let_time_pass(start + BUDGET);
    check_timeout(BUDGET);
    cr_assert_eq(INVOKE_AS(C, W_SCHED, OP_SCHED_CONTROL_CONFIGURE, SC1, 2 * BUDGET, PERIOD), ERR_OK);
    reply_receive(C, EP, ERR_OK, 0);
    cr_assert_eq(schedule(), B);
    start = host_time;
    let_time_pass(start + 2 * BUDGET - 1);
    cr_assert_eq(hart_self()->current, B);
    let_time_pass(start + 2 * BUDGET);
    check_timeout(3 * BUDGET);
}

Test(kernel_time, an_answer_that_refuses_leaves_it_faulted)
{
    timeout_world(true);
    let_time_pass(host_time + BUDGET);
    reply_receive(C, EP, ERR_DENIED, 0);
    cr_assert_eq(B->state, THREAD_FAULTED);
    let_time_pass(host_time + 3 * PERIOD);
    cr_assert_null(hart_self()->current);
    check_threads();
}

/* B runs, rests until its next period, and runs again; C hears nothing. */
static void check_throttled(uint64_t start)
{
    let_time_pass(start + BUDGET);
    cr_assert_eq(B->state, THREAD_READY);
    cr_assert_null(hart_self()->current);
    cr_assert_eq(C->state, THREAD_BLOCKED_RECV);
    check_threads();
    let_time_pass(start + PERIOD);
    cr_assert_eq(hart_self()->current, B);
    check_threads();
}

Test(kernel_time, who_did_not_ask_for_the_fault_just_waits)
{
    uint64_t start = host_time;

    timeout_world(false);
    check_throttled(start);
}

Test(kernel_time, without_a_handler_it_just_waits)
{
    uint64_t start = host_time;

    timeout_world(true);
    cr_assert(slot_delete(&B->slot[THREAD_FAULT]));
    check_throttled(start);
}

Test(kernel_time, a_time_slice_that_is_all_of_the_period_is_no_fault)
{
    timeout_world(true);
    context_configure(B->context, 0, BUDGET, BUDGET);
    cr_assert_eq(schedule(), B);
    let_time_pass(host_time + 5 * BUDGET);
    cr_assert_eq(hart_self()->current, B);
    cr_assert_eq(C->state, THREAD_BLOCKED_RECV);
}

/* A, whose budget is small, calls B, which has no time of its own. */
static uint64_t lent_world(void)
{
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_TIMEOUT_FAULT, 1), ERR_OK);
    slot_copy(&w.slots[BADGED], &B->slot[THREAD_FAULT], RIGHTS_ALL);
    thread_suspend(D);
    receive(C, EP);
    B->state = THREAD_BLOCKED_RECV; /* it came to wait when it had a context */
    B->blocked_on = w.slots[EP2].object;
    queue_append(&((struct endpoint *)w.slots[EP2].object)->receivers, B);
    cr_assert_eq(INVOKE(W_SCHED, OP_SCHED_CONTROL_CONFIGURE, SC0, BUDGET, PERIOD), ERR_OK);
    cr_assert_eq(schedule(), A);
    call(A, EP2, 1, 1);
    cr_assert_eq(schedule(), B);
    for (unsigned i = 0; i < 32; i++)
        B->reg[i] = 0x1000 + i * 8;
    return host_time;
}

Test(kernel_time, a_server_that_runs_on_a_clients_time_faults_when_that_is_used_up)
{
    uint64_t start = lent_world();

    let_time_pass(start + BUDGET);
    check_timeout(A->context->consumed);
    cr_assert_eq(A->context->thread, B, "the handler has time of its own");
    reply_receive(C, EP, ERR_OK, 0);
    cr_assert_null(schedule());
    let_time_pass(start + PERIOD);
    cr_assert_eq(hart_self()->current, B);
    reply_receive(B, EP2, ERR_OK, 1);
    cr_assert_eq(schedule(), A);
    check_message_of(A, ERR_OK, 0, 2, 1);
    check_threads();
}

Test(kernel_time, a_server_whose_timeout_is_refused_gives_its_client_an_error)
{
    uint64_t start = lent_world();

    let_time_pass(start + BUDGET);
    reply_receive(C, EP, ERR_TIMED_OUT, 0);
    cr_assert_eq(B->state, THREAD_FAULTED);
    cr_assert_eq(A->state, THREAD_READY);
    cr_assert_eq(label_of(A), ERR_PEER_GONE);
    cr_assert_null(schedule(), "it has no time before the next period");
    let_time_pass(start + PERIOD);
    cr_assert_eq(hart_self()->current, A);
    check_threads();
}

Test(kernel_time, a_clients_own_fault_is_not_for_what_its_server_uses)
{
    uint64_t start = lent_world();

    B->timeout_fault = false;
    A->timeout_fault = true;
    slot_copy(&w.slots[BADGED], &A->slot[THREAD_FAULT], RIGHTS_ALL);
    let_time_pass(start + BUDGET);
    cr_assert_eq(C->state, THREAD_BLOCKED_RECV);
    cr_assert_eq(B->state, THREAD_READY);
    cr_assert_null(hart_self()->current);
    let_time_pass(start + PERIOD);
    cr_assert_eq(hart_self()->current, B);
    check_threads();
}
