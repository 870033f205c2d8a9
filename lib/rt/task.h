/* SPDX-License-Identifier: MIT */
/*
 * Tasks: several flows of control in one thread, each on a stack of its own, with an unmapped page below
 * it. A task runs until it waits or yields, so what it does in between needs no lock. Events, locks, queues,
 * sleep and join are where it waits. All of this belongs to the thread that calls; what was running when the
 * first task was started is a task as well.
 *
 * A wait ends with ERR_OK when what it waits for has come, with ERR_TIMED_OUT at its deadline, with the error
 * of task_cancel() when somebody gave the task up, and before it begins with ERR_BUSY or ERR_NO_MEMORY when a
 * server has too many requests that wait (rt.h). A task that is given up gives back what it has and
 * returns: no wait of it takes longer any more, but between task_shield() and task_unshield().
 */
#pragma once

#include <rt/rt.h>

#include <base/heap.h>

#define TASK_FOREVER     (~0ull)   /* as a deadline */
#define TASK_STACK_BYTES (124 << 10) /* pages of it come at first touch */
#define TASKS_MAX        64         /* of a thread, besides the one that it began with */
#define TASK_TIMER_BIT   (1ull << 63) /* of its notification: not to be used by others */

struct task;

/* Something to wait for; all zero at first. It keeps nothing: whoever is woken looks again. */
struct event {
    struct task *first, *last;
};

/* What a task keeps while another one runs. */
struct task_registers {
    uint64_t ra, sp, s[12];
#ifdef __riscv_float_abi_double
    double fs[12];
#endif
};

struct task {
    struct task_registers registers;
    struct task *next, *previous; /* where it waits, or next of those that can run */
    struct event *waits;          /* for what; NULL: for nothing, or just for its deadline */
    enum error outcome;           /* of its wait */
    enum error cancelled;         /* why it was given up; ERR_OK: it was not */
    unsigned shields;
    bool waiting, ended, detached;
    struct call *call; /* that a server's loop handles on this stack; NULL: none */
    void (*run)(void *argument);
    void *argument;
    struct event end; /* those who wait for its end */
    struct heap_node timer __attribute__((aligned(HEAP_UNIT)));
};

/* --- Tasks --- */

/* Makes a task that will call run(argument); it begins when the caller waits or yields. NULL when there are
 * TASKS_MAX already, or no memory. */
struct task *task_start(void (*run)(void *argument), void *argument);
/* The one that calls. */
struct task *task_self(void);
/* Lets the others that can run have their turn. */
void task_yield(void);
/* Waits for the end of a task, which nobody may name afterwards. Only one task may join another. */
enum error task_join(struct task *task);
/* The task is gone at its end: nobody will join it. */
void task_detach(struct task *task);
/* Gives a task up: its wait and those that follow end with `error`. */
void task_cancel(struct task *task, enum error error);
/* Between the two, which may be nested, the calling task waits as if nobody had given it up: for what must be
 * done before it can let go of something. */
void task_shield(void);
void task_unshield(void);

/* --- Waiting --- */

/* Waits until the event is signalled, or until the time register reaches `deadline`. */
enum error event_wait(struct event *event, uint64_t deadline);
/* Wakes the one that has waited longest, or all. */
void event_signal(struct event *event);
void event_broadcast(struct event *event);
/* Waits for nothing else than the time. ERR_OK when it has come. */
enum error task_sleep(uint64_t deadline);
/* For who cannot go back when a wait fails for want of memory: waits for the next signal of the kernel, in
 * which time no message is taken and no task runs; then lets those have their turn that can run. */
void tasks_wait_here(void);
/* Whether the calling task is between task_shield() and task_unshield(). */
bool task_is_shielded(void);

/* --- Locks: of one task, which may wait while it holds it. All zero at first. --- */

struct task_lock {
    struct task *holder;
    struct event waiters;
};
/* Who has waited longest gets it next. */
enum error task_lock(struct task_lock *lock);
void task_unlock(struct task_lock *lock);

/* --- Queues of words, in memory of the caller's --- */

struct task_queue {
    uint64_t *slot;
    unsigned size, first, count;
    struct event filled, emptied;
};
/* At its deadline, and when they are given up, both have changed nothing. */
enum error task_queue_put(struct task_queue *queue, uint64_t word, uint64_t deadline);
enum error task_queue_take(struct task_queue *queue, uint64_t *word, uint64_t deadline);

/* --- Signals of the kernel --- */

/* When no task can run, the calling thread waits for signals of one notification, and their bits go to
 * `signalled` (NULL: as it was), which may wake tasks and must not wait. serve() does that itself. The first
 * wait makes the notification when nobody has. */
enum error tasks_init(void (*signalled)(uint64_t bits));
/* That notification, to mint signals from; 0 before. */
cap_t tasks_notification(void);
