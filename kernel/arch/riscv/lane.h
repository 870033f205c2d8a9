/* SPDX-License-Identifier: MIT */
/* Fast lanes in C. Each returns only when it did nothing and leaves the event of `thread`, the current one,
 * whose registers are saved, to the general path. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hart;
struct notification;
struct thread;

/* An external interrupt, if the driver that it is for waits for it. */
void lane_interrupt(struct thread *thread);
/* A system call that lane.S left, if it is a message for a thread of another hart. The own lock is held. */
void lane_system_call(struct thread *thread);
/* Signals another hart's notification, for lane.S, and gives the own lock back; false, with nothing done: not
 * if nobody waits for it. */
bool lane_signal(struct notification *notification, uint64_t bits);
/* Has the hart use the kernel's own tables, if its thread waits and that is all that there is to do. */
bool lane_rest(struct hart *hart);
/* The hart has idled and was called: gives it to the thread in front. */
void lane_resume(struct hart *hart);
