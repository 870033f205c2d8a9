/* SPDX-License-Identifier: MIT */
/* Threads, and how they send, receive, wait and wake. */
#pragma once

#include "cap.h"

#include <abi/error.h>

/* Takes the thread out of whatever it waits for, or off the hart it runs on, and leaves it THREAD_INACTIVE. A system call
 * that had not begun to take effect starts over when it is resumed; a call that was taken ends with ERR_CANCELLED. */
void thread_suspend(struct thread *thread);
/* Makes an inactive or faulted thread ready. */
void thread_resume(struct thread *thread);
/* A capability slot inside a thread was emptied: without its address space a thread cannot go on. */
void thread_slot_lost(struct slot *slot);
/* Sets the registers that a system call returns; all others that it may change become zero. */
void thread_result(struct thread *thread, uint64_t badge, uint64_t tag, const uint64_t *words, unsigned count);
/* Ends what a thread is blocked in with an error, giving back what it lent, and makes it ready. */
void thread_wake_error(struct thread *thread, enum error error);
/* Registers of message words 0-7: a2-a6, t0-t2. */
static const uint8_t word_register[MSG_REGS] = {12, 13, 14, 15, 16, 5, 6, 7};
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
void irq_release(uint64_t line);
/* Forgets the notification that lines or timers signal. */
void irq_forget(struct notification *notification);

/* Adds bits to a notification and wakes a waiter. */
void notification_signal(struct notification *notification, uint64_t bits);

void notification_receive(struct thread *thread, const struct slot *slot, bool block);

/* Queues of threads. */
void queue_append(struct thread_queue *queue, struct thread *thread);
void queue_prepend(struct thread_queue *queue, struct thread *thread);
void queue_remove(struct thread_queue *queue, struct thread *thread);

/* Ready queues and budgets (sched.c). */
void sched_ready(struct thread *thread);   /* its state is THREAD_READY: queue it if it can run */
void sched_remove(struct thread *thread);  /* out of its ready queue, if it is in one */
/* The current thread has blocked and `to` is ready: gives it the hart at once if nothing else must have it first. */
void sched_direct(struct thread *from, struct thread *to);
void sched_step_back(struct thread *thread);   /* behind the others of its priority */
/* Charges what the hart's current thread runs on for the time since it was last charged. */
void sched_charge(struct hart *hart);
void sched_set_priority(struct thread *thread, uint8_t priority);
void context_configure(struct sched_context *context, uint32_t hart, uint64_t budget, uint64_t period);
void context_bind(struct sched_context *context, struct thread *thread);
void context_unbind(struct sched_context *context);
void context_replenish(struct sched_context *context);
/* The thread `from` lends what it runs on to `to`, which has nothing to run on; and gets it back from wherever it is. */
#define CONTEXT_MAX_DEPTH 16
/* Faults may go further: that of the last called, and that of its handler. */
#define CONTEXT_FAULT_DEPTH (CONTEXT_MAX_DEPTH + 2)
void context_lend(struct thread *from, struct thread *to);
void context_recall(struct thread *from);
/* Takes a lent context off a thread that is about to wait for its next message. */
void context_release(struct thread *thread);

/* Time queue of a hart (heap.c). */
void heap_insert(struct hart *hart, struct heap_node *node, uint64_t deadline);
void heap_remove(struct heap_node *node);
struct heap_node *heap_first(const struct hart *hart);
