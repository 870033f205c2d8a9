/* SPDX-License-Identifier: MIT */
/* Checking an image: finds the file system in it, reads it with the file server's own code, and reports. */
#include "check.h"

#include <disk/partitions.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PROBLEMS   50
#define MOST_PARTITIONS 128

void report(struct checker *checker, const char *format, ...)
{
    va_list arguments;

    checker->problems++;
    if (checker->problems > MOST_PROBLEMS)
        return;
    va_start(arguments, format);
    fprintf(stderr, "mkfs: %s: ", checker->path);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
}

void report_cause(struct checker *checker)
{
    report(checker, "%s", checker->fs.cause);
}

static enum error set_block_size(void *context, uint32_t size)
{
    struct checker *checker = context;

    free(checker->blocks);
    checker->blocks = allocate((checker->fs.source.size / size + 1) * sizeof(struct ext4_block));
    return ERR_OK;
}

static enum error get_block(void *context, uint64_t number, struct ext4_block **block)
{
    struct checker *checker = context;

    *block = &checker->blocks[number];
    (*block)->data = checker->bytes + number * checker->fs.block_size;
    return ERR_OK;
}

static void put_block(void *context, struct ext4_block *block)
{
    (void)context;
    (void)block;
}

static void say(void *context, const char *line)
{
    report(context, "%s", line);
}

static void check_all(struct checker *checker)
{
    struct ext4 *fs = &checker->fs;

    checker->super = (const void *)(checker->bytes + EXT4_SUPER_OFFSET);
    checker->used = allocate(fs->block_count / 8 + 1);
    checker->shared = allocate(fs->block_count / 8 + 1);
    checker->in_use = allocate(fs->inode_count / 8 + 1);
    checker->references = allocate((fs->inode_count + 1ul) * sizeof(uint32_t));
    checker->parent = allocate((fs->inode_count + 1ul) * sizeof(uint32_t));
    if (checker->super->s_state != 1)
        report(checker, "superblock: state %x is not clean", checker->super->s_state);
    check_groups(checker);
    check_inodes(checker);
    check_tree(checker);
    check_bitmaps(checker);
    free(checker->used);
    free(checker->shared);
    free(checker->in_use);
    free(checker->references);
    free(checker->parent);
}

static void check_file_system(struct checker *checker, uint8_t *bytes, uint64_t size)
{
    struct ext4_source source = {
        .context = checker,
        .size = size,
        .set_block_size = set_block_size,
        .get = get_block,
        .put = put_block,
        .say = say,
    };

    checker->bytes = bytes;
    enum error error = ext4_mount(&checker->fs, &source, NULL, 0);
    if (error)
        report_cause(checker);
    else if (checker->fs.ro_compat & EXT4_FEATURE_RO_COMPAT_BIGALLOC)
        report(checker, "feature bigalloc: cannot be checked");
    else
        check_all(checker);
    free(checker->blocks);
    checker->blocks = NULL;
}

/* A disk as the reader of partition tables sees it. */
struct disk_bytes {
    struct checker *checker;
    const uint8_t *bytes;
};

static enum error get_sector(void *context, uint64_t sector, const uint8_t **data)
{
    const struct disk_bytes *disk = context;

    *data = disk->bytes + sector * SECTOR_SIZE;
    return ERR_OK;
}

static void say_of_disk(void *context, const char *line)
{
    const struct disk_bytes *disk = context;

    report(disk->checker, "%s", line);
}

static void put_sector(void *context, const uint8_t *data)
{
    (void)context;
    (void)data;
}

/*
 * Checks the file systems in the partitions for Linux; with no partition table, what is on the disk as a
 * whole.
 */
static void check_disk(struct checker *checker, uint8_t *bytes, uint64_t size)
{
    static struct partition list[MOST_PARTITIONS];
    struct disk_bytes disk = {checker, bytes};
    struct sector_source source = {&disk,      SECTOR_SIZE, size / SECTOR_SIZE,
                                   get_sector, put_sector,  say_of_disk};
    struct partition_table table = {0};
    const struct ext4_super_block *super = (const void *)(bytes + EXT4_SUPER_OFFSET);
    bool whole = size < EXT4_SUPER_OFFSET + sizeof(*super) || super->s_magic == EXT4_SUPER_MAGIC;
    enum error error = whole ? ERR_NOT_FOUND : partitions_read(&source, list, MOST_PARTITIONS, &table);

    if (error == ERR_NOT_FOUND) {
        check_file_system(checker, bytes, size);
        return;
    }
    if (error)
        report(checker, "%s", table.cause);
    unsigned checked = 0;
    for (uint32_t i = 0; !error && i < table.count; i++) {
        if (!list[i].is_linux)
            continue;
        check_file_system(checker, bytes + list[i].start, list[i].size);
        checked++;
    }
    if (!error && !checked)
        report(checker, "no partition for a Linux file system");
}

unsigned check_bytes(const char *path, uint8_t *bytes, size_t size)
{
    struct checker *checker = allocate(sizeof(*checker));

    checker->path = path;
    check_disk(checker, bytes, size);
    unsigned problems = checker->problems;
    free(checker);
    if (problems > MOST_PROBLEMS)
        fprintf(stderr, "mkfs: %s: %u problems, the first %u were told\n", path, problems, MOST_PROBLEMS);
    return problems;
}
