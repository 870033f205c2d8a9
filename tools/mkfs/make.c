/* SPDX-License-Identifier: MIT */
/*
 * Making the file system with libext2fs: the features that mke2fs gives an ext4 by default, and the tree in
 * it.
 */
#include "mkfs.h"

#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INODE_SIZE  256
#define EXTRA_SIZE  32         /* fields behind the first 128 bytes of an inode */
#define INODE_RATIO 16384      /* bytes of file system for each inode */
#define FLEX_LOG    4          /* groups of a flexible group, as a power of two */
#define LOST_SIZE   16384      /* lost+found has room before it is needed */
#define CHUNK       (1u << 20) /* bytes copied at once */
#define LOST        "lost+found"

/* A file with several names, by its identity on the host. */
struct linked {
    dev_t device;
    ino_t host_inode;
    ext2_ino_t inode;
};

struct maker {
    const struct request *request;
    ext2_filsys fs;
    struct linked *linked;
    size_t linked_count;
    char *buffer; /* of CHUNK bytes */
};

/* Ends the program if libext2fs failed, with what was being made. */
static void check(const struct maker *maker, errcode_t error, const char *what)
{
    if (!error)
        return;
    if (error == EXT2_ET_BLOCK_ALLOC_FAIL || error == EXT2_ET_INODE_ALLOC_FAIL || error == EXT2_ET_TOOSMALL ||
        error == ENOSPC)
        die("%s: no room left at %s in %llu bytes; try a larger -s", maker->request->image, what,
            (unsigned long long)maker->request->size);
    die("%s: %s: %s", maker->request->image, what, error_message(error));
}

static void set_features(struct ext2_super_block *super)
{
    ext2fs_set_feature_journal(super);
    ext2fs_set_feature_xattr(super);
    ext2fs_set_feature_resize_inode(super);
    ext2fs_set_feature_dir_index(super);
    ext2fs_set_feature_filetype(super);
    ext2fs_set_feature_extents(super);
    ext2fs_set_feature_64bit(super);
    ext2fs_set_feature_flex_bg(super);
    ext2fs_set_feature_sparse_super(super);
    ext2fs_set_feature_large_file(super);
    ext2fs_set_feature_huge_file(super);
    ext2fs_set_feature_dir_nlink(super);
    ext2fs_set_feature_extra_isize(super);
    ext2fs_set_feature_metadata_csum(super);
}

static uint32_t choose_inodes(const struct maker *maker, const struct entry *root)
{
    struct tree_size size = {0};

    tree_measure(root, maker->request->block_size, &size);
    uint64_t usual = maker->request->size / INODE_RATIO, needed = size.inodes * 5 / 4 + 16;
    uint64_t inodes = usual > needed ? usual : needed;
    return inodes > UINT32_MAX ? UINT32_MAX : (uint32_t)inodes;
}

static void set_identity(struct maker *maker)
{
    struct ext2_super_block *super = maker->fs->super;
    const struct request *request = maker->request;

    memcpy(super->s_uuid, request->uuid, sizeof(super->s_uuid));
    ext2fs_init_csum_seed(maker->fs);
    memcpy(super->s_volume_name, request->label, sizeof(super->s_volume_name));
    memcpy(super->s_hash_seed, request->uuid, sizeof(super->s_hash_seed));
    super->s_hash_seed[0] ^= 0x5eed;
    super->s_def_hash_version = EXT2_HASH_HALF_MD4;
    super->s_flags |= EXT2_FLAGS_SIGNED_HASH;
    super->s_checksum_type = EXT2_CRC32C_CHKSUM;
    super->s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
    super->s_max_mnt_count = -1;
    super->s_mkfs_time = super->s_lastcheck = (uint32_t)request->now;
    super->s_mkfs_time_hi = super->s_lastcheck_hi = (uint8_t)(request->now >> 32);
}

static void open_file_system(struct maker *maker, const struct entry *root, const char *file, uint64_t offset)
{
    struct ext2_super_block parameters = {0};
    const struct request *request = maker->request;
    unsigned log = request->block_size == 1024 ? 0 : request->block_size == 2048 ? 1 : 2;

    set_features(&parameters);
    parameters.s_rev_level = EXT2_DYNAMIC_REV;
    parameters.s_log_block_size = parameters.s_log_cluster_size = log;
    parameters.s_inode_size = INODE_SIZE;
    parameters.s_min_extra_isize = parameters.s_want_extra_isize = EXTRA_SIZE;
    parameters.s_log_groups_per_flex = FLEX_LOG;
    parameters.s_inodes_count = choose_inodes(maker, root);
    ext2fs_blocks_count_set(&parameters, request->size / request->block_size);
    check(maker, ext2fs_initialize(file, EXT2_FLAG_64BITS, &parameters, unix_io_manager, &maker->fs),
          "superblock");
    maker->fs->now = request->now;
    char option[40];
    snprintf(option, sizeof(option), "offset=%llu", (unsigned long long)offset);
    check(maker, io_channel_set_options(maker->fs->io, option), option);
    set_identity(maker);
}

/* Root directory, lost+found, the reserved inodes, the journal: what mke2fs makes before any file. */
static void make_skeleton(struct maker *maker)
{
    ext2_filsys fs = maker->fs;

    check(maker, ext2fs_allocate_tables(fs), "group tables");
    for (dgrp_t group = 0; group < fs->group_desc_count; group++)
        ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_ZEROED); /* the file is new: all zeros */
    check(maker, ext2fs_mkdir(fs, EXT2_ROOT_INO, EXT2_ROOT_INO, NULL), "root directory");
    for (ext2_ino_t inode = EXT2_ROOT_INO + 1; inode < EXT2_FIRST_INODE(fs->super); inode++)
        ext2fs_inode_alloc_stats2(fs, inode, +1, 0);
    ext2fs_inode_alloc_stats2(fs, EXT2_BAD_INO, +1, 0);
    check(maker, ext2fs_update_bb_inode(fs, NULL), "bad block inode");
    check(maker, ext2fs_mkdir(fs, EXT2_ROOT_INO, 0, LOST), LOST);
    ext2_ino_t lost;
    check(maker, ext2fs_lookup(fs, EXT2_ROOT_INO, LOST, strlen(LOST), NULL, &lost), LOST);
    for (uint32_t size = fs->blocksize; size < LOST_SIZE; size += fs->blocksize)
        check(maker, ext2fs_expand_dir(fs, lost), LOST);
    struct ext2_inode inode;
    check(maker, ext2fs_read_inode(fs, lost, &inode), LOST);
    inode.i_mode = LINUX_S_IFDIR | 0700;
    check(maker, ext2fs_write_inode(fs, lost, &inode), LOST);
    check(maker, ext2fs_create_resize_inode(fs), "resize inode");
    int blocks = ext2fs_default_journal_size(ext2fs_blocks_count(fs->super));
    if (blocks <= 0)
        check(maker, EXT2_ET_TOOSMALL, "journal");
    check(maker, ext2fs_add_journal_inode(fs, (blk_t)blocks, EXT2_MKJOURNAL_NO_MNT_CHECK), "journal");
}

static void set_time(const struct maker *maker, const struct entry *entry, struct ext2_inode_large *inode)
{
    struct timespec time = entry->info.st_mtim;

    if (time.tv_sec > maker->request->now || (time.tv_sec == maker->request->now && time.tv_nsec))
        time = (struct timespec){.tv_sec = maker->request->now};
    uint32_t seconds = (uint32_t)time.tv_sec;
    uint32_t extra = (uint32_t)time.tv_nsec << 2 | ((uint32_t)((time.tv_sec - (int32_t)seconds) >> 32) & 3);
    inode->i_atime = inode->i_ctime = inode->i_mtime = inode->i_crtime = seconds;
    inode->i_atime_extra = inode->i_ctime_extra = inode->i_mtime_extra = inode->i_crtime_extra = extra;
}

/* Gives an inode that is there the mode and time of its entry. */
static void set_attributes(struct maker *maker, const struct entry *entry)
{
    struct ext2_inode_large inode;
    struct ext2_inode *small = (struct ext2_inode *)&inode;

    check(maker, ext2fs_read_inode_full(maker->fs, entry->inode, small, sizeof(inode)), entry->path);
    inode.i_mode = (uint16_t)((inode.i_mode & LINUX_S_IFMT) | (entry->info.st_mode & 07777));
    inode.i_extra_isize = EXTRA_SIZE;
    set_time(maker, entry, &inode);
    check(maker, ext2fs_write_inode_full(maker->fs, entry->inode, small, sizeof(inode)), entry->path);
}

/* Enters a name into a directory, which grows if it has to. */
static void add_name(struct maker *maker, ext2_ino_t directory, const struct entry *entry, int type)
{
    errcode_t error = ext2fs_link(maker->fs, directory, entry->name, entry->inode, type);

    if (error == EXT2_ET_DIR_NO_SPACE) {
        check(maker, ext2fs_expand_dir(maker->fs, directory), entry->path);
        error = ext2fs_link(maker->fs, directory, entry->name, entry->inode, type);
    }
    check(maker, error, entry->path);
}

static void new_inode(struct maker *maker, ext2_ino_t directory, struct entry *entry)
{
    ext2_ino_t inode;

    check(maker, ext2fs_new_inode(maker->fs, directory, entry->info.st_mode, NULL, &inode), entry->path);
    entry->inode = inode;
}

/* Copies what differs from zero; the rest becomes holes. */
static void copy_content(struct maker *maker, const struct entry *entry, ext2_file_t file)
{
    uint32_t step = maker->fs->blocksize;
    int descriptor = open(entry->path, O_RDONLY);

    if (descriptor < 0)
        die("%s: %s", entry->path, strerror(errno));
    uint64_t at = 0;
    for (;;) {
        ssize_t got = pread(descriptor, maker->buffer, CHUNK, (off_t)at);
        if (got < 0)
            die("%s: %s", entry->path, strerror(errno));
        if (got == 0)
            break;
        for (size_t i = 0; i < (size_t)got; i += step) {
            size_t part = (size_t)got - i < step ? (size_t)got - i : step;
            const char *from = maker->buffer + i;
            if (from[0] == 0 && memcmp(from, from + 1, part - 1) == 0)
                continue;
            check(maker, ext2fs_file_llseek(file, at + i, EXT2_SEEK_SET, NULL), entry->path);
            check(maker, ext2fs_file_write(file, from, (unsigned)part, NULL), entry->path);
        }
        at += (uint64_t)got;
    }
    close(descriptor);
    if (at != (uint64_t)entry->info.st_size)
        die("%s: changed while it was read", entry->path);
    check(maker, ext2fs_file_set_size2(file, (ext2_off64_t)at), entry->path);
}

static void make_file(struct maker *maker, ext2_ino_t directory, struct entry *entry)
{
    struct ext2_inode inode = {.i_mode = LINUX_S_IFREG, .i_links_count = 1, .i_flags = EXT4_EXTENTS_FL};
    ext2_extent_handle_t extents;
    ext2_file_t file;

    new_inode(maker, directory, entry);
    add_name(maker, directory, entry, EXT2_FT_REG_FILE);
    ext2fs_inode_alloc_stats2(maker->fs, entry->inode, +1, 0);
    check(maker, ext2fs_extent_open2(maker->fs, entry->inode, &inode, &extents), entry->path);
    ext2fs_extent_free(extents); /* that wrote the head of an empty tree into `inode` */
    check(maker, ext2fs_write_new_inode(maker->fs, entry->inode, &inode), entry->path);
    check(maker, ext2fs_file_open2(maker->fs, entry->inode, NULL, EXT2_FILE_WRITE, &file), entry->path);
    copy_content(maker, entry, file);
    check(maker, ext2fs_file_close(file), entry->path);
    set_attributes(maker, entry);
}

/* A further name of a file that is in the image already. */
static bool make_hard_link(struct maker *maker, ext2_ino_t directory, struct entry *entry)
{
    struct ext2_inode inode;

    for (size_t i = 0; i < maker->linked_count; i++) {
        const struct linked *linked = &maker->linked[i];
        if (linked->device != entry->info.st_dev || linked->host_inode != entry->info.st_ino)
            continue;
        entry->inode = linked->inode;
        add_name(maker, directory, entry, EXT2_FT_REG_FILE);
        check(maker, ext2fs_read_inode(maker->fs, entry->inode, &inode), entry->path);
        inode.i_links_count++;
        check(maker, ext2fs_write_inode(maker->fs, entry->inode, &inode), entry->path);
        return true;
    }
    return false;
}

static void remember_linked(struct maker *maker, const struct entry *entry)
{
    maker->linked = realloc(maker->linked, (maker->linked_count + 1) * sizeof(struct linked));
    if (!maker->linked)
        die("out of memory");
    maker->linked[maker->linked_count++] =
        (struct linked){entry->info.st_dev, entry->info.st_ino, entry->inode};
}

static void make_link(struct maker *maker, ext2_ino_t directory, struct entry *entry)
{
    char target[4096];
    ssize_t length = readlink(entry->path, target, sizeof(target) - 1);

    if (length < 0)
        die("%s: %s", entry->path, strerror(errno));
    target[length] = 0;
    if ((uint32_t)length >= maker->fs->blocksize)
        die("%s: a link of %zd bytes does not fit into a block of %u", entry->path, length,
            maker->fs->blocksize);
    new_inode(maker, directory, entry);
    errcode_t error = ext2fs_symlink(maker->fs, directory, entry->inode, entry->name, target);
    if (error == EXT2_ET_DIR_NO_SPACE) {
        check(maker, ext2fs_expand_dir(maker->fs, directory), entry->path);
        error = ext2fs_symlink(maker->fs, directory, entry->inode, entry->name, target);
    }
    check(maker, error, entry->path);
    set_attributes(maker, entry);
}

static void make_children(struct maker *maker, struct entry *directory);

static void make_directory(struct maker *maker, ext2_ino_t parent, struct entry *entry)
{
    if (parent == EXT2_ROOT_INO && strcmp(entry->name, LOST) == 0) {
        ext2_ino_t lost;
        check(maker, ext2fs_lookup(maker->fs, parent, LOST, strlen(LOST), NULL, &lost), LOST);
        entry->inode = lost;
    } else {
        new_inode(maker, parent, entry);
        errcode_t error = ext2fs_mkdir(maker->fs, parent, entry->inode, entry->name);
        if (error == EXT2_ET_DIR_NO_SPACE) {
            check(maker, ext2fs_expand_dir(maker->fs, parent), entry->path);
            error = ext2fs_mkdir(maker->fs, parent, entry->inode, entry->name);
        }
        check(maker, error, entry->path);
    }
    make_children(maker, entry);
}

static void make_entry(struct maker *maker, ext2_ino_t directory, struct entry *entry)
{
    if (S_ISDIR(entry->info.st_mode)) {
        make_directory(maker, directory, entry);
    } else if (S_ISLNK(entry->info.st_mode)) {
        make_link(maker, directory, entry);
    } else if (entry->info.st_nlink == 1 || !make_hard_link(maker, directory, entry)) {
        make_file(maker, directory, entry);
        if (entry->info.st_nlink > 1)
            remember_linked(maker, entry);
    }
}

static void make_children(struct maker *maker, struct entry *directory)
{
    for (uint32_t i = 0; i < directory->count; i++)
        make_entry(maker, directory->inode, &directory->children[i]);
    set_attributes(maker, directory);
}

void make_file_system(const struct request *request, struct entry *root, const char *file, uint64_t offset)
{
    struct maker maker = {.request = request, .buffer = allocate(CHUNK)};

    initialize_ext2_error_table();
    open_file_system(&maker, root, file, offset);
    make_skeleton(&maker);
    root->inode = EXT2_ROOT_INO;
    make_children(&maker, root);
    check(&maker, ext2fs_close_free(&maker.fs), "last blocks");
    free(maker.linked);
    free(maker.buffer);
}
