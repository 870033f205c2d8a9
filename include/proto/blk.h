/* SPDX-License-Identifier: MIT */
/*
 * The block protocol, one for every block driver. Requests and completions go through a ring
 * (lib/base/ring.h) in a segment that the driver makes, so that the device reads and writes the client's
 * buffers, in the same segment, without a copy.
 */
#pragma once

#include <proto/proto.h>

#define BLK_SECTOR 512

enum blk_flags { BLK_READ_ONLY = 1, BLK_CAN_FLUSH = 2 };

struct blk_unit_request {
    uint64_t unit; /* 0 .. count - 1 */
};
struct blk_info_reply {
    uint64_t units;      /* disks that this driver has; 0: none, all else is zero */
    uint64_t sectors;    /* of 512 bytes */
    uint64_t flags;
    uint64_t max_sectors;/* in one request */
    char name[32];
    uint64_t medium;     /* another number: another medium was put in */
    uint64_t block_bytes;/* of the medium's own sectors, a power of two >= 512: requests are whole ones */
};

/* Opens a session on a unit. + capability: notification that the driver signals when it has completed
 * something while the client sleeps. */
struct blk_attach_request {
    uint64_t unit;
    uint64_t data_bytes;   /* wanted for buffers */
    uint64_t ring_entries; /* wanted, power of two */
};
struct blk_attach_reply {
    uint64_t segment_length;
    uint64_t ring_offset;  /* of the struct ring in the segment */
    uint64_t ring_entries;
    uint64_t data_offset, data_bytes;
}; /* + capabilities: the segment; notification to signal when the driver sleeps */

enum blk_op { BLK_OP_READ = 1, BLK_OP_WRITE = 2, BLK_OP_FLUSH = 3 };
/* Ring entries (struct ring_request): op is an enum blk_op, position the first sector (of 512 bytes), offset
 * and length the buffer in the data area in bytes (offset a multiple of 512). What is read or written begins
 * and ends at multiples of block_bytes. Completion: status is an enum error. */

#define BLK_OPS(OP)                                                                                          \
    OP(blk, 1, info, struct blk_unit_request, struct blk_info_reply, BLK_READ, (), ())                       \
    OP(blk, 2, attach, struct blk_attach_request, struct blk_attach_reply, BLK_READ,                         \
       (NOTIFICATION), (SEGMENT, NOTIFICATION))                                                              \
    OP(blk, 3, detach, struct proto_empty, struct proto_empty, BLK_READ, (), ())
PROTO_CLIENT(BLK_OPS)
