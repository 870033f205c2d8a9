/* SPDX-License-Identifier: MIT */
/* The kernel log: a ring of bytes that `dmesg` reads, echoed to the firmware console until a driver takes
 * over. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends one formatted line with a time stamp in front; the newline is added. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with the arguments as a list, and text in front. */
void log_line_list(const char *prefix, const char *format, va_list arguments);
/* Appends bytes that a process logs, up to the end of a line; returns how many. A line longer than 512 bytes
 * is broken. log_echo() is to follow. */
size_t log_bytes(const char *bytes, size_t count);
/* Puts out a few bytes that have not been echoed; whether there are more. */
bool log_echo(void);
/* Copies at most `size` bytes from `position` on (moved up to the oldest byte still kept) and returns how
 * many; *next is the position after them. */
size_t log_read(uint64_t position, char *buffer, size_t size, uint64_t *next);
uint64_t log_end(void);
void log_set_echo(int on);
