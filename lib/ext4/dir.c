/* SPDX-License-Identifier: MIT */
/* Directories: blocks of entries, their checksums, search and listing. */
#include "internal.h"

#include <base/crc32c.h>
#include <string.h>

#define MIN_ENTRY 12 /* header and one to four bytes of name */

static enum error check_leaf(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                             const uint8_t *data)
{
    uint32_t end = fs->block_size - sizeof(struct ext4_dir_entry_tail);
    const struct ext4_dir_entry_tail *tail = (const void *)(data + end);
    if (tail->det_reserved_zero1 != 0 || tail->det_rec_len != sizeof(*tail) ||
        tail->det_reserved_zero2 != 0 || tail->det_reserved_ft != EXT4_FT_DIR_CSUM)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory block %u: no checksum entry at its end",
                         dir->inode, index);
    uint32_t sum = crc32c(dir->checksum_seed, data, end);
    if (sum == tail->det_checksum)
        return ERR_OK;
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory block %u: checksum %08x, computed %08x",
                     dir->inode, index, tail->det_checksum, sum);
}

/*
 * The checksum of an index block: everything up to the last entry in use, and the tail with its checksum as
 * zero.
 */
static enum error check_index(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                              const uint8_t *data, uint32_t entries)
{
    static const uint8_t zero[4];
    const struct ext4_dx_countlimit *room = (const void *)(data + entries);
    uint32_t used = entries + room->count * sizeof(struct ext4_dx_entry);
    uint32_t end = entries + room->limit * sizeof(struct ext4_dx_entry);
    if (room->count > room->limit || end + sizeof(struct ext4_dx_tail) > fs->block_size)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory block %u: %u of %u index entries do not fit",
                         dir->inode, index, room->count, room->limit);
    const struct ext4_dx_tail *tail = (const void *)(data + end);
    uint32_t sum = crc32c(dir->checksum_seed, data, used);
    sum = crc32c(crc32c(sum, &tail->dt_reserved, sizeof(tail->dt_reserved)), zero, sizeof(zero));
    if (sum == tail->dt_checksum)
        return ERR_OK;
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory index block %u: checksum %08x, computed %08x",
                     dir->inode, index, tail->dt_checksum, sum);
}

static enum error check_dir_block(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                                  const uint8_t *data)
{
    if (!ext4_has_metadata_csum(fs))
        return ERR_OK;
    uint32_t entries;
    if (dir->flags & EXT4_INDEX_FL && ext4_htree_is_index(fs, index, data, &entries))
        return check_index(fs, dir, index, data, entries);
    return check_leaf(fs, dir, index, data);
}

/* Takes a reference to block `index` of a directory, whatever it holds. */
static enum error get_block(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                            struct ext4_block **block)
{
    struct ext4_run run;
    if (fs->search_left == 0)
        return ext4_fail(fs, ERR_CORRUPT,
                         "inode %u: more directory blocks on the way than the file system has", dir->inode);
    fs->search_left--;
    enum error error = ext4_map(fs, dir, index, &run);
    if (error)
        return error;
    if (run.block == 0)
        return ext4_fail(fs, ERR_NOT_FOUND, "inode %u: directory block %u is a hole", dir->inode, index);
    return ext4_get_block(fs, run.block, block);
}

static enum error check_once(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                             struct ext4_block *block)
{
    uint64_t key = ext4_checked_key(EXT4_KIND_DIRECTORY, dir->inode);
    enum error error = block->checked_as == key ? ERR_OK : check_dir_block(fs, dir, index, block->data);
    if (!error)
        block->checked_as = key;
    return error;
}

enum error ext4_get_dir_block(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                              struct ext4_block **block)
{
    enum error error = get_block(fs, dir, index, block);
    if (error)
        return error;
    error = check_once(fs, dir, index, *block);
    if (error)
        ext4_put_block(fs, *block);
    return error;
}

/* Tells what fs->cause says of a directory that is read all the same, once for each. */
static void tell(struct ext4 *fs, const struct ext4_node *dir, const char *what)
{
    if (fs->told == dir->inode)
        return;
    fs->told = dir->inode;
    ext4_say(fs, "%s: %s", fs->cause, what);
}

/*
 * ext4_get_dir_block for who looks at all blocks: an index block that is damaged is as good as a sound one,
 * because its names are "." and ".." at most. ERR_NOT_FOUND: a hole, which is told.
 */
static enum error get_names(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                            struct ext4_block **block)
{
    uint32_t entries;
    enum error error = get_block(fs, dir, index, block);
    if (error == ERR_NOT_FOUND)
        tell(fs, dir, "passed over");
    if (error)
        return error;
    error = check_once(fs, dir, index, *block);
    if (error && dir->flags & EXT4_INDEX_FL && ext4_htree_is_index(fs, index, (*block)->data, &entries)) {
        tell(fs, dir, "the index is not used");
        return ERR_OK;
    }
    if (error)
        ext4_put_block(fs, *block);
    return error;
}

enum error ext4_dir_entry(struct ext4 *fs, const struct ext4_node *dir, const struct ext4_dir_part *part,
                          uint32_t offset, const struct ext4_dir_entry_2 **entry)
{
    uint32_t room = part->size - offset;
    const struct ext4_dir_entry_2 *found = (const void *)(part->data + offset);
    const char *wrong = NULL;
    if (room < MIN_ENTRY || found->rec_len < MIN_ENTRY || found->rec_len > room || found->rec_len % 4)
        wrong = "record length";
    else if (sizeof(*found) + found->name_len > found->rec_len)
        wrong = "name length";
    else if (found->inode > fs->inode_count)
        wrong = "inode number";
    *entry = found;
    if (!wrong)
        return ERR_OK;
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory entry at %lu: bad %s", dir->inode,
                     part->base + offset, wrong);
}

enum error ext4_dir_search(struct ext4 *fs, const struct ext4_node *dir, const struct ext4_dir_part *part,
                           const char *name, size_t length, uint32_t *inode)
{
    const struct ext4_dir_entry_2 *entry;
    for (uint32_t offset = 0; offset < part->size; offset += entry->rec_len) {
        enum error error = ext4_dir_entry(fs, dir, part, offset, &entry);
        if (error)
            return error;
        if (entry->inode && entry->name_len == length && memcmp(entry->name, name, length) == 0) {
            *inode = entry->inode;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum error ext4_dir_search_block(struct ext4 *fs, const struct ext4_node *dir, struct ext4_block *block,
                                 uint32_t index, const char *name, size_t length, uint32_t *inode)
{
    struct ext4_dir_part part = {block->data, fs->block_size, (uint64_t)index << fs->block_shift};
    enum error error = ext4_dir_search(fs, dir, &part, name, length, inode);
    ext4_put_block(fs, block);
    fs->found_in = index;
    return error;
}

static enum error search_block(struct ext4 *fs, const struct ext4_node *dir, uint32_t index, const char *name,
                               size_t length, uint32_t *inode)
{
    struct ext4_block *block;
    enum error error = get_names(fs, dir, index, &block);
    return error ? error : ext4_dir_search_block(fs, dir, block, index, name, length, inode);
}

/* A damaged block hides no names but its own; what is not found may have been there. */
static enum error search_all(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                             uint32_t *inode)
{
    uint32_t blocks = (uint32_t)(dir->size >> fs->block_shift);
    bool damaged = false;
    for (uint32_t index = 0; index < blocks; index++) {
        enum error error = search_block(fs, dir, index, name, length, inode);
        bool goes_on = error == ERR_CORRUPT && fs->search_left > 0;
        damaged |= goes_on;
        if (error != ERR_NOT_FOUND && !goes_on)
            return error;
    }
    return damaged ? ERR_CORRUPT : ERR_NOT_FOUND;
}

static bool is_dots(const char *name, size_t length)
{
    return name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
}

/* By the index if there is one and it is good, else by looking at all blocks. */
static enum error search(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                         uint32_t *inode)
{
    enum error error = ERR_UNSUPPORTED;
    if (dir->flags & EXT4_INLINE_DATA_FL)
        return ext4_inline_lookup(fs, dir, name, length, inode);
    if (dir->size >= fs->block_size && is_dots(name, length))
        return search_block(fs, dir, 0, name, length, inode);
    if (dir->flags & EXT4_INDEX_FL && fs->compat & EXT4_FEATURE_COMPAT_DIR_INDEX)
        error = ext4_htree_lookup(fs, dir, name, length, inode);
    if (error == ERR_CORRUPT)
        tell(fs, dir, "the index is not used");
    if (error == ERR_CORRUPT || error == ERR_UNSUPPORTED)
        error = search_all(fs, dir, name, length, inode);
    return error;
}

enum error ext4_find_name(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                          uint32_t *inode)
{
    if (!ext4_is_dir(dir))
        return ext4_fail(fs, ERR_NOT_DIR, "inode %u: is not a directory", dir->inode);
    if (length == 0)
        return ext4_fail(fs, ERR_NOT_FOUND, "a name of no characters");
    if (length > EXT4_NAME_LEN)
        return ext4_fail(fs, ERR_NAME_TOO_LONG, "a name of %lu characters, %u are possible", (uint64_t)length,
                         EXT4_NAME_LEN);
    enum error error = search(fs, dir, name, length, inode);
    if (error == ERR_NOT_FOUND)
        return ext4_fail(fs, error, "%.*s: not in directory %u", (int)length, name, dir->inode);
    return error;
}

enum error ext4_lookup(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                       uint32_t *inode)
{
    ext4_begin_search(fs);
    return ext4_find_name(fs, dir, name, length, inode);
}

static enum error check_name(struct ext4 *fs, const struct ext4_node *dir,
                             const struct ext4_dir_entry_2 *entry)
{
    if (entry->name_len && !memchr(entry->name, '/', entry->name_len) &&
        !memchr(entry->name, 0, entry->name_len))
        return ERR_OK;
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory entry is no name: \"%.*s\"", dir->inode,
                     entry->name_len, entry->name);
}

enum error ext4_dir_emit(struct ext4 *fs, const struct ext4_node *dir, const struct ext4_dir_part *part,
                         uint64_t *cursor, bool (*emit)(void *, const struct ext4_entry *), void *context,
                         bool *more)
{
    const struct ext4_dir_entry_2 *found;
    for (uint32_t offset = 0; offset < part->size; offset += found->rec_len) {
        enum error error = ext4_dir_entry(fs, dir, part, offset, &found);
        if (error)
            return error;
        if (found->inode == 0 || part->base + offset < *cursor)
            continue;
        error = check_name(fs, dir, found);
        if (error)
            return error;
        struct ext4_entry entry = {
            .inode = found->inode,
            .type = fs->incompat & EXT4_FEATURE_INCOMPAT_FILETYPE ? found->file_type : EXT4_FT_UNKNOWN,
            .name_length = found->name_len,
            .name = found->name,
            .next = part->base + offset + found->rec_len,
        };
        *more = emit(context, &entry);
        *cursor = *more ? entry.next : part->base + offset;
        if (!*more)
            return ERR_OK;
    }
    *cursor = part->base + part->size;
    return ERR_OK;
}

enum error ext4_readdir(struct ext4 *fs, const struct ext4_node *dir, uint64_t *cursor,
                        bool (*emit)(void *context, const struct ext4_entry *entry), void *context, bool *end)
{
    *end = false;
    if (!ext4_is_dir(dir))
        return ext4_fail(fs, ERR_NOT_DIR, "inode %u: is not a directory", dir->inode);
    if (dir->flags & EXT4_INLINE_DATA_FL)
        return ext4_inline_readdir(fs, dir, cursor, emit, context, end);
    bool more = true;
    ext4_begin_search(fs);
    while (more && *cursor < dir->size >> fs->block_shift << fs->block_shift) {
        uint32_t index = (uint32_t)(*cursor >> fs->block_shift);
        struct ext4_block *block;
        enum error error = get_names(fs, dir, index, &block);
        if (error == ERR_NOT_FOUND) {
            *cursor = (index + 1ull) << fs->block_shift;
            continue;
        }
        if (error)
            return error;
        struct ext4_dir_part part = {block->data, fs->block_size, (uint64_t)index << fs->block_shift};
        error = ext4_dir_emit(fs, dir, &part, cursor, emit, context, &more);
        ext4_put_block(fs, block);
        if (error)
            return error;
    }
    *end = more;
    return ERR_OK;
}
