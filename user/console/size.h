/* SPDX-License-Identifier: MIT */
/*
 * How large the terminal is: it is asked where its cursor is after a jump to a far corner, and its answer is
 * taken out of what is typed, so that no reader ever sees it (ECMA-48 8.3.14 CPR, 8.3.35 DSR). Portable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZE_QUERY    "\x1b" "7\x1b[999;999H\x1b[6n\x1b" "8" /* and the cursor back to where it was */
#define SIZE_HELD_MAX 16

struct size {
    uint32_t columns, rows; /* 0: not known */
    bool asked;             /* an answer may come */
    unsigned patience;      /* bytes until none is expected any more */
    char held[SIZE_HELD_MAX];
    size_t count; /* of held bytes, which may become an answer */
};

/* The query was sent. */
void size_asked(struct size *size);
/* A byte came. Writes what is no answer to `typed`, which has room for SIZE_HELD_MAX + 1 bytes; returns how
 * many. */
size_t size_filter(struct size *size, char byte, char *typed);
