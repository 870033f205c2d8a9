/* SPDX-License-Identifier: MIT */
/*
 * Indexed directories that grow: a full leaf is split at the middle of its hashes, a full index block in
 * halves, and a full root gets a level below it.
 */
#include "writer.h"

#include <string.h>

static struct ext4_dx_countlimit *room_of(const struct ext4_htree_level *level)
{
    return (void *)level->entries;
}

static uint32_t limit_of(const struct ext4 *fs, uint32_t entries)
{
    uint32_t limit = (fs->block_size - entries) / sizeof(struct ext4_dx_entry);
    return limit - (ext4_has_metadata_csum(fs) ? 1 : 0);
}

static enum error touch(struct ext4 *fs, const struct ext4_node *dir, const struct ext4_htree_level *level)
{
    return ext4_touch(fs, level->block, level->index ? EXT4_SEAL_NODE : EXT4_SEAL_ROOT, dir->checksum_seed);
}

/* Puts an entry behind the chosen one of a level that has room. */
static void insert_index(struct ext4_htree_level *level, uint32_t hash, uint32_t block)
{
    struct ext4_dx_entry *entry = level->entries + level->at + 1;
    memmove(entry + 1, entry, (level->count - level->at - 1) * sizeof(*entry));
    *entry = (struct ext4_dx_entry){hash, block};
    room_of(level)->count++;
    level->count++;
}

/* An entry of a leaf that is being split. */
struct slot {
    uint32_t hash;
    uint16_t offset, size;
};

/* Lists the names of the leaf in `data` by their hashes. */
static enum error list_names(struct ext4 *fs, const struct ext4_htree_search *search, const uint8_t *data,
                             struct slot *slots, uint32_t *count)
{
    const struct ext4_dir_entry_2 *entry;
    *count = 0;
    for (uint32_t offset = 0; offset < ext4_leaf_end(fs); offset += entry->rec_len) {
        struct slot slot = {.offset = (uint16_t)offset};
        entry = (const void *)(data + offset);
        if (entry->inode == 0)
            continue;
        if (!ext4_name_hash(search->version, fs->hash_seed, entry->name, entry->name_len, &slot.hash))
            return ext4_fail(fs, ERR_UNSUPPORTED, "directory index: hash %u is not known", search->version);
        slot.size = (uint16_t)((sizeof(*entry) + entry->name_len + 3) & ~3u);
        uint32_t at = (*count)++;
        for (; at > 0 && slots[at - 1].hash > slot.hash; at--)
            slots[at] = slots[at - 1];
        slots[at] = slot;
    }
    return ERR_OK;
}

/* How many of the names stay: about half of the bytes. */
static uint32_t middle_of(const struct slot *slots, uint32_t count, uint32_t block_size)
{
    uint32_t moved = 0, keep = count;
    while (keep > 1 && moved + slots[keep - 1].size / 2 <= block_size / 2)
        moved += slots[--keep].size;
    return keep;
}

static void fill_leaf(const struct ext4 *fs, uint8_t *data, const uint8_t *from, const struct slot *slots,
                      uint32_t count)
{
    memset(data, 0, fs->block_size);
    ((struct ext4_dir_entry_2 *)data)->rec_len = (uint16_t)ext4_leaf_end(fs);
    ext4_close_leaf(fs, data);
    for (uint32_t i = 0; i < count; i++) {
        const struct ext4_dir_entry_2 *entry = (const void *)(from + slots[i].offset);
        ext4_put_entry(fs, data, entry->name, entry->name_len, entry->inode, entry->file_type);
    }
}

/* Moves the names with the higher hashes from a full leaf to a new one. The lowest index block has room. */
static enum error split_leaf(struct ext4 *fs, struct ext4_node *dir, struct ext4_htree_search *search,
                             struct ext4_block *leaf)
{
    struct ext4_htree_level *level = &search->level[search->depth - 1];
    struct slot *slots = (void *)(fs->writer->scratch + fs->block_size);
    struct ext4_block *block;
    uint32_t count, index;
    enum error error = list_names(fs, search, leaf->data, slots, &count);
    if (!error && count < 2)
        error =
            ext4_fail(fs, ERR_CORRUPT, "inode %u: a full directory block with %u names", dir->inode, count);
    if (!error)
        error = ext4_touch(fs, leaf, EXT4_SEAL_LEAF, dir->checksum_seed);
    if (!error)
        error = touch(fs, dir, level);
    if (!error)
        error = ext4_grow_directory(fs, dir, EXT4_SEAL_LEAF, &index, &block);
    if (error)
        return error;
    memcpy(fs->writer->scratch, leaf->data, fs->block_size);
    uint32_t keep = middle_of(slots, count, fs->block_size);
    bool continued = slots[keep].hash == slots[keep - 1].hash;
    fill_leaf(fs, leaf->data, fs->writer->scratch, slots, keep);
    fill_leaf(fs, block->data, fs->writer->scratch, slots + keep, count - keep);
    ext4_put_block(fs, block);
    insert_index(level, slots[keep].hash | continued, index);
    return ERR_OK;
}

/* A new index block with the entries [from, count) of `level`. */
static enum error new_index(struct ext4 *fs, struct ext4_node *dir, const struct ext4_htree_level *level,
                            uint32_t from, uint32_t *index)
{
    struct ext4_block *block;
    enum error error = ext4_grow_directory(fs, dir, EXT4_SEAL_NODE, index, &block);
    if (error)
        return error;
    struct ext4_dx_entry *entries = (void *)(block->data + EXT4_DX_NODE_ENTRIES);
    ((struct ext4_dir_entry_2 *)block->data)->rec_len = (uint16_t)fs->block_size;
    memcpy(entries, level->entries + from, (level->count - from) * sizeof(*entries));
    *(struct ext4_dx_countlimit *)entries = (struct ext4_dx_countlimit){
        .limit = (uint16_t)limit_of(fs, EXT4_DX_NODE_ENTRIES),
        .count = (uint16_t)(level->count - from),
    };
    ext4_put_block(fs, block);
    return ERR_OK;
}

/* Moves the upper half of a full index block to a new one; the level above has room. */
static enum error split_index(struct ext4 *fs, struct ext4_node *dir, struct ext4_htree_level *level)
{
    struct ext4_htree_level *above = level - 1;
    uint32_t keep = level->count / 2, index, hash = level->entries[keep].hash;
    enum error error = touch(fs, dir, level);
    if (!error)
        error = touch(fs, dir, above);
    if (!error)
        error = new_index(fs, dir, level, keep, &index);
    if (error)
        return error;
    room_of(level)->count = (uint16_t)keep;
    insert_index(above, hash, index);
    return ERR_OK;
}

/* The root's entries move to a block of their own, which is all that the root leads to then. */
static enum error add_level(struct ext4 *fs, struct ext4_node *dir, struct ext4_htree_level *root,
                            uint32_t depth)
{
    uint32_t most = fs->incompat & EXT4_FEATURE_INCOMPAT_LARGEDIR ? EXT4_HTREE_LEVELS : EXT4_HTREE_LEVELS - 1;
    struct ext4_dx_root_info *info = (void *)(root->block->data + EXT4_DX_ROOT_INFO);
    uint32_t index;
    if (depth >= most)
        return ext4_fail(fs, ERR_NO_SPACE, "inode %u: the directory's index is full", dir->inode);
    enum error error = touch(fs, dir, root);
    if (!error)
        error = new_index(fs, dir, root, 0, &index);
    if (error)
        return error;
    info->indirect_levels++;
    room_of(root)->count = 1;
    root->entries[0].block = index;
    return ERR_OK;
}

/* Splits the lowest index block of which the one above has room, or adds a level. */
static enum error make_room(struct ext4 *fs, struct ext4_node *dir, struct ext4_htree_search *search)
{
    for (uint32_t i = search->depth - 1; i > 0; i--)
        if (search->level[i - 1].count < room_of(&search->level[i - 1])->limit)
            return split_index(fs, dir, &search->level[i]);
    return add_level(fs, dir, &search->level[0], search->depth);
}

static enum error split(struct ext4 *fs, struct ext4_node *dir, struct ext4_htree_search *search,
                        uint32_t leaf)
{
    struct ext4_block *block;
    const struct ext4_htree_level *lowest = &search->level[search->depth - 1];
    if (lowest->count >= room_of(lowest)->limit)
        return make_room(fs, dir, search);
    enum error error = ext4_get_dir_block(fs, dir, leaf, &block);
    if (error)
        return error;
    error = split_leaf(fs, dir, search, block);
    ext4_put_block(fs, block);
    return error;
}

enum error ext4_htree_insert(struct ext4 *fs, struct ext4_node *dir, const struct ext4_new_entry *what)
{
    for (;;) {
        struct ext4_htree_search search;
        bool done = false;
        enum error error = ext4_htree_probe(fs, dir, what->name, what->length, &search);
        if (!error) {
            uint32_t leaf = ext4_htree_chosen(&search.level[search.depth - 1]);
            error = ext4_add_to_leaf(fs, dir, leaf, what, &done);
            if (!error && !done)
                error = split(fs, dir, &search, leaf);
        }
        ext4_htree_release(fs, &search);
        if (error == ERR_NOT_FOUND)
            error = ERR_CORRUPT; /* a hole */
        if (error || done)
            return error;
    }
}

/* The first block's names move to the second, which is the only leaf of the index for now. */
static enum error fill_root(struct ext4 *fs, struct ext4_node *dir, struct ext4_block *root)
{
    struct ext4_dir_entry_2 *dot = (void *)root->data, *dotdot = (void *)(root->data + 12);
    struct ext4_block *leaf;
    uint32_t index, end = ext4_leaf_end(fs);
    if (dot->rec_len != 12 || dot->name_len != 1 || dotdot->name_len != 2 || dotdot->rec_len + 12u > end)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: does not begin with \".\" and \"..\"", dir->inode);
    enum error error = ext4_touch(fs, root, EXT4_SEAL_ROOT, dir->checksum_seed);
    if (!error)
        error = ext4_grow_directory(fs, dir, EXT4_SEAL_LEAF, &index, &leaf);
    if (error)
        return error;
    const struct ext4_dir_entry_2 *entry;
    for (uint32_t offset = 12u + dotdot->rec_len; offset < end; offset += entry->rec_len) {
        entry = (const void *)(root->data + offset);
        if (entry->inode)
            ext4_put_entry(fs, leaf->data, entry->name, entry->name_len, entry->inode, entry->file_type);
    }
    ext4_put_block(fs, leaf);
    memset(root->data + EXT4_DX_ROOT_INFO, 0, fs->block_size - EXT4_DX_ROOT_INFO);
    dotdot->rec_len = (uint16_t)(fs->block_size - 12);
    *(struct ext4_dx_root_info *)(root->data + EXT4_DX_ROOT_INFO) = (struct ext4_dx_root_info){
        .hash_version = fs->hash_version,
        .info_length = sizeof(struct ext4_dx_root_info),
    };
    struct ext4_dx_entry *entries = (void *)(root->data + EXT4_DX_ROOT_ENTRIES);
    *(struct ext4_dx_countlimit *)entries = (struct ext4_dx_countlimit){
        .limit = (uint16_t)limit_of(fs, EXT4_DX_ROOT_ENTRIES),
        .count = 1,
    };
    entries[0].block = index;
    dir->flags |= EXT4_INDEX_FL;
    return ERR_OK;
}

enum error ext4_htree_build(struct ext4 *fs, struct ext4_node *dir)
{
    struct ext4_block *root;
    enum error error = ext4_get_dir_block(fs, dir, 0, &root);
    if (error)
        return error;
    error = fill_root(fs, dir, root);
    ext4_put_block(fs, root);
    return error;
}
