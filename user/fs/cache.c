/* SPDX-License-Identifier: MIT */
/*
 * The block cache: see cache.h. Lines that somebody holds stay, and those that were written until they are on
 * the medium.
 */
#include "cache.h"

#include "lines.h"
#include "turns.h"

#include <base/checked.h>
#include <rt/task.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WRITTEN   512 /* lines that wait for a flush */
#define SEND_LINES    128 /* so many are given to the disk at once, in order */
#define STREAMS       8   /* sequences of blocks that are read one behind the other */
#define DRIVER_TRIES  50  /* to open a session with a driver that dies */
#define UUID_POSITION (EXT4_SUPER_OFFSET + offsetof(struct ext4_super_block, s_uuid))

static struct disk *disk;
static uint32_t block_size = SECTOR_SIZE;
static uint64_t partition_start, partition_end;
static struct line *written[MAX_WRITTEN];
static unsigned written_count, unsent_count;
static uint8_t expected_uuid[16];
static bool expects;
static struct {
    uint64_t next; /* position of the block that comes next */
    unsigned ahead;
} streams[STREAMS];
static unsigned next_stream;

static struct task_lock attaching, flushing; /* of one task at a time */

static void forget_all(void)
{
    memset(streams, 0, sizeof(streams));
    written_count = unsent_count = 0;
    lines_begin(block_size);
}

/* --- The disk, and drivers that die --- */

/* Whether the disk that is there is the one whose blocks are in the cache. */
static bool is_expected(void)
{
    uint8_t uuid[16];
    struct disk_run run = {partition_start + UUID_POSITION, sizeof(uuid), 1, {uuid}};

    return !expects || (!disk_read(disk, &run) && !memcmp(uuid, expected_uuid, sizeof(uuid)));
}

/* A session with a driver that was restarted; what was written and may be lost is to be written again. */
static enum error attach_alone(void)
{
    struct disk before = *disk;
    struct blk_unit_request request = {disk->unit};
    enum error error = ERR_PEER_GONE;

    for (unsigned tries = 0; error == ERR_PEER_GONE && tries < DRIVER_TRIES; tries++) {
        error = blk_info(disk->driver, &request, &disk->info);
        disk->info.name[sizeof(disk->info.name) - 1] = 0;
        if (!error &&
            (disk->info.sectors != before.info.sectors || strcmp(disk->info.name, before.info.name) ||
             disk->info.block_bytes != before.info.block_bytes))
            error = ERR_NO_DEVICE;
        if (!error)
            error = disk_attach(disk);
        if (!error && !is_expected())
            error = disk_is_alive() ? ERR_NO_DEVICE : ERR_PEER_GONE;
    }
    for (unsigned i = 0; i < written_count; i++)
        written[i]->sent = false;
    unsent_count = written_count;
    return error;
}

/* Several tasks may find the session ended: one of them opens the next. */
static enum error attach_again(void)
{
    enum error error = task_lock(&attaching);

    if (error)
        return ERR_CANCELLED;
    error = disk_is_alive() ? ERR_OK : attach_alone();
    task_unlock(&attaching);
    return error;
}

static bool try_again(enum error error)
{
    return error == ERR_PEER_GONE && !attach_again();
}

bool cache_is_good(void)
{
    if (!disk || disk_is_lost())
        return false;
    return disk_is_alive() || !attach_again();
}

enum error cache_open(struct disk *of)
{
    uint64_t block = of->info.block_bytes;
    enum error error = block < BLK_SECTOR || block > EXT4_MAX_BLOCK_SIZE || (block & (block - 1)) != 0
                           ? ERR_UNSUPPORTED
                           : disk_attach(of);

    if (error)
        return error;
    disk = of;
    expects = false;
    partition_start = 0;
    partition_end = of->info.sectors * BLK_SECTOR;
    block_size = SECTOR_SIZE;
    forget_all();
    return lines_have_room(1) ? ERR_OK : ERR_NO_MEMORY;
}

void cache_expect(const uint8_t uuid[16])
{
    memcpy(expected_uuid, uuid, sizeof(expected_uuid));
    expects = true;
}

/* --- Reading --- */

/* How many blocks to read from `position` on: more each time somebody goes on where the last ones ended. */
static unsigned blocks_ahead(uint64_t position)
{
    unsigned most = disk->run_bytes / block_size;
    unsigned i = 0, count = 1;

    while (i < STREAMS && streams[i].next != position)
        i++;
    if (i == STREAMS) {
        i = next_stream;
        next_stream = (next_stream + 1) % STREAMS;
        streams[i].ahead = 1;
    } else {
        count = streams[i].ahead = streams[i].ahead * 4 < most ? streams[i].ahead * 4 : most;
    }
    uint64_t left = (partition_end - position) / block_size;
    count = count < left ? count : (unsigned)left;
    for (unsigned n = 1; n < count; n++)
        if (line_find(position + (uint64_t)n * block_size))
            count = n;
    count = count ? count : 1;
    streams[i].next = position + (uint64_t)count * block_size;
    return count;
}

static enum error flush(void *context);

/* An empty line, if need be one that was written before and is on the medium then. */
static struct line *take_line(void)
{
    struct line *line = line_take();

    return line || !written_count || flush(NULL) ? line : line_take();
}

static void set_line(struct line *line, uint64_t position)
{
    line_set(line, position, (position - partition_start) / block_size);
}

/* Takes up to `wanted` lines, held; how many there are. */
static unsigned take_lines(struct line **taken, unsigned wanted)
{
    unsigned count = 0;

    while (count < wanted && (taken[count] = take_line()))
        line_hold(taken[count++]);
    return count;
}

static bool is_for_this_task(enum error error)
{
    return error == ERR_CANCELLED || error == ERR_BUSY || error == ERR_NO_MEMORY;
}

/* Other tasks use the file system meanwhile. */
static enum error read_run(struct disk_run *run)
{
    struct turn turn;
    enum error error;

    turn_pause(&turn);
    do
        error = disk_read(disk, run);
    while (try_again(error));
    if (error && run->count > 1 && !is_for_this_task(error)) { /* the one that is wanted may be good */
        run->count = 1;
        error = disk_read(disk, run);
    }
    turn_resume(&turn);
    return error;
}

static enum error fill(uint64_t position, struct line **filled)
{
    struct line *taken[DISK_PIECES];
    struct disk_run run = {position, block_size, 0, {0}};
    enum error error;

    run.count = take_lines(taken, blocks_ahead(position));
    if (run.count == 0)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < run.count; i++)
        run.piece[i] = taken[i]->block.data;
    error = read_run(&run);
    /* Another task may have read the same meanwhile. */
    for (unsigned i = 0; !error && i < run.count; i++)
        if (!line_find(position + (uint64_t)i * block_size))
            set_line(taken[i], position + (uint64_t)i * block_size);
    for (unsigned i = 0; i < DISK_PIECES && run.piece[i]; i++)
        line_release(taken[i]);
    *filled = error ? NULL : line_find(position);
    return error;
}

static enum error give(struct line *line, struct ext4_block **block)
{
    line_hold(line);
    line->used = true;
    *block = &line->block;
    return ERR_OK;
}

static enum error get(void *context, uint64_t number, struct ext4_block **block)
{
    uint64_t position = partition_start + number * block_size;
    struct line *line = line_find(position);
    enum error error = line ? ERR_OK : fill(position, &line);

    (void)context;
    return error ? error : give(line, block);
}

static void put(void *context, struct ext4_block *block)
{
    (void)context;
    line_release((struct line *)block);
}

/* --- Writing --- */

static enum error get_new(void *context, uint64_t number, struct ext4_block **block)
{
    uint64_t position = partition_start + number * block_size;
    struct line *line = line_find(position);

    (void)context;
    if (!line) {
        line = take_line();
        if (!line)
            return ERR_NO_MEMORY;
        set_line(line, position);
    }
    memset(line->block.data, 0, block_size);
    line->block.checked_as = 0;
    return give(line, block);
}

static int by_position(const void *a, const void *b)
{
    uint64_t left = (*(struct line *const *)a)->position, right = (*(struct line *const *)b)->position;

    return left < right ? -1 : left > right;
}

/* Gives what was written to the disk, what lies side by side in one piece. */
static enum error send(void)
{
    struct disk_run run = {0, block_size, 0, {0}};
    enum error error = ERR_OK;

    unsent_count = 0;
    qsort(written, written_count, sizeof(written[0]), by_position);
    for (unsigned i = 0; !error && i < written_count; i++) {
        struct line *line = written[i];
        if (line->sent)
            continue;
        bool joins = line->position == run.position + (uint64_t)run.count * block_size &&
                     (run.count + 1) * block_size <= disk->run_bytes;
        if (run.count && !joins) {
            error = disk_write(disk, &run);
            run.count = 0;
        }
        if (run.count == 0)
            run.position = line->position;
        run.piece[run.count++] = line->block.data;
        line->sent = true;
    }
    return !error && run.count ? disk_write(disk, &run) : error;
}

static enum error flush_alone(void)
{
    enum error error;

    do {
        error = send();
        if (!error)
            error = disk_flush(disk);
    } while (try_again(error));
    for (unsigned i = 0; i < written_count; i++)
        written[i]->written = written[i]->sent = false;
    written_count = 0;
    return error;
}

/* It is not broken off: what is to be on the medium must not be there in part. */
static enum error flush(void *context)
{
    struct turn turn;

    (void)context;
    turn_pause(&turn);
    task_shield();
    enum error error = task_lock(&flushing);
    if (!error) {
        error = flush_alone();
        task_unlock(&flushing);
    }
    task_unshield();
    turn_resume(&turn);
    return error;
}

/* Notes a block as one that has to be on the medium after the next flush. */
static enum error write(void *context, struct ext4_block *block)
{
    struct line *line = (struct line *)block;
    enum error error = written_count == MAX_WRITTEN && !line->written ? flush(NULL) : ERR_OK;

    (void)context;
    if (error)
        return error;
    if (!line->written)
        written[written_count++] = line;
    line->written = true;
    line->sent = false;
    if (++unsent_count < SEND_LINES)
        return ERR_OK;
    do
        error = send();
    while (try_again(error));
    return error;
}

/* --- What readers and writers are given --- */

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
    bool writable = !(disk->info.flags & BLK_READ_ONLY) && start % disk->info.block_bytes == 0;

    partition_start = start;
    partition_end = start + size;
    return (struct ext4_source){
        .size = size,
        .set_block_size = set_block_size,
        .get = get,
        .put = put,
        .get_new = writable ? get_new : NULL,
        .write = writable ? write : NULL,
        .flush = writable ? flush : NULL,
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
    put(context, &line_of_bytes(data)->block);
}

struct sector_source cache_sectors(void)
{
    partition_start = 0;
    partition_end = disk->info.sectors * BLK_SECTOR;
    set_block_size(NULL, SECTOR_SIZE);
    return (struct sector_source){
        .sector_size = SECTOR_SIZE,
        .count = disk->info.sectors,
        .get = get_sector,
        .put = put_sector,
        .say = say,
    };
}
