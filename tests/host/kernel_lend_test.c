/* SPDX-License-Identifier: MIT */
/* Servers without a scheduling context of their own, which run on that of their clients: lending, returning,
 * and whatever may go away meanwhile. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

#define A w.thread[0]
#define B w.thread[1]
#define C w.thread[2]
#define D w.thread[3]

static struct sched_context *context; /* A's */

/* B receives on EP and C on EP2, and neither has a context. */
static void lend_world(void)
{
    world_objects();
    receive(B, EP);
    receive(C, EP2);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    cr_assert_eq(INVOKE(TH2, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
    cr_assert_null(B->context);
    context = A->context;
}

TestSuite(kernel_lend, .init = lend_world, .timeout = 50);

/* Who runs on A's context now; all others of the three that have it wait for answers. */
static void assert_runs_on_it(const struct thread *thread)
{
    cr_assert_eq(context->thread, thread);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(!w.thread[i]->context || w.thread[i]->context == context, "thread %u", i);
        if (w.thread[i] != thread)
            cr_assert(!w.thread[i]->context || w.thread[i]->state == THREAD_BLOCKED_REPLY, "thread %u", i);
    }
    check_threads();
}

Test(kernel_lend, a_call_lends_and_the_answer_returns)
{
    call(A, EP, 1, 1);
    assert_runs_on_it(B);
    cr_assert_eq(depth_of(context), 1);
    reply_receive(B, EP, 0, 2);
    assert_runs_on_it(A);
    check_message_of(A, 0, 0, 2, 2);
    cr_assert_eq(schedule(), A);
}

Test(kernel_lend, nested_calls_pass_it_on)
{
    call(A, EP, 1, 1);
    call(B, EP2, 1, 1);
    assert_runs_on_it(C);
    cr_assert_eq(depth_of(context), 2);
    reply_receive(C, EP2, 0, 2);
    assert_runs_on_it(B);
    reply_receive(B, EP, 0, 2);
    assert_runs_on_it(A);
}

Test(kernel_lend, a_server_with_a_context_of_its_own_gets_none)
{
    receive(D, EP);
    INVOKE(W_CNODE, OP_CNODE_COPY, W_USER, 0, EP, RIGHTS_ALL);
    call(A, EP, 1, 1); /* B is first in the queue */
    assert_runs_on_it(B);
    call(B, EP, 1, 1); /* D */
    cr_assert_eq(D->context, w.slots[SC3].object);
    assert_runs_on_it(B);
    cr_assert_eq(B->state, THREAD_BLOCKED_REPLY);
    reply(D, 0, 0);
    assert_runs_on_it(B);
}

Test(kernel_lend, a_reply_object_keeps_it)
{
    call(A, EP, 1, 1);
    cr_assert_eq(INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER), ERR_OK);
    assert_runs_on_it(B);
    receive(B, EP);
    assert_runs_on_it(NULL);
    sys(D, SYS_SEND, REPLY, tag_make(0, 2, 0), 3);
    assert_runs_on_it(A);
    check_message_of(A, 0, 0, 2, 3);
}

Test(kernel_lend, a_server_serves_others_while_a_caller_is_put_aside)
{
    call(A, EP, 1, 1);
    INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER);
    receive(B, EP);
    call(D, EP, 2, 2);
    cr_assert_eq(B->context, w.slots[SC3].object);
    sys(B, SYS_SEND, REPLY, tag_make(0, 2, 0), 3);
    cr_assert_eq(A->context, context);
    cr_assert_eq(B->context, w.slots[SC3].object);
    reply_receive(B, EP, 0, 4);
    cr_assert_eq(D->context, w.slots[SC3].object);
    assert_runs_on_it(A);
}

/* --- Ends --- */

enum stage { DIRECT, NESTED, ASIDE, ASIDE_RUNNING, ASIDE_NESTED, STAGES };

/* Brings A's context to where the stage says. */
static void bring(enum stage stage)
{
    lend_world();
    call(A, EP, 1, 1);
    if (stage == ASIDE || stage == ASIDE_RUNNING || stage == ASIDE_NESTED)
        cr_assert_eq(INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER), ERR_OK);
    if (stage == NESTED || stage == ASIDE_NESTED)
        call(B, EP2, 1, 1);
    if (stage == ASIDE)
        receive(B, EP);
    check_threads();
}

Test(kernel_lend, a_caller_that_is_suspended_takes_it_back)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        bring(stage);
        cr_assert_eq(INVOKE_AS(D, TH0, OP_THREAD_SUSPEND), ERR_OK);
        assert_runs_on_it(A);
        cr_assert_eq(depth_of(context), 0);
        cr_assert_eq(INVOKE_AS(D, TH0, OP_THREAD_RESUME), ERR_OK);
        assert_runs_on_it(A);
        cr_assert_eq(label_of(A), ERR_CANCELLED);
    }
}

Test(kernel_lend, a_caller_that_dies_takes_it_along)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        bring(stage);
        destroy(TH0);
        cr_assert_null(context->owner);
        assert_runs_on_it(NULL);
    }
}

Test(kernel_lend, a_server_that_dies_gives_it_back)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        bool aside = stage == ASIDE || stage == ASIDE_RUNNING || stage == ASIDE_NESTED;

        bring(stage);
        destroy(TH1);
        if (aside) {
            cr_assert_eq(A->state, THREAD_BLOCKED_REPLY);
            assert_runs_on_it(NULL);
            sys(D, SYS_SEND, REPLY, tag_make(0, 2, 0), 3);
            check_message_of(A, 0, 0, 2, 3);
        } else {
            cr_assert_eq(label_of(A), ERR_PEER_GONE);
        }
        assert_runs_on_it(A);
    }
}

Test(kernel_lend, the_last_server_of_a_chain_that_dies_gives_it_back_to_the_one_before)
{
    bring(NESTED);
    destroy(TH2);
    assert_runs_on_it(B);
    cr_assert_eq(label_of(B), ERR_PEER_GONE);
    bring(ASIDE_NESTED);
    destroy(TH2);
    assert_runs_on_it(B);
    cr_assert_eq(label_of(B), ERR_PEER_GONE);
}

Test(kernel_lend, a_context_that_dies_is_forgotten_by_all)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        bring(stage);
        destroy(SC0);
        memset(context, 0x5a, 1 << SCHED_CONTEXT_BITS); /* whoever remembers it will notice */
        for (unsigned i = 0; i < 3; i++)
            cr_assert_null(w.thread[i]->context);
        destroy(TH0);
        destroy(TH1);
        destroy(TH2);
        check_threads();
    }
}

Test(kernel_lend, a_context_that_is_lent_can_be_unbound)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        bring(stage);
        cr_assert_eq(INVOKE_AS(D, TH0, OP_THREAD_BIND_CONTEXT, 0), ERR_OK);
        cr_assert_null(context->owner);
        assert_runs_on_it(NULL);
        cr_assert_eq(INVOKE_AS(D, TH0, OP_THREAD_BIND_CONTEXT, SC0), ERR_OK);
        assert_runs_on_it(A);
    }
}

Test(kernel_lend, the_reply_object_dies)
{
    for (enum stage stage = ASIDE; stage < STAGES; stage++) {
        bring(stage);
        destroy(REPLY);
        cr_assert_eq(label_of(A), ERR_PEER_GONE);
        assert_runs_on_it(A);
    }
}

Test(kernel_lend, a_context_that_is_lent_cannot_be_bound_elsewhere)
{
    bring(NESTED);
    cr_assert_eq(INVOKE_AS(D, TH2, OP_THREAD_BIND_CONTEXT, SC0), ERR_IN_USE);
    cr_assert_eq(INVOKE_AS(D, TH1, OP_THREAD_BIND_CONTEXT, SC1), ERR_IN_USE);
    cr_assert_eq(INVOKE_AS(D, TH2, OP_THREAD_BIND_CONTEXT, 0), ERR_IN_USE, "it is another's");
    assert_runs_on_it(C);
}

Test(kernel_lend, a_caller_that_is_dropped_gets_it_back)
{
    call(A, EP, 1, 1);
    receive(B, EP);
    assert_runs_on_it(A);
    cr_assert_eq(label_of(A), ERR_PEER_GONE);
    cr_assert_eq(B->state, THREAD_BLOCKED_RECV);
}

Test(kernel_lend, moving_a_lent_context_to_another_hart_moves_whoever_runs_on_it)
{
    call(A, EP, 1, 1);
    cr_assert_eq(schedule(), B);
    context_configure(context, 1, 5000, 5000);
    check_threads();
    cr_assert_neq(schedule(), B);
    host.hart = 1;
    cr_assert_eq(schedule(), B);
    reply_receive(B, EP, 0, 1);
    cr_assert_eq(schedule(), A);
    cr_assert_eq(A->hart, &harts[1]);
    check_threads();
}

Test(kernel_lend, time_of_all_that_run_on_it_is_charged)
{
    uint64_t before;

    schedule();
    run(A);
    charge_now();
    before = context->consumed;
    for (unsigned i = 0; i < 10; i++) {
        host_time += 100;
        call(A, EP, 1, 1);
        schedule();
        run(B);
        host_time += 1000;
        call(B, EP2, 1, 1);
        schedule();
        run(C);
        host_time += 10000;
        reply_receive(C, EP2, 0, 0);
        schedule();
        run(B);
        host_time += 1000;
        reply_receive(B, EP, 0, 0);
        schedule();
        run(A);
    }
    cr_assert_eq(context->consumed - before, 121000, "%lu", context->consumed - before);
}

/* --- Depth --- */

#define CHAIN (CONTEXT_MAX_DEPTH + 2)

/* A chain of servers without contexts: each, when called, calls the next. Returns the last that was
 * reached. */
static struct thread *call_chain(struct thread **chain, unsigned length)
{
    cr_assert_eq(make(OBJ_ENDPOINT, 0, W_USER), ERR_OK);
    for (unsigned i = 1; i < length; i++) {
        cr_assert_eq(make(OBJ_ENDPOINT, 0, W_USER + i), ERR_OK);
        chain[i] = world_thread(100);
        receive(chain[i], W_USER + i);
        context_unbind(chain[i]->context);
    }
    chain[0] = A;
    for (unsigned i = 0; i + 1 < length; i++)
        call(chain[i], W_USER + i + 1, 1, 1);
    return context->thread;
}

Test(kernel_lend, a_chain_of_lenders_has_a_limit)
{
    struct thread *chain[CHAIN], *last = call_chain(chain, CHAIN);

    cr_assert_eq(last, chain[CONTEXT_MAX_DEPTH]);
    cr_assert_eq(depth_of(context), CONTEXT_MAX_DEPTH);
    cr_assert_eq(label_of(last), ERR_TOO_MANY);
    cr_assert_eq(chain[CHAIN - 1]->state, THREAD_BLOCKED_RECV);
    check_context(context);
    for (unsigned i = CONTEXT_MAX_DEPTH; i > 0; i--)
        reply_receive(chain[i], W_USER + i, 0, 0);
    cr_assert_eq(context->thread, A);
    cr_assert_eq(depth_of(context), 0);
}

Test(kernel_lend, a_caller_at_the_limit_does_not_wait_for_a_server_that_could_not_run)
{
    struct thread *chain[CHAIN], *last = call_chain(chain, CONTEXT_MAX_DEPTH + 1);

    cr_assert_eq(last, chain[CONTEXT_MAX_DEPTH]);
    call(D, EP, 1, 1); /* B runs for D, and will receive again */
    cr_assert_eq(B->context, D->context);
    call(last, EP, 2, 2);
    reply_receive(B, EP, 0, 0);
    cr_assert(last->state == THREAD_READY ? label_of(last) == ERR_TOO_MANY : B->context != NULL,
              "B has a message and cannot run");
    check_context(context);
}

/* `from` faults; `to` receives that on `endpoint`. */
static void fault_to(struct thread *from, struct thread *to, unsigned endpoint)
{
    slot_copy(&w.slots[endpoint], &from->slot[THREAD_FAULT], RIGHTS_ALL);
    run(from);
    kernel_fault(from, FAULT_PAGE, 0x1000, RIGHT_READ, 13);
    check_context(context);
    cr_assert(from->state == THREAD_FAULTED || to->context == context,
              "it has a fault to handle and cannot run");
}

Test(kernel_lend, faults_go_deeper_than_calls_but_not_for_ever)
{
    struct thread *chain[CHAIN], *last = call_chain(chain, CONTEXT_MAX_DEPTH + 1);

    fault_to(last, B, EP);
    assert_runs_on_it(B);
    cr_assert_eq(depth_of(context), CONTEXT_MAX_DEPTH + 1);
    fault_to(B, C, EP2);
    cr_assert_eq(context->thread, C);
    fault_to(C, D, EP);
    cr_assert_eq(C->state, THREAD_FAULTED);
    cr_assert_eq(B->state, THREAD_FAULTED, "its fault is not handled any more");
    destroy(TH2);
    destroy(TH1);
    cr_assert_eq(last->state, THREAD_FAULTED);
    thread_destroy(last);
    cr_assert_eq(context->thread, chain[CONTEXT_MAX_DEPTH - 1]);
    cr_assert_eq(label_of(context->thread), ERR_PEER_GONE);
    check_context(context);
}
