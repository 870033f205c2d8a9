/* SPDX-License-Identifier: MIT */
/*
 * A ring of lines of text that forgets its oldest bytes. Positions count all bytes ever put in. Every line
 * has a time stamp, is not longer than TEXT_RING_LINE bytes besides (else it is broken), and holds nothing
 * that a terminal would obey: such bytes become dots.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_RING_LINE 512

struct text_ring {
    char *bytes;
    uint64_t size;
    uint64_t (*microseconds)(void); /* for time stamps */
    uint64_t end;                   /* position after the last byte */
    unsigned column;                /* bytes of the line that has begun */
};

/* Appends one line, whatever is in the strings that it is made of; one that has begun is ended first. */
void text_ring_line(struct text_ring *ring, const char *prefix, const char *format, va_list arguments);
/* Appends bytes up to the end of a line, at least one of the `count`, which is not 0; returns how many. */
size_t text_ring_bytes(struct text_ring *ring, const char *bytes, size_t count);
/* Copies at most `size` bytes from `position` on (moved up to the oldest byte still kept) and returns how
 * many; *next is the position after them. */
size_t text_ring_read(const struct text_ring *ring, uint64_t position, char *buffer, size_t size,
                      uint64_t *next);
