/* SPDX-License-Identifier: MIT */
/* What threads run on: scheduling contexts, and whom they are lent to. */
#pragma once

#include "object.h"

void context_configure(struct sched_context *context, uint32_t hart, uint64_t budget, uint64_t period);
void context_bind(struct sched_context *context, struct thread *thread);
void context_unbind(struct sched_context *context);
void context_replenish(struct sched_context *context);
void context_destroy(struct sched_context *context);

/* `from` waits for the answer of `to`, and lends it what it runs on if `to` has nothing to run on. */
void context_lend(struct thread *from, struct thread *to);
/* `caller` now waits for whoever holds a reply object, no longer for a thread: what it lent stays with that
 * thread until the answer. */
void context_park(struct thread *caller);
/* `from` gets what it lent back from wherever it is. */
void context_recall(struct thread *from);
/* Takes a lent context off a thread that is about to wait for its next message. */
void context_release(struct thread *thread);

/* Deadlines: the thread was woken by a message or signal; it waits for the next. */
void deadline_begin(struct thread *thread);
void deadline_end(struct thread *thread);

/* To be called when the CSpace of a thread, its being foreign, or the bits of its bound notification
 * changed: whether the fast lanes may give it the hart. */
void thread_lane_update(struct thread *thread);
/* No thread uses them, for the comparison: the kernel's command line says `nolanes`. */
extern bool lanes_off;
