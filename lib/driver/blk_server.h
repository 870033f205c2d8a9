/* SPDX-License-Identifier: MIT */
/*
 * The server's half of the block protocol (proto/blk.h), which every block driver has: sessions of clients,
 * each a ring and a data area in one DMA segment. Requests are taken from the rings in turn, one from each,
 * checked, and given to the driver; completions go back as they come.
 *
 * A session that has ended gives its memory back only when the driver is done with all its requests.
 */
#pragma once

#include <base/ring.h>
#include <proto/blk.h>
#include <rt/rt.h>

#define BLK_MAX_UNITS               8
#define BLK_MAX_SESSIONS            16
#define BLK_MAX_SESSIONS_PER_CLIENT 4
#define BLK_MAX_DATA                0x200000 /* bytes of a session's data area */
/* Bit of the driver's notification that is the doorbell of session 0; those below are the driver's own. */
#define BLK_DOORBELL                8

struct blk_session;

/* A request that was checked. The driver brings it back with blk_finished(). */
struct blk_request {
    enum blk_op op;
    uint64_t sector;   /* first one */
    uint32_t length;   /* bytes, whole sectors; 0 for a flush */
    void *data;        /* which the client can change at any time ... */
    uint64_t physical; /* ... and its address for a device */
    struct blk_session *session;
    uint64_t cookie;
};

/* One disk, as part of what the driver keeps of it. The driver may change everything here at any time. */
struct blk_unit {
    const struct blk_driver *driver;
    const char *name;
    uint64_t sectors;
    uint32_t max_sectors; /* in one request */
    uint32_t block_bytes; /* of the disk's own sectors; 0: BLK_SECTOR */
    bool read_only;
    bool can_flush;    /* false: it writes through, and flushes are answered at once */
    enum error failed; /* what every request fails with; ERR_OK: the disk works */
    bool holds_memory; /* it may still write to memory that it was given, so nobody else gets that */
    uint32_t medium;   /* counts media that were taken out: sessions with an earlier one get ERR_NO_DEVICE */
};

/* Bytes of the unit's own sectors. */
static inline uint32_t blk_block_bytes(const struct blk_unit *unit)
{
    return unit->block_bytes > 0 ? unit->block_bytes : BLK_SECTOR;
}

struct blk_driver {
    /* Whether a request can be submitted now. */
    bool (*has_room)(const struct blk_unit *unit);
    /* Takes a request; there is room. */
    void (*submit)(struct blk_unit *unit, const struct blk_request *request);
    /* Brings what is known of the unit up to date, before a client is told. May be NULL. */
    void (*look)(struct blk_unit *unit);
    /* Requests were submitted, or may have been: the device may be told now. May be NULL. */
    void (*kick)(struct blk_unit *unit);
};

enum blk_session_state {
    BLK_SESSION_FREE,
    BLK_SESSION_OPEN,
    BLK_SESSION_CLOSING, /* over for the client; requests in flight */
};

struct blk_session {
    enum blk_session_state state;
    uint64_t client;
    struct blk_unit *unit;
    uint32_t medium; /* of the unit when the session was opened */
    bool writable;
    bool awake;             /* OPEN: told the client that it need not ring */
    struct segment segment; /* DMA memory: ring, then data */
    uint64_t data_offset, data_bytes;
    struct ring_side ring;
    unsigned in_flight;
    cap_t notify;   /* the client's */
    cap_t doorbell; /* what it rings: a badged copy of the driver's notification */
};

/* --- Sessions (blk_server.c) --- */

/* `notification` is the driver's own, from which doorbells are made. */
void blk_server_setup(cap_t notification);
/* Opens a session; what the request asks for is brought into bounds. `notify` belongs to the session when it
 * succeeds. `reply` says what became of it. */
enum error blk_session_open(struct blk_unit *unit, uint64_t client, bool writable, cap_t notify,
                            const struct blk_attach_request *request, struct blk_attach_reply *reply,
                            struct blk_session **session);
/* Ends all sessions of a client. ERR_NOT_FOUND: it has none. */
enum error blk_session_end_all(uint64_t client);
/* Doorbells were rung, or requests of any unit are over: takes requests from all rings as far as the units
 * have room, and tells clients what is over. */
void blk_run(void);
/* A request is over; `length` bytes were transferred. */
void blk_finished(struct blk_session *session, uint64_t cookie, enum error status, uint32_t length);

/* --- The protocol (blk_protocol.c) --- */

/* Begins: makes the driver's notification, which blk_serve() waits for, and returns it. */
cap_t blk_begin(void);
/* Lets clients have the unit, under the next number. False: there are BLK_MAX_UNITS already. */
bool blk_add_unit(struct blk_unit *unit);
/* Serves for ever. `signalled` gets the bits of the notification; it calls
 * blk_run() when it has done with its own. */
void blk_serve(void (*signalled)(uint64_t bits)) __attribute__((noreturn));
