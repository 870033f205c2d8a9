/* SPDX-License-Identifier: MIT */
/* mkfs makes ext4 images from directories and checks images. What its files share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* What to make, from the command line and the environment. */
struct request {
    const char *image, *directory;
    uint64_t size; /* of the file system, in bytes; 0: as much as the tree needs */
    uint32_t block_size;
    char label[17];
    uint8_t uuid[16];
    bool has_uuid;
    bool partitioned;
    bool reproducible; /* SOURCE_DATE_EPOCH is set: `now` is its value */
    int64_t now;       /* no time in the image is later */
};

/* One file, directory or link of the tree that goes into the image. */
struct entry {
    char *name, *path;
    struct stat info;
    struct entry *children; /* sorted by name */
    uint32_t count;
    uint32_t inode; /* in the image, once it is there */
};

/* What a tree takes. */
struct tree_size {
    uint64_t inodes, blocks;
};

/* Prints "mkfs: ..." and ends the program with status 1; the unfinished image is removed. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* malloc that does not fail; zeroed. */
void *allocate(size_t size);

/* Reads the names and attributes of everything below `path`. Dies of what cannot go into an image. */
void tree_read(struct entry *root, const char *path);

/* Frees what tree_read made. */
void tree_free(struct entry *root);

/* Adds up what the tree takes in blocks of `block_size`. */
void tree_measure(const struct entry *root, uint32_t block_size, struct tree_size *size);

/* A number that depends on all names, sizes and times of the tree and on `seed`. */
uint64_t tree_digest(const struct entry *root, uint64_t seed);

/* Makes the file system in `file`, which is open as `descriptor`, from byte `offset` on. */
void make_file_system(const struct request *request, struct entry *root, const char *file, uint64_t offset);

/* Bytes before and after a file system in a partition. */
#define PARTITION_OFFSET ((uint64_t)1 << 20)
#define PARTITION_AFTER  ((uint64_t)1 << 20)

/* Writes a GUID partition table with one partition for the `size` bytes at PARTITION_OFFSET. */
void make_partition_table(const struct request *request, int descriptor, uint64_t size);

/* Checks an image and prints what is wrong with it. True: nothing. */
bool check_image(const char *path);
