/* SPDX-License-Identifier: MIT */
/* What the files that make up tasks share. */
#pragma once

#include "task.h"

/*
 * Where a thread has something better to do than to wait when no task can run: serve() takes the next
 * message, an executor the next job. It does so in a loop that is a task itself and calls handlers directly.
 * When a handler waits, its loop waits with it, on the same stack, and another loop goes on: what does not
 * wait costs nothing.
 */
struct task_host {
    void (*loop)(void *unused); /* never returns; calls task_loop_rest() when others can run */
    bool receives; /* on an endpoint: the notification has to be bound to the thread */
    /* These may be NULL: */
    enum error (*before_wait)(struct task *self); /* an error: the wait does not begin */
    void (*wait)(struct task *self);              /* in place of task_leave() */
    void (*readied)(void);                        /* a task can run that could not */
};

/* The tasks of a thread. */
struct tasks {
    struct task *current; /* NULL: nobody has asked yet */
    struct event ready;   /* those that can run, without links back */
    struct task *spare;   /* list of those that have ended */
    struct task *loops;   /* list of the host's loops that rest */
    unsigned count;       /* stacks made */
    cap_t notification;   /* that the thread waits for; 0: none yet */
    cap_t timer, timer_signal;
    uint32_t timers; /* heap of those that wait for a deadline */
    uint64_t armed;  /* when the kernel's timer will signal; 0: it will not */
    void (*signalled)(uint64_t bits);
    const struct task_host *host; /* NULL: the thread just waits */
    struct task origin;           /* what the thread began with */
};
extern _Thread_local struct tasks tasks;

/* task_switch.S */
void task_switch(struct task_registers *from, const struct task_registers *to);

/* Ends the wait of a task. */
void task_wake(struct task *task, enum error outcome);
/* Puts a task among those that can run. */
void task_ready(struct task *task);
/* Leaves the hart to others until the calling task is made ready. */
void task_leave(struct task *self);
/* Of a loop: lets those run that can. It goes on when none of them can run any more. */
void task_loop_rest(void);
/* Sees to it that there is a loop that rests, so that the calling task may wait. */
enum error task_loop_prepare(void);

/* --- task_signal.c --- */

/* Wakes the task at `deadline` unless it leaves before. */
enum error timer_enter(struct task *task, uint64_t deadline);
void timer_leave(struct task *task);
/* Bits of the notification have come. */
void tasks_signal(uint64_t bits);
/* Waits for the next. */
void tasks_idle(void);
