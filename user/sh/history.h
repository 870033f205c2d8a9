/* SPDX-License-Identifier: MIT */
/*
 * The lines that were entered before, in storage of fixed size: when it is full the oldest make room. Blank
 * lines and a line equal to the one before it are not kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct history {
    char *storage; /* the lines from the oldest on, each terminated */
    size_t size, used;
    unsigned count;
    unsigned dropped; /* lines that had to make room, so that numbers stay what they were */
};

/* Starts an empty history in `size` bytes of `storage`. */
void history_init(struct history *history, char *storage, size_t size);
/* Keeps a line of `length` bytes (without zeros); false when it is blank, a repetition, or too long for the
 * storage. */
bool history_add(struct history *history, const char *line, size_t length);
/* Line number `index`, 0 the oldest, terminated; NULL when there is none. Valid until the next
 * history_add(). */
const char *history_line(const struct history *history, unsigned index);

/* A walk through the history from the line being edited, which is put aside in `draft` and comes back at the
 * end. */
struct history_walk {
    const struct history *history;
    char *draft; /* as large as the longest line that can be edited */
    size_t draft_length;
    unsigned back; /* lines above the one being edited; 0: on it */
};

/* Stands the walk on the line being edited. */
void history_walk_start(struct history_walk *walk);
/* One line up or down. `line` is what is on the screen now; it is put aside if it is the one being edited.
 * Returns the line to show and its length, NULL when there is none further that way. */
const char *history_older(struct history_walk *walk, const char *line, size_t length, size_t *found);
const char *history_newer(struct history_walk *walk, size_t *found);
