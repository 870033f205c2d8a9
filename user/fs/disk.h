/* SPDX-License-Identifier: MIT */
/*
 * The disk as the file server sees it: a session with a block driver. What is read and written lies in the
 * file server's own memory, so that nothing is lost with a driver: it is copied to and from the memory that
 * the driver shares. All waiting for the disk is in disk.c.
 */
#pragma once

#include <proto/blk.h>

#include <stdbool.h>

#define DISK_SIGNAL 4     /* bit of the server's notification */
#define DISK_RUN    65536 /* bytes of one transfer, at most */
#define DISK_PIECES (DISK_RUN / BLK_SECTOR)

struct disk {
    cap_t driver; /* endpoint of the block driver, 0: there is no disk */
    uint64_t unit;
    struct blk_info_reply info;
    uint32_t run_bytes; /* of one transfer, at most */
};

/* Bytes that lie one behind the other on the disk, in memory in pieces of one size. */
struct disk_run {
    uint64_t position; /* of the first byte */
    uint32_t piece_bytes;
    uint32_t count;
    uint8_t *piece[DISK_PIECES];
};

/* Finds unit `unit` among the block drivers that the description grants; false when there are fewer. */
bool disk_find(struct disk *disk, unsigned unit);
/* A number that is another one when a disk has come or gone. */
uint64_t disks_present(void);
/* Opens the session in place of an earlier one. Errors of the driver and of mm. */
enum error disk_attach(struct disk *disk);
/* Whether the session is still there: a driver that dies, and a disk that is taken out, end it. */
bool disk_is_alive(void);
/* Whether the session ended because the disk is not there any more. */
bool disk_is_lost(void);

/* DISK_SIGNAL has come. */
void disk_signalled(void);

/* What follows waits as a task. It fails with ERR_BUSY or ERR_CANCELLED when the task cannot or shall not
 * wait, with ERR_PEER_GONE or ERR_NO_DEVICE when the session has ended, and with ERR_IO. */

/* Reads a run, of whatever bytes; waits. */
enum error disk_read(const struct disk *disk, const struct disk_run *run);
/* Begins to write a run of whole sectors of the disk's own. What was to be written is taken when it returns;
 * whether that went well disk_flush says. */
enum error disk_write(const struct disk *disk, const struct disk_run *run);
/* Waits until all that was written is on the medium. */
enum error disk_flush(const struct disk *disk);
