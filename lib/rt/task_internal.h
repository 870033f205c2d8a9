/* SPDX-License-Identifier: MIT */
/* What the files that make up tasks share. */
#pragma once

#include "task.h"

/* What serve() adds to the waits of its handlers. */
struct task_host {
    enum error (*before_wait)(struct task *self); /* an error: the wait does not begin */
    void (*after_wait)(struct task *self);
    void (*idle)(void); /* no task can run: makes one ready */
};

/* The tasks of a thread. */
struct tasks {
    struct task *current; /* NULL: nobody has asked yet */
    struct event ready;   /* those that can run, without links back */
    struct task *spare;   /* list of those that have ended */
    unsigned count;       /* stacks made */
    cap_t notification;   /* that the thread waits for; 0: none yet */
    cap_t timer, timer_signal;
    uint32_t timers; /* heap of those that wait for a deadline */
    uint64_t armed;  /* when the kernel's timer will signal; 0: it will not */
    void (*signalled)(uint64_t bits);
    const struct task_host *host; /* NULL: not a server's thread */
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

/* --- task_signal.c --- */

/* Wakes the task at `deadline` unless it leaves before. */
enum error timer_enter(struct task *task, uint64_t deadline);
void timer_leave(struct task *task);
/* Bits of the notification have come. */
void tasks_signal(uint64_t bits);
/* Waits for the next. */
void tasks_idle(void);
