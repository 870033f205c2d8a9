/* SPDX-License-Identifier: MIT */
/* Threads: stopping them, letting them go on, and their end. */
#pragma once

#include "object.h"

/* Takes the thread out of whatever it waits for, or off the hart it runs on, and leaves it THREAD_INACTIVE. A
 * system call that had not begun to take effect starts over when it is resumed; a call that was taken ends
 * with ERR_CANCELLED. */
void thread_suspend(struct thread *thread);
/* Makes an inactive or faulted thread ready. */
void thread_resume(struct thread *thread);
/* A capability slot inside a thread was emptied: without its address space a thread cannot go on. */
void thread_slot_lost(struct slot *slot);
/* Destruction, one bounded step a call: true when done. */
bool thread_destroy(struct thread *thread);
