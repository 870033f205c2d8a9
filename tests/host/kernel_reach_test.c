/* SPDX-License-Identifier: MIT */
/* What an event touches on another hart is locked: each case makes one that needs a lock besides its own
 * hart's, for one reason, and says how many locks it takes. That they guard all that changes is seen by
 * kernel_locks.h. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_locks.h"

TestSuite(kernel_reach);

enum { TIMER = W_USER, LINE, SLOTS_END };
#define LINE_NUMBER 3

static void keep_everything(void)
{
    for (unsigned i = 1; i < SLOTS_END; i++) {
        keep_slot(&w.slots[i]);
        if (!slot_is_empty(&w.slots[i]))
            keep_object(w.slots[i].type, w.slots[i].object);
    }
}

/* Three harts; thread 0 runs on the first, 1 on the second, 2 on the third, and 3 there when 2 waits. */
static void begin(void)
{
    world_objects();
    make(OBJ_TIMER, 0, TIMER);
    INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, LINE_NUMBER, 0, LINE);
    host_harts_reset(3);
    for (unsigned i = 0; i < 4; i++) {
        w.thread[i]->queued = false;
        w.thread[i]->priority = 100 - i;
        w.thread[i]->hart = w.thread[i]->lane = NULL;
        context_configure(w.slots[SC0 + i].object, i == 3 ? 2 : i, 1000000, 1000000);
    }
    locks_begin();
    for (host.hart = 0; host.hart < 3; host.hart++) {
        event_begin();
        cr_assert_eq(schedule(), w.thread[host.hart]);
        event_end();
    }
}

static struct thread *current_of(unsigned hart)
{
    host.hart = hart;
    return hart_self()->current;
}

/* A system call of what runs on that hart. Returns the locks it took. */
static unsigned do_call(unsigned hart, uint64_t number, uint64_t cap, uint64_t label, uint64_t word,
                        uint64_t time)
{
    struct thread *thread = current_of(hart);

    thread->reg[REG_A7] = number;
    thread->reg[REG_A0] = cap;
    thread->reg[REG_A0 + 1] = tag_make(label, 2, 0);
    thread->reg[word_reg[0]] = word;
    thread->reg[word_reg[1]] = time;
    event_begin();
    lock_syscall(thread);
    kernel_syscall(thread);
    schedule();
    event_end();
    return locks_taken;
}

static unsigned plain(unsigned hart, uint64_t number, uint64_t cap)
{
    return do_call(hart, number, cap, 0, 0, 0);
}

static void bind(unsigned hart)
{
    do_call(hart, SYS_CALL, TH0 + hart, OP_THREAD_BIND_NOTIFICATION, NOTE, 0);
}

Test(kernel_reach, waiter_elsewhere)
{
    begin();
    plain(1, SYS_WAIT, NOTE);
    cr_assert_eq(plain(2, SYS_WAIT, NOTE), LOCKS_PAIR);
    cr_assert_eq(plain(0, SYS_SEND, NOTE), LOCKS_PAIR);
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
    cr_assert_eq(plain(0, SYS_SEND, NOTE), LOCKS_ALL, "it is at home on a second hart, who waits on a third");
    cr_assert_eq(w.thread[2]->state, THREAD_READY);
}

Test(kernel_reach, second_waiter_is_not_at_home_where_the_notification_is)
{
    begin();
    plain(1, SYS_WAIT, NOTE);
    plain(2, SYS_WAIT, NOTE);
    plain(0, SYS_SEND, NOTE);
    event_begin();
    schedule();
    event_end();
    current_of(1);
    event_begin();
    schedule();
    event_end();
    cr_assert_eq(plain(1, SYS_SEND, NOTE), LOCKS_PAIR);
    cr_assert_eq(w.thread[2]->state, THREAD_READY);
}

Test(kernel_reach, bound_thread)
{
    begin();
    bind(1);
    plain(1, SYS_RECV, EP);
    cr_assert_eq(plain(0, SYS_SEND, NOTE), LOCKS_PAIR);
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
}

Test(kernel_reach, bound_thread_that_waits_at_an_endpoint_of_a_third_hart)
{
    begin();
    bind(1);
    plain(2, SYS_RECV, EP);
    plain(1, SYS_RECV, EP);
    cr_assert_eq(plain(0, SYS_SEND, NOTE), LOCKS_ALL);
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
}

Test(kernel_reach, bound_thread_that_does_not_wait)
{
    begin();
    bind(1);
    plain(0, SYS_TRY_WAIT, NOTE);
    cr_assert_eq(plain(0, SYS_SEND, NOTE), LOCKS_PAIR);
    cr_assert_eq(w.thread[1]->lane_slots, 0);
    cr_assert_eq(plain(0, SYS_TRY_WAIT, NOTE), LOCKS_PAIR);
    cr_assert_neq(w.thread[1]->lane_slots, 0);
}

Test(kernel_reach, receiver_whose_notification_is_at_home_elsewhere)
{
    begin();
    bind(1);
    plain(0, SYS_TRY_WAIT, NOTE);
    ((struct endpoint *)w.slots[EP].object)->home = &harts[1];
    cr_assert_eq(plain(1, SYS_RECV, EP), LOCKS_PAIR);
    cr_assert_eq(((struct notification *)w.slots[NOTE].object)->home, &harts[1]);
}

Test(kernel_reach, caller_that_is_not_answered)
{
    begin();
    plain(1, SYS_RECV, EP);
    plain(0, SYS_CALL, EP);
    current_of(1);
    event_begin();
    schedule();
    event_end();
    cr_assert_eq(plain(1, SYS_RECV, EP), LOCKS_ALL);
    cr_assert_eq(w.thread[0]->state, THREAD_READY);
    cr_assert_eq(label_of(w.thread[0]), ERR_PEER_GONE);
}

Test(kernel_reach, receiver)
{
    begin();
    plain(1, SYS_RECV, EP);
    cr_assert_eq(plain(0, SYS_SEND, EP), LOCKS_PAIR);
    plain(2, SYS_RECV, EP2);
    cr_assert_eq(plain(0, SYS_CALL, EP2), LOCKS_PAIR);
}

Test(kernel_reach, receiver_of_a_third_hart)
{
    begin();
    plain(1, SYS_RECV, EP);
    plain(2, SYS_RECV, EP);
    plain(0, SYS_SEND, EP);
    cr_assert_eq(plain(0, SYS_SEND, EP), LOCKS_ALL);
    cr_assert_eq(w.thread[2]->state, THREAD_READY);
}

Test(kernel_reach, sender)
{
    begin();
    plain(0, SYS_RECV, EP);
    plain(1, SYS_SEND, EP);
    plain(1, SYS_SEND, EP);
    current_of(0);
    event_begin();
    schedule();
    event_end();
    cr_assert_eq(plain(0, SYS_RECV, EP), LOCKS_PAIR, "it is made ready");
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
}

Test(kernel_reach, caller_that_goes_on_waiting)
{
    begin();
    plain(0, SYS_RECV, EP);
    plain(1, SYS_SEND, EP);
    plain(1, SYS_CALL, EP);
    current_of(0);
    event_begin();
    schedule();
    event_end();
    cr_assert_eq(plain(0, SYS_RECV, EP), LOCKS_OWN, "nothing of it is touched but that");
    cr_assert_eq(w.thread[1]->state, THREAD_BLOCKED_REPLY);
    cr_assert_eq(plain(0, SYS_REPLY, 0), LOCKS_PAIR);
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
}

Test(kernel_reach, timer_of_another_hart)
{
    begin();
    plain(1, SYS_TRY_WAIT, NOTE);
    do_call(1, SYS_CALL, TIMER, OP_TIMER_SET, NOTE, 1000);
    cr_assert_eq(do_call(0, SYS_CALL, TIMER, OP_TIMER_CANCEL, 0, 0), LOCKS_PAIR);
}

Test(kernel_reach, timer_that_signals_elsewhere)
{
    begin();
    plain(1, SYS_WAIT, NOTE);
    cr_assert_eq(do_call(0, SYS_CALL, TIMER, OP_TIMER_SET, NOTE, 1000), LOCKS_ALL,
                 "it is at home nowhere yet");
    cr_assert_eq(do_call(0, SYS_CALL, TIMER, OP_TIMER_SET, NOTE, 2000), LOCKS_PAIR);
    cr_assert_eq(do_call(0, SYS_CALL, TIMER, OP_TIMER_CANCEL, 0, 0), LOCKS_PAIR);
    cr_assert_eq(do_call(0, SYS_CALL, TIMER, OP_TIMER_SET, NOTE, 2000), LOCKS_PAIR);
    host_time = 2000;
    current_of(0);
    event_begin();
    locked_timer();
    schedule();
    event_end();
    cr_assert_eq(locks_taken, LOCKS_PAIR);
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
}

Test(kernel_reach, line_that_was_bound_to_another_hart_since_it_was_claimed)
{
    begin();
    plain(0, SYS_TRY_WAIT, NOTE);
    cr_assert_eq(do_call(1, SYS_CALL, LINE, OP_IRQ_HANDLER_BIND, NOTE, 0), LOCKS_ALL);
    current_of(0);
    host.claim = LINE_NUMBER;
    event_begin();
    locked_interrupt();
    schedule();
    event_end();
    cr_assert_eq(locks_taken, LOCKS_PAIR);
    cr_assert_eq(irq_lines[LINE_NUMBER].count, 1);
}
