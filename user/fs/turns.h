/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is. What reads files goes on beside each other: while one waits for the disk, others use what
 * is in the cache. What changes files, and mounts, is alone.
 */
#pragma once

#include <ext4/ext4.h>

struct turns {
    unsigned readers;
    bool alone;
};
extern struct turns turns;

/* Around what reads. ERR_BUSY, ERR_NO_MEMORY, ERR_PEER_GONE: it cannot or shall not wait for its turn. */
enum error turn_wait(void);
void turn_was_last(void);
static inline enum error turn_begin(void)
{
    if (turns.alone)
        return turn_wait();
    turns.readers++;
    return ERR_OK;
}
static inline void turn_end(void)
{
    if (--turns.readers == 0)
        turn_was_last();
}
/* Around what changes: nobody can break it off in the middle. */
enum error turn_begin_alone(void);
void turn_end_alone(void);
/* For who has to have a turn. */
void turn_take_alone(void);
/* In a turn of one that reads: has run() called alone, and goes on in such a turn. Returns what run() does,
 * or why that could not be. */
enum error turn_change(enum error (*run)(void));
/* Whether the one whose turn it is is alone. */
static inline bool turn_is_alone(void)
{
    return turns.alone;
}

/* What lib/ext4 keeps in the file system while it looks for something: put aside while a task waits. */
struct turn {
    uint64_t search_left;
    uint32_t found_in;
    bool resolves;
    char path[EXT4_PATH_MAX]; /* if so */
};
void turn_pause(struct turn *turn);
void turn_resume(const struct turn *turn);
/* Set while a path is followed: part of it may be in the file system then. */
extern bool turn_resolves;
