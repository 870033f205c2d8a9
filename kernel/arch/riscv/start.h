/* SPDX-License-Identifier: MIT */
/* What is left of the start of harts when the boot is over. */
#pragma once

#include "arch.h"

/* What head.S finds when a hart comes that was started: an attempt for each, which is ATTEMPT_WELCOME until
 * the hart takes it or its time is over; the id of the hart that it is for; and which hart it becomes. */
enum attempt { ATTEMPT_OVER, ATTEMPT_WELCOME, ATTEMPT_TAKEN };
extern uint32_t start_attempt[MAX_HARTS], start_id[MAX_HARTS];
extern struct hart *starting_hart;

/* This hart is set up: it sleeps until the boot is over, then runs threads. */
void hart_join(void) __attribute__((noreturn));
/* Ends the boot, whose code is gone afterwards: all harts run threads. The caller holds the locks. */
void harts_release(void) __attribute__((noreturn));
