/* SPDX-License-Identifier: MIT */
/* What somebody hostile would try with the kernel core, and what several parts of it must agree on. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/heap.c kernel/syscall.c kernel/debug.c kernel/lock.c kernel/fast.c kernel/arch/host/host.c
#include "kernel_world.h"

TestSuite(kernel_audit, .init = world_make, .timeout = 50);

#define CALL(thread, cap) syscall_words(thread, SYS_CALL, cap, tag_make(7, 0, 0), NULL, 0)
#define RECEIVE(thread, cap) syscall_words(thread, SYS_RECV, cap, 0, NULL, 0)

enum { FIRST_EP = W_FREE, SECOND_EP, REPLY_CAP };

/* --- Contexts that are lent --- */

/* Thread 0 calls thread 1, which puts it aside and calls thread 2; 1 and 2 have no contexts of their own. Returns the
 * context that all that runs on. */
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
    cr_assert_eq(context->depth, 0);
    cr_assert_null(w.thread[1]->lent);
    cr_assert_null(w.thread[2]->context);
}

Test(kernel_audit, nobody_remembers_a_context_that_is_gone)
{
    struct sched_context *context = lend_through_a_reply_object();

    context_destroy(context);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_neq(w.thread[i]->lent, context, "thread %u", i);
        cr_assert_neq(w.thread[i]->context, context, "thread %u", i);
    }
}

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
    sched_charge(hart_self());
    host_time += 400;
    CALL(client, FIRST_EP);
    schedule();
    run(server);
    host_time += 500;
    syscall_words(server, SYS_REPLY_RECV, FIRST_EP, tag_make(ERR_OK, 0, 0), NULL, 0);
    schedule();
    cr_assert_eq(client->context, context);
    cr_assert_eq(context->remaining, 100, "%lu left", context->remaining);
}

Test(kernel_audit, whoever_suspends_itself_is_charged)
{
    struct thread *thread = w.thread[0];
    uint64_t before;

    sched_charge(hart_self());
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
