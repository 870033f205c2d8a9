/* SPDX-License-Identifier: MIT */
/*
 * A log of lines in a buffer of its own: the newest stay, and the oldest go as whole lines. Each begins with
 * time and name, which are not the writer's; what the writer says is one line however it is made. Portable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_LINE 496 /* bytes of the longest line, with time, name and newline; a longer one is cut */

struct journal {
    char *text;
    size_t size;  /* at least JOURNAL_LINE */
    uint64_t end; /* bytes that were ever written; the last `size` of them are there */
};

/* Adds what `name` said at `us` microseconds, line by line. What cannot be printed becomes '?'. */
void journal_add(struct journal *journal, uint64_t us, const char *name, const char *bytes, size_t length);
/* Puts all lines of one behind those of another. */
void journal_move(struct journal *from, struct journal *to);
/* Copies whole lines, as many as fit `size` >= JOURNAL_LINE, from *position on, or from the oldest that is
 * there; moves *position behind them. Returns their bytes; 0: there are no more. */
size_t journal_read(const struct journal *journal, uint64_t *position, char *into, size_t size);
