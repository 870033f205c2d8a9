/* SPDX-License-Identifier: MIT */
/*
 * Work for all harts: jobs, which threads (workers) take from each other when they have none. Who calls
 * executor_start() is a worker as well. A job may do what a task may (task.h): when it waits, its worker goes
 * on with other jobs. A job that has begun stays with its worker.
 */
#pragma once

#include <rt/task.h>

/* Somewhere in the memory of who starts it, until it has been joined. */
struct job {
    void (*run)(void *argument);
    void *argument;
    uint32_t state;
    struct worker *waiter; /* whose task waits for its end */
    struct event over;
    struct job *next; /* of those that are over, for that worker */
};

/* Starts workers, one for each hart where `count` is 0, and makes the caller the first. When there cannot be
 * so many threads there are fewer, and when there is none the caller does everything. Returns how many. */
unsigned executor_start(unsigned count);
/* Ends the other workers. All jobs have been joined. */
void executor_stop(void);

/* By a worker: has run(argument) called, by whoever comes first. */
void job_start(struct job *job, void (*run)(void *argument), void *argument);
/* By a worker: returns when the job is over. Each job is joined once. */
void job_join(struct job *job);
/* Calls body(context, from, to) for parts of [from, to), each at most `grain` long, on all workers. */
void executor_for(uint64_t from, uint64_t to, uint64_t grain,
                  void (*body)(void *context, uint64_t from, uint64_t to), void *context);
