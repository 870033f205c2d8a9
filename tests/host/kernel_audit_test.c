/* SPDX-License-Identifier: MIT */
/* What somebody hostile would try with the kernel core, and what several parts of it must agree on. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_world.h"

TestSuite(kernel_audit, .init = world_make, .timeout = 50);

#define CALL(thread, cap) syscall_words(thread, SYS_CALL, cap, tag_make(7, 0, 0), NULL, 0)
#define RECEIVE(thread, cap) syscall_words(thread, SYS_RECV, cap, 0, NULL, 0)

enum { FIRST_EP = W_FREE, SECOND_EP, REPLY_CAP };

/* --- Contexts that are lent --- */

/* Thread 0 calls thread 1, which puts it aside and calls thread 2; 1 and 2 have no contexts of their own.
 * Returns the context that all that runs on. */
static struct sched_context *lend_through_a_reply_object(void)
{
    struct sched_context *context = w.thread[0]->context;

    make(OBJ_ENDPOINT, 0, FIRST_EP);
    make(OBJ_ENDPOINT, 0, SECOND_EP);
    make(OBJ_REPLY, 0, REPLY_CAP);
    for (unsigned i = 1; i <= 2; i++) {
        RECEIVE(w.thread[i], i == 1 ? FIRST_EP : SECOND_EP);
        context_unbind(w.thread[i]->context);
    }
    CALL(w.thread[0], FIRST_EP);
    syscall_words(w.thread[1], SYS_CALL, REPLY_CAP, tag_make(OP_REPLY_SAVE_CALLER, 0, 0), NULL, 0);
    cr_assert_eq(label_of(w.thread[1]), ERR_OK);
    CALL(w.thread[1], SECOND_EP);
    cr_assert_eq(w.thread[2]->context, context);
    return context;
}

Test(kernel_audit, a_context_goes_back_through_callers_that_were_put_aside)
{
    struct sched_context *context = lend_through_a_reply_object();

    thread_suspend(w.thread[0]);
    cr_assert_eq(context->thread, w.thread[0]);
    cr_assert_null(context->parked);
    cr_assert_null(w.thread[1]->context);
    cr_assert_null(w.thread[2]->context);
}

Test(kernel_audit, nobody_remembers_a_context_that_is_gone)
{
    struct sched_context *context = lend_through_a_reply_object();

    context_destroy(context);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_neq(w.thread[i]->context, context, "thread %u", i);
}

/* A client with 1000 ticks runs for 400, calls a server that has no context of its own, and that runs for
 * 500. */
Test(kernel_audit, time_is_charged_to_the_context_across_calls)
{
    struct thread *client = w.thread[0], *server = w.thread[1];
    struct sched_context *context = client->context;

    make(OBJ_ENDPOINT, 0, FIRST_EP);
    RECEIVE(server, FIRST_EP);
    context_unbind(server->context);
    context_configure(context, 0, 1000, 100000);
    schedule();
    run(client);
    charge_now();
    host_time += 400;
    CALL(client, FIRST_EP);
    schedule();
    run(server);
    host_time += 500;
    syscall_words(server, SYS_REPLY_RECV, FIRST_EP, 0, NULL, 0);
    charge_now();
    cr_assert_eq(client->context, context);
    cr_assert_eq(context->thread, client);
    cr_assert_eq(context->remaining, 100, "%lu left", context->remaining);
}

Test(kernel_audit, whoever_suspends_itself_is_charged)
{
    struct thread *thread = w.thread[0];
    uint64_t before;

    charge_now();
    before = thread->context->remaining;
    host_time += 1000;
    thread_suspend(thread);
    cr_assert_eq(thread->context->remaining, before - 1000);
}

Test(kernel_audit, a_timer_is_programmed_although_the_setter_goes_on)
{
    schedule();
    run(w.thread[0]);
    schedule();
    make(OBJ_NOTIFICATION, 0, W_FREE);
    make(OBJ_TIMER, 0, W_FREE + 1);
    cr_assert_eq(INVOKE(W_FREE + 1, OP_TIMER_SET, W_FREE, host_time + 5000, 0), ERR_OK);
    schedule();
    cr_assert_eq(host.timer, host_time + 5000);
}

/* --- Memory that is still in use --- */

/* One attempt, which an interrupt stops when the kernel asks for the `after`-th time. Whether it was
 * stopped. */
static bool stopped(unsigned after, unsigned cap, uint64_t op, uint64_t arg)
{
    uint64_t pc = w.thread[0]->reg[REG_PC];

    host.pending_after = after;
    syscall_words(w.thread[0], SYS_CALL, cap, tag_make(op, 1, 0), &arg, 1);
    host.pending_after = 0;
    return w.thread[0]->reg[REG_PC] == pc;
}

/* The deletion of what is in W_FREE stops when one child was moved up. */
static void delete_half(void)
{
    cr_assert(stopped(1, W_CNODE, OP_CNODE_DELETE, W_FREE), "the deletion was not stopped");
}

Test(kernel_audit, memory_of_objects_that_were_moved_up_is_not_used_again)
{
    make(OBJ_UNTYPED, 12, W_FREE);
    cr_assert_eq(INVOKE(W_FREE, OP_UNTYPED_RETYPE, OBJ_CNODE, 12, 0, W_FREE + 1, 1, 0), ERR_OK);
    delete_half();
    cr_assert_eq(w.slots[W_FREE].type, OBJ_UNTYPED);
    cr_assert_eq(INVOKE(W_FREE, OP_UNTYPED_RETYPE, OBJ_FRAME, 12, 0, W_FREE + 2, 1, 0), ERR_NO_MEMORY);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, W_FREE), ERR_OK);
    cr_assert_eq(w.slots[W_FREE + 1].type, OBJ_CNODE);
    check_world(true);
}

/* Two capabilities, W_FREE + 2 and + 3, to an endpoint out of the untyped at W_FREE, neither made from the
 * other. */
static void make_twins(void)
{
    cr_assert_eq(INVOKE(W_FREE, OP_UNTYPED_RETYPE, OBJ_ENDPOINT, 0, 0, W_FREE + 1, 1, 0), ERR_OK);
    for (unsigned i = 2; i <= 3; i++)
        cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, W_FREE + i, 0, W_FREE + 1, RIGHTS_ALL), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, W_FREE + 1), ERR_OK);
}

/* The endpoint ends with the second of the two, which wakes thread 1, and not with the first. */
static void check_twins(unsigned first)
{
    RECEIVE(w.thread[1], W_FREE + 2);
    cr_assert_eq(w.thread[1]->state, THREAD_BLOCKED_RECV);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, first), ERR_OK);
    cr_assert_eq(w.thread[1]->state, THREAD_BLOCKED_RECV, "gone with the first of two capabilities");
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, 2 * W_FREE + 5 - first), ERR_OK);
    cr_assert_eq(label_of(w.thread[1]), ERR_PEER_GONE);
}

/* The stopped deletion has moved up one of the two; a new object between them would make each look like the
 * last. */
Test(kernel_audit, nothing_is_made_of_memory_whose_objects_are_being_moved_up)
{
    make(OBJ_UNTYPED, 12, W_FREE);
    make_twins();
    delete_half();
    cr_assert_eq(INVOKE(W_FREE, OP_UNTYPED_RETYPE, OBJ_REPLY, 0, 0, W_FREE + 4, 1, 0), ERR_IN_USE);
    check_twins(W_FREE + 2);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, W_FREE), ERR_OK);
    check_world(true);
}

Test(kernel_audit, capabilities_that_a_stopped_revocation_parted_belong_together)
{
    for (unsigned after = 1; after < 12; after++) {
        make(OBJ_UNTYPED, 12, W_FREE);
        make_twins();
        stopped(after, W_CNODE, OP_CNODE_REVOKE, W_UNTYPED);
        check_world(true);
        if (w.slots[W_FREE + 2].type && w.slots[W_FREE + 3].type)
            check_twins(W_FREE + 2 + after % 2);
        INVOKE(W_CNODE, OP_CNODE_REVOKE, W_UNTYPED);
        cr_assert_null(w.slots[W_UNTYPED].child);
    }
}

/* The deletion of an untyped is stopped half way, and then that of the one around it, before the first goes
 * on. */
Test(kernel_audit, capabilities_that_two_stopped_deletions_parted_belong_together)
{
    for (unsigned after = 1; after < 8; after++) {
        make(OBJ_UNTYPED, 14, W_FREE + 5);
        cr_assert_eq(INVOKE(W_FREE + 5, OP_UNTYPED_RETYPE, OBJ_UNTYPED, 12, 0, W_FREE, 1, 0), ERR_OK);
        cr_assert_eq(INVOKE(W_FREE + 5, OP_UNTYPED_RETYPE, OBJ_REPLY, 0, 0, W_FREE + 6, 1, 0), ERR_OK);
        make_twins();
        delete_half();
        stopped(after, W_CNODE, OP_CNODE_DELETE, W_FREE + 5);
        check_world(true);
        check_twins(W_FREE + 2 + after % 2);
        INVOKE(W_CNODE, OP_CNODE_REVOKE, W_UNTYPED);
        check_world(true);
    }
}

/* What is half deleted can be moved, and goes on from its new place. */
Test(kernel_audit, memory_that_is_half_deleted_can_be_moved)
{
    make(OBJ_UNTYPED, 12, W_FREE);
    make_twins();
    delete_half();
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, W_FREE + 7, 0, W_FREE), ERR_OK);
    check_twins(W_FREE + 3);
    check_world(true);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, W_FREE + 7), ERR_OK);
}

/* Thread 1's CSpace dies with it, and it dies with a CNode that holds its last capability. */
Test(kernel_audit, a_thread_that_is_reaped_in_its_own_retype_harms_nobody)
{
    struct thread *thread;
    struct slot *other, *own;
    uint64_t words[] = {OBJ_ENDPOINT, 0, 0, 3, 1, 0};

    make(OBJ_CNODE, 12, W_FREE);
    make(OBJ_CNODE, 12, W_FREE + 1);
    make(OBJ_THREAD, 0, W_FREE + 2);
    make(OBJ_ADDRESS_SPACE, 0, W_FREE + 3);
    make(OBJ_UNTYPED, 12, W_FREE + 4);
    cr_assert_eq(INVOKE(W_FREE + 2, OP_THREAD_CONFIGURE, W_FREE + 1, W_FREE + 3, 0, 0), ERR_OK);
    thread = w.slots[W_FREE + 2].object;
    other = w.slots[W_FREE].object;
    own = w.slots[W_FREE + 1].object;
    slot_move(&w.slots[W_FREE + 2], &other[1]);
    slot_move(&w.slots[W_FREE + 4], &own[1]);
    cr_assert(slot_delete(&w.slots[W_FREE + 1]));
    cr_assert(slot_delete(&w.slots[W_FREE]));
    thread_resume(thread);
    syscall_words(thread, SYS_CALL, 1, tag_make(OP_UNTYPED_RETYPE, 6, 0), words, 6);
    cr_assert_eq(thread->state, THREAD_INACTIVE);
    cr_assert(slot_is_empty(&own[1]));
    cr_assert(slot_is_empty(&own[3]));
    check_world(false);
}

/* --- Page tables --- */

enum { SPACE_CAP = W_FREE, TABLE_1, TABLE_0, PAGE, POOL, COPY };

static void make_tables(void)
{
    make(OBJ_ADDRESS_SPACE, 0, SPACE_CAP);
    make(OBJ_PAGE_TABLE, 0, TABLE_1);
    make(OBJ_PAGE_TABLE, 0, TABLE_0);
    make(OBJ_UNTYPED, 12, POOL);
    cr_assert_eq(INVOKE(POOL, OP_UNTYPED_RETYPE, OBJ_FRAME, 12, 0, PAGE, 1, 0), ERR_OK);
    cr_assert_eq(INVOKE(TABLE_1, OP_PAGE_TABLE_MAP, SPACE_CAP, 0), ERR_OK);
    cr_assert_eq(INVOKE(TABLE_0, OP_PAGE_TABLE_MAP, SPACE_CAP, 0), ERR_OK);
    cr_assert_eq(INVOKE(PAGE, OP_FRAME_MAP, SPACE_CAP, 0, RIGHT_READ | RIGHT_WRITE), ERR_OK);
    cr_assert(space_allows(w.slots[SPACE_CAP].object, 0, RIGHT_WRITE));
}

Test(kernel_audit, a_table_forgets_what_it_mapped_when_it_is_taken_out)
{
    make_tables();
    cr_assert_eq(INVOKE(TABLE_0, OP_PAGE_TABLE_UNMAP), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, PAGE), ERR_OK);
    cr_assert_eq(INVOKE(POOL, OP_UNTYPED_RETYPE, OBJ_CNODE, 12, 0, PAGE, 1, 0), ERR_OK);
    cr_assert_eq(INVOKE(TABLE_0, OP_PAGE_TABLE_MAP, SPACE_CAP, 0), ERR_OK);
    cr_assert_not(space_allows(w.slots[SPACE_CAP].object, 0, RIGHT_READ), "a CNode is mapped");
}

Test(kernel_audit, a_table_forgets_what_it_mapped_when_its_space_dies)
{
    make_tables();
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, SPACE_CAP), ERR_OK);
    make(OBJ_ADDRESS_SPACE, 0, SPACE_CAP);
    cr_assert_eq(INVOKE(TABLE_1, OP_PAGE_TABLE_MAP, SPACE_CAP, 0), ERR_OK);
    cr_assert_eq(INVOKE(TABLE_0, OP_PAGE_TABLE_MAP, SPACE_CAP, 0), ERR_OK);
    cr_assert_not(space_allows(w.slots[SPACE_CAP].object, 0, RIGHT_READ));
    cr_assert_eq(INVOKE(PAGE, OP_FRAME_MAP, SPACE_CAP, 0, RIGHT_READ), ERR_OK);
}

/* A table that is at two levels at once would map a page as a megapage. */
Test(kernel_audit, a_table_cannot_be_in_two_places)
{
    make_tables();
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, COPY, 0, TABLE_1, RIGHTS_ALL), ERR_WRONG_TYPE);
    cr_assert_eq(INVOKE(TABLE_1, OP_PAGE_TABLE_MAP, SPACE_CAP, 0), ERR_MAPPED);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, COPY, 0, TABLE_1), ERR_OK);
    cr_assert_eq(INVOKE(COPY, OP_PAGE_TABLE_MAP, SPACE_CAP, 1ull << 30), ERR_MAPPED);
}

/* --- Messages --- */

Test(kernel_audit, bits_from_before_the_binding_reach_a_receiver)
{
    make(OBJ_ENDPOINT, 0, W_FREE);
    make(OBJ_NOTIFICATION, 0, W_FREE + 1);
    make(OBJ_THREAD, 0, W_FREE + 2);
    RECEIVE(w.thread[1], W_FREE);
    slot_delete(&w.slots[W_FREE + 2]);
    slot_make_root(&w.slots[W_FREE + 2], OBJ_THREAD, w.thread[1], THREAD_BITS, RIGHTS_ALL);
    syscall_words(w.thread[0], SYS_SEND, W_FREE + 1, 0, NULL, 0);
    cr_assert_eq(INVOKE(W_FREE + 2, OP_THREAD_BIND_NOTIFICATION, W_FREE + 1), ERR_OK);
    cr_assert_eq(w.thread[1]->state, THREAD_READY);
    cr_assert_eq(tag_of(w.thread[1]), TAG_SIGNAL);
    cr_assert_eq(badge_of(w.thread[1]), 1);
}

/* Queued, the call would leave a server that has no context of its own with nothing to run on when it takes
 * it. */
Test(kernel_audit, a_call_too_deep_to_be_lent_is_not_queued)
{
    make(OBJ_ENDPOINT, 0, W_FREE);
    w.thread[0]->depth = -1;
    CALL(w.thread[0], W_FREE);
    cr_assert_eq(label_of(w.thread[0]), ERR_TOO_MANY);
    cr_assert_eq(w.thread[0]->state, THREAD_READY);
}

/* The caller still waits for its answer when the call that was to give it fails. */
Test(kernel_audit, an_answer_is_not_given_by_a_call_that_fails)
{
    make(OBJ_ENDPOINT, 0, W_FREE);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, W_FREE + 1, 0, W_FREE, RIGHT_SEND), ERR_OK);
    RECEIVE(w.thread[1], W_FREE);
    CALL(w.thread[0], W_FREE);
    for (unsigned slot = W_FREE + 1; slot < W_FREE + 3; slot++) {
        syscall_words(w.thread[1], SYS_REPLY_RECV, slot, 0, NULL, 0);
        cr_assert_eq(label_of(w.thread[1]), slot == W_FREE + 1 ? ERR_NO_RIGHT : ERR_NO_CAP);
        cr_assert_eq(w.thread[1]->caller, w.thread[0]);
        cr_assert_eq(w.thread[0]->state, THREAD_BLOCKED_REPLY);
    }
}
