/* SPDX-License-Identifier: MIT */
/* From a file's block to the device's: the choice of the map, and the block map of ext2 and ext3. */
#include "internal.h"

/* A run of pointers that count up by one, or of zeros. */
static enum error map_pointers(struct ext4 *fs, const struct ext4_node *node, const uint32_t *pointers,
                               uint32_t limit, struct ext4_run *run)
{
    uint32_t first = pointers[0], step = first ? 1 : 0, count = 1;
    while (count < limit && pointers[count] == first + step * count)
        count++;
    if (first && !ext4_blocks_ok(fs, first, count))
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: block map leads to block %u + %u of %lu", node->inode,
                         first, count, fs->block_count);
    run->block = first;
    run->count = count;
    return ERR_OK;
}

/* Walks down `level` blocks of pointers from `pointer` to the one for block `index` of what it covers. */
static enum error walk_indirect(struct ext4 *fs, const struct ext4_node *node, uint32_t pointer,
                                uint32_t level, uint64_t index, struct ext4_run *run)
{
    uint32_t shift = fs->block_shift - 2, per_block = 1u << shift;
    for (; level > 0; level--) {
        uint64_t span = (uint64_t)1 << shift * (level - 1); /* file blocks that one pointer covers */
        if (pointer == 0) {
            uint64_t rest = (span << shift) - index;
            run->block = 0;
            run->count = rest > UINT32_MAX ? UINT32_MAX : (uint32_t)rest;
            return ERR_OK;
        }
        if (!ext4_blocks_ok(fs, pointer, 1))
            return ext4_fail(fs, ERR_CORRUPT, "inode %u: block map leads to block %u of %lu", node->inode,
                             pointer, fs->block_count);
        struct ext4_block *block;
        enum error error = ext4_get_block(fs, pointer, &block);
        if (error)
            return error;
        const uint32_t *pointers = (const void *)block->data;
        uint32_t at = (uint32_t)(index / span);
        if (level == 1)
            error = map_pointers(fs, node, pointers + at, per_block - at, run);
        pointer = pointers[at];
        index %= span;
        ext4_put_block(fs, block);
        if (error)
            return error;
    }
    return ERR_OK;
}

enum error ext4_indirect_map(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block,
                             struct ext4_run *run)
{
    if (file_block < EXT4_NDIR_BLOCKS)
        return map_pointers(fs, node, node->map + file_block, EXT4_NDIR_BLOCKS - file_block, run);
    uint64_t index = file_block - EXT4_NDIR_BLOCKS;
    uint32_t shift = fs->block_shift - 2;
    for (uint32_t level = 1; level <= 3; level++) {
        uint64_t span = (uint64_t)1 << shift * level;
        if (index < span)
            return walk_indirect(fs, node, node->map[EXT4_NDIR_BLOCKS + level - 1], level, index, run);
        index -= span;
    }
    *run = (struct ext4_run){.count = 1};
    return ERR_OK;
}

enum error ext4_map(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block, struct ext4_run *run)
{
    return node->flags & EXT4_EXTENTS_FL ? ext4_extent_map(fs, node, file_block, run)
                                         : ext4_indirect_map(fs, node, file_block, run);
}
