/* SPDX-License-Identifier: MIT */
/* A disk in memory, behind a cache in which each block is a heap block of its own. */
#include "crash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cached {
    struct ext4_block block;
    unsigned held;
};

void wrong(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    abort();
}

struct disk disk_load(const char *path)
{
    struct disk disk = {0};
    FILE *file = fopen(path, "rb");

    if (!file || fseek(file, 0, SEEK_END) != 0)
        wrong("%s: cannot be read", path);
    disk.size = (size_t)ftell(file);
    disk.bytes = malloc(disk.size);
    rewind(file);
    if (fread(disk.bytes, 1, disk.size, file) != disk.size)
        wrong("%s: cannot be read", path);
    fclose(file);
    return disk;
}

void disk_save(const struct disk *disk, const char *path)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(disk->bytes, 1, disk->size, file) != disk->size || fclose(file) != 0)
        wrong("%s: cannot be written", path);
}

void disk_forget(struct disk *disk)
{
    size_t count = disk->block_size ? disk->size / disk->block_size : 0;

    for (size_t n = 0; disk->blocks && n < count; n++) {
        if (disk->blocks[n])
            free(disk->blocks[n]->block.data);
        free(disk->blocks[n]);
    }
    free(disk->blocks);
    disk->blocks = NULL;
    disk->held = 0;
}

void disk_free(struct disk *disk)
{
    disk_forget(disk);
    for (size_t i = 0; i < disk->event_count; i++)
        free(disk->events[i].bytes);
    free(disk->events);
    free(disk->bytes);
    *disk = (struct disk){0};
}

static enum error set_block_size(void *context, uint32_t size)
{
    struct disk *disk = context;

    if (disk->held)
        wrong("the block size changes while %u blocks are held", disk->held);
    disk_forget(disk);
    disk->block_size = size;
    disk->blocks = calloc(disk->size / size + 1, sizeof(*disk->blocks));
    return ERR_OK;
}

static struct cached *cached_of(struct disk *disk, uint64_t number, bool fill)
{
    if (number >= disk->size / disk->block_size)
        wrong("get of block %lu", (unsigned long)number);
    struct cached *cached = disk->blocks[number];
    if (!cached) {
        cached = disk->blocks[number] = calloc(1, sizeof(*cached));
        cached->block.number = number;
        cached->block.data = malloc(disk->block_size);
        fill = true;
        memcpy(cached->block.data, disk->bytes + number * disk->block_size, disk->block_size);
    }
    (void)fill;
    cached->held++;
    disk->held++;
    return cached;
}

static enum error get(void *context, uint64_t number, struct ext4_block **block)
{
    *block = &cached_of(context, number, true)->block;
    return ERR_OK;
}

static enum error get_new(void *context, uint64_t number, struct ext4_block **block)
{
    struct disk *disk = context;
    struct cached *cached = cached_of(disk, number, false);

    memset(cached->block.data, 0, disk->block_size);
    cached->block.checked_as = 0;
    *block = &cached->block;
    return ERR_OK;
}

/*
 * What nobody holds is not kept: whatever was changed and not written is lost at once, and seen by the
 * tests.
 */
static void put(void *context, struct ext4_block *block)
{
    struct disk *disk = context;
    struct cached *cached = (struct cached *)block;

    if (cached->held == 0)
        wrong("put of a block that nobody holds");
    cached->held--;
    disk->held--;
    if (cached->held)
        return;
    if (block->entry)
        wrong("block %lu is in a transaction and not held", (unsigned long)block->number);
    disk->blocks[block->number] = NULL;
    free(block->data);
    free(cached);
}

static void note(struct disk *disk, uint64_t number, const uint8_t *bytes)
{
    if (!disk->notes)
        return;
    if (disk->event_count == disk->event_room) {
        disk->event_room = disk->event_room * 2 + 1000;
        disk->events = realloc(disk->events, disk->event_room * sizeof(struct event));
    }
    struct event *event = &disk->events[disk->event_count++];
    *event = (struct event){number, bytes ? malloc(disk->block_size) : NULL};
    if (bytes)
        memcpy(event->bytes, bytes, disk->block_size);
}

static enum error write_block(void *context, struct ext4_block *block)
{
    struct disk *disk = context;

    if (disk->fails_at && --disk->fails_at == 0)
        return ERR_IO;
    memcpy(disk->bytes + block->number * disk->block_size, block->data, disk->block_size);
    note(disk, block->number, block->data);
    return ERR_OK;
}

static enum error flush(void *context)
{
    note(context, 0, NULL);
    return ERR_OK;
}

static void say(void *context, const char *line)
{
    struct disk *disk = context;

    disk->lines++;
    snprintf(disk->said, sizeof(disk->said), "%s", line);
}

struct ext4_source disk_source(struct disk *disk)
{
    return (struct ext4_source){
        .context = disk,
        .size = disk->size,
        .set_block_size = set_block_size,
        .get = get,
        .put = put,
        .get_new = get_new,
        .write = write_block,
        .flush = flush,
        .say = say,
    };
}

#define TABLE_SIZE (1 << 18)

void mount_disk(struct mounted *mounted, struct disk *disk, unsigned blocks)
{
    struct ext4_source source = disk_source(disk);
    struct ext4_time now = {1700000000 + ((int64_t)1 << 32), 123456789};

    mounted->table = aligned_alloc(8, TABLE_SIZE);
    enum error error = ext4_mount(&mounted->fs, &source, mounted->table, TABLE_SIZE);
    if (error)
        wrong("mount: error %d: %s", error, mounted->fs.cause);
    size_t size = ext4_writer_size(mounted->fs.block_size, blocks);
    mounted->memory = malloc(size);
    error = ext4_start_writing(&mounted->fs, mounted->memory, size, now);
    if (error)
        wrong("writing cannot start: error %d: %s", error, mounted->fs.cause);
}

void drop_mount(struct mounted *mounted)
{
    free(mounted->memory);
    free(mounted->table);
    disk_forget(mounted->fs.source.context);
}

void unmount_disk(struct mounted *mounted)
{
    struct disk *disk = mounted->fs.source.context;
    enum error error = ext4_stop_writing(&mounted->fs);

    if (error)
        wrong("writing cannot end: error %d: %s", error, mounted->fs.cause);
    if (disk->held)
        wrong("%u blocks are still held", disk->held);
    drop_mount(mounted);
}
