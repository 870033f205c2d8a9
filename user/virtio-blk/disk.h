/* SPDX-License-Identifier: MIT */
/*
 * One virtio block device (Virtual I/O Device specification 1.1, section 5.2): set-up, requests in flight,
 * completion, and recovery by reset when the device misbehaves. Clients are the block server's.
 */
#pragma once

#include <driver/blk_server.h>
#include <driver/virtio.h>

#define DISK_QUEUE_SIZE   128
#define DISK_MAX_REQUESTS (DISK_QUEUE_SIZE / 3) /* each takes three descriptors: header, data, status */
#define DISK_MAX_SECTORS  2048                  /* in one request */
#define DISK_MAX_BLOCK    65536                 /* bytes of a disk's own sectors */
#define DISK_MAX_RESETS   16                    /* misbehaviour that is put up with */

/* What the device and the driver share per request: header and status (section 5.2.6). */
struct disk_shared {
    uint32_t type, reserved;
    uint64_t sector;
    uint8_t status;                        /* the device writes this */
    uint8_t padding[CACHE_BLOCK_MAX - 17]; /* to the next request's */
};
_Static_assert(sizeof(struct disk_shared) == CACHE_BLOCK_MAX, "keeps the slots apart");

/* Bytes of DMA memory that a disk needs. */
uint64_t disk_memory_bytes(void);

struct disk {
    struct blk_unit unit; /* its capacity may change while running */
    struct mmio regs;
    struct cache cache;
    struct virtio virtio;
    struct virtqueue queue;
    void *memory;
    uint64_t physical;
    struct disk_shared *shared; /* DISK_MAX_REQUESTS of them */
    uint64_t shared_physical;
    unsigned resets;
    struct disk_request {
        bool busy;
        bool reads;
        uint32_t length; /* bytes */
        void *data;
        uint64_t cookie;
        struct blk_session *session;
    } request[DISK_MAX_REQUESTS];
    unsigned in_flight;
};

/* Starts the device behind `regs`; `memory` is zeroed DMA memory of disk_memory_bytes(). Failures are
 * logged. */
enum error disk_open(struct disk *disk, const char *name, const struct mmio *regs, const struct cache *cache,
                     void *memory, uint64_t physical);
/* Handles an interrupt of the device: finished requests, changed capacity, and a device that needs a reset.
 */
void disk_interrupt(struct disk *disk);
