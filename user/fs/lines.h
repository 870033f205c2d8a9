/* SPDX-License-Identifier: MIT */
/* The lines of the cache: their memory, which of them holds a block, and which is used for another one. */
#pragma once

#include <ext4/ext4.h>
#include <stdbool.h>

struct line {
    struct ext4_block block;
    uint64_t position; /* byte on the device, valid if `valid` */
    struct line *next; /* in its hash bucket */
    uint32_t held;
    bool valid, used;
    bool written; /* since the last flush: it stays */
    bool sent;    /* to the disk, as it is now */
};

/* Forgets all, and begins with lines of `size` bytes. */
void lines_begin(uint32_t size);
/* The line of a block; NULL: it is in none. */
struct line *line_find(uint64_t position);
void line_hold(struct line *line);
void line_release(struct line *line);
/* An empty line, least recently used; NULL: all are held or written. */
struct line *line_take(void);
/* The line is block `number` now, at `position`. */
void line_set(struct line *line, uint64_t position, uint64_t number);
/* The line whose bytes those are. */
struct line *line_of_bytes(const uint8_t *bytes);
/* Whether `count` more lines can be held; memory is asked for if need be. */
bool lines_have_room(unsigned count);
