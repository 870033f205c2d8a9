/* SPDX-License-Identifier: MIT */
/* What a hart does between two traps. */
#pragma once

#include <stdint.h>

struct hart;

/* Runs threads on this hart, and waits while there are none; the caller holds the locks. */
void hart_run(void) __attribute__((noreturn));
/* The same, and calls another hart (NULL: none) when this one has given its lock back. */
void hart_run_and_call(struct hart *call) __attribute__((noreturn));
/* Takes care of interrupts of this hart that came or wait, which are bits as in sip. */
void hart_interrupts(uint64_t pending);
