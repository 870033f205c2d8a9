/* SPDX-License-Identifier: MIT */
/*
 * Which locks an event needs: those of the harts at which the things are at home that it will look at or
 * change (lock.h). A function that answers this for one kind of event goes through the same steps as the
 * event itself will, and names the home of each thing before it looks at it. What it leaves out is a race.
 */
#pragma once

#include "cap.h"

struct reach {
    struct hart *self, *partner; /* whose locks are held; partner NULL: only the own */
    struct hart *missing;        /* whose lock is needed besides, when the answer is no; NULL: all */
};
typedef bool reach_of(struct reach *reach, void *event);

/* Takes the locks that an event needs; has the own hart's, which may be let go for a moment. */
void lock_for(reach_of *ask, void *event);
/* The same for an event of the hart's current thread. False: that was taken off the hart meanwhile, so there
 * is no such event any more. */
bool lock_for_thread(reach_of *ask, struct thread *thread);

/* Something at home on `hart` (NULL: nowhere) is touched. False: that needs a lock which is not held, so what
 * it guards must not be looked at, and the question is answered. */
bool reach_hart(struct reach *reach, struct hart *hart);
/* It takes all locks; false. */
bool reach_all(struct reach *reach);
/* Where a thread is at home: it runs there when it is ready. NULL: nowhere, it has nothing to run on. */
static inline struct hart *thread_home(const struct thread *thread)
{
    return thread->context ? &harts[thread->context->hart] : NULL;
}

/* The system call of a thread, its fault, the signal of a notification. */
bool reach_syscall(struct reach *reach, void *thread);
bool reach_fault(struct reach *reach, void *thread);
bool reach_signal(struct reach *reach, void *notification);
/* For lane.S: invokes the capability, which is none to an endpoint, if the own hart's lock is enough for
 * that; false, with nothing done: it is not. */
bool lane_object(struct thread *thread, struct slot *cap);
