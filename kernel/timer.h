/* SPDX-License-Identifier: MIT */
/* Timers, and what happens when the time has come. */
#pragma once

#include "object.h"

/* This hart's timer fired: wakes what is due, charges and throttles the current thread. */
void kernel_timer(void);
/* The timer signals nothing any more. */
void timer_stop(struct timer *timer);
