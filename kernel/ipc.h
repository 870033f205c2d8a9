/* SPDX-License-Identifier: MIT */
/* Threads, and how they send, receive, wait and wake. */
#pragma once

#include "cap.h"

#include <abi/error.h>

/* Takes the thread out of whatever it waits for, or off the hart it runs on, and leaves it THREAD_INACTIVE. A
 * system call that had not begun to take effect starts over when it is resumed; a call that was taken ends
 * with ERR_CANCELLED. */
void thread_suspend(struct thread *thread);
/* Makes an inactive or faulted thread ready. */
void thread_resume(struct thread *thread);
/* A capability slot inside a thread was emptied: without its address space a thread cannot go on. */
void thread_slot_lost(struct slot *slot);
/* Sets the registers that a system call returns; all others that it may change become zero. */
void thread_result(struct thread *thread, uint64_t badge, uint64_t tag, const uint64_t *words, unsigned count);
/* Ends what a thread is blocked in with an error, giving back what it lent, and makes it ready. */
void thread_wake_error(struct thread *thread, enum error error);
/* Puts down in `reg` what the fast lanes only noted. */
void thread_settle(struct thread *thread);
/* Registers of message words 0-7: a2-a6, t0-t2. */
static const uint8_t word_register[MSG_REGS] = {12, 13, 14, 15, 16, 5, 6, 7};
/* To be called when its priority, or whether it gets FP registers before it runs, has changed. */
static inline void thread_level_update(struct thread *thread)
{
    thread->lane_level = thread->fp_eager ? LEVEL_FP : thread->priority;
}
/* Clears the registers that a system call changes and that carry no part of a message. */
static inline void thread_clear_rest(struct thread *thread)
{
    thread->reg[REG_RA] = thread->reg[REG_A7] = 0;
    for (unsigned i = REG_T3; i < REG_T3 + 4; i++)
        thread->reg[i] = 0;
}
/* n-th word of the message in a thread's registers and message page; and setting it. */
uint64_t message_word(const struct thread *thread, unsigned n);
void message_set_word(struct thread *thread, unsigned n, uint64_t value);
/* The kernel's view of the thread's message page, NULL when it has none. */
struct msg_page *thread_msg_page(const struct thread *thread);

/* Send, receive and reply (ipc.c); the thread is the one that makes the system call. */
void ipc_send(struct thread *thread, const struct slot *slot, uint64_t tag, bool call, bool block);
void ipc_receive(struct thread *thread, const struct slot *slot, bool block);
/* Answers the current caller; false when there is none. */
bool ipc_reply(struct thread *thread, uint64_t tag);
/* Answers the caller that was put aside. */
void reply_send(struct thread *thread, struct reply *reply, uint64_t tag);
/* Calls the fault endpoint for a thread, whose fault_ fields are set. */
void ipc_fault(struct thread *thread, uint32_t fault);

/* Destruction, one bounded step a call: true when done. */
bool thread_destroy(struct thread *thread);
bool endpoint_destroy(struct endpoint *endpoint);
bool notification_destroy(struct notification *notification);
void reply_destroy(struct reply *reply);
void timer_stop(struct timer *timer);
void context_destroy(struct sched_context *context);

/* Adds bits to a notification and wakes a waiter; and waits for bits. */
void notification_signal(struct notification *notification, uint64_t bits);
void notification_receive(struct thread *thread, const struct slot *slot, bool block);

/* Queues of threads. */
void queue_append(struct thread_queue *queue, struct thread *thread);
void queue_prepend(struct thread_queue *queue, struct thread *thread);
void queue_remove(struct thread_queue *queue, struct thread *thread);
static inline bool is_running(const struct thread *thread)
{
    return thread->hart && thread->hart->current == thread;
}

/* Ready queues and budgets (sched.c), and what threads run on (context.c). */
void sched_ready(struct thread *thread);   /* its state is THREAD_READY: queue it if it can run */
/* The same for a thread that the current one hands a message: on the same hart it goes before its equals. */
void sched_handoff(struct thread *thread);
void sched_remove(struct thread *thread);  /* out of its ready queue, if it is in one */
/* Closes and opens the fast lanes of a hart. */
void lanes_close(struct hart *hart, enum lane_closed reason);
void lanes_open(struct hart *hart, enum lane_closed reason);
/* To be called when the CSpace of a thread, its being foreign, or the bits of its bound notification changed. */
void thread_lane_update(struct thread *thread);
/* No thread uses them, for the comparison: the kernel's command line says `nolanes`. */
extern bool lanes_off;
void sched_step_back(struct thread *thread);   /* behind the others of its priority */
/* Charges what the hart's current thread runs on for the time since it was last charged, for the last time. */
void sched_charge(struct hart *hart);
void sched_set_priority(struct thread *thread, uint8_t priority);
void context_configure(struct sched_context *context, uint32_t hart, uint64_t budget, uint64_t period);
void context_bind(struct sched_context *context, struct thread *thread);
void context_unbind(struct sched_context *context);
void context_replenish(struct sched_context *context);
/* `from`, which waits for the answer of `to`, lends it what it runs on if `to` has nothing to run on; */
void context_lend(struct thread *from, struct thread *to);
/* a reply object has taken the place of the one that it waits for; */
void context_park(struct thread *caller);
/* and it gets the context back from wherever it is. */
void context_recall(struct thread *from);
/* Takes a lent context off a thread that is about to wait for its next message. */
void context_release(struct thread *thread);
/* Deadlines: the thread was woken by a message or signal; it waits for the next. */
void deadline_begin(struct thread *thread);
void deadline_end(struct thread *thread);

/* Time queue of a hart (heap.c). */
void heap_insert(struct hart *hart, struct heap_node *node, uint64_t deadline);
void heap_remove(struct heap_node *node);
struct heap_node *heap_first(const struct hart *hart);
