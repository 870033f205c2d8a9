/* SPDX-License-Identifier: MIT */
/*
 * Reads an image as the file server does: mounts it, through its journal if it has to, and goes through the
 * tree from the root. Each block that is held is a heap block of its own, as in a cache with room for few of
 * them.
 */
#include "images.h"

#include <ext4/ext4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHED        64
#define MOST_READ     (4 << 20) /* bytes, so that files of holes end */
#define MOST_NAMES    2000
#define MOST_DEPTH    8
#define REPLAY_MEMORY (1 << 20)

struct cached {
    struct ext4_block block;
    uint64_t number;
    unsigned held;
};

static struct {
    uint8_t *bytes;
    size_t size;
    uint32_t block_size;
    struct cached slot[CACHED];
    unsigned next, held;
} cache;

static struct ext4 fs;
static unsigned failed, names, bytes_read;

static enum error set_block_size(void *context, uint32_t size)
{
    (void)context;
    if (cache.held)
        wrong("the block size changes while %u blocks are held", cache.held);
    for (unsigned i = 0; i < CACHED; i++) {
        free(cache.slot[i].block.data);
        cache.slot[i] = (struct cached){.number = UINT64_MAX};
    }
    cache.block_size = size;
    return ERR_OK;
}

static struct cached *empty_slot(void)
{
    for (unsigned tries = 0; tries < CACHED; tries++) {
        struct cached *slot = &cache.slot[cache.next++ % CACHED];
        if (slot->held)
            continue;
        free(slot->block.data);
        *slot = (struct cached){.block.data = malloc(cache.block_size)};
        return slot;
    }
    wrong("%u blocks are held at the same time", CACHED);
}

static enum error get(void *context, uint64_t number, struct ext4_block **block)
{
    struct cached *slot = NULL;

    (void)context;
    if (number >= cache.size / cache.block_size)
        wrong("get of block %lu", (unsigned long)number);
    for (unsigned i = 0; i < CACHED; i++)
        if (cache.slot[i].number == number)
            slot = &cache.slot[i];
    if (!slot) {
        slot = empty_slot();
        slot->number = number;
        memcpy(slot->block.data, cache.bytes + number * cache.block_size, cache.block_size);
    }
    slot->held++;
    cache.held++;
    *block = &slot->block;
    return ERR_OK;
}

static void put(void *context, struct ext4_block *block)
{
    struct cached *slot = (struct cached *)block;

    (void)context;
    if (slot->held == 0)
        wrong("put of a block that nobody holds");
    slot->held--;
    cache.held--;
}

static void say(void *context, const char *line)
{
    (void)context;
    if (strlen(line) == 0 || strchr(line, '\n'))
        wrong("a line that is none: '%s'", line);
}

static void note(enum error error)
{
    if (cache.held)
        wrong("%u blocks are still held: %s", cache.held, fs.cause);
    if (error && !fs.cause[0])
        wrong("error %d without a cause", error);
    failed += error ? 1 : 0;
}

struct entry {
    uint32_t inode;
    char name[256];
};

struct listing {
    struct entry *entries;
    unsigned count;
};

static bool list_entry(void *context, const struct ext4_entry *entry)
{
    struct listing *listing = context;

    if (listing->count == 64 || names++ > MOST_NAMES)
        return false;
    struct entry *to = &listing->entries[listing->count++];
    to->inode = entry->inode;
    memcpy(to->name, entry->name, entry->name_length);
    to->name[entry->name_length] = 0;
    return true;
}

static void read_file(const struct ext4_node *node)
{
    static uint8_t buffer[20000];
    size_t done;

    for (uint64_t at = 0; at < node->size && bytes_read < MOST_READ;
         at += done, bytes_read += (unsigned)done) {
        enum error error = ext4_read(&fs, node, at, buffer, sizeof(buffer), &done);
        note(error);
        if (error)
            return;
    }
}

static void visit(uint32_t number, unsigned depth);

static void read_directory(const struct ext4_node *dir, unsigned depth)
{
    struct listing listing = {.entries = malloc(64 * sizeof(struct entry))};
    uint64_t cursor = 0;
    bool end = false;
    uint32_t found;

    while (!end && names <= MOST_NAMES) {
        listing.count = 0;
        enum error error = ext4_readdir(&fs, dir, &cursor, list_entry, &listing, &end);
        note(error);
        for (unsigned i = 0; i < listing.count; i++) {
            const char *name = listing.entries[i].name;
            note(ext4_lookup(&fs, dir, name, strlen(name), &found));
            if (strcmp(name, ".") && strcmp(name, ".."))
                visit(listing.entries[i].inode, depth + 1);
        }
        if (error || listing.count == 0)
            break;
    }
    free(listing.entries);
}

static void visit(uint32_t number, unsigned depth)
{
    struct ext4_node node;
    char target[100];
    size_t length;
    enum error error = ext4_read_node(&fs, number, &node);

    note(error);
    if (error || depth > MOST_DEPTH)
        return;
    if (ext4_is_dir(&node))
        read_directory(&node, depth);
    else if (ext4_is_file(&node))
        read_file(&node);
    else if (ext4_is_link(&node))
        note(ext4_readlink(&fs, &node, target, sizeof(target), &length));
}

unsigned read_everything(const struct seed *seed, struct image *image)
{
    static uint8_t *table;
    static const char path[] = "/link/../dir/../many/./../link/file";
    struct ext4_node node;

    table = table ? table : aligned_alloc(64, REPLAY_MEMORY);
    failed = names = bytes_read = 0;
    if (image->size <= seed->start)
        return 1;
    cache.bytes = image->bytes + seed->start;
    cache.size = image->size - seed->start;
    struct ext4_source source = {
        .size = cache.size,
        .set_block_size = set_block_size,
        .get = get,
        .put = put,
        .say = say,
    };
    enum error error = ext4_mount(&fs, &source, table, REPLAY_MEMORY);
    note(error);
    if (!error) {
        visit(EXT4_ROOT_INO, 0);
        note(ext4_resolve(&fs, EXT4_ROOT_INO, path, sizeof(path) - 1, true, &node));
    }
    set_block_size(NULL, IMAGE_BLOCK);
    return failed;
}
