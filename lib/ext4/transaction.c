/* SPDX-License-Identifier: MIT */
/*
 * Operations and what they change. A block that is changed is an entry of the running transaction and held
 * until it is in its place. Before an operation changes it, its bytes are saved: an operation that fails is
 * undone.
 */
#include "writer.h"

#include <string.h>

enum error ext4_writing_failed(struct ext4 *fs, enum error error)
{
    if (!fs->writer->failed)
        ext4_say(fs, "%s: from now on nothing is written", fs->cause);
    fs->writer->failed = true;
    return error;
}

/* Metadata of the running transaction is counted; what files hold is not in the log. */
static bool is_metadata(const struct ext4_changed *entry)
{
    return entry->running && entry->seal != EXT4_SEAL_DATA;
}

void ext4_drop_entry(struct ext4 *fs, uint32_t index)
{
    struct ext4_writer *writer = fs->writer;
    struct ext4_changed *entry = &writer->entries[index];
    writer->running -= is_metadata(entry);
    entry->block->entry = 0;
    ext4_put_block(fs, entry->block);
    *entry = writer->entries[--writer->count];
    if (index < writer->count)
        entry->block->entry = index + 1;
}

enum error ext4_begin(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    enum error error = ERR_OK;
    if (!writer)
        return ext4_fail(fs, ERR_READ_ONLY, "the file system is mounted read-only");
    if (writer->failed)
        return ext4_fail(fs, ERR_READ_ONLY, "nothing is written since something could not be");
    bool full = writer->running + EXT4_OPERATION_BLOCKS > writer->running_limit ||
                writer->count + 2 * EXT4_OPERATION_BLOCKS > writer->capacity ||
                writer->freed_count + EXT4_OPERATION_BLOCKS > EXT4_MOST_FREED ||
                writer->revoked_count + 4 * EXT4_OPERATION_BLOCKS > EXT4_MOST_REVOKED;
    if (full)
        error = ext4_commit(fs);
    if (!error && writer->count + 2 * EXT4_OPERATION_BLOCKS > writer->capacity)
        error = ext4_checkpoint(fs);
    if (error)
        return error;
    writer->operation++;
    writer->undo_count = 0;
    writer->before.free_blocks = fs->free_blocks;
    writer->before.free_inodes = fs->free_inodes;
    writer->before.last_orphan = writer->last_orphan;
    writer->before.freed_count = writer->freed_count;
    ext4_begin_search(fs);
    return ERR_OK;
}

static void undo(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    while (writer->undo_count > 0) {
        const struct ext4_undo *before = &writer->undo[--writer->undo_count];
        struct ext4_changed *entry = &writer->entries[before->entry];
        if (before->has_bytes)
            memcpy(entry->block->data, writer->undo_bytes + (size_t)writer->undo_count * fs->block_size,
                   fs->block_size);
        if (before->is_new) {
            ext4_drop_entry(fs, before->entry);
            continue;
        }
        writer->running -= is_metadata(entry);
        entry->seal = before->seal;
        entry->owner = before->owner;
        entry->running = before->running;
        entry->committed = before->committed;
        writer->running += is_metadata(entry);
    }
    fs->free_blocks = writer->before.free_blocks;
    fs->free_inodes = writer->before.free_inodes;
    writer->last_orphan = writer->before.last_orphan;
    writer->freed_count = writer->before.freed_count;
    memset(fs->group_cache, 0, sizeof(fs->group_cache));
}

/* What a freed block holds is of no use to anybody; if the log has some of it, it is not to be replayed. */
static void forget_freed(struct ext4 *fs, const struct ext4_freed *freed)
{
    struct ext4_writer *writer = fs->writer;
    for (uint32_t i = 0; i < writer->count;) {
        const struct ext4_changed *entry = &writer->entries[i];
        if (entry->number - freed->block >= freed->count) {
            i++;
            continue;
        }
        if (entry->committed)
            writer->revoked[writer->revoked_count++] = entry->number;
        ext4_drop_entry(fs, i);
    }
}

enum error ext4_end(struct ext4 *fs, enum error error)
{
    struct ext4_writer *writer = fs->writer;
    if (!writer || writer->failed)
        return error;
    if (error) {
        undo(fs);
        return error;
    }
    for (uint32_t i = writer->before.freed_count; i < writer->freed_count; i++)
        forget_freed(fs, &writer->freed[i]);
    writer->undo_count = 0;
    return ERR_OK;
}

enum error ext4_add_entry(struct ext4 *fs, struct ext4_block *block, enum ext4_seal seal, uint32_t owner)
{
    struct ext4_writer *writer = fs->writer;
    struct ext4_block *held;
    if (writer->count == writer->capacity)
        return ext4_fail(fs, ERR_NO_MEMORY, "transaction: more than %u blocks", writer->capacity);
    enum error error = fs->source.get(fs->source.context, block->number, &held);
    if (error)
        return ext4_fail(fs, error, "block %lu: cannot be held", block->number);
    writer->entries[writer->count++] = (struct ext4_changed){.block = held, .number = block->number};
    struct ext4_changed *entry = &writer->entries[writer->count - 1];
    block->entry = writer->count;
    entry->seal = seal;
    entry->owner = owner;
    entry->running = true;
    writer->running += is_metadata(entry);
    return ERR_OK;
}

static enum error save(struct ext4 *fs, const struct ext4_changed *entry, bool is_new, bool bytes)
{
    struct ext4_writer *writer = fs->writer;
    if (writer->undo_count == EXT4_OPERATION_BLOCKS)
        return ext4_fail(fs, ERR_NO_MEMORY, "operation: more than %u blocks", EXT4_OPERATION_BLOCKS);
    writer->undo[writer->undo_count] = (struct ext4_undo){
        .entry = (uint32_t)(entry - writer->entries),
        .owner = entry->owner,
        .seal = entry->seal,
        .running = entry->running,
        .committed = entry->committed,
        .is_new = is_new,
        .has_bytes = bytes,
    };
    if (bytes)
        memcpy(writer->undo_bytes + (size_t)writer->undo_count * fs->block_size, entry->block->data,
               fs->block_size);
    writer->undo_count++;
    return ERR_OK;
}

/* What a file holds is not saved: nothing that fails later depends on it. */
static enum error touch(struct ext4 *fs, struct ext4_block *block, enum ext4_seal seal, uint32_t owner,
                        bool bytes)
{
    struct ext4_writer *writer = fs->writer;
    enum error error = ERR_OK;
    bool is_new = block->entry == 0, data = seal == EXT4_SEAL_DATA;
    if (is_new)
        error = ext4_add_entry(fs, block, seal, owner);
    if (error)
        return error;
    struct ext4_changed *entry = &writer->entries[block->entry - 1];
    if (entry->operation == writer->operation && !is_new)
        return ERR_OK;
    if (!data || (is_new && !bytes))
        error = save(fs, entry, is_new, bytes && !data);
    if (error) {
        if (is_new)
            ext4_drop_entry(fs, block->entry - 1);
        return error;
    }
    entry->operation = writer->operation;
    writer->running -= is_metadata(entry);
    entry->seal = seal;
    entry->owner = owner;
    entry->running = true;
    writer->running += is_metadata(entry);
    return ERR_OK;
}

enum error ext4_touch(struct ext4 *fs, struct ext4_block *block, enum ext4_seal seal, uint32_t owner)
{
    return touch(fs, block, seal, owner, true);
}

enum error ext4_fresh_block(struct ext4 *fs, uint64_t number, enum ext4_seal seal, uint32_t owner,
                            uint64_t key, struct ext4_block **block)
{
    enum error error = fs->source.get_new(fs->source.context, number, block);
    if (error)
        return ext4_fail(fs, error, "block %lu: cannot be held", number);
    error = touch(fs, *block, seal, owner, false);
    if (error)
        ext4_put_block(fs, *block);
    else
        (*block)->checked_as = key;
    return error;
}

bool ext4_can_write(const struct ext4 *fs)
{
    return fs->writer && !fs->writer->failed;
}

void ext4_set_time(struct ext4 *fs, struct ext4_time now)
{
    if (fs->writer)
        fs->writer->now = now;
}

enum error ext4_commit(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    if (!writer)
        return ERR_OK;
    if (writer->failed)
        return ext4_fail(fs, ERR_READ_ONLY, "nothing is written since something could not be");
    enum error error = ext4_seal_all(fs);
    if (!error)
        error = ext4_journal_commit(fs);
    return error ? ext4_writing_failed(fs, error) : ERR_OK;
}

enum error ext4_settle(struct ext4 *fs)
{
    enum error error = ext4_commit(fs);
    return error || !fs->writer ? error : ext4_checkpoint(fs);
}
