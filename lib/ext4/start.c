/* SPDX-License-Identifier: MIT */
/*
 * The beginning and the end of writing: what can be written at all, the journal's content, orphans, the
 * state.
 */
#include "writer.h"

#include <base/crc32c.h>
#include <string.h>

#define STATE_VALID 1
#define STATE_ERROR 2

/* Features with which a file system is written; with any other one it is only read. */
#define WRITTEN_INCOMPAT                                                                                     \
    (EXT4_FEATURE_INCOMPAT_FILETYPE | EXT4_FEATURE_INCOMPAT_RECOVER | EXT4_FEATURE_INCOMPAT_META_BG |        \
     EXT4_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG |           \
     EXT4_FEATURE_INCOMPAT_CSUM_SEED | EXT4_FEATURE_INCOMPAT_LARGEDIR)
#define WRITTEN_RO_COMPAT                                                                                    \
    (EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT4_FEATURE_RO_COMPAT_LARGE_FILE |                               \
     EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_GDT_CSUM | EXT4_FEATURE_RO_COMPAT_DIR_NLINK | \
     EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM)

static size_t aligned(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

size_t ext4_writer_size(uint32_t block_size, uint32_t blocks)
{
    return aligned(sizeof(struct ext4_writer)) + blocks * sizeof(struct ext4_changed) +
           (EXT4_OPERATION_BLOCKS + 2) * (size_t)block_size;
}

static enum error set_memory(struct ext4 *fs, void *memory, size_t size)
{
    size_t fixed = ext4_writer_size(fs->block_size, 0);
    size_t blocks = size < fixed ? 0 : (size - fixed) / sizeof(struct ext4_changed);
    uint8_t *bytes = memory;
    if (blocks < 4 * EXT4_OPERATION_BLOCKS)
        return ext4_fail(fs, ERR_NO_MEMORY, "%lu bytes are too few for transactions", (uint64_t)size);
    struct ext4_writer *writer = memory;
    memset(writer, 0, sizeof(*writer));
    bytes += aligned(sizeof(*writer));
    writer->entries = (void *)bytes;
    writer->capacity = blocks < UINT32_MAX / 2 ? (uint32_t)blocks : UINT32_MAX / 2;
    writer->undo_bytes = bytes + writer->capacity * sizeof(struct ext4_changed);
    writer->scratch = writer->undo_bytes + (size_t)EXT4_OPERATION_BLOCKS * fs->block_size;
    fs->writer = writer;
    return ERR_OK;
}

enum error ext4_check_writing(struct ext4 *fs)
{
    char list[EXT4_FEATURE_LIST];
    uint32_t incompat = fs->incompat & ~(uint32_t)WRITTEN_INCOMPAT;
    uint32_t ro_compat = fs->ro_compat & ~(uint32_t)WRITTEN_RO_COMPAT;
    if (incompat)
        return ext4_fail(fs, ERR_READ_ONLY, "feature %s: the file system is only read",
                         ext4_feature_names(list, incompat, ext4_incompat_names, 'I'));
    if (ro_compat)
        return ext4_fail(fs, ERR_READ_ONLY, "feature %s: the file system is only read",
                         ext4_feature_names(list, ro_compat, ext4_ro_compat_names, 'R'));
    if (!(fs->incompat & EXT4_FEATURE_INCOMPAT_EXTENTS))
        return ext4_fail(fs, ERR_READ_ONLY, "without feature extent: the file system is only read");
    if (fs->compat & EXT4_FEATURE_COMPAT_HAS_JOURNAL && fs->journal_inode == 0)
        return ext4_fail(fs, ERR_READ_ONLY, "the journal is on another device: the file system is only read");
    if (!fs->source.write || !fs->source.flush || !fs->source.get_new)
        return ext4_fail(fs, ERR_READ_ONLY, "the disk cannot be written");
    return ERR_OK;
}

/* Takes a reference to the superblock's block; *super is in it. */
static enum error get_super(struct ext4 *fs, struct ext4_block **block, struct ext4_super_block **super)
{
    enum error error = ext4_get_block(fs, EXT4_SUPER_OFFSET >> fs->block_shift, block);
    if (!error)
        *super = (void *)((*block)->data + (EXT4_SUPER_OFFSET & (fs->block_size - 1)));
    return error;
}

static enum error write_through(struct ext4 *fs, struct ext4_block *block)
{
    enum error error = fs->source.write(fs->source.context, block);
    if (!error)
        error = fs->source.flush(fs->source.context);
    return error ? ext4_fail(fs, error, "block %lu: cannot be written", block->number) : ERR_OK;
}

/* Writes the superblock as one that is in use, or as one that needs no repair. */
static enum error write_state(struct ext4 *fs, bool in_use)
{
    struct ext4_block *block;
    struct ext4_super_block *super;
    enum error error = get_super(fs, &block, &super);
    if (error)
        return error;
    if (fs->writer->journalled && in_use)
        super->s_feature_incompat |= EXT4_FEATURE_INCOMPAT_RECOVER;
    else
        super->s_feature_incompat &= ~(uint32_t)EXT4_FEATURE_INCOMPAT_RECOVER;
    if (!fs->writer->journalled)
        super->s_state = (uint16_t)(in_use ? super->s_state & ~STATE_VALID : super->s_state | STATE_VALID);
    if (in_use) {
        super->s_mtime = (uint32_t)fs->writer->now.seconds;
        super->s_mnt_count++;
    }
    fs->incompat = super->s_feature_incompat;
    if (ext4_has_metadata_csum(fs))
        super->s_checksum = crc32c(~0u, super, offsetof(struct ext4_super_block, s_checksum));
    error = write_through(fs, block);
    ext4_put_block(fs, block);
    return error;
}

/* --- What a crash left --- */

/* Writes what the journal has of a block to the block's place. */
static enum error restore(struct ext4 *fs, uint64_t number)
{
    struct ext4_block *copy, *block;
    enum error error = ext4_get_block(fs, number, &copy);
    if (error)
        return error;
    error = fs->source.get_new(fs->source.context, number, &block);
    if (!error) {
        memcpy(block->data, copy->data, fs->block_size);
        error = fs->source.write(fs->source.context, block);
        ext4_put_block(fs, block);
    }
    ext4_put_block(fs, copy);
    return error ? ext4_fail(fs, error, "block %lu: cannot be written", number) : ERR_OK;
}

static enum error restore_all(struct ext4 *fs)
{
    if (!fs->replay.active)
        return ERR_OK;
    enum error error = ext4_replay_each(fs, restore);
    if (error)
        return error;
    error = fs->source.flush(fs->source.context);
    if (error)
        return ext4_fail(fs, error, "the disk does not say that it has what was written");
    fs->replay.active = false;
    memset(fs->group_cache, 0, sizeof(fs->group_cache));
    return ERR_OK;
}

/* What was removed while it was open goes; what was being cut off is cut off. */
static enum error remove_orphans(struct ext4 *fs)
{
    for (uint32_t i = 0; fs->writer->last_orphan && i < fs->inode_count; i++) {
        struct ext4_node node;
        uint32_t inode = fs->writer->last_orphan;
        enum error error = ext4_read_node(fs, inode, &node);
        if (!error)
            error = node.links ? ext4_cut_off(fs, inode) : ext4_release(fs, inode);
        if (!error && fs->writer->last_orphan == inode)
            error = ext4_fail(fs, ERR_CORRUPT, "inode %u: is an orphan for ever", inode);
        if (error)
            return error;
    }
    return ERR_OK;
}

static enum error read_state(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    struct ext4_block *block;
    struct ext4_super_block *super;
    enum error error = get_super(fs, &block, &super);
    if (error)
        return error;
    writer->last_orphan = super->s_last_orphan;
    writer->reserved_free = super->s_r_blocks_count_lo;
    writer->generation = crc32c(super->s_wtime ^ (uint32_t)writer->now.nanoseconds, super->s_uuid, 16);
    uint16_t state = super->s_state;
    ext4_put_block(fs, block);
    if (state & STATE_ERROR)
        return ext4_fail(fs, ERR_READ_ONLY,
                         "errors were found in it: only read until e2fsck has repaired it");
    if (!(fs->compat & EXT4_FEATURE_COMPAT_HAS_JOURNAL) && !(state & STATE_VALID))
        return ext4_fail(fs, ERR_READ_ONLY, "was not unmounted: only read until e2fsck has looked at it");
    if (writer->last_orphan > fs->inode_count)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: the first orphan is inode %u", writer->last_orphan);
    return ERR_OK;
}

enum error ext4_start_writing(struct ext4 *fs, void *memory, size_t size, struct ext4_time now)
{
    enum error error = ext4_check_writing(fs);
    if (!error)
        error = set_memory(fs, memory, size);
    if (error)
        return error;
    fs->writer->now = now;
    error = read_state(fs);
    if (!error)
        error = restore_all(fs);
    if (!error)
        error = ext4_journal_open(fs);
    if (!error)
        error = write_state(fs, true);
    if (!error)
        error = remove_orphans(fs);
    if (error)
        fs->writer = NULL;
    return error;
}

enum error ext4_stop_writing(struct ext4 *fs)
{
    if (!fs->writer)
        return ERR_OK;
    enum error error = remove_orphans(fs); /* nobody has them open any more */
    if (!error)
        error = ext4_commit(fs);
    if (!error)
        error = ext4_checkpoint(fs);
    if (!error)
        error = ext4_journal_clear(fs);
    if (!error)
        error = write_state(fs, false);
    for (uint32_t i = fs->writer->count; i > 0; i--) /* after a failure */
        ext4_drop_entry(fs, i - 1);
    fs->writer = NULL;
    return error;
}
