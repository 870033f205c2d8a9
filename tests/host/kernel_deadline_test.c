/* SPDX-License-Identifier: MIT */
/* Deadlines of threads, faults because a budget is used up, and the thread that an interrupt's driver
 * displaced. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

TestSuite(kernel_deadline, .init = world_objects, .timeout = 50);

/* Asks for what was counted of the deadline of thread 1's context. */
static void check_deadline(uint64_t deadline, uint64_t handled, uint64_t missed, uint64_t total,
                           uint64_t worst)
{
    const uint64_t wanted[] = {deadline, handled, missed, total, worst};

    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_DEADLINE_INFO), ERR_OK);
    cr_assert_eq(tag_length(tag_of(w.thread[0])), 5);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(word_of(w.thread[0], i), wanted[i], "word %u: %lu, not %lu", i, word_of(w.thread[0], i),
                     wanted[i]);
}

static void send(unsigned cap)
{
    sys(w.thread[0], SYS_SEND, cap, tag_make(5, 2, 0), 1);
    cr_assert_eq(label_of(w.thread[0]), ERR_OK);
}

/* Thread 1 has a deadline of 500 ticks and waits. */
static void waiting_with_deadline(uint64_t number, unsigned cap)
{
    host_time = 10001;
    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_SET_DEADLINE, 500), ERR_OK);
    cr_assert_eq(w.thread[1]->lane_slots, 0, "the fast lanes read no clock");
    sys(w.thread[1], number, cap, 0, 0);
    check_deadline(500, 0, 0, 0, 0);
}

Test(kernel_deadline, the_time_from_a_message_to_the_next_wait_is_measured)
{
    waiting_with_deadline(SYS_RECV, EP);
    send(EP);
    host_time += 300;
    check_deadline(500, 0, 0, 0, 0);
    receive(w.thread[1], EP);
    check_deadline(500, 1, 0, 300, 300);
    send(EP);
    host_time += 700;
    receive(w.thread[1], EP);
    check_deadline(500, 2, 1, 1000, 700);
    check_threads();
}

Test(kernel_deadline, so_is_that_from_a_signal)
{
    waiting_with_deadline(SYS_WAIT, NOTE);
    send(NOTE);
    host_time += 500;
    sys(w.thread[1], SYS_WAIT, NOTE, 0, 0);
    check_deadline(500, 1, 0, 500, 500);
    send(NOTE);
    send(NOTE);
    host_time += 502;
    sys(w.thread[1], SYS_WAIT, NOTE, 0, 0);
    cr_assert_eq(w.thread[1]->state, THREAD_READY, "the second signal was there");
    check_deadline(500, 2, 1, 1002, 502);
    host_time += 2;
    sys(w.thread[1], SYS_TRY_WAIT, NOTE, 0, 0);
    check_deadline(500, 2, 1, 1002, 502);
    sys(w.thread[1], SYS_WAIT, NOTE, 0, 0);
    check_deadline(500, 3, 1, 1004, 502);
    check_threads();
}

Test(kernel_deadline, messages_and_bits_that_are_there_already_count_from_when_they_are_taken)
{
    waiting_with_deadline(SYS_RECV, EP);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_NOTIFICATION, NOTE), ERR_OK);
    send(NOTE);
    host_time += 100;
    sys(w.thread[2], SYS_SEND, EP, tag_make(5, 2, 0), 1);
    receive(w.thread[1], EP);
    check_deadline(500, 1, 0, 100, 100);
    send(NOTE);
    host_time += 50;
    receive(w.thread[1], EP);
    cr_assert_eq(tag_of(w.thread[1]), TAG_SIGNAL);
    check_deadline(500, 2, 0, 150, 100);
    host_time += 30;
    receive(w.thread[1], EP);
    check_deadline(500, 3, 0, 180, 100);
    check_threads();
}

Test(kernel_deadline, setting_one_begins_anew_and_none_measures_nothing)
{
    waiting_with_deadline(SYS_RECV, EP);
    send(EP);
    host_time += 300;
    receive(w.thread[1], EP);
    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_SET_DEADLINE, 100), ERR_OK);
    check_deadline(100, 0, 0, 0, 0);
    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_SET_DEADLINE, 0), ERR_OK);
    cr_assert_neq(w.thread[1]->lane_slots, 0);
    send(EP);
    host_time += 300;
    receive(w.thread[1], EP);
    check_deadline(0, 0, 0, 0, 0);
    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_SET_DEADLINE, 1ull << 62), ERR_BAD_ARG);
}

Test(kernel_deadline, a_latency_that_is_too_long_to_be_kept_is_the_longest_there_is)
{
    waiting_with_deadline(SYS_RECV, EP);
    send(EP);
    host_time += 1ull << 40;
    receive(w.thread[1], EP);
    check_deadline(500, 1, 1, 1ull << 40, UINT32_MAX);
}

Test(kernel_deadline, a_context_without_an_owner_can_have_one)
{
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    cr_assert_eq(INVOKE(SC1, OP_SCHED_CONTEXT_SET_DEADLINE, 500), ERR_OK);
    cr_assert_neq(w.thread[1]->lane_slots, 0);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, SC1), ERR_OK);
    cr_assert_eq(w.thread[1]->lane_slots, 0);
    check_threads();
}

Test(kernel_deadline, who_sets_its_own_keeps_its_lanes)
{
    cr_assert_eq(INVOKE(SC0, OP_SCHED_CONTEXT_SET_DEADLINE, 500), ERR_OK);
    check_threads();
    cr_assert_eq(INVOKE(SC0, OP_SCHED_CONTEXT_SET_DEADLINE, 0), ERR_OK);
    cr_assert_eq(w.thread[0]->lane, hart_self());
    receive(w.thread[0], EP);
    cr_assert_eq(((struct endpoint *)w.slots[EP].object)->lane, hart_self());
    check_threads();
}

/* --- Faults of those whose budget is used up --- */

/* Thread 1 runs on 1000 of 5000 ticks and has used them up. */
static void use_up(bool fault)
{
    slot_copy(&w.slots[EP], &w.thread[1]->slot[THREAD_FAULT], RIGHTS_ALL);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_TIMEOUT_FAULT, fault), ERR_OK);
    cr_assert_eq(INVOKE(W_SCHED, OP_SCHED_CONTROL_CONFIGURE, SC1, 1000, 5000), ERR_OK);
    receive(w.thread[2], EP);
    for (unsigned i = 0; i < 4; i += 3)
        thread_suspend(w.thread[i]);
    cr_assert_eq(schedule(), w.thread[1]);
    host_time += 1200;
    kernel_timer();
}

Test(kernel_deadline, a_thread_that_asked_for_it_faults_when_its_budget_is_used_up)
{
    use_up(true);
    cr_assert_eq(schedule(), w.thread[2], "the handler runs");
    cr_assert_eq(tag_label(tag_of(w.thread[2])), FAULT_TIMEOUT);
    cr_assert(tag_of(w.thread[2]) & TAG_FAULT);
    cr_assert_eq(word_of(w.thread[2], 0), 1200, "consumed: %lu", word_of(w.thread[2], 0));
    cr_assert_eq(w.thread[1]->state, THREAD_BLOCKED_REPLY);
    check_threads();
    reply(w.thread[2], ERR_OK, 0);
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
    cr_assert_not(w.thread[1]->queued, "its budget is still used up");
    check_threads();
    receive(w.thread[2], EP);
    cr_assert_null(schedule());
    host_time += 5000;
    kernel_timer();
    cr_assert_eq(schedule(), w.thread[1]);
    check_threads();
}

Test(kernel_deadline, others_only_wait_for_their_next_period)
{
    use_up(false);
    cr_assert_null(schedule());
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
    cr_assert_eq(w.thread[2]->state, THREAD_BLOCKED_RECV);
    host_time += 5000;
    kernel_timer();
    cr_assert_eq(schedule(), w.thread[1]);
    check_threads();
}

/* --- In front of the ready queues --- */

/* What the fast lane of an interrupt does: thread 2, of a higher priority, takes the hart from thread 0,
 * which goes in front of thread 1, its equal. */
static void displace(void)
{
    struct hart *hart = hart_self();

    receive(w.thread[2], EP);
    run(w.thread[0]);
    cr_assert_eq(schedule(), w.thread[0]);
    queue_remove(&((struct endpoint *)w.thread[2]->blocked_on)->receivers, w.thread[2]);
    w.thread[2]->blocked_on = NULL;
    w.thread[2]->state = THREAD_READY;
    w.thread[0]->queued = true;
    hart->front = w.thread[0];
    hart->ready_top = hart->lane_floor = w.thread[0]->priority;
    hart->current = w.thread[2];
    w.thread[2]->hart = w.thread[2]->lane = hart;
    charge_now();
    check_threads();
}

Test(kernel_deadline, who_was_displaced_goes_on_before_its_equals)
{
    displace();
    receive(w.thread[2], EP);
    cr_assert_eq(schedule(), w.thread[0]);
    cr_assert_null(hart_self()->front);
    check_threads();
}

Test(kernel_deadline, who_was_displaced_goes_behind_those_of_higher_priority)
{
    displace();
    thread_suspend(w.thread[3]);
    sched_set_priority(w.thread[3], 105);
    thread_resume(w.thread[3]);
    check_threads();
    receive(w.thread[2], EP);
    cr_assert_eq(schedule(), w.thread[3]);
    thread_suspend(w.thread[3]);
    cr_assert_eq(schedule(), w.thread[0], "and still before its equals");
    check_threads();
}

Test(kernel_deadline, who_was_displaced_can_be_suspended)
{
    displace();
    thread_suspend(w.thread[0]);
    check_threads();
    receive(w.thread[2], EP);
    cr_assert_eq(schedule(), w.thread[1]);
    check_threads();
}

Test(kernel_deadline, another_that_must_go_first_takes_its_place)
{
    displace();
    sched_remove(w.thread[1]);
    sched_handoff(w.thread[1]);
    check_threads();
    receive(w.thread[2], EP);
    cr_assert_eq(schedule(), w.thread[1]);
    thread_suspend(w.thread[1]);
    cr_assert_eq(schedule(), w.thread[0]);
    check_threads();
}
