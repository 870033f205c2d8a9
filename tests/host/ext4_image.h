/* SPDX-License-Identifier: MIT */
/*
 * An ext4 image in memory as a source of blocks. Each block that is held is a heap block of its own, so that
 * AddressSanitizer sees every access outside it and every use after put.
 */
#pragma once

#include "support.h"

#include <ext4/ext4.h>

/* Makes the file system tools found, which are not on everybody's PATH. */
static inline void image_find_tools(void)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s:/usr/sbin:/sbin", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    setenv("PATH", path, 1);
}

struct image_block {
    struct ext4_block block;
    unsigned references;
};

struct image {
    uint8_t *bytes; /* of the device */
    size_t size;
    size_t offset; /* where the file system begins */
    uint32_t block_size;
    struct image_block **blocks; /* by number; NULL: not in memory */
    bool keep;                   /* blocks stay in memory when nobody holds them, as in a cache */
    unsigned held, most_held, gets;
    uint64_t bad_block; /* cannot be read, unless 0 */
    unsigned lines;     /* that the reader said */
    char said[256];     /* the last of them */
};

static inline void image_drop(struct image *image)
{
    size_t count = image->block_size ? image->size / image->block_size : 0;

    for (size_t n = 0; image->blocks && n < count; n++) {
        if (image->blocks[n]) {
            cr_assert_eq(image->blocks[n]->references, 0, "block %zu is still held", n);
            free((void *)image->blocks[n]->block.data);
            free(image->blocks[n]);
        }
    }
    free(image->blocks);
    image->blocks = NULL;
}

static inline enum error image_set_block_size(void *context, uint32_t size)
{
    struct image *image = context;

    cr_assert_eq(image->held, 0);
    image_drop(image);
    image->block_size = size;
    image->blocks = calloc(image->size / size + 1, sizeof(*image->blocks));
    return ERR_OK;
}

static inline enum error image_get(void *context, uint64_t number, struct ext4_block **block)
{
    struct image *image = context;

    cr_assert_lt(number, (image->size - image->offset) / image->block_size, "get of block %lu", number);
    image->gets++;
    if (image->bad_block && number == image->bad_block)
        return ERR_IO;
    struct image_block *entry = image->blocks[number];
    if (!entry) {
        entry = image->blocks[number] = calloc(1, sizeof(*entry));
        uint8_t *data = malloc(image->block_size);
        memcpy(data, image->bytes + image->offset + number * image->block_size, image->block_size);
        entry->block.data = data;
    }
    entry->references++;
    image->held++;
    image->most_held = image->held > image->most_held ? image->held : image->most_held;
    *block = &entry->block;
    return ERR_OK;
}

static inline void image_put(void *context, struct ext4_block *block)
{
    struct image *image = context;
    struct image_block *entry = (struct image_block *)block;

    cr_assert_gt(entry->references, 0);
    entry->references--;
    image->held--;
    if (entry->references == 0 && !image->keep) {
        for (size_t n = 0;; n++) {
            if (image->blocks[n] == entry) {
                image->blocks[n] = NULL;
                break;
            }
        }
        free((void *)block->data);
        free(entry);
    }
}

static inline void image_say(void *context, const char *line)
{
    struct image *image = context;

    image->lines++;
    snprintf(image->said, sizeof(image->said), "%s", line);
}

static inline struct ext4_source image_source(struct image *image)
{
    return (struct ext4_source){
        .context = image,
        .size = image->size - image->offset,
        .set_block_size = image_set_block_size,
        .get = image_get,
        .put = image_put,
        .say = image_say,
    };
}

static inline struct image image_load(const char *path)
{
    struct exact content = read_file(path);

    return (struct image){.bytes = content.block, .size = content.size, .keep = true};
}

static inline void image_free(struct image *image)
{
    cr_assert_eq(image->held, 0, "%u blocks are still held", image->held);
    image_drop(image);
    free(image->bytes);
    image->bytes = NULL;
}

/* Mounts; the test fails with the cause if that does not work. */
static inline void image_mount(struct ext4 *fs, struct image *image)
{
    struct ext4_source source = image_source(image);
    enum error error = ext4_mount(fs, &source, NULL, 0);

    cr_assert_eq(error, ERR_OK, "mount: error %d: %s", error, fs->cause);
}

/* What a path leads to; the test fails with the cause if nowhere. */
static inline struct ext4_node image_find(struct ext4 *fs, const char *path, bool follow)
{
    struct ext4_node node;
    enum error error = ext4_resolve(fs, EXT4_ROOT_INO, path, strlen(path), follow, &node);

    cr_assert_eq(error, ERR_OK, "%s: error %d: %s", path, error, fs->cause);
    return node;
}
