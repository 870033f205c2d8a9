/* SPDX-License-Identifier: MIT */
/* Timers, and what happens when the time has come. */
#pragma once

#include "hart.h"

/* The time queue of a hart: timers that are set, and contexts whose budgets are used up. Removing does
 * nothing to what is in no queue; the first is the earliest, NULL when nothing is queued. */
void time_queue_insert(struct hart *hart, struct heap_node *node, uint64_t deadline);
void time_queue_remove(struct heap_node *node);
struct heap_node *time_queue_first(const struct hart *hart);

/* This hart's timer fired: wakes what is due, charges and throttles the current thread. */
void kernel_timer(void);
/* The timer signals nothing any more. */
void timer_stop(struct timer *timer);
