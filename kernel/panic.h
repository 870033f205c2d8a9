/* SPDX-License-Identifier: MIT */
/* The end, when the kernel itself fails. */
#pragma once

/* Stops every hart, prints the line, registers and backtrace, and ends the machine with a failure status. */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* What of somebody else's is being read, for a trap in the kernel to tell: " while reading ..."; or NULL. */
extern const char *panic_reading;
