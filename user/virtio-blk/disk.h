/* SPDX-License-Identifier: MIT */
/*
 * One virtio block device (Virtual I/O Device specification 1.1, section 5.2): set-up, requests in flight,
 * completion, and recovery by reset when the device misbehaves. Knows nothing of clients.
 */
#pragma once

#include <abi/error.h>
#include <driver/virtio.h>

#define DISK_QUEUE_SIZE   128
#define DISK_MAX_REQUESTS (DISK_QUEUE_SIZE / 3) /* each takes three descriptors: header, data, status */
#define DISK_MAX_SECTORS  2048                  /* in one request */
#define DISK_MAX_RESETS   16                    /* misbehaviour that is put up with */

/* What the device and the driver share per request: header and status (section 5.2.6). */
struct disk_shared {
    uint32_t type, reserved;
    uint64_t sector;
    uint8_t status;
    uint8_t padding[15];
};
_Static_assert(sizeof(struct disk_shared) == 32, "keeps the slots aligned");

/* Bytes of DMA memory that a disk needs. */
uint64_t disk_memory_bytes(void);

struct disk {
    const char *name;
    struct mmio regs;
    struct virtio virtio;
    struct virtqueue queue;
    void *memory;
    uint64_t physical;
    struct disk_shared *shared; /* DISK_MAX_REQUESTS of them */
    uint64_t shared_physical;
    uint64_t sectors; /* capacity; may change while running */
    uint32_t max_sectors;
    bool read_only, can_flush;
    bool dead; /* given up: takes no more requests, and may still write to memory it was given */
    unsigned resets;
    struct disk_request {
        bool busy;
        uint32_t length; /* bytes */
        uint64_t cookie;
        void *owner;
    } request[DISK_MAX_REQUESTS];
    unsigned in_flight;
    /* Called for each request that is over, from disk_interrupt(). */
    void (*finished)(void *owner, uint64_t cookie, enum error status, uint32_t length);
};

enum disk_op { DISK_READ, DISK_WRITE, DISK_FLUSH };

/* Starts the device behind `regs`; `memory` is zeroed DMA memory of disk_memory_bytes(). The caller has set
 * `finished`. Failures are logged. */
enum error disk_open(struct disk *disk, const char *name, const struct mmio *regs, void *memory,
                     uint64_t physical);
/* Whether a request can be submitted now. */
bool disk_has_room(const struct disk *disk);
/* Puts a request in; there must be room. `physical` and `length` (bytes, whole sectors) are the data; the
 * caller has checked the range of sectors. disk_kick() tells the device. */
void disk_submit(struct disk *disk, enum disk_op op, uint64_t sector, uint64_t physical, uint32_t length,
                 void *owner, uint64_t cookie);
void disk_kick(struct disk *disk);
/* Handles an interrupt of the device: finished requests, changed capacity, and a device that needs a reset.
 */
void disk_interrupt(struct disk *disk);
