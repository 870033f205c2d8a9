/* SPDX-License-Identifier: MIT */
/*
 * Nobody waits forever: what becomes of callers whose server, endpoint or reply object goes away; reply
 * objects, nested calls, suspending and resuming.
 */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

TestSuite(kernel_gone, .init = world_objects, .timeout = 50);

#define A w.thread[0]
#define B w.thread[1]
#define C w.thread[2]
#define D w.thread[3]

static void assert_woken(const struct thread *thread, enum error error)
{
    cr_assert_eq(thread->state, THREAD_READY, "state %u", thread->state);
    cr_assert_eq(label_of(thread), error, "label %u", label_of(thread));
    check_threads();
}

/* --- The other side goes away --- */

Test(kernel_gone, whoever_is_in_the_queue_of_a_dying_endpoint_is_woken)
{
    for (unsigned receivers = 0; receivers < 2; receivers++) {
        world_objects();
        for (unsigned i = 0; i < 4; i++) {
            if (receivers)
                receive(w.thread[i], EP);
            else
                sys(w.thread[i], i % 2 ? SYS_SEND : SYS_CALL, i < 2 ? EP : BADGED, tag_make(1, 0, 0), 1);
        }
        slot_delete(&w.slots[EP]); /* copies keep the endpoint alive */
        for (unsigned i = 0; i < 4; i++)
            cr_assert_eq(w.thread[i]->state, receivers ? THREAD_BLOCKED_RECV : THREAD_BLOCKED_SEND);
        slot_delete(&w.slots[SEND_ONLY]);
        slot_delete(&w.slots[BADGED]);
        for (unsigned i = 0; i < 4; i++)
            assert_woken(w.thread[i], ERR_PEER_GONE);
    }
}

Test(kernel_gone, a_long_queue_dies_in_bounded_steps)
{
    for (unsigned i = 1; i < 4; i++)
        call(w.thread[i], EP, 1, 1);
    destroy(SEND_ONLY);
    destroy(BADGED);
    host.interrupt_pending = true;
    run(A);
    syscall_words(A, SYS_CALL, W_CNODE, tag_make(OP_CNODE_DELETE, 1, 0), (uint64_t[]){EP}, 1);
    cr_assert_eq(C->state, THREAD_READY, "the most urgent comes first");
    cr_assert_eq(B->state, THREAD_BLOCKED_SEND, "the second was woken in the same step");
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, EP), ERR_OK);
    for (unsigned i = 1; i < 4; i++)
        assert_woken(w.thread[i], ERR_PEER_GONE);
}

Test(kernel_gone, waiters_of_a_dying_notification_are_woken)
{
    sys(B, SYS_WAIT, NOTE, 0, 0);
    sys(C, SYS_WAIT, NOTE, 0, 0);
    cr_assert_eq(INVOKE(TH3, OP_THREAD_BIND_NOTIFICATION, NOTE), ERR_OK);
    destroy(NOTE);
    assert_woken(B, ERR_PEER_GONE);
    assert_woken(C, ERR_PEER_GONE);
    cr_assert_null(D->bound);
}

Test(kernel_gone, the_caller_of_a_server_that_dies_is_woken)
{
    receive(B, EP);
    call(A, EP, 1, 1);
    destroy(TH1);
    assert_woken(A, ERR_PEER_GONE);
}

Test(kernel_gone, the_caller_of_a_server_that_receives_again_is_woken)
{
    receive(B, EP);
    call(A, EP, 1, 1);
    receive(B, EP);
    assert_woken(A, ERR_PEER_GONE);
    cr_assert_eq(B->state, THREAD_BLOCKED_RECV);
    call(A, EP, 2, 2);
    sys(C, SYS_SEND, EP, tag_make(3, 2, 0), 3);
    sys(B, SYS_TRY_RECV, EP, 0, 0);
    assert_woken(A, ERR_PEER_GONE);
    check_message_of(B, 3, 0, 2, 3);
}

/* A server that runs on its caller's time could do nothing more after that. */
Test(kernel_gone, the_caller_of_a_server_that_finds_nothing_to_receive_still_waits)
{
    receive(B, EP);
    context_unbind(B->context);
    call(A, EP, 1, 1);
    sys(B, SYS_TRY_RECV, EP, 0, 0);
    cr_assert_eq(label_of(B), ERR_WOULD_BLOCK);
    cr_assert_eq(B->caller, A);
    cr_assert_not_null(B->context);
    cr_assert_eq(INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER), ERR_OK);
    sys(B, SYS_TRY_RECV, EP, 0, 0);
    cr_assert_eq(label_of(B), ERR_WOULD_BLOCK);
    cr_assert_not_null(B->context);
    sys(B, SYS_SEND, REPLY, tag_make(9, 2, 0), 2);
    cr_assert_eq(A->state, THREAD_READY);
    cr_assert_eq(label_of(A), 9);
    check_threads();
}

Test(kernel_gone, a_caller_that_dies_is_forgotten)
{
    receive(B, EP);
    call(A, EP, 1, 1);
    destroy(TH0);
    cr_assert_null(B->caller);
    reply(B, 0, 1);
    cr_assert_eq(label_of(B), ERR_NO_CALLER);
    call(C, EP, 1, 1); /* in the queue */
    destroy(TH2);
    sys(B, SYS_TRY_RECV, EP, 0, 0);
    cr_assert_eq(label_of(B), ERR_WOULD_BLOCK);
    check_threads();
}

Test(kernel_gone, a_server_in_the_middle_of_a_chain_dies)
{
    receive(B, EP);
    receive(C, EP2);
    call(A, EP, 1, 1);
    call(B, EP2, 2, 2);
    destroy(TH1);
    assert_woken(A, ERR_PEER_GONE);
    cr_assert_null(C->caller);
    reply_receive(C, EP2, 0, 0);
    cr_assert_eq(C->state, THREAD_BLOCKED_RECV);
    check_threads();
}

/* --- Reply objects --- */

/* A calls B, which puts A aside in REPLY. */
static void save_caller(void)
{
    receive(B, EP);
    call(A, EP, 1, 1);
    cr_assert_eq(INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER), ERR_OK);
    cr_assert_null(B->caller);
    cr_assert_eq(A->state, THREAD_BLOCKED_REPLY);
    check_threads();
}

Test(kernel_gone, a_caller_that_was_put_aside_is_answered_once_by_anybody)
{
    save_caller();
    receive(B, EP);
    call(D, EP, 2, 2);
    reply(B, 0, 3);
    check_message_of(D, 0, 0, 2, 3);
    sys(C, SYS_SEND, REPLY, tag_make(6, 2, 0), 4);
    cr_assert_eq(label_of(C), ERR_OK);
    check_message_of(A, 6, 0, 2, 4);
    sys(C, SYS_SEND, REPLY, tag_make(6, 2, 0), 4);
    cr_assert_eq(label_of(C), ERR_NO_CALLER);
    check_threads();
}

Test(kernel_gone, a_reply_object_holds_one_caller)
{
    cr_assert_eq(INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER), ERR_NO_CALLER);
    save_caller();
    receive(B, EP);
    call(C, EP, 2, 2);
    cr_assert_eq(INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER), ERR_IN_USE);
    cr_assert_eq(B->caller, C);
    cr_assert_eq(INVOKE_AS(B, REPLY2, OP_REPLY_SAVE_CALLER), ERR_OK);
    sys(B, SYS_SEND, REPLY2, tag_make(0, 2, 0), 5);
    check_message_of(C, 0, 0, 2, 5);
    cr_assert_eq(A->state, THREAD_BLOCKED_REPLY);
    check_threads();
}

Test(kernel_gone, the_caller_in_a_dying_reply_object_is_woken)
{
    save_caller();
    destroy(REPLY);
    assert_woken(A, ERR_PEER_GONE);
}

Test(kernel_gone, a_caller_that_was_put_aside_outlives_the_server)
{
    save_caller();
    destroy(TH1);
    cr_assert_eq(A->state, THREAD_BLOCKED_REPLY);
    sys(C, SYS_SEND, REPLY, tag_make(0, 2, 0), 4);
    check_message_of(A, 0, 0, 2, 4);
    check_threads();
}

Test(kernel_gone, a_caller_that_was_put_aside_and_dies_leaves_the_object_free)
{
    save_caller();
    destroy(TH0);
    sys(C, SYS_SEND, REPLY, tag_make(0, 2, 0), 4);
    cr_assert_eq(label_of(C), ERR_NO_CALLER);
    receive(B, EP);
    call(D, EP, 2, 2);
    cr_assert_eq(INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER), ERR_OK);
    check_threads();
}

Test(kernel_gone, a_reply_that_is_wrong_keeps_nobody_waiting)
{
    save_caller();
    sys(B, SYS_SEND, REPLY, tag_make(0, 99, 0), 4);
    assert_woken(A, ERR_TOO_LONG);
}

/* --- Nested calls --- */

Test(kernel_gone, nested_calls_are_answered_from_the_inside_out)
{
    receive(B, EP);
    receive(C, EP2);
    call(A, BADGED, 1, 1);
    call(B, EP2, 2, 2);
    check_message_of(C, 2, 0, 2, 2);
    check_threads();
    reply_receive(C, EP2, 3, 3);
    check_message_of(B, 3, 0, 2, 3);
    cr_assert_eq(B->caller, A);
    reply_receive(B, EP, 4, 4);
    check_message_of(A, 4, 0, 2, 4);
    check_threads();
}

/* --- Suspending and resuming --- */

/* What the hardware does when a thread runs again whose pc was set back: it makes the same system call. */
static void again(struct thread *thread)
{
    run(thread);
    kernel_syscall(thread);
}

Test(kernel_gone, a_system_call_that_waits_starts_over_after_a_suspension)
{
    static const struct {
        uint64_t number;
        unsigned cap;
        enum thread_state state;
    } calls[] = {
        {SYS_SEND, EP, THREAD_BLOCKED_SEND},       {SYS_CALL, EP, THREAD_BLOCKED_SEND},
        {SYS_RECV, EP, THREAD_BLOCKED_RECV},       {SYS_WAIT, NOTE, THREAD_BLOCKED_WAIT},
        {SYS_REPLY_RECV, EP, THREAD_BLOCKED_RECV},
    };

    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        uint64_t pc = 0x1000 * (i + 1);

        B->reg[REG_PC] = pc;
        sys(B, calls[i].number, calls[i].cap, tag_make(1, 2, 0), 1);
        cr_assert_eq(B->state, calls[i].state);
        cr_assert_eq(INVOKE(TH1, OP_THREAD_SUSPEND), ERR_OK);
        cr_assert_eq(B->state, THREAD_INACTIVE);
        cr_assert_eq(B->reg[REG_PC], pc, "case %u", i);
        check_threads();
        cr_assert_eq(INVOKE(TH1, OP_THREAD_RESUME), ERR_OK);
        again(B);
        cr_assert_eq(B->state, calls[i].state);
        cr_assert_eq(B->reg[REG_PC], pc + 4);
        cr_assert_eq(INVOKE(TH1, OP_THREAD_SUSPEND), ERR_OK);
        cr_assert_eq(INVOKE(TH1, OP_THREAD_RESUME), ERR_OK);
        check_threads();
    }
    again(B); /* the last of them receives */
    call(A, EP, 7, 7);
    check_message_of(B, 7, 0, 2, 7);
}

Test(kernel_gone, a_call_that_was_taken_is_cancelled_by_a_suspension)
{
    uint64_t pc = A->reg[REG_PC];

    receive(B, EP);
    call(A, EP, 1, 1);
    cr_assert_eq(INVOKE_AS(C, TH0, OP_THREAD_SUSPEND), ERR_OK);
    cr_assert_eq(A->state, THREAD_INACTIVE);
    reply(B, 0, 0);
    cr_assert_eq(label_of(B), ERR_NO_CALLER);
    cr_assert_eq(INVOKE_AS(C, TH0, OP_THREAD_RESUME), ERR_OK);
    assert_woken(A, ERR_CANCELLED);
    cr_assert_eq(A->reg[REG_PC], pc + 4);
}

Test(kernel_gone, a_caller_that_was_put_aside_can_be_suspended)
{
    save_caller();
    cr_assert_eq(INVOKE_AS(C, TH0, OP_THREAD_SUSPEND), ERR_OK);
    sys(C, SYS_SEND, REPLY, 0, 0);
    cr_assert_eq(label_of(C), ERR_NO_CALLER);
    cr_assert_eq(INVOKE_AS(C, TH0, OP_THREAD_RESUME), ERR_OK);
    assert_woken(A, ERR_CANCELLED);
}

Test(kernel_gone, a_suspended_server_keeps_its_caller)
{
    receive(B, EP);
    call(A, EP, 1, 1);
    cr_assert_eq(INVOKE_AS(C, TH1, OP_THREAD_SUSPEND), ERR_OK);
    cr_assert_eq(A->state, THREAD_BLOCKED_REPLY);
    cr_assert_eq(INVOKE_AS(C, TH1, OP_THREAD_RESUME), ERR_OK);
    reply(B, 0, 1);
    check_message_of(A, 0, 0, 2, 1);
}

Test(kernel_gone, a_thread_suspends_itself_and_goes_on_after_the_call)
{
    uint64_t pc = A->reg[REG_PC];

    cr_assert_eq(INVOKE_AS(A, TH0, OP_THREAD_SUSPEND), ERR_OK);
    cr_assert_eq(A->state, THREAD_INACTIVE);
    cr_assert_null(hart_self()->current);
    cr_assert_eq(INVOKE_AS(C, TH0, OP_THREAD_SUSPEND), ERR_OK, "a second suspension does no harm");
    cr_assert_eq(INVOKE_AS(C, TH0, OP_THREAD_RESUME), ERR_OK);
    cr_assert_eq(A->reg[REG_PC], pc + 4);
    assert_woken(A, ERR_OK);
    cr_assert_eq(INVOKE_AS(C, TH0, OP_THREAD_RESUME), ERR_IN_USE);
}

Test(kernel_gone, a_thread_without_an_address_space_cannot_go_on)
{
    slot_delete(&B->slot[THREAD_SPACE]);
    cr_assert_eq(B->state, THREAD_INACTIVE);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_RESUME), ERR_NOT_CONFIGURED);
    receive(C, EP);
    call(D, EP, 1, 1);
    slot_delete(&D->slot[THREAD_SPACE]);
    cr_assert_eq(D->state, THREAD_INACTIVE);
    cr_assert_null(C->caller);
    check_threads();
}
