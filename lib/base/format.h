/* SPDX-License-Identifier: MIT */
/*
 * printf-style formatting without a libc, for the kernel and for early start-up code.
 * Understands %c %s %d %i %u %x %X %p %% with flags '-' and '0', a width, a precision for strings and
 * numbers (either may be '*'), and the lengths hh, h, l, ll and z. Writes "(null)" for a null string, and no
 * more than 4096 characters of padding. At a conversion that it does not know it stops converting and writes
 * the rest of the format as it is.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

typedef void (*format_sink)(void *context, char c);

/* Sends each formatted character to `sink`. Returns how many there were. */
int format_to(format_sink sink, void *context, const char *format, va_list arguments);
/* Formats into `buffer` of `size` bytes, always terminated when size > 0. Returns the untruncated length. */
int format_buffer(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
