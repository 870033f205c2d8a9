/* SPDX-License-Identifier: MIT */
/* Queues of threads, and who runs next. */
#pragma once

#include "hart.h"

void queue_append(struct thread_queue *queue, struct thread *thread);
void queue_prepend(struct thread_queue *queue, struct thread *thread);
void queue_remove(struct thread_queue *queue, struct thread *thread);
/* Into and out of a queue that is in the order of priorities, and of arrival among equals. */
void queue_rank(struct thread_queue *queue, struct thread *thread);
void queue_remove_ranked(struct thread_queue *queue, struct thread *thread);

static inline bool is_running(const struct thread *thread)
{
    return thread->hart && thread->hart->current == thread;
}

/* The thread's state is THREAD_READY: queues it if it can run. */
void sched_ready(struct thread *thread);
/* The same for a thread that the current one hands a message: on the same hart it goes before its equals. */
void sched_handoff(struct thread *thread);
/* Out of its ready queue, if it is in one. */
void sched_remove(struct thread *thread);
/* Behind the others of its priority. */
void sched_step_back(struct thread *thread);
/* Charges what the hart's current thread runs on for the time since it was last charged, for the last
 * time. */
void sched_charge(struct hart *hart);
void sched_set_priority(struct thread *thread, uint8_t priority);
/* To be called when the priority of a thread, or whether it gets FP registers before it runs, has changed. */
static inline void thread_level_update(struct thread *thread)
{
    thread->lane_level = thread->fp_eager ? LEVEL_FP : thread->priority;
}
/* Closes and opens the fast lanes of a hart. */
void lanes_close(struct hart *hart, enum lane_closed reason);
void lanes_open(struct hart *hart, enum lane_closed reason);

/* The first that is ready on a hart has that priority; -1: nobody is. */
static inline void set_ready_top(struct hart *hart, int top)
{
    hart->ready_top = top;
    hart->lane_floor = hart->closed ? LANES_CLOSED : top;
}

/* Chooses what this hart runs next and makes it hart->current: charges the thread that ran, saves and
 * restores FP state, switches address spaces, programs the timer. Returns NULL when there is nothing to run
 * (the hart then uses the kernel's own tables and waits for an interrupt). */
struct thread *schedule(void);
/* Whether schedule() has nothing to do: this hart goes on with its current thread as it is. */
static inline bool sched_stays(const struct hart *hart)
{
    const struct thread *thread = hart->current;

    return thread && !hart->reschedule && thread->state == THREAD_READY && thread->context == hart->context &&
           hart->context && hart->context->thread == thread;
}
