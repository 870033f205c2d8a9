/* SPDX-License-Identifier: MIT */
/*
 * The server's half of the frame protocol (proto/eth.h), which every Ethernet driver has: the session of each
 * unit's client, from whose ring requests are taken, checked, and given to the driver.
 *
 * When a session ends the driver stops its device, which starts anew, so that nothing writes to the client's
 * memory any more when that is given back.
 */
#pragma once

#include <base/ring.h>
#include <proto/eth.h>
#include <rt/rt.h>

#define ETH_MAX_UNITS 4
/* Bit of the driver's notification that is the doorbell of unit 0's session; those below are the driver's
 * own. */
#define ETH_DOORBELL  8

struct eth_unit;

/* A piece of a frame to send, or a buffer to receive into, in memory that the client can change at any
 * time. */
struct eth_piece {
    void *data;
    uint64_t physical; /* its address for a device */
    uint32_t length;
    uint64_t cookie;
};

struct eth_driver {
    /* Whether a frame of `pieces` pieces can be sent now, and whether a buffer can be taken. */
    bool (*can_send)(const struct eth_unit *unit, unsigned pieces);
    bool (*can_receive)(const struct eth_unit *unit);
    /* Gives back what the device has sent, with eth_sent(). */
    void (*collect)(struct eth_unit *unit);
    /* Takes a frame; there is room. Each piece comes back with eth_sent(). */
    void (*send)(struct eth_unit *unit, const struct eth_piece *piece, unsigned count);
    /* Takes a buffer of at least eth_buffer_bytes(); there is room. Comes back with eth_finished(). */
    void (*receive)(struct eth_unit *unit, const struct eth_piece *piece);
    /* Requests were taken, or may have been: the device may be told now. `wait`: something waits for room, so
     * the device has to interrupt when it has sent. Returns true when that came too late for some that it has
     * sent already. */
    bool (*kick)(struct eth_unit *unit, bool wait);
    /* Stops the device, so that it lets go of all memory, and starts it anew. What was under way is
     * forgotten. False: it does not stop. */
    bool (*restart)(struct eth_unit *unit);
};

/* One interface, as part of what the driver keeps of it. */
struct eth_unit {
    const struct eth_driver *driver;
    const char *name;
    uint8_t address[ETH_ADDRESS_BYTES];
    bool link_up;
    uint32_t mtu;
    uint32_t resets;
    enum error failed; /* what every request fails with; ERR_OK: the interface works */
    struct eth_session {
        bool open;
        bool awake; /* told the client that it need not ring */
        bool shown; /* nothing was completed since that the client must be told of */
        uint64_t client;
        struct segment segment; /* borrowed */
        uint64_t data_offset;   /* behind the ring */
        struct ring_side ring;
        cap_t notify;   /* the client's */
        cap_t doorbell; /* what it rings: a badged copy of the driver's notification */
        /* What was taken from the ring and is not the driver's yet: pieces up to a frame's last, or a
         * buffer. */
        struct eth_piece piece[ETH_MAX_PIECES];
        unsigned pieces;
        enum { ETH_NOTHING_HELD, ETH_FRAME_IN_PIECES, ETH_FRAME_HELD, ETH_BUFFER_HELD } held;
    } session;
};

/* Bytes that a buffer must have for the frames of this unit, with room for one tag (IEEE 802.1Q). */
static inline uint32_t eth_buffer_bytes(const struct eth_unit *unit)
{
    return unit->mtu + ETH_HEADER_BYTES + 4;
}

/* --- Sessions (eth_server.c) --- */

/* `notification` is the driver's own, from which doorbells are made. */
void eth_server_setup(cap_t notification);
/* Opens the session of a unit; `cap` and `notify` belong to it when it succeeds. */
enum error eth_session_open(struct eth_unit *unit, unsigned number, uint64_t client, cap_t cap, cap_t notify,
                            uint64_t ring_entries);
/* Ends it, if it is that client's. */
void eth_session_end(struct eth_unit *unit, uint64_t client);
/* Doorbells were rung, or requests are over: takes requests as far as the unit has room, and tells the client
 * what is over. */
void eth_run(struct eth_unit *unit);
/* A piece was sent. The client is not woken for that unless half of the ring's entries are under way, or
 * frames wait for room. */
void eth_sent(struct eth_unit *unit, uint64_t cookie, enum error status);
/* A request is over; `length` bytes were received. */
void eth_finished(struct eth_unit *unit, uint64_t cookie, enum error status, uint32_t length);
/* The link went up or down: the client is told to ask. */
void eth_changed(struct eth_unit *unit);

/* --- The protocol (eth_protocol.c) --- */

/* Begins: makes the driver's notification, which eth_serve() waits for, and returns it. */
cap_t eth_begin(void);
/* Lets clients have the unit, under the next number. False: there are ETH_MAX_UNITS already. */
bool eth_add_unit(struct eth_unit *unit);
/* Receives for ever. `signalled` gets the bits of the notification before units are run. */
void eth_serve(void (*signalled)(uint64_t bits)) __attribute__((noreturn));
