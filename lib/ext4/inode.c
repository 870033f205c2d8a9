/* SPDX-License-Identifier: MIT */
/* Inodes: finding one in its group's table, its checksum, and what it says. */
#include "internal.h"

#include <base/crc32c.h>
#include <string.h>

static uint32_t inode_seed(const struct ext4 *fs, uint32_t number, uint32_t generation)
{
    uint32_t crc = crc32c(fs->checksum_seed, &number, sizeof(number));
    return crc32c(crc, &generation, sizeof(generation));
}

/* Whether the field at [offset, offset + size) of the inode is there: i_extra_isize reaches it. */
static bool has_field(const struct ext4 *fs, const struct ext4_inode *inode, uint32_t offset, uint32_t size)
{
    return fs->inode_size > EXT4_GOOD_OLD_INODE_SIZE &&
           offset + size <= EXT4_GOOD_OLD_INODE_SIZE + (uint32_t)inode->i_extra_isize;
}

#define HAS_FIELD(fs, inode, field)                                                                          \
    has_field(fs, inode, offsetof(struct ext4_inode, field), sizeof((inode)->field))

/* The checksum covers the whole inode with its own two halves as zero; the upper half may be missing. */
static enum error check_checksum(struct ext4 *fs, uint32_t number, const struct ext4_inode *inode)
{
    static const uint8_t zero[2];
    const uint8_t *bytes = (const uint8_t *)inode;
    uint32_t low = offsetof(struct ext4_inode, l_i_checksum_lo),
             high = offsetof(struct ext4_inode, i_checksum_hi);
    uint32_t crc = crc32c(inode_seed(fs, number, inode->i_generation), bytes, low);
    crc = crc32c(crc, zero, sizeof(zero));
    crc = crc32c(crc, bytes + low + 2, EXT4_GOOD_OLD_INODE_SIZE - low - 2);
    uint32_t stored = inode->l_i_checksum_lo;
    if (fs->inode_size > EXT4_GOOD_OLD_INODE_SIZE) {
        crc = crc32c(crc, bytes + EXT4_GOOD_OLD_INODE_SIZE, high - EXT4_GOOD_OLD_INODE_SIZE);
        bool whole = HAS_FIELD(fs, inode, i_checksum_hi);
        if (whole)
            crc = crc32c(crc, zero, sizeof(zero));
        uint32_t rest = whole ? high + 2 : high;
        crc = crc32c(crc, bytes + rest, fs->inode_size - rest);
        stored |= whole ? (uint32_t)inode->i_checksum_hi << 16 : 0;
        crc &= whole ? UINT32_MAX : UINT16_MAX;
    } else {
        crc &= UINT16_MAX;
    }
    if (crc == stored)
        return ERR_OK;
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: checksum %08x, computed %08x", number, stored, crc);
}

static enum error check_inode(struct ext4 *fs, uint32_t number, const struct ext4_inode *inode)
{
    if (inode->i_mode == 0 && inode->i_links_count == 0)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: not in use", number);
    if (ext4_has_metadata_csum(fs)) {
        enum error error = check_checksum(fs, number, inode);
        if (error)
            return error;
    }
    if (fs->inode_size > EXT4_GOOD_OLD_INODE_SIZE &&
        inode->i_extra_isize > fs->inode_size - EXT4_GOOD_OLD_INODE_SIZE)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: %u bytes of extra fields in an inode of %u", number,
                         inode->i_extra_isize, fs->inode_size);
    return ERR_OK;
}

/* First block of the group's inode table. */
static enum error find_table(struct ext4 *fs, uint32_t group, uint64_t *table)
{
    uint32_t slot = group % EXT4_GROUP_CACHE;
    if (fs->group_cache[slot].group_plus_one != group + 1) {
        struct ext4_group_desc descriptor;
        enum error error = ext4_read_group(fs, group, &descriptor);
        if (error)
            return error;
        uint64_t first = descriptor.bg_inode_table_lo | (uint64_t)descriptor.bg_inode_table_hi << 32;
        uint64_t bytes = (uint64_t)fs->inodes_per_group * fs->inode_size;
        if (!ext4_blocks_ok(fs, first, (bytes + fs->block_size - 1) >> fs->block_shift))
            return ext4_fail(fs, ERR_CORRUPT, "group descriptor %u: inode table at block %lu", group, first);
        fs->group_cache[slot].group_plus_one = group + 1;
        fs->group_cache[slot].flags = descriptor.bg_flags;
        fs->group_cache[slot].inode_table = first;
    }
    *table = fs->group_cache[slot].inode_table;
    bool flags_count =
        fs->ro_compat & (EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_GDT_CSUM);
    if (flags_count && fs->group_cache[slot].flags & EXT4_BG_INODE_UNINIT)
        return ext4_fail(fs, ERR_CORRUPT, "group %u: an inode is named, but no inode is in use there", group);
    return ERR_OK;
}

enum error ext4_get_inode(struct ext4 *fs, uint32_t number, struct ext4_block **block,
                          const struct ext4_inode **inode)
{
    if (number == 0 || number > fs->inode_count)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: the file system has %u", number, fs->inode_count);
    uint32_t group = (number - 1) / fs->inodes_per_group, index = (number - 1) % fs->inodes_per_group;
    uint64_t table = 0;
    enum error error = find_table(fs, group, &table);
    if (error)
        return error;
    uint32_t per_block = fs->block_size / fs->inode_size, slot = index % per_block;
    error = ext4_get_block(fs, table + index / per_block, block);
    if (error)
        return error;
    *inode = (const void *)((*block)->data + slot * fs->inode_size);
    uint64_t key = ext4_checked_key(EXT4_KIND_INODES, number - slot);
    if ((*block)->checked_as == key && (*block)->checked_slots[0] >> slot & 1)
        return ERR_OK;
    error = check_inode(fs, number, *inode);
    if (error) {
        ext4_put_block(fs, *block);
        return error;
    }
    if ((*block)->checked_as != key)
        memset((*block)->checked_slots, 0, sizeof((*block)->checked_slots));
    (*block)->checked_as = key;
    (*block)->checked_slots[0] |= (uint64_t)1 << slot;
    return ERR_OK;
}

/* The extra field brings two more bits of seconds and the nanoseconds; a value that no clock shows is cut. */
static struct ext4_time decode_time(uint32_t seconds, bool has_extra, uint32_t extra)
{
    struct ext4_time time = {.seconds = (int32_t)seconds};
    if (has_extra) {
        time.seconds += (int64_t)(extra & 3) << 32;
        time.nanoseconds = extra >> 2 < 1000000000 ? extra >> 2 : 999999999;
    }
    return time;
}

static void copy_times(const struct ext4 *fs, const struct ext4_inode *inode, struct ext4_node *node)
{
    bool extra = HAS_FIELD(fs, inode, i_atime_extra); /* the last of the three */
    node->atime = decode_time(inode->i_atime, extra, extra ? inode->i_atime_extra : 0);
    node->mtime = decode_time(inode->i_mtime, extra, extra ? inode->i_mtime_extra : 0);
    node->ctime = decode_time(inode->i_ctime, extra, extra ? inode->i_ctime_extra : 0);
}

static void copy_inode(const struct ext4 *fs, uint32_t number, const struct ext4_inode *inode,
                       struct ext4_node *node)
{
    node->inode = number;
    node->generation = inode->i_generation;
    node->flags = inode->i_flags;
    node->mode = inode->i_mode;
    node->links = inode->i_links_count;
    node->uid = inode->i_uid | (uint32_t)inode->l_i_uid_high << 16;
    node->gid = inode->i_gid | (uint32_t)inode->l_i_gid_high << 16;
    node->size = inode->i_size_lo;
    if (ext4_is_file(node) || fs->incompat & EXT4_FEATURE_INCOMPAT_LARGEDIR)
        node->size |= (uint64_t)inode->i_size_high << 32;
    node->blocks = inode->i_blocks_lo;
    if (fs->ro_compat & EXT4_FEATURE_RO_COMPAT_HUGE_FILE)
        node->blocks |= (uint64_t)inode->l_i_blocks_high << 32;
    if (inode->i_flags & EXT4_HUGE_FILE_FL)
        node->blocks <<= fs->block_shift - 9;
    node->attributes = inode->i_file_acl_lo;
    if (fs->incompat & EXT4_FEATURE_INCOMPAT_64BIT)
        node->attributes |= (uint64_t)inode->l_i_file_acl_high << 32;
    memcpy(node->map, inode->i_block, sizeof(node->map));
    copy_times(fs, inode, node);
    node->checksum_seed = ext4_has_metadata_csum(fs) ? inode_seed(fs, number, inode->i_generation) : 0;
}

static enum error check_node(struct ext4 *fs, const struct ext4_node *node)
{
    if (node->size >> 63)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: size %lx", node->inode, node->size);
    /* A directory that maps no block twice is not larger; see also ext4_begin_search. */
    if (ext4_is_dir(node) && node->size >> fs->block_shift > fs->block_count)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory of %lu bytes is larger than the file system",
                         node->inode, node->size);
    if (node->flags & EXT4_INLINE_DATA_FL && !(fs->incompat & EXT4_FEATURE_INCOMPAT_INLINE_DATA))
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: inline data, but the superblock knows of none",
                         node->inode);
    if (node->flags & EXT4_INLINE_DATA_FL && ext4_is_dir(node) &&
        (node->map[0] == 0 || node->map[0] > fs->inode_count))
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: its parent is inode %u, but the file system has %u",
                         node->inode, node->map[0], fs->inode_count);
    if (ext4_is_fast_link(fs, node) && node->size >= sizeof(node->map))
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: a symbolic link of %lu bytes, but it has no blocks",
                         node->inode, node->size);
    if (!(node->flags & EXT4_EXTENTS_FL) || node->flags & EXT4_INLINE_DATA_FL || ext4_is_fast_link(fs, node))
        return ERR_OK;
    const struct ext4_extent_header *root = (const void *)node->map;
    if (root->eh_depth > EXT4_MAX_EXTENT_DEPTH)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: extent tree of depth %u", node->inode, root->eh_depth);
    return ext4_extent_check(fs, node, root, sizeof(node->map), root->eh_depth, 0);
}

enum error ext4_read_node(struct ext4 *fs, uint32_t number, struct ext4_node *node)
{
    struct ext4_block *block;
    const struct ext4_inode *inode;
    enum error error = ext4_get_inode(fs, number, &block, &inode);
    if (error)
        return error;
    copy_inode(fs, number, inode, node);
    ext4_put_block(fs, block);
    return check_node(fs, node);
}
