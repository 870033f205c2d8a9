/* SPDX-License-Identifier: MIT */
/*
 * Threads of a program: flows of control that run at the same time, on several harts. What two of them touch
 * needs a lock or an atomic operation. Each has a stack of its own with an unmapped page below it, a message
 * page, and thread-local variables that begin as those of main do. All of them may use malloc and stdio,
 * one at a time lib/client.
 *
 * Threads that have ended are kept, with all that they are made of, for the next start.
 */
#pragma once

#include <rt/rt.h>

#define THREAD_ANY_HART    (~0u)
#define THREAD_STACK_BYTES (256 << 10) /* pages of it come at first touch */

struct thread;

/* Harts of the machine. */
unsigned thread_harts(void);
/* Starts a thread that calls run(argument), on hart `hart`, counted from 0. NULL and *error: ERR_NO_MEMORY,
 * ERR_QUOTA, ERR_TOO_MANY (there are PROC_MAX_THREADS), ERR_BAD_ARG (no such hart), ERR_DENIED: see
 * proc_thread in proto/proc.h. */
struct thread *thread_start(unsigned hart, void (*run)(void *argument), void *argument, enum error *error);
/* Waits for its end, after which nobody may name it. One thread may join another. */
void thread_join(struct thread *thread);
/* The one that calls. */
struct thread *thread_self(void);
/* The hart that a thread was started on. */
unsigned thread_hart(const struct thread *thread);
/* Lets others of the same priority run on this hart. */
void thread_yield(void);

/* --- To wait: parts of locks --- */

/* Waits until somebody wakes this thread, or has done so since it last waited. It may also wake for nothing:
 * whoever waits looks again. */
void thread_park(void);
void thread_wake(struct thread *thread);

/* --- Mutual exclusion; all zero at first --- */

struct thread_mutex {
    uintptr_t state; /* thread_mutex.c */
};
void thread_lock(struct thread_mutex *mutex);
bool thread_try_lock(struct thread_mutex *mutex);
void thread_unlock(struct thread_mutex *mutex);

/* --- Conditions; all zero at first --- */

struct thread_waiter;
struct thread_condition {
    struct thread_mutex guard;
    struct thread_waiter *first, *last;
};
/* Lets the mutex go, waits for a signal, and takes the mutex again. Whoever waits looks at what it waits for
 * again, because others may have been first. */
void thread_condition_wait(struct thread_condition *condition, struct thread_mutex *mutex);
/* Wakes the one that has waited longest, or all. */
void thread_condition_signal(struct thread_condition *condition);
void thread_condition_broadcast(struct thread_condition *condition);
