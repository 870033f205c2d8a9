/* SPDX-License-Identifier: MIT */
/* Checking groups and bitmaps: who has which block, and whether the bitmaps and counts agree. */
#include "check.h"

#include <base/crc32c.h>

bool claim(struct checker *checker, uint64_t block, uint64_t count, uint32_t inode, bool again)
{
    for (uint64_t n = block; n < block + count; n++) {
        if (n >= checker->fs.block_count) {
            report(checker, "inode %u: block %lu: the file system has %lu", inode, n,
                   checker->fs.block_count);
            return false;
        }
        if (bit_get(checker->used, n) && !again) {
            report(checker, "inode %u: block %lu is used by something else too", inode, n);
            return false;
        }
        bit_set(checker->used, n);
    }
    return true;
}

static uint64_t group_first(const struct checker *checker, uint32_t group)
{
    return checker->fs.first_data_block + (uint64_t)group * checker->fs.blocks_per_group;
}

/* Blocks of the group; the last one may be short. */
static uint32_t group_blocks(const struct checker *checker, uint32_t group)
{
    uint64_t left = checker->fs.block_count - group_first(checker, group);

    return left < checker->fs.blocks_per_group ? (uint32_t)left : checker->fs.blocks_per_group;
}

static bool flags_count(const struct checker *checker)
{
    return checker->fs.ro_compat & (EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_GDT_CSUM);
}

/* A group's bitmap, or NULL if it lies nowhere. */
static const uint8_t *bitmap_at(struct checker *checker, uint32_t group, uint64_t block, const char *what)
{
    if (ext4_blocks_ok(&checker->fs, block, 1))
        return checker->bytes + block * checker->fs.block_size;
    report(checker, "group descriptor %u: %s bitmap at block %lu", group, what, block);
    return NULL;
}

static void check_bitmap_sum(struct checker *checker, uint32_t group, const uint8_t *bitmap, uint32_t bits,
                             uint32_t stored, const char *what)
{
    if (!ext4_has_metadata_csum(&checker->fs))
        return;
    uint32_t sum = crc32c(checker->fs.checksum_seed, bitmap, bits / 8);
    if (checker->fs.descriptor_size < EXT4_MIN_DESC_SIZE_64BIT)
        sum &= UINT16_MAX;
    if (sum != stored)
        report(checker, "group %u: %s bitmap: checksum %08x, computed %08x", group, what, stored, sum);
}

static uint64_t block_bitmap(const struct ext4_group_desc *descriptor)
{
    return descriptor->bg_block_bitmap_lo | (uint64_t)descriptor->bg_block_bitmap_hi << 32;
}

static uint64_t inode_bitmap(const struct ext4_group_desc *descriptor)
{
    return descriptor->bg_inode_bitmap_lo | (uint64_t)descriptor->bg_inode_bitmap_hi << 32;
}

static void check_inode_bitmap(struct checker *checker, uint32_t group,
                               const struct ext4_group_desc *descriptor)
{
    uint32_t count = checker->fs.inodes_per_group, free_inodes = count;
    const uint8_t *bitmap = bitmap_at(checker, group, inode_bitmap(descriptor), "inode");

    if (bitmap && !(flags_count(checker) && descriptor->bg_flags & EXT4_BG_INODE_UNINIT)) {
        check_bitmap_sum(checker, group, bitmap, count,
                         descriptor->bg_inode_bitmap_csum_lo | (uint32_t)descriptor->bg_inode_bitmap_csum_hi
                                                                   << 16,
                         "inode");
        for (uint32_t i = 0; i < count; i++) {
            if (bit_get(bitmap, i)) {
                bit_set(checker->in_use, (uint64_t)group * count + i + 1);
                free_inodes--;
            }
        }
    }
    uint32_t stored = descriptor->bg_free_inodes_count_lo | (uint32_t)descriptor->bg_free_inodes_count_hi
                                                                << 16;
    if (stored != free_inodes)
        report(checker, "group %u: %u free inodes, counted %u", group, stored, free_inodes);
}

void check_groups(struct checker *checker)
{
    struct ext4 *fs = &checker->fs;
    uint64_t table_blocks =
        ((uint64_t)fs->inodes_per_group * fs->inode_size + fs->block_size - 1) / fs->block_size;

    for (uint32_t group = 0; group < fs->group_count; group++) {
        struct ext4_group_desc descriptor;
        claim(checker, group_first(checker, group), ext4_head_blocks(fs, group), 0, false);
        if (ext4_read_group(fs, group, &descriptor)) {
            report_cause(checker);
            continue;
        }
        uint64_t table = descriptor.bg_inode_table_lo | (uint64_t)descriptor.bg_inode_table_hi << 32;
        claim(checker, block_bitmap(&descriptor), 1, 0, false);
        claim(checker, inode_bitmap(&descriptor), 1, 0, false);
        claim(checker, table, table_blocks, 0, false);
        check_inode_bitmap(checker, group, &descriptor);
    }
}

/* Compares one group's bitmap with what was found; returns how many blocks are free. */
static uint32_t check_block_bitmap(struct checker *checker, uint32_t group,
                                   const struct ext4_group_desc *descriptor)
{
    uint32_t count = group_blocks(checker, group), free_blocks = 0, wrong = 0;
    uint64_t first = group_first(checker, group), first_wrong = 0;
    bool absent = flags_count(checker) && descriptor->bg_flags & EXT4_BG_BLOCK_UNINIT;
    const uint8_t *bitmap = absent ? NULL : bitmap_at(checker, group, block_bitmap(descriptor), "block");

    if (bitmap)
        check_bitmap_sum(checker, group, bitmap, checker->fs.blocks_per_group,
                         descriptor->bg_block_bitmap_csum_lo | (uint32_t)descriptor->bg_block_bitmap_csum_hi
                                                                   << 16,
                         "block");
    for (uint32_t i = 0; i < count; i++) {
        bool used = bit_get(checker->used, first + i);
        free_blocks += !used;
        if (bitmap && bit_get(bitmap, i) != used && wrong++ == 0)
            first_wrong = first + i;
    }
    if (wrong)
        report(checker, "group %u: block bitmap: block %lu is %s there, and %u are wrong in all", group,
               first_wrong, bit_get(checker->used, first_wrong) ? "in use, but free" : "free, but in use",
               wrong);
    return free_blocks;
}

void check_bitmaps(struct checker *checker)
{
    struct ext4 *fs = &checker->fs;
    uint64_t free_blocks = 0, free_inodes = 0;

    for (uint32_t group = 0; group < fs->group_count; group++) {
        struct ext4_group_desc descriptor;
        if (ext4_read_group(fs, group, &descriptor))
            continue; /* reported already */
        uint32_t counted = check_block_bitmap(checker, group, &descriptor);
        uint32_t stored = descriptor.bg_free_blocks_count_lo | (uint32_t)descriptor.bg_free_blocks_count_hi
                                                                   << 16;
        if (counted != stored)
            report(checker, "group %u: %u free blocks, counted %u", group, stored, counted);
        free_blocks += counted;
    }
    for (uint32_t inode = 1; inode <= fs->inode_count; inode++)
        free_inodes += !bit_get(checker->in_use, inode);
    if (free_blocks != fs->free_blocks)
        report(checker, "superblock: %lu free blocks, counted %lu", fs->free_blocks, free_blocks);
    if (free_inodes != fs->free_inodes)
        report(checker, "superblock: %u free inodes, counted %lu", fs->free_inodes, free_inodes);
}
