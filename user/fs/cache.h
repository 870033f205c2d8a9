/* SPDX-License-Identifier: MIT */
/*
 * The block cache: blocks of one file system in the file server's own memory. It is the source of the
 * partition table reader and of the ext4 code. What is written is kept until a flush has brought it to the
 * medium, so a driver that dies meanwhile is given all of it once more.
 */
#pragma once

#include "disk.h"

#include <disk/partitions.h>
#include <ext4/ext4.h>

/* Begins with a disk and with nothing in the cache. */
enum error cache_open(struct disk *disk);
/* Whether the disk is there, after its driver was asked anew if need be. After false: mount again. */
bool cache_is_good(void);
/* Readers of the device from byte `start` on, `size` bytes. Where the disk cannot be written there are no
 * functions for that. */
struct sector_source cache_sectors(void);
struct ext4_source cache_blocks(uint64_t start, uint64_t size);
/* The file system is the one of this UUID: a disk that comes back under its driver has to have it. */
void cache_expect(const uint8_t uuid[16]);
