/* SPDX-License-Identifier: MIT */
/* Which inodes are in use: files near their directory, directories where there is room. */
#include "writer.h"

#include <base/crc32c.h>
#include <string.h>

#define GROUPS_COMPARED 16 /* for the place of a directory */

static bool flags_count(const struct ext4 *fs)
{
    return fs->ro_compat & (EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_GDT_CSUM);
}

static bool is_wide(const struct ext4 *fs)
{
    return fs->descriptor_size >= EXT4_MIN_DESC_SIZE_64BIT;
}

static uint32_t free_inodes(const struct ext4 *fs, const struct ext4_group_desc *descriptor)
{
    uint32_t high = is_wide(fs) ? descriptor->bg_free_inodes_count_hi : 0;
    return descriptor->bg_free_inodes_count_lo | high << 16;
}

static enum error check_bitmap(struct ext4 *fs, const struct ext4_group_place *place,
                               struct ext4_block *bitmap)
{
    uint64_t key = ext4_checked_key(EXT4_KIND_INODE_BITMAP, place->group);
    if (bitmap->checked_as == key || !ext4_has_metadata_csum(fs))
        return ERR_OK;
    uint32_t sum = ext4_bitmap_sum(fs, bitmap->data, fs->inodes_per_group);
    uint32_t stored = place->descriptor->bg_inode_bitmap_csum_lo;
    stored |= is_wide(fs) ? (uint32_t)place->descriptor->bg_inode_bitmap_csum_hi << 16 : 0;
    sum &= is_wide(fs) ? UINT32_MAX : UINT16_MAX;
    if (sum != stored)
        return ext4_fail(fs, ERR_CORRUPT, "group %u: inode bitmap: checksum %08x, computed %08x",
                         place->group, stored, sum);
    bitmap->checked_as = key;
    return ERR_OK;
}

/* A group whose inodes nobody used has no bitmap. */
static enum error init_bitmap(struct ext4 *fs, const struct ext4_group_place *place, uint64_t number,
                              struct ext4_block **bitmap)
{
    enum error error = ext4_touch_group(fs, place);
    if (!error)
        error = ext4_fresh_block(fs, number, EXT4_SEAL_INODE_BITMAP, place->group,
                                 ext4_checked_key(EXT4_KIND_INODE_BITMAP, place->group), bitmap);
    if (error)
        return error;
    for (uint32_t bit = fs->inodes_per_group; bit < fs->block_size * 8; bit++)
        (*bitmap)->data[bit / 8] |= (uint8_t)(1 << bit % 8);
    place->descriptor->bg_flags &= (uint16_t)~EXT4_BG_INODE_UNINIT;
    memset(fs->group_cache, 0, sizeof(fs->group_cache)); /* it knows the flag */
    return ERR_OK;
}

static enum error get_bitmap(struct ext4 *fs, const struct ext4_group_place *place,
                             struct ext4_block **bitmap)
{
    uint64_t number = ext4_bitmap_place(fs, place->descriptor, EXT4_KIND_INODE_BITMAP);
    if (!ext4_blocks_ok(fs, number, 1))
        return ext4_fail(fs, ERR_CORRUPT, "group descriptor %u: inode bitmap at block %lu", place->group,
                         number);
    if (flags_count(fs) && place->descriptor->bg_flags & EXT4_BG_INODE_UNINIT)
        return init_bitmap(fs, place, number, bitmap);
    enum error error = ext4_get_block(fs, number, bitmap);
    if (!error && (error = check_bitmap(fs, place, *bitmap)))
        ext4_put_block(fs, *bitmap);
    return error;
}

/* Changes the group's counts by one inode, and where the part of its table that was never used begins. */
static void count_inode(struct ext4 *fs, struct ext4_group_desc *descriptor, uint32_t index, bool directory,
                        int by)
{
    uint32_t count = free_inodes(fs, descriptor) - (uint32_t)by;
    uint32_t dirs = descriptor->bg_used_dirs_count_lo |
                    (is_wide(fs) ? (uint32_t)descriptor->bg_used_dirs_count_hi << 16 : 0);
    dirs += directory ? (uint32_t)by : 0;
    uint32_t unused =
        descriptor->bg_itable_unused_lo | (is_wide(fs) ? (uint32_t)descriptor->bg_itable_unused_hi << 16 : 0);
    uint32_t behind = fs->inodes_per_group - index - 1;
    if (flags_count(fs) && by > 0 && unused > behind)
        unused = behind;
    descriptor->bg_free_inodes_count_lo = (uint16_t)count;
    descriptor->bg_used_dirs_count_lo = (uint16_t)dirs;
    descriptor->bg_itable_unused_lo = (uint16_t)unused;
    if (is_wide(fs)) {
        descriptor->bg_free_inodes_count_hi = (uint16_t)(count >> 16);
        descriptor->bg_used_dirs_count_hi = (uint16_t)(dirs >> 16);
        descriptor->bg_itable_unused_hi = (uint16_t)(unused >> 16);
    }
    fs->free_inodes -= (uint32_t)by;
}

/* Marks inode `index` of the group as in use (`by` 1) or free (-1). */
static enum error change_bit(struct ext4 *fs, const struct ext4_group_place *place, struct ext4_block *bitmap,
                             uint32_t index, bool directory, int by)
{
    enum error error = ext4_touch_group(fs, place);
    if (!error)
        error = ext4_touch(fs, bitmap, EXT4_SEAL_INODE_BITMAP, place->group);
    if (error)
        return error;
    bitmap->data[index / 8] ^= (uint8_t)(1 << index % 8);
    count_inode(fs, place->descriptor, index, directory, by);
    return ERR_OK;
}

static uint32_t first_free(const struct ext4 *fs, const uint8_t *bitmap)
{
    uint32_t index = 0;
    while (index < fs->inodes_per_group && bitmap[index / 8] >> index % 8 & 1)
        index++;
    return index;
}

/* *inode 0: the group has none. */
static enum error try_group(struct ext4 *fs, uint32_t group, bool directory, uint32_t *inode)
{
    struct ext4_group_place place;
    struct ext4_block *bitmap;
    *inode = 0;
    enum error error = ext4_get_group(fs, group, &place);
    if (error)
        return error;
    if (free_inodes(fs, place.descriptor) > 0)
        error = get_bitmap(fs, &place, &bitmap);
    if (!error && free_inodes(fs, place.descriptor) > 0) {
        uint32_t index = first_free(fs, bitmap->data);
        if (index < fs->inodes_per_group) {
            error = change_bit(fs, &place, bitmap, index, directory, 1);
            *inode = group * fs->inodes_per_group + index + 1;
        }
        ext4_put_block(fs, bitmap);
    }
    ext4_put_block(fs, place.block);
    return error;
}

/* Of some groups from the parent's on, the one with most free blocks. */
static uint32_t group_for_directory(struct ext4 *fs, uint32_t parent)
{
    uint32_t best = parent, most = 0;
    for (uint32_t i = 0; i < GROUPS_COMPARED && i < fs->group_count; i++) {
        struct ext4_group_desc descriptor;
        uint32_t group = (uint32_t)(((uint64_t)parent + i) % fs->group_count);
        if (ext4_read_group(fs, group, &descriptor) || free_inodes(fs, &descriptor) == 0)
            continue;
        uint32_t count = descriptor.bg_free_blocks_count_lo | (uint32_t)descriptor.bg_free_blocks_count_hi
                                                                  << 16;
        if (count > most) {
            most = count;
            best = group;
        }
    }
    return best;
}

enum error ext4_take_inode(struct ext4 *fs, uint32_t parent, bool directory, uint32_t *inode)
{
    uint32_t start = (parent - 1) / fs->inodes_per_group;
    if (directory)
        start = group_for_directory(fs, start);
    for (uint32_t i = 0; i < fs->group_count; i++) {
        uint32_t group = (uint32_t)(((uint64_t)start + i) % fs->group_count);
        enum error error = try_group(fs, group, directory, inode);
        if (error || *inode)
            return error;
    }
    return ext4_fail(fs, ERR_NO_SPACE, "all %u inodes are in use", fs->inode_count);
}

enum error ext4_free_inode(struct ext4 *fs, uint32_t inode, bool directory)
{
    struct ext4_group_place place;
    struct ext4_block *bitmap;
    uint32_t index = (inode - 1) % fs->inodes_per_group;
    enum error error = ext4_get_group(fs, (inode - 1) / fs->inodes_per_group, &place);
    if (error)
        return error;
    error = get_bitmap(fs, &place, &bitmap);
    if (!error) {
        if (bitmap->data[index / 8] >> index % 8 & 1)
            error = change_bit(fs, &place, bitmap, index, directory, -1);
        else
            error = ext4_fail(fs, ERR_CORRUPT, "inode %u: is to be freed, but is free", inode);
        ext4_put_block(fs, bitmap);
    }
    ext4_put_block(fs, place.block);
    return error;
}
