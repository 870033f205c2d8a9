/* SPDX-License-Identifier: MIT */
/*
 * The block cache. Blocks live in the memory that the device reads into, so nothing is copied between disk
 * and cache. It is the source of both the partition table reader and the ext4 reader.
 */
#pragma once

#include "disk.h"

#include <disk/partitions.h>
#include <ext4/ext4.h>

/* Takes over the disk's buffers. */
enum error cache_open(struct disk *disk);
/* Whether what the cache holds is still good: before and after anything is taken from it. After false: mount
 * again. */
bool cache_is_good(void);
/* Readers of the device from byte `start` on, `size` bytes. */
struct sector_source cache_sectors(void);
struct ext4_source cache_blocks(uint64_t start, uint64_t size);
