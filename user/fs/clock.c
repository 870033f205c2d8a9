/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <rt/rt.h>

static int64_t offset; /* seconds from the machine's start to 1970 */

struct ext4_time clock_now(void)
{
    uint64_t ticks = rt_ticks(), rate = rt_start->timebase;
    uint64_t rest = ticks % rate;

    return (struct ext4_time){offset + (int64_t)(ticks / rate), (uint32_t)(rest * 1000000000 / rate)};
}

static int64_t later(int64_t a, uint32_t low, uint8_t high)
{
    int64_t b = (int64_t)((uint64_t)high << 32 | low);

    return a > b ? a : b;
}

void clock_begin(struct ext4 *fs)
{
    struct ext4_block *block;
    int64_t newest = 0;

    if (fs->source.get(fs->source.context, EXT4_SUPER_OFFSET >> fs->block_shift, &block))
        return;
    const struct ext4_super_block *super =
        (const void *)(block->data + (EXT4_SUPER_OFFSET & (fs->block_size - 1)));
    newest = later(newest, super->s_wtime, super->s_wtime_hi);
    newest = later(newest, super->s_mtime, super->s_mtime_hi);
    newest = later(newest, super->s_mkfs_time, super->s_mkfs_time_hi);
    fs->source.put(fs->source.context, block);
    if (newest > clock_now().seconds)
        offset += newest - clock_now().seconds;
}
