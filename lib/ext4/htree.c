/* SPDX-License-Identifier: MIT */
/*
 * Indexed directories: a tree of hashes over the directory's blocks. An index block looks like an unused
 * entry to whoever searches block by block; names live in the leaves alone.
 */
#include "internal.h"

#include <string.h>

#define DOT_SIZE   12         /* of the entry "." */
#define BLOCK_MASK 0x0fffffff /* the upper bits of a block number are reserved */

bool ext4_htree_is_index(const struct ext4 *fs, uint32_t index, const uint8_t *data, uint32_t *entries)
{
    const struct ext4_dir_entry_2 *first = (const void *)data, *second = (const void *)(data + DOT_SIZE);
    *entries = index == 0 ? EXT4_DX_ROOT_ENTRIES : EXT4_DX_NODE_ENTRIES;
    if (index == 0)
        return first->rec_len == DOT_SIZE && second->rec_len == fs->block_size - DOT_SIZE;
    return first->inode == 0 && first->rec_len == fs->block_size;
}

/* A block that the index leads to; a hole is no better than a damaged one. */
static enum error get_block(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                            struct ext4_block **block)
{
    enum error error = ext4_get_dir_block(fs, dir, index, block);
    return error == ERR_NOT_FOUND ? ERR_CORRUPT : error;
}

void ext4_htree_release(struct ext4 *fs, struct ext4_htree_search *search)
{
    while (search->depth > 0)
        ext4_put_block(fs, search->level[--search->depth].block);
}

/* Adds block `index` of the directory as the next level, its place not chosen yet. */
static enum error push(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                       struct ext4_htree_search *search)
{
    struct ext4_htree_level *level = &search->level[search->depth];
    enum error error = get_block(fs, dir, index, &level->block);
    if (error)
        return error;
    search->depth++;
    uint32_t offset;
    bool is_index = ext4_htree_is_index(fs, index, level->block->data, &offset);
    struct ext4_dx_countlimit *room = (void *)(level->block->data + offset);
    uint32_t limit = (fs->block_size - offset) / sizeof(struct ext4_dx_entry);
    limit -= ext4_has_metadata_csum(fs) ? 1 : 0; /* the tail takes the last one's place */
    if (!is_index || (search->depth > 1) != (index > 0) || room->limit != limit || room->count == 0 ||
        room->count > limit)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory index block %u: %u of %u entries where %u fit",
                         dir->inode, index, room->count, room->limit, limit);
    level->entries = (void *)room;
    level->index = index;
    level->count = room->count;
    level->at = 0;
    return ERR_OK;
}

/*
 * The last entry whose hash is not above the one looked for; the first entry has no hash and stands for the
 * rest.
 */
static void choose(struct ext4_htree_level *level, uint32_t hash)
{
    uint32_t low = 1, high = level->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (level->entries[middle].hash <= hash)
            low = middle + 1;
        else
            high = middle;
    }
    level->at = low - 1;
}

uint32_t ext4_htree_chosen(const struct ext4_htree_level *level)
{
    return level->entries[level->at].block & BLOCK_MASK;
}

/* Adds levels until there are `levels`, choosing by hash, or the first entry of each if `leftmost`. */
static enum error descend(struct ext4 *fs, const struct ext4_node *dir, uint32_t levels, bool leftmost,
                          struct ext4_htree_search *search)
{
    while (search->depth < levels) {
        enum error error = push(fs, dir, ext4_htree_chosen(&search->level[search->depth - 1]), search);
        if (error)
            return error;
        if (!leftmost)
            choose(&search->level[search->depth - 1], search->hash);
    }
    return ERR_OK;
}

/* Goes on to the next leaf if names with the same hash continue there. ERR_NOT_FOUND: they do not. */
static enum error advance(struct ext4 *fs, const struct ext4_node *dir, struct ext4_htree_search *search)
{
    uint32_t levels = search->depth;
    while (search->depth > 0) {
        struct ext4_htree_level *level = &search->level[search->depth - 1];
        if (level->at + 1 < level->count)
            break;
        ext4_put_block(fs, level->block);
        search->depth--;
    }
    if (search->depth == 0)
        return ERR_NOT_FOUND;
    struct ext4_htree_level *level = &search->level[search->depth - 1];
    level->at++;
    if (level->entries[level->at].hash != (search->hash | 1))
        return ERR_NOT_FOUND;
    return descend(fs, dir, levels, true, search);
}

static enum error search_leaf(struct ext4 *fs, const struct ext4_node *dir, uint32_t index, const char *name,
                              size_t length, uint32_t *inode)
{
    struct ext4_block *block;
    enum error error = get_block(fs, dir, index, &block);
    return error ? error : ext4_dir_search_block(fs, dir, block, index, name, length, inode);
}

/* Reads the root's head: the hash of the name and the number of levels. */
static enum error read_root(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                            struct ext4_htree_search *search, uint32_t *levels)
{
    const struct ext4_dx_root_info *info = (const void *)(search->level[0].block->data + EXT4_DX_ROOT_INFO);
    uint32_t most = fs->incompat & EXT4_FEATURE_INCOMPAT_LARGEDIR ? EXT4_HTREE_LEVELS : EXT4_HTREE_LEVELS - 1;
    if (info->reserved_zero != 0 || info->info_length != sizeof(*info) || info->indirect_levels >= most)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: directory index: head of %u bytes, %u levels",
                         dir->inode, info->info_length, info->indirect_levels);
    *levels = info->indirect_levels + 1u;
    search->version = info->hash_version;
    if (search->version <= EXT4_DX_HASH_TEA && fs->unsigned_hash)
        search->version += EXT4_DX_HASH_LEGACY_UNSIGNED;
    return ext4_name_hash(search->version, fs->hash_seed, name, length, &search->hash) ? ERR_OK
                                                                                       : ERR_UNSUPPORTED;
}

enum error ext4_htree_probe(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                            struct ext4_htree_search *search)
{
    uint32_t levels = 0;
    memset(search, 0, sizeof(*search));
    enum error error = push(fs, dir, 0, search);
    if (!error)
        error = read_root(fs, dir, name, length, search, &levels);
    if (error)
        return error;
    choose(&search->level[0], search->hash);
    return descend(fs, dir, levels, false, search);
}

enum error ext4_htree_lookup(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                             uint32_t *inode)
{
    struct ext4_htree_search search;
    uint32_t left = (uint32_t)(dir->size >> fs->block_shift);
    enum error error = ext4_htree_probe(fs, dir, name, length, &search);
    while (!error) {
        error = search_leaf(fs, dir, ext4_htree_chosen(&search.level[search.depth - 1]), name, length, inode);
        if (error != ERR_NOT_FOUND)
            break;
        error = advance(fs, dir, &search);
        if (!error && left-- == 0)
            error = ext4_fail(fs, ERR_CORRUPT, "inode %u: directory index runs in a circle", dir->inode);
    }
    ext4_htree_release(fs, &search);
    return error;
}
