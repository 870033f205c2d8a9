/* SPDX-License-Identifier: MIT */
/* What the file server keeps for each client: its shared buffer and its open files. */
#pragma once

#include "file.h"

#include <proto/fs.h>
#include <rt/rt.h>

#define MAX_SESSIONS 32
#define EPOCH_SHIFT  40 /* of the server's epoch in the numbers of handles */
#define EPOCH_MASK   0xffffff

struct handle {
    struct file *file;   /* NULL: free */
    uint32_t generation; /* of the slot, so that a closed handle is not mistaken for the next one */
    bool append;         /* what is written goes to the end */
};

struct session {
    uint64_t client; /* 0: free */
    uint8_t *buffer; /* shared with the client, who may change it at any time */
    uint64_t buffer_size;
    uint32_t buffer_cap;
    struct handle handle[FS_MAX_HANDLES];
};

/* The session of a client, made if need be. NULL: too many clients. */
struct session *session_of(uint64_t client);
/* Maps the segment as the client's buffer in place of an earlier one. Takes the capability over if it
 * succeeds. */
enum error session_attach(struct session *session, uint32_t segment, uint64_t length);
/* Closes everything of a client that is gone. */
void session_end(uint64_t client);
/* The part of the buffer that a request names; NULL when it is not all inside. */
uint8_t *session_range(struct session *session, uint64_t offset, uint64_t length);

/* A new handle for `node`, NULL when all are in use; its number. Closing it. */
struct handle *handle_open(struct session *session, const struct ext4_node *node);
uint64_t handle_number(const struct session *session, const struct handle *handle);
void handle_close(struct handle *handle);
/* The root's number: no handle, but it is good for as long as they are. */
uint64_t handle_root(void);
/* Finds a client's open handle. ERR_STALE: the number is one of an earlier server's, which handle_is_stale()
 * tells alone; ERR_BAD_ARG: there is none of that number. */
enum error handle_find(uint64_t client, uint64_t number, struct session **session, struct handle **handle);
static inline bool handle_is_stale(uint64_t number)
{
    return number >> EPOCH_SHIFT != (rt_start->epoch & EPOCH_MASK);
}
