/* SPDX-License-Identifier: MIT */
/* What the file server keeps for each client: its shared buffer and its open files. */
#pragma once

#include "file.h"

#include <proto/fs.h>

#define MAX_SESSIONS 32

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

/* A new handle for `node`, NULL when all are in use; its number. Finding one again, NULL when it is not open;
 * closing it. */
struct handle *handle_open(struct session *session, const struct ext4_node *node);
uint64_t handle_number(const struct session *session, const struct handle *handle);
struct handle *handle_find(struct session *session, uint64_t number);
void handle_close(struct handle *handle);
