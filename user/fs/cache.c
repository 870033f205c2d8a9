/* SPDX-License-Identifier: MIT */
/* The block cache: see cache.h. Least recently used by a clock hand; blocks that somebody holds stay. */
#include "cache.h"

#include <base/checked.h>
#include <rt/rt.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES  (1 << 20)
#define LINE_BYTES   EXT4_MAX_BLOCK_SIZE
#define MAX_LINES    (CACHE_BYTES / LINE_BYTES)
#define HASH_BUCKETS 512

struct line {
    struct ext4_block block;
    uint64_t position; /* byte on the device, valid if `valid` */
    struct line *next; /* in its hash bucket */
    uint32_t held;
    bool valid, used;
};

static struct disk *disk;
static struct line lines[MAX_LINES];
static unsigned line_count, hand;
static struct line *buckets[HASH_BUCKETS];
static uint32_t block_size = SECTOR_SIZE;
static uint64_t partition_start;
static uint64_t session; /* of the disk that the lines belong to */

static struct line **bucket_of(uint64_t position)
{
    return &buckets[(position / SECTOR_SIZE * 0x9e3779b97f4a7c15ull) >> 55];
}

static void forget_all(void)
{
    memset(buckets, 0, sizeof(buckets));
    for (unsigned i = 0; i < line_count; i++)
        lines[i] = (struct line){.block = {.data = disk->data + (uint64_t)i * LINE_BYTES}};
}

enum error cache_open(struct disk *of)
{
    uint64_t block = of->info.block_bytes;
    enum error error = block < BLK_SECTOR || block > LINE_BYTES || (block & (block - 1)) != 0
                           ? ERR_UNSUPPORTED
                           : disk_attach(of, CACHE_BYTES);

    if (error)
        return error;
    disk = of;
    session = disk->sessions;
    line_count = disk->data_bytes / LINE_BYTES < MAX_LINES ? disk->data_bytes / LINE_BYTES : MAX_LINES;
    partition_start = 0;
    block_size = SECTOR_SIZE;
    forget_all();
    return line_count ? ERR_OK : ERR_NO_MEMORY;
}

bool cache_is_good(void)
{
    return disk && session == disk->sessions && disk_is_alive(disk);
}

static struct line *find(uint64_t position)
{
    for (struct line *line = *bucket_of(position); line; line = line->next)
        if (line->position == position)
            return line;
    return NULL;
}

static void unhash(struct line *line)
{
    struct line **link = bucket_of(line->position);

    while (*link != line)
        link = &(*link)->next;
    *link = line->next;
    line->valid = false;
}

/* A line that nobody holds, emptied; NULL when all are held. */
static struct line *evict(void)
{
    for (unsigned tries = 0; tries < 2 * line_count; tries++) {
        struct line *line = &lines[hand];

        hand = (hand + 1) % line_count;
        if (line->held)
            continue;
        if (line->used) {
            line->used = false;
            continue;
        }
        if (line->valid)
            unhash(line);
        return line;
    }
    return NULL;
}

static enum error fill(uint64_t position, struct line **filled)
{
    struct line *line = evict();
    enum error error;

    if (!line)
        return ERR_NO_MEMORY;
    /* The disk gives whole sectors of its own only. */
    uint64_t start = align_down(position, disk->info.block_bytes);
    uint64_t end = align_up(position + block_size, disk->info.block_bytes);
    uint64_t offset = (uint64_t)(line - lines) * LINE_BYTES;
    error = disk_read(disk, start / BLK_SECTOR, (end - start) / BLK_SECTOR, offset);
    if (error)
        return error;
    line->block.data = disk->data + offset + (position - start);
    line->position = position;
    line->valid = true;
    uint64_t number = (position - partition_start) / block_size;
    line->block = (struct ext4_block){.data = line->block.data, .number = number};
    line->next = *bucket_of(position);
    *bucket_of(position) = line;
    *filled = line;
    return ERR_OK;
}

static enum error get(void *context, uint64_t number, struct ext4_block **block)
{
    uint64_t position = partition_start + number * block_size;
    struct line *line = find(position);
    enum error error = line ? ERR_OK : fill(position, &line);

    (void)context;
    if (error)
        return error;
    line->held++;
    line->used = true;
    *block = &line->block;
    return ERR_OK;
}

static void put(void *context, struct ext4_block *block)
{
    (void)context;
    ((struct line *)block)->held--;
}

static enum error set_block_size(void *context, uint32_t size)
{
    (void)context;
    block_size = size;
    forget_all();
    return ERR_OK;
}

/* What readers say of a disk that can be used all the same goes to the log. */
static void say(void *context, const char *line)
{
    (void)context;
    rt_log("%s: %s", disk->info.name, line);
}

struct ext4_source cache_blocks(uint64_t start, uint64_t size)
{
    partition_start = start;
    return (struct ext4_source){
        .size = size,
        .set_block_size = set_block_size,
        .get = get,
        .put = put,
        .say = say,
    };
}

static enum error get_sector(void *context, uint64_t sector, const uint8_t **data)
{
    struct ext4_block *block;
    enum error error = get(context, sector, &block);

    if (!error)
        *data = block->data;
    return error;
}

static void put_sector(void *context, const uint8_t *data)
{
    put(context, &lines[(uint64_t)(data - disk->data) / LINE_BYTES].block);
}

struct sector_source cache_sectors(void)
{
    partition_start = 0;
    set_block_size(NULL, SECTOR_SIZE);
    return (struct sector_source){
        .sector_size = SECTOR_SIZE,
        .count = disk->info.sectors,
        .get = get_sector,
        .put = put_sector,
        .say = say,
    };
}
