/* SPDX-License-Identifier: MIT */
/* Changing directories: entries in their blocks. */
#include "writer.h"

#include <string.h>

static uint32_t entry_size(size_t length)
{
    return (uint32_t)(sizeof(struct ext4_dir_entry_2) + length + 3) & ~3u;
}

static bool has_index(const struct ext4 *fs, const struct ext4_node *dir)
{
    return dir->flags & EXT4_INDEX_FL && fs->compat & EXT4_FEATURE_COMPAT_DIR_INDEX;
}

uint8_t ext4_type_of_mode(const struct ext4 *fs, uint16_t mode)
{
    static const uint8_t types[16] = {
        [EXT4_S_IFIFO >> 12] = EXT4_FT_FIFO,     [EXT4_S_IFCHR >> 12] = EXT4_FT_CHRDEV,
        [EXT4_S_IFDIR >> 12] = EXT4_FT_DIR,      [EXT4_S_IFBLK >> 12] = EXT4_FT_BLKDEV,
        [EXT4_S_IFREG >> 12] = EXT4_FT_REG_FILE, [EXT4_S_IFLNK >> 12] = EXT4_FT_SYMLINK,
        [EXT4_S_IFSOCK >> 12] = EXT4_FT_SOCK,
    };
    return fs->incompat & EXT4_FEATURE_INCOMPAT_FILETYPE ? types[mode >> 12] : EXT4_FT_UNKNOWN;
}

uint32_t ext4_leaf_end(const struct ext4 *fs)
{
    return fs->block_size - (ext4_has_metadata_csum(fs) ? sizeof(struct ext4_dir_entry_tail) : 0);
}

void ext4_close_leaf(const struct ext4 *fs, uint8_t *data)
{
    if (ext4_has_metadata_csum(fs))
        *(struct ext4_dir_entry_tail *)(data + ext4_leaf_end(fs)) = (struct ext4_dir_entry_tail){
            .det_rec_len = sizeof(struct ext4_dir_entry_tail),
            .det_reserved_ft = EXT4_FT_DIR_CSUM,
        };
}

/* What of an entry's record its name does not need. */
static uint32_t spare(const struct ext4_dir_entry_2 *entry)
{
    return entry->rec_len - (entry->inode ? entry_size(entry->name_len) : 0);
}

bool ext4_put_entry(const struct ext4 *fs, uint8_t *data, const char *name, size_t length, uint32_t inode,
                    uint8_t type)
{
    uint32_t end = ext4_leaf_end(fs), size = entry_size(length);
    struct ext4_dir_entry_2 *entry;
    for (uint32_t offset = 0; offset < end; offset += entry->rec_len) {
        entry = (void *)(data + offset);
        if (spare(entry) < size)
            continue;
        uint32_t rest = entry->rec_len;
        if (entry->inode) {
            uint32_t used = entry_size(entry->name_len);
            rest -= used;
            entry->rec_len = (uint16_t)used;
            entry = (void *)(data + offset + used);
        }
        *entry = (struct ext4_dir_entry_2){inode, (uint16_t)rest, (uint8_t)length, type};
        memcpy(entry->name, name, length);
        return true;
    }
    return false;
}

/* Whether all entries of a block are sound, and one has room for `size` bytes more. */
static enum error look_for_room(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                                const uint8_t *data, uint32_t size, bool *room)
{
    struct ext4_dir_part part = {data, fs->block_size, (uint64_t)index << fs->block_shift};
    const struct ext4_dir_entry_2 *entry;
    *room = false;
    for (uint32_t offset = 0; offset < part.size; offset += entry->rec_len) {
        enum error error = ext4_dir_entry(fs, dir, &part, offset, &entry);
        if (error)
            return error;
        if (offset < ext4_leaf_end(fs) && offset + entry->rec_len > ext4_leaf_end(fs))
            return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory block %u: no checksum entry at its end",
                             dir->inode, index);
        *room |= offset < ext4_leaf_end(fs) && spare(entry) >= size;
    }
    return ERR_OK;
}

enum error ext4_add_to_leaf(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                            const struct ext4_new_entry *what, bool *done)
{
    struct ext4_block *block;
    enum error error = ext4_get_dir_block(fs, dir, index, &block);
    *done = false;
    if (error)
        return error;
    error = look_for_room(fs, dir, index, block->data, entry_size(what->length), done);
    if (!error && *done)
        error = ext4_touch(fs, block, EXT4_SEAL_LEAF, dir->checksum_seed);
    if (!error && *done)
        ext4_put_entry(fs, block->data, what->name, what->length, what->inode, what->type);
    ext4_put_block(fs, block);
    return error;
}

enum error ext4_grow_directory(struct ext4 *fs, struct ext4_node *dir, enum ext4_seal seal, uint32_t *index,
                               struct ext4_block **block)
{
    struct ext4_run run, last = {.block = 0};
    uint64_t blocks = dir->size >> fs->block_shift;
    if (blocks >= UINT32_MAX >> fs->block_shift && !(fs->incompat & EXT4_FEATURE_INCOMPAT_LARGEDIR))
        return ext4_fail(fs, ERR_NO_SPACE, "inode %u: the directory is as large as it can be", dir->inode);
    *index = (uint32_t)blocks;
    enum error error = blocks ? ext4_map(fs, dir, *index - 1, &last) : ERR_OK;
    struct ext4_wish wish = {dir->inode, last.block ? last.block + 1 : ext4_inode_goal(fs, dir->inode), 1,
                             false};
    if (!error)
        error = ext4_take_blocks(fs, &wish, &run);
    if (error)
        return error;
    struct ext4_piece piece = {*index, 1, run.block, false};
    error = ext4_insert_piece(fs, dir, &piece);
    if (!error)
        error = ext4_fresh_block(fs, run.block, seal, dir->checksum_seed,
                                 ext4_checked_key(EXT4_KIND_DIRECTORY, dir->inode), block);
    if (error)
        return error;
    dir->size += fs->block_size;
    dir->blocks += fs->block_size >> 9;
    if (seal != EXT4_SEAL_LEAF)
        return ERR_OK;
    ((struct ext4_dir_entry_2 *)(*block)->data)->rec_len = (uint16_t)ext4_leaf_end(fs);
    ext4_close_leaf(fs, (*block)->data);
    return ERR_OK;
}

/* Any block with room will do; if there is none, one more, or an index where the first block is full. */
static enum error add_linear(struct ext4 *fs, struct ext4_node *dir, const struct ext4_new_entry *what)
{
    uint32_t blocks = (uint32_t)(dir->size >> fs->block_shift), index;
    struct ext4_block *block;
    for (index = 0; index < blocks; index++) {
        bool done;
        enum error error = ext4_add_to_leaf(fs, dir, index, what, &done);
        if (done || (error && error != ERR_NOT_FOUND))
            return error;
    }
    if (blocks == 1 && fs->compat & EXT4_FEATURE_COMPAT_DIR_INDEX) {
        enum error error = ext4_htree_build(fs, dir);
        return error ? error : ext4_htree_insert(fs, dir, what);
    }
    enum error error = ext4_grow_directory(fs, dir, EXT4_SEAL_LEAF, &index, &block);
    if (error)
        return error;
    ext4_put_entry(fs, block->data, what->name, what->length, what->inode, what->type);
    ext4_put_block(fs, block);
    return ERR_OK;
}

enum error ext4_add_name(struct ext4 *fs, struct ext4_node *dir, const char *name, size_t length,
                         uint32_t inode, uint16_t mode)
{
    struct ext4_new_entry what = {name, length, inode, ext4_type_of_mode(fs, mode)};
    enum error error;
    if (has_index(fs, dir)) {
        error = ext4_htree_insert(fs, dir, &what);
    } else {
        dir->flags &= ~(uint32_t)EXT4_INDEX_FL;
        error = add_linear(fs, dir, &what);
    }
    if (error)
        return error;
    dir->mtime = dir->ctime = fs->writer->now;
    return ext4_write_node(fs, dir);
}

/* An entry in its block, which is held, and the one before it there, or NULL. */
struct place {
    struct ext4_block *block;
    struct ext4_dir_entry_2 *entry, *before;
};

static enum error find_place(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                             struct place *place)
{
    uint32_t inode;
    enum error error = ext4_find_name(fs, dir, name, length, &inode);
    if (!error)
        error = ext4_get_dir_block(fs, dir, fs->found_in, &place->block);
    if (error)
        return error;
    struct ext4_dir_part part = {place->block->data, fs->block_size,
                                 (uint64_t)fs->found_in << fs->block_shift};
    const struct ext4_dir_entry_2 *entry;
    place->before = NULL;
    for (uint32_t offset = 0; offset < part.size; offset += entry->rec_len) {
        error = ext4_dir_entry(fs, dir, &part, offset, &entry);
        if (error)
            break;
        place->entry = (void *)(place->block->data + offset);
        if (entry->inode && entry->name_len == length && memcmp(entry->name, name, length) == 0)
            return ERR_OK;
        place->before = place->entry;
    }
    ext4_put_block(fs, place->block);
    return error ? error : ext4_fail(fs, ERR_CORRUPT, "inode %u: a name is gone", dir->inode);
}

/* A block with "." and ".." may be the root of the index. */
static enum error touch_names(struct ext4 *fs, const struct ext4_node *dir, struct ext4_block *block)
{
    uint32_t entries;
    bool root =
        dir->flags & EXT4_INDEX_FL && fs->found_in == 0 && ext4_htree_is_index(fs, 0, block->data, &entries);
    return ext4_touch(fs, block, root ? EXT4_SEAL_ROOT : EXT4_SEAL_LEAF, dir->checksum_seed);
}

enum error ext4_remove_name(struct ext4 *fs, struct ext4_node *dir, const char *name, size_t length)
{
    struct place place;
    enum error error = find_place(fs, dir, name, length, &place);
    if (error)
        return error;
    error = touch_names(fs, dir, place.block);
    if (!error) {
        place.entry->inode = 0;
        if (place.before)
            place.before->rec_len = (uint16_t)(place.before->rec_len + place.entry->rec_len);
    }
    ext4_put_block(fs, place.block);
    if (error)
        return error;
    dir->mtime = dir->ctime = fs->writer->now;
    return ext4_write_node(fs, dir);
}

enum error ext4_change_name(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                            uint32_t inode, uint16_t mode)
{
    struct place place;
    enum error error = find_place(fs, dir, name, length, &place);
    if (error)
        return error;
    error = touch_names(fs, dir, place.block);
    if (!error) {
        place.entry->inode = inode;
        place.entry->file_type = ext4_type_of_mode(fs, mode);
    }
    ext4_put_block(fs, place.block);
    return error;
}

enum error ext4_init_directory(struct ext4 *fs, struct ext4_node *dir, uint32_t parent)
{
    struct ext4_block *block;
    uint32_t index;
    uint8_t type = ext4_type_of_mode(fs, EXT4_S_IFDIR);
    enum error error = ext4_grow_directory(fs, dir, EXT4_SEAL_LEAF, &index, &block);
    if (error)
        return error;
    ext4_put_entry(fs, block->data, ".", 1, dir->inode, type);
    ext4_put_entry(fs, block->data, "..", 2, parent, type);
    ext4_put_block(fs, block);
    return ext4_write_node(fs, dir);
}

static bool is_dots(void *context, const struct ext4_entry *entry)
{
    bool *empty = context;
    *empty = entry->name[0] == '.' &&
             (entry->name_length == 1 || (entry->name_length == 2 && entry->name[1] == '.'));
    return *empty;
}

enum error ext4_is_empty(struct ext4 *fs, const struct ext4_node *dir)
{
    uint64_t cursor = 0;
    bool empty = true, end;
    enum error error = ext4_readdir(fs, dir, &cursor, is_dots, &empty, &end);
    if (!error && !empty)
        return ext4_fail(fs, ERR_NOT_EMPTY, "inode %u: the directory has names", dir->inode);
    return error;
}
