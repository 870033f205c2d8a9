/* SPDX-License-Identifier: MIT */
/* A small image to be damaged, kept in memory between changes, and ways to read all of it. */
#pragma once

#include "ext4_image.h"

#include <base/crc32c.h>
#include <ext4/internal.h>

#define MANY_7                                                                                               \
    "/many/00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"  \
    "00000000000000000000000000000000000000000000000000000000000000007"

static struct image image;
static struct ext4 fs;

/*
 * A small image with every structure there is: extent blocks, an indexed directory of `many` long names,
 * links.
 */
static inline void make_image_of(const char *options, unsigned many)
{
    run("mkdir -p src/dir src/many; echo hello > src/hello; ln -s dir src/link; "
        "ln -s \"$(printf '%%0100d' 0)\" src/long; echo x > src/dir/file");
    for (unsigned n = 0; n < many; n++) {
        char path[256], path_of_first[256];
        snprintf(path_of_first, sizeof(path_of_first), "src/many/%0160u", 0);
        snprintf(path, sizeof(path), "src/many/%0160u", n);
        if (n == 0)
            write_file(path, "", 0);
        else
            cr_assert_eq(link(path_of_first, path), 0);
    }
    FILE *file = fopen("src/fragments", "wb");
    for (int block = 0; block <= 60; block += 2) {
        fseek(file, block * 1024, SEEK_SET);
        for (int i = 0; i < 1024; i++)
            fputc(block + 1 + i % 7, file);
    }
    fclose(file);
    run("mke2fs -q -F -b 1024 -N 1024 %s -d src image 1500K", options);
    run("e2fsck -fyD image; test $? -le 1");
    image = image_load("image");
}

static inline void make_image(const char *options)
{
    make_image_of(options, 60);
}

static inline enum error mount(void)
{
    struct ext4_source source = image_source(&image);

    return ext4_mount(&fs, &source, NULL, 0);
}

static inline bool ignore(void *context, const struct ext4_entry *entry)
{
    unsigned *count = context;

    cr_assert(entry->name_length > 0 && memchr(entry->name, 0, entry->name_length) == NULL);
    *count += 1;
    return true;
}

/* Reads a path as a whole: resolves it, then lists or reads it. */
static inline enum error read_all(const char *path, unsigned *entries)
{
    static uint8_t buffer[100000];
    struct ext4_node node;
    size_t done;
    uint64_t cursor = 0;
    bool end;
    enum error error = ext4_resolve(&fs, EXT4_ROOT_INO, path, strlen(path), false, &node);

    if (error)
        return error;
    if (ext4_is_dir(&node))
        return ext4_readdir(&fs, &node, &cursor, ignore, entries, &end);
    return ext4_read(&fs, &node, 0, buffer, sizeof(buffer), &done);
}

static inline struct ext4_node find(const char *path)
{
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    return image_find(&fs, path, false);
}

static inline size_t place_of(const struct ext4_node *node, uint32_t file_block)
{
    struct ext4_run run;

    cr_assert_eq(ext4_map(&fs, node, file_block, &run), ERR_OK, "%s", fs.cause);
    cr_assert_neq(run.block, 0);
    return run.block * fs.block_size;
}

static inline size_t place_of_inode(uint32_t number)
{
    struct ext4_block *block;
    const struct ext4_inode *inode;
    struct ext4_group_desc group;

    cr_assert_eq(ext4_get_inode(&fs, number, &block, &inode), ERR_OK);
    ext4_put_block(&fs, block);
    cr_assert_eq(ext4_read_group(&fs, 0, &group), ERR_OK);
    return group.bg_inode_table_lo * (size_t)fs.block_size + (number - 1) * fs.inode_size;
}

/* Makes the superblock's checksum right again. */
static inline void seal_super(void)
{
    struct ext4_super_block *super = (void *)(image.bytes + EXT4_SUPER_OFFSET);

    super->s_checksum = crc32c(~0u, super, offsetof(struct ext4_super_block, s_checksum));
}
