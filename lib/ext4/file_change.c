/* SPDX-License-Identifier: MIT */
/*
 * Changing what files hold and how long they are. What takes long goes in steps, each an operation of its
 * own.
 */
#include "writer.h"

#include <string.h>

#define BLOCKS_AT_ONCE 32 /* that one operation writes */
#define FILE_END       ((uint64_t)1 << 32)
#define UNWRITTEN_MAX  (EXT4_INIT_MAX_LEN - 1)

static enum error read_file_node(struct ext4 *fs, uint32_t inode, struct ext4_node *node)
{
    enum error error = ext4_read_node(fs, inode, node);
    if (error)
        return error;
    if (ext4_is_dir(node))
        return ext4_fail(fs, ERR_IS_DIR, "inode %u: is a directory", inode);
    if (!ext4_is_file(node))
        return ext4_fail(fs, ERR_BAD_ARG, "inode %u: mode %04x has no content", inode, node->mode);
    if (!(node->flags & EXT4_EXTENTS_FL) || node->flags & EXT4_INLINE_DATA_FL)
        return ext4_fail(fs, ERR_UNSUPPORTED, "inode %u: a file without extents cannot be changed", inode);
    return ERR_OK;
}

static enum error check_end(struct ext4 *fs, uint32_t inode, uint64_t offset, uint64_t length)
{
    uint64_t most = (FILE_END - 1) << fs->block_shift;
    if (length <= most && offset <= most - length)
        return ERR_OK;
    return ext4_fail(fs, ERR_BAD_ARG, "inode %u: a file has at most %lu bytes", inode, most);
}

static uint64_t block_after(const struct ext4 *fs, uint64_t bytes)
{
    return (bytes + fs->block_size - 1) >> fs->block_shift;
}

/* Where a block of a file should lie: behind the one before it. */
static uint64_t goal_for(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block)
{
    struct ext4_piece before;
    if (file_block && !ext4_find_piece(fs, node, file_block - 1, &before) && before.block)
        return before.block + 1;
    return ext4_inode_goal(fs, node->inode);
}

/* Gives up to `count` blocks of a hole, of which `piece` says how long it is, a place. */
static enum error fill_hole(struct ext4 *fs, struct ext4_node *node, struct ext4_piece *piece, uint32_t count,
                            bool unwritten)
{
    struct ext4_run run;
    bool at_end = (uint64_t)piece->first + piece->count >= FILE_END - 1;
    struct ext4_wish wish = {node->inode, goal_for(fs, node, piece->first), count, at_end};
    wish.want = piece->count < count ? piece->count : count;
    enum error error = ext4_take_blocks(fs, &wish, &run);
    if (error)
        return error;
    *piece = (struct ext4_piece){piece->first, run.count, run.block, unwritten};
    node->blocks += (uint64_t)run.count << (fs->block_shift - 9);
    return ext4_insert_piece(fs, node, piece);
}

/* Finds blocks for [piece->first, ...), at most `count`, and says whether they hold anything yet. */
static enum error make_written(struct ext4 *fs, struct ext4_node *node, uint32_t count,
                               struct ext4_piece *piece, bool *fresh)
{
    enum error error = ext4_find_piece(fs, node, piece->first, piece);
    *fresh = !error && (piece->block == 0 || piece->unwritten);
    if (error)
        return error;
    if (piece->block == 0)
        return fill_hole(fs, node, piece, count, false);
    piece->count = piece->count < count ? piece->count : count;
    if (!piece->unwritten)
        return ERR_OK;
    struct ext4_piece cut;
    error = ext4_cut_piece(fs, node, piece->first, (uint64_t)piece->first + piece->count, &cut);
    if (error)
        return error;
    piece->unwritten = false;
    return ext4_insert_piece(fs, node, piece);
}

/* A block of a file to be changed: fresh ones and those that are overwritten as a whole are not read. */
static enum error get_data(struct ext4 *fs, uint64_t number, bool fresh, bool whole,
                           struct ext4_block **block)
{
    if (fresh)
        return ext4_fresh_block(fs, number, EXT4_SEAL_DATA, 0, 0, block);
    enum error error =
        whole ? fs->source.get_new(fs->source.context, number, block) : ext4_get_block(fs, number, block);
    if (error)
        return whole ? ext4_fail(fs, error, "block %lu: cannot be held", number) : error;
    error = ext4_touch(fs, *block, EXT4_SEAL_DATA, 0);
    if (error)
        ext4_put_block(fs, *block);
    return error;
}

static enum error copy_in(struct ext4 *fs, const struct ext4_piece *piece, bool fresh, uint32_t offset,
                          const uint8_t *data, size_t length)
{
    for (uint32_t i = 0; i < piece->count; i++) {
        size_t part = fs->block_size - offset < length ? fs->block_size - offset : length;
        struct ext4_block *block;
        enum error error = get_data(fs, piece->block + i, fresh, part == fs->block_size, &block);
        if (error)
            return error;
        memcpy(block->data + offset, data, part);
        ext4_put_block(fs, block);
        data += part;
        length -= part;
        offset = 0;
    }
    return ERR_OK;
}

static enum error write_some(struct ext4 *fs, uint32_t inode, uint64_t offset, const uint8_t *data,
                             size_t length, size_t *done)
{
    struct ext4_node node;
    uint32_t in_block = offset & (fs->block_size - 1);
    uint64_t blocks = block_after(fs, in_block + length);
    struct ext4_piece piece = {.first = (uint32_t)(offset >> fs->block_shift)};
    bool fresh;
    enum error error = read_file_node(fs, inode, &node);
    if (!error)
        error = make_written(fs, &node, blocks < BLOCKS_AT_ONCE ? (uint32_t)blocks : BLOCKS_AT_ONCE, &piece,
                             &fresh);
    if (error)
        return error;
    uint64_t part = ((uint64_t)piece.count << fs->block_shift) - in_block;
    part = part < length ? part : length;
    error = copy_in(fs, &piece, fresh, in_block, data, part);
    if (error)
        return error;
    node.size = node.size > offset + part ? node.size : offset + part;
    node.mtime = node.ctime = fs->writer->now;
    *done = part;
    return ext4_write_node(fs, &node);
}

enum error ext4_write(struct ext4 *fs, uint32_t inode, uint64_t offset, const void *data, size_t length,
                      size_t *done)
{
    *done = 0;
    enum error error = check_end(fs, inode, offset, length);
    while (!error && *done < length) {
        size_t part = 0;
        error = ext4_begin(fs);
        if (error)
            return error;
        error = ext4_end(
            fs, write_some(fs, inode, offset + *done, (const uint8_t *)data + *done, length - *done, &part));
        *done += error ? 0 : part;
    }
    return error;
}

/* --- Cutting off --- */

/* Zeroes [from, to) of the file, which lie in one block, if that holds anything. */
static enum error zero_part(struct ext4 *fs, const struct ext4_node *node, uint64_t from, uint64_t to)
{
    struct ext4_piece piece;
    struct ext4_block *block;
    if (from >= to)
        return ERR_OK;
    enum error error = ext4_find_piece(fs, node, (uint32_t)(from >> fs->block_shift), &piece);
    if (error || piece.block == 0 || piece.unwritten)
        return error;
    error = get_data(fs, piece.block, false, false, &block);
    if (error)
        return error;
    memset(block->data + (from & (fs->block_size - 1)), 0, to - from);
    ext4_put_block(fs, block);
    return ERR_OK;
}

/* The first step: what cannot be freed in it is freed in others, by whoever mounts next if need be. */
static enum error set_size(struct ext4 *fs, uint32_t inode, uint64_t size, bool *more)
{
    struct ext4_node node;
    enum error error = read_file_node(fs, inode, &node);
    *more = false;
    if (!error && size < node.size) {
        uint64_t end = block_after(fs, size) << fs->block_shift;
        error = zero_part(fs, &node, size, end);
        node.size = size;
        if (!error)
            error = ext4_free_pieces(fs, &node, block_after(fs, size), FILE_END, more);
    }
    if (error)
        return error;
    node.size = size;
    node.mtime = node.ctime = fs->writer->now;
    error = ext4_write_node(fs, &node);
    return error || !*more || node.links == 0 ? error : ext4_add_orphan(fs, inode);
}

/* Frees some more of what lies behind the end. */
static enum error free_behind(struct ext4 *fs, uint32_t inode, bool *more)
{
    struct ext4_node node;
    enum error error = ext4_read_node(fs, inode, &node);
    if (!error)
        error = ext4_free_pieces(fs, &node, block_after(fs, node.size), FILE_END, more);
    if (!error)
        error = ext4_write_node(fs, &node);
    return error || *more || node.links == 0 ? error : ext4_remove_orphan(fs, inode);
}

enum error ext4_cut_off(struct ext4 *fs, uint32_t inode)
{
    enum error error = ERR_OK;
    for (bool more = true; !error && more;) {
        error = ext4_begin(fs);
        if (error)
            return error;
        error = ext4_end(fs, free_behind(fs, inode, &more));
    }
    return error;
}

enum error ext4_truncate(struct ext4 *fs, uint32_t inode, uint64_t size)
{
    bool more;
    enum error error = check_end(fs, inode, size, 0);
    if (!error)
        error = ext4_begin(fs);
    if (error)
        return error;
    error = ext4_end(fs, set_size(fs, inode, size, &more));
    if (error)
        return error;
    ext4_forget_reservation(fs, inode);
    return more ? ext4_cut_off(fs, inode) : ERR_OK;
}

/* --- Holes and what fills them --- */

/* One step from *at on, which it moves. */
static enum error allocate_some(struct ext4 *fs, uint32_t inode, uint64_t *at, uint64_t end, uint64_t size)
{
    struct ext4_node node;
    struct ext4_piece piece;
    uint64_t left = end - *at;
    enum error error = read_file_node(fs, inode, &node);
    if (!error)
        error = ext4_find_piece(fs, &node, (uint32_t)*at, &piece);
    if (!error && piece.block == 0)
        error = fill_hole(fs, &node, &piece, left < UNWRITTEN_MAX ? (uint32_t)left : UNWRITTEN_MAX, true);
    if (error)
        return error;
    *at += piece.count < left ? piece.count : left;
    uint64_t reached = *at << fs->block_shift;
    reached = reached < size ? reached : size;
    node.size = node.size > reached ? node.size : reached;
    node.ctime = fs->writer->now;
    return ext4_write_node(fs, &node);
}

enum error ext4_allocate(struct ext4 *fs, uint32_t inode, uint64_t offset, uint64_t length, bool keep_size)
{
    enum error error = length ? check_end(fs, inode, offset, length)
                              : ext4_fail(fs, ERR_BAD_ARG, "inode %u: a range of no bytes", inode);
    if (error)
        return error;
    uint64_t at = offset >> fs->block_shift, end = block_after(fs, offset + length);
    while (!error && at < end) {
        error = ext4_begin(fs);
        if (error)
            return error;
        error = ext4_end(fs, allocate_some(fs, inode, &at, end, keep_size ? 0 : offset + length));
    }
    return error;
}

/* The blocks at the edges stay, zeroed in part. */
static enum error punch_some(struct ext4 *fs, uint32_t inode, uint64_t offset, uint64_t end, bool *more)
{
    struct ext4_node node;
    uint64_t first = block_after(fs, offset), last = end >> fs->block_shift;
    enum error error = read_file_node(fs, inode, &node);
    *more = false;
    if (error)
        return error;
    if (first > last) {
        error = zero_part(fs, &node, offset, end);
    } else {
        error = zero_part(fs, &node, offset, first << fs->block_shift);
        if (!error)
            error = zero_part(fs, &node, last << fs->block_shift, end);
        if (!error)
            error = ext4_free_pieces(fs, &node, first, last, more);
    }
    node.mtime = node.ctime = fs->writer->now;
    return error ? error : ext4_write_node(fs, &node);
}

enum error ext4_punch(struct ext4 *fs, uint32_t inode, uint64_t offset, uint64_t length)
{
    enum error error = check_end(fs, inode, offset, length);
    for (bool more = true; !error && more;) {
        error = ext4_begin(fs);
        if (error)
            return error;
        error = ext4_end(fs, punch_some(fs, inode, offset, offset + length, &more));
    }
    return error;
}

enum error ext4_set_attributes(struct ext4 *fs, uint32_t inode, unsigned which,
                               const struct ext4_node *values)
{
    struct ext4_node node;
    enum error error = ext4_begin(fs);
    if (error)
        return error;
    error = ext4_read_node(fs, inode, &node);
    if (!error) {
        if (which & EXT4_SET_MODE)
            node.mode = (uint16_t)((node.mode & EXT4_S_IFMT) | (values->mode & ~EXT4_S_IFMT));
        if (which & EXT4_SET_OWNER) {
            node.uid = values->uid;
            node.gid = values->gid;
        }
        if (which & EXT4_SET_ATIME)
            node.atime = values->atime;
        if (which & EXT4_SET_MTIME)
            node.mtime = values->mtime;
        node.ctime = fs->writer->now;
        error = ext4_write_node(fs, &node);
    }
    return ext4_end(fs, error);
}
