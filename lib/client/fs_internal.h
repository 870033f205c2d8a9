/* SPDX-License-Identifier: MIT */
/*
 * What the files behind fs.h share. There is one shared buffer per process; requests are made one at a time.
 *
 * What a file server knows of its clients ends with it. Then the session is opened anew, and each file when
 * it is used next, by its path, if that still leads to the same file; and the call is made again where
 * nothing can be done twice by that. What is lost is told: ERR_STALE for a file that is another now, or to
 * which something was written that was not synced; ERR_PEER_GONE for a change of which nobody knows whether
 * it was made.
 */
#pragma once

#include "fs.h"

#include <rt/rt.h>

#define BUFFER_BYTES 0x10000

extern cap_t fs_server;
extern uint64_t fs_root;      /* of the session */
extern uint64_t fs_session;   /* counts sessions, from 1 */
extern uint64_t fs_changed_in; /* session of the first change since the last sync; 0: nothing was changed */
extern struct segment fs_buffer;

/* An open file. Its number is its generation << 8 | its index + 1. */
struct file {
    char *path; /* absolute; NULL: free */
    char short_path[64];
    uint64_t flags;
    uint64_t inode;
    uint64_t session; /* in which it was opened last, ... */
    uint64_t handle;  /* ... as this */
    uint32_t generation;
    bool unsynced; /* something was changed since the last sync, or may have been */
    bool lost;     /* it is gone, another file now, or not what was written */
};

/* Something was changed. */
void fs_note_change(void);
/* Opens the session if there is none. */
enum error fs_ensure_attached(void);
/* Puts a path into the buffer, at `offset`. */
enum error fs_put_path(struct fs_path *to, uint64_t offset, const char *path);
/* Finds an open file for a call, and makes sure that this server knows it. */
enum error fs_use(uint64_t number, struct file **file);

/* What cannot be done twice is not done again after PEER_GONE: then nobody knows whether it was done. */
enum repeat { STALE_ONLY, ANY_TIME };
/* Whether a call that ended with *error is to be made again, in a new session. `tries` begins at 0. */
bool fs_again(enum error *error, enum repeat repeat, unsigned *tries);
/* The same of a call about the file, with the handle that it has then. */
bool fs_again_with(struct file *file, enum error *error, enum repeat repeat, unsigned *tries);
