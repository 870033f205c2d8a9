/* SPDX-License-Identifier: MIT */
/* What files and symbolic links hold. */
#include "internal.h"

#include <string.h>

/* Copies `length` bytes from `offset` within one run: `run` begins at the block that holds `offset`. */
static enum error copy_run(struct ext4 *fs, struct ext4_run run, uint32_t offset, uint8_t *buffer,
                           size_t length)
{
    if (run.block == 0) {
        memset(buffer, 0, length);
        return ERR_OK;
    }
    while (length > 0) {
        struct ext4_block *block;
        enum error error = ext4_get_block(fs, run.block++, &block);
        if (error)
            return error;
        size_t part = fs->block_size - offset;
        part = part < length ? part : length;
        memcpy(buffer, block->data + offset, part);
        ext4_put_block(fs, block);
        buffer += part;
        length -= part;
        offset = 0;
    }
    return ERR_OK;
}

/* Copies [offset, offset + length), which lies inside the inode's size. */
static enum error copy_content(struct ext4 *fs, const struct ext4_node *node, uint64_t offset,
                               uint8_t *buffer, size_t length)
{
    if (node->flags & EXT4_INLINE_DATA_FL)
        return ext4_inline_read(fs, node, offset, buffer, length);
    while (length > 0) {
        uint64_t file_block = offset >> fs->block_shift;
        if (file_block > UINT32_MAX)
            return ext4_fail(fs, ERR_CORRUPT, "inode %u: size %lu is past what can be mapped", node->inode,
                             node->size);
        struct ext4_run run;
        enum error error = ext4_map(fs, node, (uint32_t)file_block, &run);
        if (error)
            return error;
        uint32_t in_block = offset & (fs->block_size - 1);
        uint64_t part = ((uint64_t)run.count << fs->block_shift) - in_block;
        part = part < length ? part : length;
        error = copy_run(fs, run, in_block, buffer, part);
        if (error)
            return error;
        offset += part;
        buffer += part;
        length -= part;
    }
    return ERR_OK;
}

bool ext4_is_fast_link(const struct ext4 *fs, const struct ext4_node *node)
{
    uint64_t of_attributes = node->attributes ? fs->cluster_size >> 9 : 0;
    return ext4_is_link(node) && !(node->flags & EXT4_INLINE_DATA_FL) && node->blocks == of_attributes;
}

enum error ext4_read(struct ext4 *fs, const struct ext4_node *node, uint64_t offset, void *buffer,
                     size_t length, size_t *done)
{
    *done = 0;
    if (ext4_is_dir(node))
        return ext4_fail(fs, ERR_IS_DIR, "inode %u: is a directory", node->inode);
    if (!ext4_is_file(node) && !ext4_is_link(node))
        return ext4_fail(fs, ERR_UNSUPPORTED, "inode %u: mode %04x has no content", node->inode, node->mode);
    if (offset >= node->size)
        return ERR_OK;
    size_t part = node->size - offset < length ? node->size - offset : length;
    enum error error = ERR_OK;
    if (ext4_is_fast_link(fs, node))
        memcpy(buffer, (const uint8_t *)node->map + offset, part);
    else
        error = copy_content(fs, node, offset, buffer, part);
    if (!error)
        *done = part;
    return error;
}

enum error ext4_readlink(struct ext4 *fs, const struct ext4_node *node, char *buffer, size_t size,
                         size_t *length)
{
    if (!ext4_is_link(node))
        return ext4_fail(fs, ERR_NOT_LINK, "inode %u: is not a symbolic link", node->inode);
    if (node->size == 0 || node->size >= EXT4_PATH_MAX)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: symbolic link of %lu bytes", node->inode, node->size);
    size_t done;
    enum error error = ext4_read(fs, node, 0, buffer, size, &done);
    *length = error ? 0 : node->size;
    return error;
}
