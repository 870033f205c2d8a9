/* SPDX-License-Identifier: MIT */
/* The disk as the file server sees it: a session with a block driver, whose shared memory is the block
 * cache's. */
#pragma once

#include <proto/blk.h>

#include <stdbool.h>

struct disk {
    cap_t driver;     /* endpoint of the block driver, 0: there is no disk */
    uint64_t unit;
    struct blk_info_reply info;
    uint8_t *data;    /* buffers that the device reads into */
    uint64_t data_bytes;
    uint64_t sessions; /* attached so many times; a new session starts with empty buffers */
};

/* Finds unit `unit` among the block drivers that the description grants; false when there are fewer. */
bool disk_find(struct disk *disk, unsigned unit);
/* A number that is another one when a disk has come or gone. */
uint64_t disks_present(void);
/* Opens the session. Errors of the driver and of mm. */
enum error disk_attach(struct disk *disk, uint64_t data_bytes);
/* Whether the session is still the one that was attached: when a driver dies its shared memory is gone, and
 * with it what the buffers held; when a disk is taken out there may be another one. */
bool disk_is_alive(const struct disk *disk);
/* Reads `count` sectors into the buffer at `offset`; waits. ERR_PEER_GONE, ERR_NO_DEVICE: the session
 * is lost, attach again. */
enum error disk_read(struct disk *disk, uint64_t sector, uint64_t count, uint64_t offset);
