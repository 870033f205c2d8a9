/* SPDX-License-Identifier: MIT */
/* Threads whose objects are all made of one untyped, so that they can be made again and again. */
#pragma once

#include "guest.h"

/* A thread with objects of its own, all in one untyped. What is 0 is taken from main or has a default. */
struct worker {
    cap_t space, cnode, message_frame, fault;
    uint32_t hart; /* index */
    uint64_t priority;
    uint64_t budget, period;        /* microseconds; default 10 ms of 10 ms */
    cap_t untyped, thread, context; /* set by worker_make */
    void (*function)(uint64_t argument);
    uint64_t argument;
    unsigned stack; /* number of its stack, plus 1 */
    volatile bool done;
};
/* Makes the objects (again, of the same memory, after worker_end); the thread does not run yet. */
void worker_make(struct worker *worker);
/* Starts it at a function of this program, on a stack of its own. When the function returns the thread
 * suspends itself, `done`. */
void worker_run(struct worker *worker, void (*function)(uint64_t argument), uint64_t argument);
/* Starts it at any address: registers are zero but for sp, a0 and a1. */
enum error worker_start(struct worker *worker, uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1);
enum error worker_suspend(struct worker *worker);
struct thread_info worker_info(const struct worker *worker);
/* Ticks that its scheduling context consumed. */
uint64_t worker_consumed(const struct worker *worker);
/* Destroys its objects. */
void worker_end(struct worker *worker);
/* Waits, with main suspended on a timer. */
void sleep_us(uint64_t us);
/* Counts up *counter for ever. */
void spin_count(uint64_t counter) __attribute__((noreturn));
