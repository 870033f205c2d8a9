/* SPDX-License-Identifier: MIT */
/*
 * The frame protocol, one for every driver of an Ethernet interface. A client's frames lie in memory that it
 * owns (dev_dma_lend of proto/dev.h) and that the driver has the device read and write: a frame is not
 * copied, and what a client has there outlives the driver. At the segment's beginning is a ring
 * (lib/base/ring.h), in which the client names buffers to receive into and frames to send.
 *
 * A driver that died takes its doorbell with it: to signal it fails. What was under way may have been sent or
 * not; buffers may be used again when the next driver has taken the segment, because then the device has been
 * stopped.
 */
#pragma once

#include <proto/proto.h>

#define ETH_ADDRESS_BYTES 6
#define ETH_HEADER_BYTES  14
#define ETH_MAX_PIECES    8 /* of one frame */

enum eth_flags { ETH_LINK_UP = 1 };

struct eth_unit_request {
    uint64_t unit; /* 0 .. units - 1 */
};
struct eth_info_reply {
    uint64_t units; /* interfaces that this driver has; 0: none, all else is zero */
    uint64_t flags;
    uint64_t mtu;       /* bytes after the header of 14 */
    uint8_t address[8]; /* the interface's, 6 bytes */
    char name[32];
    uint64_t resets; /* after misbehaviour of the device */
};

/* Opens the session on a unit, of which there is one at a time. + capabilities: the segment; the notification
 * that the driver signals when it has completed something while the client sleeps, or when the link has
 * changed (eth_info tells). */
struct eth_attach_request {
    uint64_t unit;
    uint64_t ring_entries; /* power of two, up to RING_MAX_ENTRIES; the ring is at the beginning */
};                         /* reply: + capability: notification to signal when the driver sleeps */

enum eth_op {
    ETH_OP_RECEIVE = 1, /* a buffer; completed with the length of the frame that is in it */
    ETH_OP_SEND = 2,    /* a frame, or its last piece */
    ETH_OP_PIECE = 3,   /* a piece; the next request has the next. Completed when the frame is */
};
/* Ring entries (struct ring_request): op is an enum eth_op, offset and length are bytes of the segment
 * behind the ring. Completion: status is an enum error; who sleeps is not woken because frames have been
 * sent, unless half of the ring's entries are under way or frames wait for room: what was sent is seen
 * when something comes. Received frames have no checksum (FCS) at the end, and to those to send the device
 * adds it. */

#define ETH_OPS(OP)                                                                                          \
    OP(eth, 1, info, struct eth_unit_request, struct eth_info_reply, ETH_USE, (), ())                        \
    OP(eth, 2, attach, struct eth_attach_request, struct proto_empty, ETH_USE, (SEGMENT, NOTIFICATION),      \
       (NOTIFICATION))                                                                                       \
    OP(eth, 3, detach, struct proto_empty, struct proto_empty, ETH_USE, (), ())
PROTO_CLIENT(ETH_OPS)
