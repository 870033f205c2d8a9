/* SPDX-License-Identifier: MIT */
/* The debug capability: what is logged, in how many steps, and what is refused. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/fast.c kernel/arch/host/host.c
#include "kernel_calls.h"

TestSuite(kernel_debug, .init = world_objects, .timeout = 50);

static const char text[] = "one\ntwo\n\nlast"; /* four lines, 13 bytes */

/* One system call; the words are what the one before left in the registers. */
static bool log_again(struct thread *thread)
{
    uint64_t pc = thread->reg[REG_PC], words[3];

    for (unsigned i = 0; i < 3; i++)
        words[i] = word_of(thread, i);
    syscall_words(thread, SYS_CALL, W_DEBUG, tag_make(OP_DEBUG_LOG, 3, 0), words, 3);
    return thread->reg[REG_PC] == pc;
}

static unsigned log_text(struct thread *thread)
{
    uint64_t words[3] = {sizeof(text) - 1};
    unsigned calls = 1;

    memcpy(&words[1], text, sizeof(text));
    for (unsigned i = 0; i < 3; i++)
        thread->reg[word_reg[i]] = words[i];
    while (log_again(thread))
        calls++;
    cr_assert_eq(label_of(thread), ERR_OK);
    return calls;
}

Test(kernel_debug, lines_are_logged_in_one_call)
{
    cr_assert_eq(log_text(w.thread[0]), 1);
    cr_assert_eq(host.log_used, sizeof(text) - 1);
    cr_assert_eq(memcmp(host.log, text, sizeof(text) - 1), 0);
}

Test(kernel_debug, a_call_that_is_interrupted_after_each_line_logs_each_once)
{
    host.interrupt_pending = true;
    cr_assert_eq(log_text(w.thread[0]), 5);
    cr_assert_eq(host.log_used, sizeof(text) - 1);
    cr_assert_eq(memcmp(host.log, text, sizeof(text) - 1), 0);
}

Test(kernel_debug, the_echo_is_interrupted_as_well)
{
    steps_between_pauses = 2;
    host.echo = 8; /* steps that it takes: with the lines' 11, a pause after every other */
    cr_assert_eq(log_text(w.thread[0]), 6);
    cr_assert_eq(host.echo, 0);
    cr_assert_eq(host.log_used, sizeof(text) - 1);
}

Test(kernel_debug, lengths_beyond_the_message_are_refused)
{
    cr_assert_eq(INVOKE(W_DEBUG, OP_DEBUG_LOG), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(W_DEBUG, OP_DEBUG_LOG, 9, 0), ERR_BAD_ARG);
    cr_assert_eq(word_of(w.thread[0], 1), 8);
    cr_assert_eq(INVOKE(W_DEBUG, OP_DEBUG_LOG, 5ull << 32 | 4, 0), ERR_BAD_ARG, "more is done than there is");
    cr_assert_eq(host.log_used, 0);
    cr_assert_eq(INVOKE(W_DEBUG, OP_DEBUG_LOG, 0), ERR_OK);
}
