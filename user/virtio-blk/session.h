/* SPDX-License-Identifier: MIT */
/*
 * Sessions of clients with disks: a ring and a data area in one DMA segment. Requests are taken from the
 * rings in turn, one from each, checked, and given to the disk; completions go back as they come.
 *
 * A session that has ended gives its memory back only when the device is done with all its requests.
 */
#pragma once

#include "disk.h"

#include <base/ring.h>
#include <proto/blk.h>
#include <rt/rt.h>

#define SESSION_MAX            16
#define SESSION_MAX_PER_CLIENT 4
#define SESSION_MAX_DATA       0x200000 /* bytes */
#define SESSION_DOORBELL       8 /* bit of the doorbell of session 0; those below are the disks' interrupts */

enum session_state {
    SESSION_FREE,
    SESSION_OPEN,
    SESSION_CLOSING, /* over for the client; requests in flight */
};

struct session {
    enum session_state state;
    uint64_t client;
    struct disk *disk;
    bool writable;
    bool awake;             /* OPEN: told the client that it need not ring */
    struct segment segment; /* DMA memory: ring, then data */
    uint64_t data_offset, data_bytes;
    struct ring_side ring;
    unsigned in_flight;
    cap_t notify;   /* the client's */
    cap_t doorbell; /* what it rings: a badged copy of the driver's notification */
};

/* `notification` is the driver's own, from which doorbells are made. */
void session_setup(cap_t notification);
/* Opens a session; what the request asks for is brought into bounds. `notify` belongs to the session when it
 * succeeds. `reply` says what became of it. */
enum error session_open(struct disk *disk, uint64_t client, bool writable, cap_t notify,
                        const struct blk_attach_request *request, struct blk_attach_reply *reply,
                        struct session **session);
/* Ends all sessions of a client. ERR_NOT_FOUND: it has none. */
enum error session_end_all(uint64_t client);
/* The doorbells in `bits` were rung, or requests of any disk are over: takes requests from all rings as far
 * as the disks have room. */
void session_run(void);
/* A request is over: what struct disk calls. */
void session_finished(void *owner, uint64_t cookie, enum error status, uint32_t length);
