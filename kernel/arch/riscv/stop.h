/* SPDX-License-Identifier: MIT */
/* Stopping harts for good. */
#pragma once

#include <stdbool.h>

/* Has the other harts stop; false when another hart did so first, and this one is to stop. */
bool harts_stop_others(void);
/* Stops this hart: */
void hart_stop(void) __attribute__((noreturn));
void hart_stop_if_asked(void); /* when another hart did that */
