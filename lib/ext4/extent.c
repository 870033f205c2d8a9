/* SPDX-License-Identifier: MIT */
/*
 * Extent trees: from a file's block to a run of the device's. A node's depth is one less than its parent's.
 */
#include "internal.h"

#include <base/crc32c.h>

static const void *entry_at(const struct ext4_extent_header *header, uint32_t index)
{
    return (const uint8_t *)header + sizeof(*header) + index * sizeof(struct ext4_extent);
}

static uint64_t index_leaf(const struct ext4_extent_idx *index)
{
    return index->ei_leaf_lo | (uint64_t)index->ei_leaf_hi << 32;
}

static uint64_t extent_start(const struct ext4_extent *extent)
{
    return extent->ee_start_lo | (uint64_t)extent->ee_start_hi << 32;
}

static bool extent_unwritten(const struct ext4_extent *extent)
{
    return extent->ee_len > EXT4_INIT_MAX_LEN;
}

static uint32_t extent_length(const struct ext4_extent *extent)
{
    return extent_unwritten(extent) ? extent->ee_len - EXT4_INIT_MAX_LEN : extent->ee_len;
}

static enum error check_header(struct ext4 *fs, const struct ext4_node *node,
                               const struct ext4_extent_header *header, uint32_t size, uint32_t depth,
                               uint64_t where)
{
    if (header->eh_magic != EXT4_EXT_MAGIC)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: extent block %lu: magic number is %04x, not %04x",
                         node->inode, where, header->eh_magic, EXT4_EXT_MAGIC);
    uint32_t room = (size - sizeof(*header)) / sizeof(struct ext4_extent);
    if (header->eh_max > room || header->eh_entries > header->eh_max)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: extent block %lu: %u of %u entries where %u fit",
                         node->inode, where, header->eh_entries, header->eh_max, room);
    if (header->eh_depth != depth || (depth > 0 && header->eh_entries == 0))
        return ext4_fail(fs, ERR_CORRUPT,
                         "inode %u: extent block %lu: depth %u with %u entries, expected depth %u",
                         node->inode, where, header->eh_depth, header->eh_entries, depth);
    return ERR_OK;
}

static enum error check_order(struct ext4 *fs, const struct ext4_node *node,
                              const struct ext4_extent_header *header, uint64_t where)
{
    uint64_t next = 0;
    for (uint32_t i = 0; i < header->eh_entries; i++) {
        const struct ext4_extent *extent = entry_at(header, i);
        const struct ext4_extent_idx *index = entry_at(header, i);
        bool leaf = header->eh_depth == 0;
        uint64_t start = leaf ? extent_start(extent) : index_leaf(index),
                 length = leaf ? extent_length(extent) : 1;
        uint64_t first = leaf ? extent->ee_block : index->ei_block;
        if (first < next || length == 0 || first + length > (uint64_t)1 << 32)
            return ext4_fail(fs, ERR_CORRUPT,
                             "inode %u: extent block %lu: entry %u (%lu, %lu long) is out of order",
                             node->inode, where, i, first, length);
        if (!ext4_blocks_ok(fs, start, length))
            return ext4_fail(fs, ERR_CORRUPT,
                             "inode %u: extent block %lu: entry %u leads to block %lu + %lu of %lu",
                             node->inode, where, i, start, length, fs->block_count);
        next = first + length;
    }
    return ERR_OK;
}

enum error ext4_extent_check(struct ext4 *fs, const struct ext4_node *node,
                             const struct ext4_extent_header *header, uint32_t size, uint32_t depth,
                             uint64_t where)
{
    enum error error = check_header(fs, node, header, size, depth, where);
    return error ? error : check_order(fs, node, header, where);
}

static enum error check_block(struct ext4 *fs, const struct ext4_node *node, const struct ext4_block *block,
                              uint32_t depth, uint64_t number)
{
    const struct ext4_extent_header *header = (const void *)block->data;
    enum error error = check_header(fs, node, header, fs->block_size, depth, number);
    if (error)
        return error;
    if (ext4_has_metadata_csum(fs)) {
        uint32_t end = sizeof(*header) + header->eh_max * sizeof(struct ext4_extent);
        if (end + sizeof(struct ext4_extent_tail) > fs->block_size)
            return ext4_fail(fs, ERR_CORRUPT, "inode %u: extent block %lu: no room for a checksum",
                             node->inode, number);
        const struct ext4_extent_tail *tail = (const void *)(block->data + end);
        uint32_t sum = crc32c(node->checksum_seed, block->data, end);
        if (sum != tail->eb_checksum)
            return ext4_fail(fs, ERR_CORRUPT, "inode %u: extent block %lu: checksum %08x, computed %08x",
                             node->inode, number, tail->eb_checksum, sum);
    }
    return check_order(fs, node, header, number);
}

struct ext4_extent_place ext4_extent_child(const struct ext4_extent_header *header, uint32_t index,
                                           uint64_t end)
{
    const struct ext4_extent_idx *entry = entry_at(header, index), *next = entry_at(header, index + 1);
    bool last = index + 1 == header->eh_entries;
    return (struct ext4_extent_place){index_leaf(entry), header->eh_depth - 1u, entry->ei_block,
                                      last ? end : next->ei_block};
}

/* A node says nothing about blocks of the file that are its neighbours'. */
static enum error check_limits(struct ext4 *fs, const struct ext4_node *node,
                               const struct ext4_extent_header *header, const struct ext4_extent_place *place)
{
    if (header->eh_entries == 0)
        return ERR_OK;
    const struct ext4_extent *first = entry_at(header, 0), *last = entry_at(header, header->eh_entries - 1u);
    uint64_t end = (uint64_t)last->ee_block + (header->eh_depth ? 1 : extent_length(last));
    if (first->ee_block >= place->first && end <= place->end)
        return ERR_OK;
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: extent block %lu: is about [%u, %lu) instead of [%lu, %lu)",
                     node->inode, place->number, first->ee_block, end, place->first, place->end);
}

enum error ext4_get_extent_block(struct ext4 *fs, const struct ext4_node *node,
                                 const struct ext4_extent_place *place, struct ext4_block **block)
{
    enum error error = ext4_get_block(fs, place->number, block);
    if (error)
        return error;
    uint64_t key = ext4_checked_key(EXT4_KIND_EXTENTS, node->inode);
    const struct ext4_extent_header *header = (const void *)(*block)->data;
    if ((*block)->checked_as == key)
        error = check_header(fs, node, header, fs->block_size, place->depth, place->number);
    else
        error = check_block(fs, node, *block, place->depth, place->number);
    if (!error)
        (*block)->checked_as = key;
    if (!error)
        error = check_limits(fs, node, header, place);
    if (error)
        ext4_put_block(fs, *block);
    return error;
}

/*
 * Number of entries that begin at or before `file_block`; ee_block and ei_block are both an entry's first
 * word.
 */
static uint32_t count_before(const struct ext4_extent_header *header, uint32_t file_block)
{
    uint32_t low = 0, high = header->eh_entries;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct ext4_extent_idx *index = entry_at(header, middle);
        if (index->ei_block <= file_block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void set_hole(struct ext4_run *run, uint32_t file_block, uint64_t end)
{
    uint64_t count = end - file_block;
    run->block = 0;
    run->count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

/* A leaf's answer; `end` is the first block that the leaf says nothing about. */
static void map_in_leaf(const struct ext4_extent_header *leaf, uint32_t file_block, uint64_t end,
                        struct ext4_run *run)
{
    uint32_t before = count_before(leaf, file_block);
    if (before < leaf->eh_entries) {
        const struct ext4_extent *next = entry_at(leaf, before);
        end = next->ee_block < end ? next->ee_block : end;
    }
    const struct ext4_extent *extent = before ? entry_at(leaf, before - 1) : NULL;
    if (!extent || file_block - extent->ee_block >= extent_length(extent)) {
        set_hole(run, file_block, end);
        return;
    }
    uint32_t skip = file_block - extent->ee_block;
    run->count = extent_length(extent) - skip;
    run->block = extent_unwritten(extent) ? 0 : extent_start(extent) + skip;
}

enum error ext4_extent_map(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block,
                           struct ext4_run *run)
{
    const struct ext4_extent_header *header = (const void *)node->map;
    struct ext4_block *block = NULL;
    uint64_t end = (uint64_t)1 << 32;
    enum error error = ERR_OK;
    while (header->eh_depth > 0) {
        uint32_t before = count_before(header, file_block);
        if (before == 0) {
            set_hole(run, file_block, ((const struct ext4_extent_idx *)entry_at(header, 0))->ei_block);
            goto out;
        }
        struct ext4_extent_place child = ext4_extent_child(header, before - 1, end);
        if (block)
            ext4_put_block(fs, block);
        error = ext4_get_extent_block(fs, node, &child, &block);
        if (error)
            return error;
        end = child.end;
        header = (const void *)block->data;
    }
    map_in_leaf(header, file_block, end, run);
out:
    if (block)
        ext4_put_block(fs, block);
    return error;
}
