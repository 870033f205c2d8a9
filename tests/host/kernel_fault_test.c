/* SPDX-License-Identifier: MIT */
/* Fault messages, and the system calls of foreign threads. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

#define A w.thread[0]
#define B w.thread[1]
#define C w.thread[2]
#define D w.thread[3]

/* B's faults go to EP, with badge 77. */
static void fault_world(void)
{
    world_objects();
    slot_copy(&w.slots[BADGED], &B->slot[THREAD_FAULT], RIGHTS_ALL);
    for (unsigned i = 0; i < 32; i++)
        B->reg[i] = 0x1000 + i * 8;
    memcpy(B->name, "B", 2);
}

TestSuite(kernel_fault, .init = fault_world, .timeout = 50);

static void fault(struct thread *thread)
{
    run(thread);
    kernel_fault(thread, FAULT_PAGE, 0xabc000, RIGHT_WRITE, 15);
}

/* B's registers are those of the start. */
static void assert_unchanged(void)
{
    for (unsigned i = 0; i < 32; i++)
        cr_assert_eq(B->reg[i], 0x1000 + i * 8, "x%u", i);
}

static void check_fault_message(struct thread *handler)
{
    const uint64_t expected[MSG_REGS] = {0xabc000,           0x1000, RIGHT_WRITE, 15, 0x1000 + 8 * REG_SP,
                                         0x1000 + 8 * REG_RA};

    cr_assert_eq(handler->state, THREAD_READY);
    cr_assert_eq(badge_of(handler), 77);
    cr_assert_eq(tag_of(handler), tag_make(FAULT_PAGE, 6, 0) | TAG_FAULT);
    for (unsigned i = 0; i < MSG_REGS; i++)
        cr_assert_eq(word_of(handler, i), expected[i], "word %u", i);
    check_threads();
}

Test(kernel_fault, a_fault_is_told_and_answered_and_the_thread_goes_on)
{
    for (unsigned handler_first = 0; handler_first < 2; handler_first++) {
        if (handler_first)
            receive(A, EP);
        fault(B);
        if (!handler_first)
            receive(A, EP);
        cr_assert_eq(B->state, THREAD_BLOCKED_REPLY);
        check_fault_message(A);
        reply(A, ERR_OK, 9);
        cr_assert_eq(B->state, THREAD_READY);
        assert_unchanged();
        check_threads();
    }
}

Test(kernel_fault, a_fault_that_is_refused_leaves_the_thread_faulted)
{
    receive(A, EP);
    fault(B);
    reply_receive(A, EP, ERR_BAD_ADDRESS, 0);
    cr_assert_eq(B->state, THREAD_FAULTED);
    assert_unchanged();
    check_threads();
    cr_assert_eq(INVOKE_AS(C, TH1, OP_THREAD_INFO), ERR_OK);
    cr_assert_eq(word_of(C, 0), THREAD_FAULTED);
    cr_assert_eq(INVOKE_AS(C, TH1, OP_THREAD_RESUME), ERR_OK);
    cr_assert_eq(B->state, THREAD_READY);
    check_threads();
}

Test(kernel_fault, a_fault_that_nobody_answers_leaves_the_thread_faulted)
{
    receive(A, EP);
    fault(B);
    receive(A, EP);
    cr_assert_eq(B->state, THREAD_FAULTED);
    cr_assert_eq(INVOKE_AS(C, TH1, OP_THREAD_RESUME), ERR_OK);
    fault(B);
    check_fault_message(A);
    destroy(TH0);
    cr_assert_eq(B->state, THREAD_FAULTED);
    assert_unchanged();
    check_threads();
}

Test(kernel_fault, a_fault_endpoint_that_dies_leaves_the_thread_faulted)
{
    fault(B);
    cr_assert_eq(B->state, THREAD_BLOCKED_SEND);
    destroy(EP);
    cr_assert_eq(B->state, THREAD_FAULTED);
    cr_assert(slot_is_empty(&B->slot[THREAD_FAULT]));
    check_threads();
}

Test(kernel_fault, without_a_fault_endpoint_the_thread_stops_and_its_caller_is_woken)
{
    receive(C, EP2);
    call(A, EP2, 1, 1);
    fault(C);
    cr_assert_eq(C->state, THREAD_FAULTED);
    cr_assert_eq(A->state, THREAD_READY);
    cr_assert_eq(label_of(A), ERR_PEER_GONE);
    cr_assert(strstr(host.log, "abc000"), "the log says '%s'", host.log);
    check_threads();
}

Test(kernel_fault, the_caller_of_a_server_whose_fault_is_refused_is_woken)
{
    receive(B, EP2);
    call(A, EP2, 1, 1);
    fault(B);
    receive(C, EP);
    reply(C, ERR_BAD_ADDRESS, 0);
    cr_assert_eq(B->state, THREAD_FAULTED);
    cr_assert_eq(label_of(A), ERR_PEER_GONE);
    cr_assert_eq(A->state, THREAD_READY);
    check_threads();
}

Test(kernel_fault, a_thread_that_is_suspended_while_its_fault_is_handled_faults_again_or_goes_on)
{
    fault(B);
    cr_assert_eq(INVOKE_AS(C, TH1, OP_THREAD_SUSPEND), ERR_OK); /* in the queue */
    assert_unchanged();
    cr_assert_eq(INVOKE_AS(C, TH1, OP_THREAD_RESUME), ERR_OK);
    receive(A, EP);
    cr_assert_eq(A->state, THREAD_BLOCKED_RECV);
    fault(B);
    check_fault_message(A);
    cr_assert_eq(INVOKE_AS(C, TH1, OP_THREAD_SUSPEND), ERR_OK); /* taken */
    assert_unchanged();
    reply(A, ERR_OK, 0);
    cr_assert_eq(label_of(A), ERR_NO_CALLER);
    cr_assert_eq(B->state, THREAD_INACTIVE);
    check_threads();
}

Test(kernel_fault, a_faulting_thread_can_be_put_aside)
{
    receive(A, EP);
    fault(B);
    cr_assert_eq(INVOKE_AS(A, REPLY, OP_REPLY_SAVE_CALLER), ERR_OK);
    receive(A, EP);
    cr_assert_eq(B->state, THREAD_BLOCKED_REPLY);
    sys(C, SYS_SEND, REPLY, tag_make(ERR_OK, 0, 0), 0);
    cr_assert_eq(B->state, THREAD_READY);
    assert_unchanged();
    fault(B);
    cr_assert_eq(INVOKE_AS(A, REPLY, OP_REPLY_SAVE_CALLER), ERR_OK);
    destroy(REPLY);
    cr_assert_eq(B->state, THREAD_FAULTED);
    check_threads();
}

Test(kernel_fault, a_handler_may_change_the_registers_of_a_thread_that_it_stopped)
{
    receive(A, EP);
    fault(B);
    cr_assert_eq(INVOKE_AS(A, TH1, OP_THREAD_READ_REGISTERS), ERR_OK);
    for (unsigned i = 0; i < 32; i++)
        cr_assert_eq(word_of(A, i), 0x1000 + i * 8);
    reply(A, ERR_BAD_ADDRESS, 0);
    sys(A, SYS_CALL, TH1, tag_make(OP_THREAD_WRITE_REGISTERS, 32, 0), 5);
    cr_assert_eq(label_of(A), ERR_OK);
    for (unsigned i = 0; i < 32; i++)
        cr_assert_eq(B->reg[i], pattern(5, i));
    cr_assert_eq(INVOKE_AS(A, TH1, OP_THREAD_RESUME), ERR_OK);
    sys(A, SYS_CALL, TH1, tag_make(OP_THREAD_WRITE_REGISTERS, 32, 0), 5);
    cr_assert_eq(label_of(A), ERR_IN_USE);
}

Test(kernel_fault, a_stale_translation_is_no_fault)
{
    struct slot *table = &w.slots[W_USER];

    make(OBJ_PAGE_TABLE, 0, W_USER);
    make(OBJ_PAGE_TABLE, 0, W_USER + 1);
    make(OBJ_FRAME, 12, W_USER + 2);
    for (unsigned i = 0, level; i < 2; i++)
        cr_assert_eq(table_map(&table[i], B->slot[THREAD_SPACE].object, 0xabc000, &level), ERR_OK);
    slot_copy(&B->slot[THREAD_SPACE], &table[3], RIGHTS_ALL);
    cr_assert_eq(INVOKE(W_USER + 2, OP_FRAME_MAP, W_USER + 3, 0xabc000, RIGHT_READ), ERR_OK);
    receive(A, EP);
    run(B);
    kernel_fault(B, FAULT_PAGE, 0xabc123, RIGHT_READ, 13);
    cr_assert_eq(B->state, THREAD_READY);
    cr_assert_gt(host.flushes, 0);
    assert_unchanged();
    fault(B); /* a write, which is not allowed */
    check_fault_message(A);
}

/* --- Foreign threads --- */

/* B becomes foreign, or is no longer: which takes that it is stopped. */
static void set_foreign(unsigned foreign)
{
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SUSPEND), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_FOREIGN, foreign), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_RESUME), ERR_OK);
}

Test(kernel_fault, system_calls_of_a_foreign_thread_are_messages)
{
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_FOREIGN, 2), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_FOREIGN, 1), ERR_IN_USE, "it is not stopped");
    set_foreign(1);
    receive(A, EP);
    run(B);
    cr_assert_eq(B->lane_slots, 0);
    kernel_syscall(B);
    cr_assert_eq(tag_of(A), tag_make(FAULT_FOREIGN, 8, 0) | TAG_FAULT);
    for (unsigned i = 0; i < MSG_REGS; i++)
        cr_assert_eq(word_of(A, i), 0x1000 + 8 * (REG_A0 + i));
    sys(A, SYS_REPLY, 0, tag_make(ERR_OK, 8, 0), 3);
    cr_assert_eq(B->state, THREAD_READY);
    cr_assert_eq(B->reg[REG_PC], 0x1004);
    for (unsigned i = 1; i < 32; i++)
        cr_assert_eq(B->reg[i], i >= 10 && i < 18 ? pattern(3, i - 10) : 0x1000 + i * 8, "x%u", i);
    set_foreign(0);
    sys(B, SYS_TRY_RECV, EP, 0, 0);
    cr_assert_eq(label_of(B), ERR_WOULD_BLOCK);
}

Test(kernel_fault, a_foreign_call_that_is_refused_leaves_the_thread_faulted)
{
    set_foreign(1);
    receive(A, EP);
    run(B);
    kernel_syscall(B);
    reply(A, ERR_UNSUPPORTED, 3);
    cr_assert_eq(B->state, THREAD_FAULTED);
    assert_unchanged();
}

Test(kernel_fault, a_foreign_call_can_be_suspended_and_comes_again)
{
    set_foreign(1);
    run(B);
    kernel_syscall(B);
    cr_assert_eq(B->state, THREAD_BLOCKED_SEND);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SUSPEND), ERR_OK);
    assert_unchanged();
    cr_assert_eq(INVOKE(TH1, OP_THREAD_RESUME), ERR_OK);
    run(B);
    kernel_syscall(B);
    receive(A, EP);
    cr_assert_eq(tag_label(tag_of(A)), FAULT_FOREIGN);
    check_threads();
}
