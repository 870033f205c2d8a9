/* SPDX-License-Identifier: MIT */
/*
 * Checking inodes and directories: the blocks that inodes take, the names that lead to them, and the links.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#define BAD_BLOCKS_INODE 1
#define RESIZE_INODE     7  /* maps blocks kept for more group descriptors, which the groups claim as well */
#define FIRST_INODE      11 /* inodes before it are the file system's own */

/* The blocks of one inode, while they are counted. */
struct taker {
    struct checker *checker;
    const struct ext4_node *node;
    uint64_t taken;
};

/*
 * False: the blocks belong to something else, so what they hold is not looked at, or a circle might not end.
 */
static bool take(struct taker *taker, uint64_t block, uint64_t count)
{
    taker->taken += count;
    return claim(taker->checker, block, count, taker->node->inode, taker->node->inode == RESIZE_INODE);
}

/* Takes what a node of the extent tree leads to; the reader has checked `header` before. */
static void take_extents(struct taker *taker, const struct ext4_extent_header *header, uint64_t end)
{
    const struct ext4_extent *extents = (const void *)(header + 1);

    for (uint32_t i = 0; i < header->eh_entries; i++) {
        if (header->eh_depth == 0) {
            uint32_t length = extents[i].ee_len;
            length -= length > EXT4_INIT_MAX_LEN ? EXT4_INIT_MAX_LEN : 0;
            take(taker, extents[i].ee_start_lo | (uint64_t)extents[i].ee_start_hi << 32, length);
            continue;
        }
        struct ext4_extent_place child = ext4_extent_child(header, i, end);
        struct ext4_block *block;
        struct ext4 *fs = &taker->checker->fs;
        if (!take(taker, child.number, 1))
            continue;
        if (ext4_get_extent_block(fs, taker->node, &child, &block)) {
            report_cause(taker->checker);
            continue;
        }
        take_extents(taker, (const void *)block->data, child.end);
        ext4_put_block(fs, block);
    }
}

/* Takes `count` pointers of a block map, and what they lead to, `level` blocks of pointers deep. */
static void take_pointers(struct taker *taker, const uint32_t *pointers, uint32_t count, uint32_t level)
{
    struct checker *checker = taker->checker;

    for (uint32_t i = 0; i < count; i++) {
        if (pointers[i] == 0)
            continue;
        if (!ext4_blocks_ok(&checker->fs, pointers[i], 1)) {
            report(checker, "inode %u: block map leads to block %u", taker->node->inode, pointers[i]);
            continue;
        }
        if (take(taker, pointers[i], 1) && level > 0)
            take_pointers(taker,
                          (const void *)(checker->bytes + (uint64_t)pointers[i] * checker->fs.block_size),
                          checker->fs.block_size / 4, level - 1);
    }
}

static bool has_map(const struct ext4 *fs, const struct ext4_node *node)
{
    if (node->flags & EXT4_INLINE_DATA_FL || ext4_is_fast_link(fs, node))
        return false;
    return ext4_is_file(node) || ext4_is_dir(node) || ext4_is_link(node) || node->inode < FIRST_INODE;
}

/* A block of extended attributes; several inodes may have the same one. */
static void take_attributes(struct taker *taker, const struct ext4_inode *inode)
{
    struct checker *checker = taker->checker;
    uint64_t block = inode->i_file_acl_lo | (uint64_t)inode->l_i_file_acl_high << 32;

    if (block == 0)
        return;
    if (!ext4_blocks_ok(&checker->fs, block, 1)) {
        report(checker, "inode %u: attributes at block %lu", taker->node->inode, block);
        return;
    }
    claim(checker, block, 1, taker->node->inode, bit_get(checker->shared, block));
    bit_set(checker->shared, block);
    taker->taken++;
}

static void check_inode(struct checker *checker, uint32_t number)
{
    struct ext4 *fs = &checker->fs;
    struct ext4_node node;
    struct taker taker = {checker, &node, 0};
    struct ext4_block *block;
    const struct ext4_inode *inode;

    if (ext4_read_node(fs, number, &node) || ext4_get_inode(fs, number, &block, &inode)) {
        report_cause(checker);
        return;
    }
    take_attributes(&taker, inode);
    ext4_put_block(fs, block);
    if (has_map(fs, &node) && node.flags & EXT4_EXTENTS_FL) {
        take_extents(&taker, (const void *)node.map, (uint64_t)1 << 32);
    } else if (has_map(fs, &node)) {
        take_pointers(&taker, node.map, EXT4_NDIR_BLOCKS, 0);
        for (uint32_t level = 1; level <= 3; level++)
            take_pointers(&taker, node.map + EXT4_NDIR_BLOCKS + level - 1, 1, level);
    }
    uint64_t sectors = taker.taken << (fs->block_shift - 9);
    if (sectors != node.blocks && !(fs->incompat & EXT4_FEATURE_INCOMPAT_EA_INODE))
        report(checker, "inode %u: %lu sectors in use, counted %lu", number, node.blocks, sectors);
}

void check_inodes(struct checker *checker)
{
    for (uint32_t number = 1; number <= checker->fs.inode_count; number++) {
        /* The file system's own inodes are marked as in use, but most of them are empty. */
        struct ext4_node node;
        bool own = number < FIRST_INODE && number != EXT4_ROOT_INO;
        if (own && (number == BAD_BLOCKS_INODE || ext4_read_node(&checker->fs, number, &node)))
            continue;
        if (bit_get(checker->in_use, number))
            check_inode(checker, number);
    }
}

/* One directory's listing. */
struct visit {
    struct checker *checker;
    const struct ext4_node *dir;
    uint32_t *queue; /* directories that wait to be visited */
    uint32_t *queued;
};

static uint8_t type_of(const struct ext4_node *node)
{
    static const uint8_t types[16] = {
        [EXT4_S_IFIFO >> 12] = EXT4_FT_FIFO,     [EXT4_S_IFCHR >> 12] = EXT4_FT_CHRDEV,
        [EXT4_S_IFDIR >> 12] = EXT4_FT_DIR,      [EXT4_S_IFBLK >> 12] = EXT4_FT_BLKDEV,
        [EXT4_S_IFREG >> 12] = EXT4_FT_REG_FILE, [EXT4_S_IFLNK >> 12] = EXT4_FT_SYMLINK,
        [EXT4_S_IFSOCK >> 12] = EXT4_FT_SOCK,
    };

    return types[node->mode >> 12];
}

static bool is_name(const struct ext4_entry *entry, const char *name)
{
    return entry->name_length == strlen(name) && memcmp(entry->name, name, entry->name_length) == 0;
}

static void check_child(struct visit *visit, const struct ext4_entry *entry, const struct ext4_node *child)
{
    struct checker *checker = visit->checker;
    int length = entry->name_length;

    if (entry->type != EXT4_FT_UNKNOWN && entry->type != type_of(child))
        report(checker, "inode %u: entry %.*s has type %u, but inode %u has mode %o", visit->dir->inode,
               length, entry->name, entry->type, child->inode, child->mode);
    if (!ext4_is_dir(child))
        return;
    if (checker->parent[child->inode]) {
        report(checker, "inode %u: directory is found in %u and, as %.*s, in %u", child->inode,
               checker->parent[child->inode], length, entry->name, visit->dir->inode);
        return;
    }
    checker->parent[child->inode] = visit->dir->inode;
    visit->queue[(*visit->queued)++] = child->inode;
}

/* The index, if there is one, has to lead to each name. */
static void check_found(struct visit *visit, const struct ext4_entry *entry)
{
    uint32_t inode;
    struct ext4 *fs = &visit->checker->fs;

    if (!(visit->dir->flags & EXT4_INDEX_FL) || !(fs->compat & EXT4_FEATURE_COMPAT_DIR_INDEX))
        return;
    ext4_begin_search(fs);
    if (ext4_htree_lookup(fs, visit->dir, entry->name, entry->name_length, &inode) || inode != entry->inode)
        report(visit->checker, "inode %u: entry %.*s is not found by the index", visit->dir->inode,
               entry->name_length, entry->name);
}

static bool check_entry(void *context, const struct ext4_entry *entry)
{
    struct visit *visit = context;
    struct checker *checker = visit->checker;
    uint32_t self = visit->dir->inode;
    struct ext4_node child;

    if (!bit_get(checker->in_use, entry->inode)) {
        report(checker, "inode %u: entry %.*s leads to inode %u, which is free", self, entry->name_length,
               entry->name, entry->inode);
        return true;
    }
    checker->references[entry->inode]++;
    if (is_name(entry, ".") || is_name(entry, "..")) {
        uint32_t expected = entry->name_length == 1 ? self : checker->parent[self];
        if (entry->inode != expected)
            report(checker, "inode %u: entry %.*s leads to inode %u, not %u", self, entry->name_length,
                   entry->name, entry->inode, expected);
        return true;
    }
    check_found(visit, entry);
    if (ext4_read_node(&checker->fs, entry->inode, &child) ==
        ERR_OK) /* else it was reported with the inodes */
        check_child(visit, entry, &child);
    return true;
}

/* Inodes that no directory names: quota, orphans, large attributes. */
static bool is_hidden(const struct checker *checker, uint32_t number, const struct ext4_node *node)
{
    return number < FIRST_INODE || node->flags & EXT4_EA_INODE_FL ||
           number == checker->super->s_prj_quota_inum || number == checker->super->s_orphan_file_inum;
}

static void check_links(struct checker *checker)
{
    struct ext4_node node;

    for (uint32_t number = 1; number <= checker->fs.inode_count; number++) {
        uint32_t references = checker->references[number];
        if (!bit_get(checker->in_use, number) || ext4_read_node(&checker->fs, number, &node))
            continue;
        if (references == 0 && !is_hidden(checker, number, &node))
            report(checker, "inode %u: in use, but in no directory", number);
        else if (references && references != node.links && !(ext4_is_dir(&node) && node.links == 1))
            report(checker, "inode %u: %u links, counted %u", number, node.links, references);
    }
}

void check_tree(struct checker *checker)
{
    struct ext4 *fs = &checker->fs;
    uint32_t *queue = allocate((fs->inode_count + 1ul) * sizeof(uint32_t)), queued = 1;
    bool end;

    queue[0] = EXT4_ROOT_INO;
    checker->parent[EXT4_ROOT_INO] = EXT4_ROOT_INO;
    for (uint32_t next = 0; next < queued; next++) {
        struct ext4_node dir;
        struct visit visit = {checker, &dir, queue, &queued};
        uint64_t cursor = 0;
        if (ext4_read_node(fs, queue[next], &dir) ||
            ext4_readdir(fs, &dir, &cursor, check_entry, &visit, &end))
            report_cause(checker);
    }
    free(queue);
    check_links(checker);
}
