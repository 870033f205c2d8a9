/* SPDX-License-Identifier: MIT */
/* A check of one image, spread over check*.c: blocks and bitmaps, inodes, directories. */
#pragma once

#include "mkfs.h"

#include <ext4/internal.h>

struct checker {
    const char *path;
    uint8_t *bytes; /* of the file system */
    struct ext4 fs;
    struct ext4_block *blocks;            /* what the reader refers to, by number */
    const struct ext4_super_block *super; /* as it is on disk */
    uint8_t *used;                        /* bitmap of blocks that something claims */
    uint8_t *shared;                      /* bitmap of attribute blocks, which inodes may share */
    uint8_t *in_use;                      /* bitmap of inodes, by number, as the groups have it */
    uint32_t *references;                 /* directory entries that name an inode, by number */
    uint32_t *parent;                     /* directory that a directory was found in, by number */
    unsigned problems;
};

static inline bool bit_get(const uint8_t *bitmap, uint64_t bit)
{
    return bitmap[bit / 8] >> bit % 8 & 1;
}

static inline void bit_set(uint8_t *bitmap, uint64_t bit)
{
    bitmap[bit / 8] |= (uint8_t)(1 << bit % 8);
}

/* Checks the image in `bytes`, which is called `path`, and prints what is wrong with it: how much that is. */
unsigned check_bytes(const char *path, uint8_t *bytes, size_t size);

/* Prints what is wrong and counts it. */
void report(struct checker *checker, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints fs->cause as what is wrong. */
void report_cause(struct checker *checker);

/*
 * Takes blocks for something; `inode` 0: a group's own. False, and reported: they are taken already, unless
 * `again` is allowed, or they are outside the file system.
 */
bool claim(struct checker *checker, uint64_t block, uint64_t count, uint32_t inode, bool again);

/* Takes each group's own blocks, verifies the bitmaps' checksums, and fills checker->in_use. */
void check_groups(struct checker *checker);

/* Reads each inode that is in use and takes its blocks. */
void check_inodes(struct checker *checker);

/* Walks all directories from the root and compares the numbers of links. */
void check_tree(struct checker *checker);

/* Compares bitmaps and free counts with what was found in use; all else must be checked already. */
void check_bitmaps(struct checker *checker);
