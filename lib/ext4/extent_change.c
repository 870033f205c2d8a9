/* SPDX-License-Identifier: MIT */
/*
 * Changing extent trees. The entries of a node are in order; an index begins with the block of the file
 * with which its child begins; no node but an empty root has no entries.
 */
#include "writer.h"

#include <string.h>

#define MOST_LEVELS    (EXT4_MAX_EXTENT_DEPTH + 1)
#define UNWRITTEN_MAX  (EXT4_INIT_MAX_LEN - 1)
#define PIECES_AT_ONCE 4 /* that one operation frees */
#define FILE_END       ((uint64_t)1 << 32)

/* A way from the root to a leaf. The root is in the inode: it has no block. */
struct level {
    struct ext4_block *block;
    struct ext4_extent_header *header;
    uint32_t
        at; /* the entry that was chosen; in the leaf the first one behind the block that was looked for */
};

struct way {
    struct level level[MOST_LEVELS];
    uint32_t depth; /* of the leaf */
};

static struct ext4_extent *extents(const struct ext4_extent_header *header)
{
    return (struct ext4_extent *)((uint8_t *)header + sizeof(*header));
}

/* ee_block and ei_block are both an entry's first word. */
static uint32_t key_of(const struct ext4_extent_header *header, uint32_t at)
{
    return extents(header)[at].ee_block;
}

static struct ext4_piece piece_of(const struct ext4_extent *extent)
{
    bool unwritten = extent->ee_len > EXT4_INIT_MAX_LEN;
    return (struct ext4_piece){
        .first = extent->ee_block,
        .count = unwritten ? extent->ee_len - EXT4_INIT_MAX_LEN : extent->ee_len,
        .block = extent->ee_start_lo | (uint64_t)extent->ee_start_hi << 32,
        .unwritten = unwritten,
    };
}

static struct ext4_extent extent_of(const struct ext4_piece *piece)
{
    return (struct ext4_extent){
        .ee_block = piece->first,
        .ee_len = (uint16_t)(piece->count + (piece->unwritten ? EXT4_INIT_MAX_LEN : 0)),
        .ee_start_hi = (uint16_t)(piece->block >> 32),
        .ee_start_lo = (uint32_t)piece->block,
    };
}

static void set_child(struct ext4_extent_header *header, uint32_t at, uint32_t key, uint64_t block)
{
    struct ext4_extent_idx *index = (void *)&extents(header)[at];
    *index = (struct ext4_extent_idx){key, (uint32_t)block, (uint16_t)(block >> 32), 0};
}

static uint32_t count_before(const struct ext4_extent_header *header, uint32_t file_block)
{
    uint32_t count = 0;
    while (count < header->eh_entries && key_of(header, count) <= file_block)
        count++;
    return count;
}

static void release(struct ext4 *fs, struct way *way)
{
    for (uint32_t i = 0; i < MOST_LEVELS; i++)
        if (way->level[i].block)
            ext4_put_block(fs, way->level[i].block);
    memset(way, 0, sizeof(*way));
}

/* Goes down to the leaf for `file_block`. What is found is held until release(). */
static enum error find(struct ext4 *fs, struct ext4_node *node, uint32_t file_block, struct way *way)
{
    uint64_t end = FILE_END;
    memset(way, 0, sizeof(*way));
    way->level[0].header = (void *)node->map;
    for (;;) {
        struct level *level = &way->level[way->depth];
        uint32_t before = count_before(level->header, file_block);
        level->at = before;
        if (level->header->eh_depth == 0)
            return ERR_OK;
        level->at = before ? before - 1 : 0;
        struct ext4_extent_place child = ext4_extent_child(level->header, level->at, end);
        end = child.end;
        struct level *next = level + 1;
        enum error error = ext4_get_extent_block(fs, node, &child, &next->block);
        if (error) {
            next->block = NULL;
            release(fs, way);
            return error;
        }
        next->header = (void *)next->block->data;
        way->depth++;
    }
}

static enum error touch(struct ext4 *fs, const struct ext4_node *node, const struct level *level)
{
    if (!level->block)
        return ERR_OK;
    return ext4_touch(fs, level->block, EXT4_SEAL_EXTENTS, node->checksum_seed);
}

static enum error touch_all(struct ext4 *fs, const struct ext4_node *node, const struct way *way)
{
    enum error error = ERR_OK;
    for (uint32_t i = 0; !error && i <= way->depth; i++)
        error = touch(fs, node, &way->level[i]);
    return error;
}

/* After the first entry of a node on the way has changed: its parents say with what it begins. */
static void correct_keys(const struct way *way, uint32_t from)
{
    for (uint32_t i = from; i > 0; i--) {
        extents(way->level[i - 1].header)[way->level[i - 1].at].ee_block = key_of(way->level[i].header, 0);
        if (way->level[i - 1].at > 0)
            return;
    }
}

static void insert_entry(struct ext4_extent_header *header, uint32_t at)
{
    struct ext4_extent *entry = extents(header) + at;
    memmove(entry + 1, entry, (header->eh_entries - at) * sizeof(*entry));
    header->eh_entries++;
}

static void remove_entry(struct ext4_extent_header *header, uint32_t at)
{
    struct ext4_extent *entry = extents(header) + at;
    header->eh_entries--;
    memmove(entry, entry + 1, (header->eh_entries - at) * sizeof(*entry));
    memset(extents(header) + header->eh_entries, 0, sizeof(*entry));
}

/* --- Making room --- */

/* A block for a node of the tree, empty. */
static enum error new_node(struct ext4 *fs, struct ext4_node *node, uint32_t depth, struct ext4_block **block)
{
    struct ext4_run run;
    struct ext4_wish wish = {node->inode, ext4_inode_goal(fs, node->inode), 1, false};
    enum error error = ext4_take_blocks(fs, &wish, &run);
    if (!error)
        error = ext4_fresh_block(fs, run.block, EXT4_SEAL_EXTENTS, node->checksum_seed,
                                 ext4_checked_key(EXT4_KIND_EXTENTS, node->inode), block);
    if (error)
        return error;
    node->blocks += fs->block_size >> 9;
    uint32_t room = fs->block_size - sizeof(struct ext4_extent_header) - sizeof(struct ext4_extent_tail);
    *(struct ext4_extent_header *)(*block)->data = (struct ext4_extent_header){
        .eh_magic = EXT4_EXT_MAGIC,
        .eh_max = (uint16_t)(room / sizeof(struct ext4_extent)),
        .eh_depth = (uint16_t)depth,
    };
    return ERR_OK;
}

/* The tree gets one level more: what the root had is in a block of its own. */
static enum error grow(struct ext4 *fs, struct ext4_node *node)
{
    struct ext4_extent_header *root = (void *)node->map;
    struct ext4_block *block;
    if (root->eh_depth == EXT4_MAX_EXTENT_DEPTH)
        return ext4_fail(fs, ERR_NO_SPACE, "inode %u: its extent tree cannot grow", node->inode);
    enum error error = new_node(fs, node, root->eh_depth, &block);
    if (error)
        return error;
    struct ext4_extent_header *header = (void *)block->data;
    header->eh_entries = root->eh_entries;
    memcpy(extents(header), extents(root), root->eh_entries * sizeof(struct ext4_extent));
    uint32_t key = root->eh_entries ? key_of(root, 0) : 0;
    memset(extents(root), 0, root->eh_max * sizeof(struct ext4_extent));
    root->eh_depth++;
    root->eh_entries = 1;
    set_child(root, 0, key, block->number);
    ext4_put_block(fs, block);
    return ERR_OK;
}

/* Moves the upper half of a full node, of which the parent has room for another entry, to a new one. */
static enum error split(struct ext4 *fs, struct ext4_node *node, struct way *way, uint32_t i)
{
    struct level *level = &way->level[i], *parent = level - 1;
    struct ext4_block *block;
    if (level->header->eh_entries < 2)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: an extent block has room for %u entries", node->inode,
                         level->header->eh_max);
    enum error error = new_node(fs, node, level->header->eh_depth, &block);
    if (error)
        return error;
    struct ext4_extent_header *from = level->header, *to = (void *)block->data;
    /* A file that grows at its end leaves full nodes behind. */
    uint32_t keep = level->at >= from->eh_entries - (from->eh_depth ? 1u : 0) ? from->eh_entries - 1u
                                                                              : from->eh_entries / 2u;
    to->eh_entries = (uint16_t)(from->eh_entries - keep);
    memcpy(extents(to), extents(from) + keep, to->eh_entries * sizeof(struct ext4_extent));
    memset(extents(from) + keep, 0, to->eh_entries * sizeof(struct ext4_extent));
    from->eh_entries = (uint16_t)keep;
    insert_entry(parent->header, parent->at + 1);
    set_child(parent->header, parent->at + 1, key_of(to, 0), block->number);
    ext4_put_block(fs, block);
    return ERR_OK;
}

/*
 * Splits the uppermost full node that has a parent with room, or makes the tree higher. Then the way is
 * another.
 */
static enum error make_room(struct ext4 *fs, struct ext4_node *node, struct way *way)
{
    for (uint32_t i = way->depth; i > 0; i--)
        if (way->level[i - 1].header->eh_entries < way->level[i - 1].header->eh_max)
            return split(fs, node, way, i);
    return grow(fs, node);
}

/* --- Inserting --- */

/* What the only child of the root holds moves into the root, if it fits there. */
static enum error shorten(struct ext4 *fs, struct ext4_node *node)
{
    struct ext4_extent_header *root = (void *)node->map;
    while (root->eh_depth > 0 && root->eh_entries == 1) {
        struct ext4_extent_place place = ext4_extent_child(root, 0, FILE_END);
        struct ext4_block *block;
        enum error error = ext4_get_extent_block(fs, node, &place, &block);
        if (error)
            return error;
        const struct ext4_extent_header *child = (const void *)block->data;
        bool fits = child->eh_entries <= root->eh_max;
        if (fits) {
            memcpy(extents(root), extents(child), child->eh_entries * sizeof(struct ext4_extent));
            root->eh_entries = child->eh_entries;
            root->eh_depth--;
            node->blocks -= fs->block_size >> 9;
            error = ext4_free_blocks(fs, place.number, 1);
        }
        ext4_put_block(fs, block);
        if (error || !fits)
            return error;
    }
    return ERR_OK;
}

static bool follows(const struct ext4_piece *a, const struct ext4_piece *b)
{
    uint32_t most = a->unwritten ? UNWRITTEN_MAX : EXT4_INIT_MAX_LEN;
    return a->unwritten == b->unwritten && a->first + a->count == b->first &&
           a->block + a->count == b->block && a->count + b->count <= most;
}

/* Makes an entry of the leaf longer, if one is beside the piece; the two beside it may become one. */
static bool merge(const struct way *way, const struct ext4_piece *piece)
{
    const struct level *leaf = &way->level[way->depth];
    struct ext4_extent *entries = extents(leaf->header);
    struct ext4_piece before = {0}, after = {0};
    if (leaf->at > 0)
        before = piece_of(&entries[leaf->at - 1]);
    if (leaf->at < leaf->header->eh_entries)
        after = piece_of(&entries[leaf->at]);
    if (before.count && follows(&before, piece)) {
        before.count += piece->count;
        if (after.count && follows(&before, &after)) {
            before.count += after.count;
            remove_entry(leaf->header, leaf->at);
        }
        entries[leaf->at - 1] = extent_of(&before);
        return true;
    }
    if (!after.count || !follows(piece, &after))
        return false;
    after = (struct ext4_piece){piece->first, piece->count + after.count, piece->block, piece->unwritten};
    entries[leaf->at] = extent_of(&after);
    if (leaf->at == 0)
        correct_keys(way, way->depth);
    return true;
}

enum error ext4_insert_piece(struct ext4 *fs, struct ext4_node *node, const struct ext4_piece *piece)
{
    for (;;) {
        struct way way;
        enum error error = find(fs, node, piece->first, &way);
        if (!error)
            error = touch_all(fs, node, &way);
        const struct level *leaf = &way.level[way.depth];
        bool done = !error && merge(&way, piece);
        if (!error && !done && leaf->header->eh_entries < leaf->header->eh_max) {
            insert_entry(leaf->header, leaf->at);
            extents(leaf->header)[leaf->at] = extent_of(piece);
            if (leaf->at == 0)
                correct_keys(&way, way.depth);
            done = true;
        }
        if (!error && !done)
            error = make_room(fs, node, &way);
        release(fs, &way);
        if (error || done)
            return error ? error : shorten(fs, node);
    }
}

/* --- Cutting --- */

/* Takes the nodes away that have no entries left, from the leaf upwards. */
static enum error remove_empty(struct ext4 *fs, struct ext4_node *node, struct way *way)
{
    uint32_t i = way->depth;
    while (i > 0 && way->level[i].header->eh_entries == 0) {
        enum error error = ext4_free_blocks(fs, way->level[i].block->number, 1);
        if (error)
            return error;
        node->blocks -= fs->block_size >> 9;
        i--;
        remove_entry(way->level[i].header, way->level[i].at);
        if (way->level[i].header->eh_entries && way->level[i].at == 0)
            correct_keys(way, i);
    }
    struct ext4_extent_header *root = way->level[0].header;
    if (root->eh_entries == 0)
        root->eh_depth = 0;
    return ERR_OK;
}

/* The entry on the way that is in [first, end), or the next leaf's; false: there is none. */
static enum error find_in(struct ext4 *fs, struct ext4_node *node, uint64_t first, uint64_t end,
                          struct way *way, bool *found)
{
    *found = false;
    for (uint64_t from = first; from < end;) {
        enum error error = find(fs, node, (uint32_t)from, way);
        if (error)
            return error;
        struct level *leaf = &way->level[way->depth];
        if (leaf->at > 0) {
            struct ext4_piece piece = piece_of(&extents(leaf->header)[leaf->at - 1]);
            if ((uint64_t)piece.first + piece.count > first)
                leaf->at--;
        }
        if (leaf->at < leaf->header->eh_entries) {
            *found = key_of(leaf->header, leaf->at) < end;
            return ERR_OK;
        }
        /* The next leaf begins where the nearest node above that goes on has its next entry. */
        from = FILE_END;
        for (uint32_t i = way->depth; i-- > 0;) {
            const struct level *above = &way->level[i];
            if (above->at + 1 < above->header->eh_entries) {
                from = key_of(above->header, above->at + 1);
                break;
            }
        }
        release(fs, way);
    }
    return ERR_OK;
}

/* Removes `cut` from the entry that the way leads to; what is left behind it becomes an entry of its own. */
static enum error cut_entry(struct ext4 *fs, struct ext4_node *node, struct way *way,
                            const struct ext4_piece *cut)
{
    struct level *leaf = &way->level[way->depth];
    struct ext4_extent *entry = &extents(leaf->header)[leaf->at];
    struct ext4_piece whole = piece_of(entry), head = whole, tail = whole;
    head.count = cut->first - whole.first;
    tail.first = cut->first + cut->count;
    tail.count = whole.first + whole.count - tail.first;
    tail.block = cut->block + cut->count;
    enum error error = touch_all(fs, node, way);
    if (error)
        return error;
    if (head.count) {
        *entry = extent_of(&head);
        return tail.count ? ext4_insert_piece(fs, node, &tail) : ERR_OK;
    }
    if (tail.count)
        *entry = extent_of(&tail);
    else
        remove_entry(leaf->header, leaf->at);
    if (leaf->header->eh_entries && leaf->at == 0)
        correct_keys(way, way->depth);
    return leaf->header->eh_entries ? ERR_OK : remove_empty(fs, node, way);
}

enum error ext4_cut_piece(struct ext4 *fs, struct ext4_node *node, uint64_t first, uint64_t end,
                          struct ext4_piece *cut)
{
    struct way way = {.depth = 0};
    bool found;
    enum error error = find_in(fs, node, first, end, &way, &found);
    *cut = (struct ext4_piece){.count = 0};
    if (!error && found) {
        const struct level *leaf = &way.level[way.depth];
        struct ext4_piece whole = piece_of(&extents(leaf->header)[leaf->at]);
        uint64_t last = (uint64_t)whole.first + whole.count;
        uint32_t skip = first > whole.first ? (uint32_t)(first - whole.first) : 0;
        *cut = (struct ext4_piece){whole.first + skip,
                                   (uint32_t)((last < end ? last : end) - whole.first) - skip,
                                   whole.block + skip, whole.unwritten};
        error = cut_entry(fs, node, &way, cut);
    }
    release(fs, &way);
    return error || !found ? error : shorten(fs, node);
}

enum error ext4_find_piece(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block,
                           struct ext4_piece *piece)
{
    struct ext4_node copy = *node;
    struct way way;
    enum error error = find(fs, &copy, file_block, &way);
    if (error)
        return error;
    const struct level *leaf = &way.level[way.depth];
    *piece = (struct ext4_piece){.first = file_block, .count = UINT32_MAX};
    if (leaf->at < leaf->header->eh_entries)
        piece->count = key_of(leaf->header, leaf->at) - file_block;
    for (uint32_t i = way.depth; leaf->at == leaf->header->eh_entries && i-- > 0;) {
        const struct level *above = &way.level[i];
        if (above->at + 1 < above->header->eh_entries) {
            piece->count = key_of(above->header, above->at + 1) - file_block;
            break;
        }
    }
    if (leaf->at > 0) {
        struct ext4_piece found = piece_of(&extents(leaf->header)[leaf->at - 1]);
        uint32_t skip = file_block - found.first;
        if (skip < found.count)
            *piece = (struct ext4_piece){file_block, found.count - skip, found.block + skip, found.unwritten};
    }
    release(fs, &way);
    return ERR_OK;
}

enum error ext4_free_pieces(struct ext4 *fs, struct ext4_node *node, uint64_t first, uint64_t end, bool *more)
{
    for (int i = 0; i < PIECES_AT_ONCE; i++) {
        struct ext4_piece cut;
        enum error error = ext4_cut_piece(fs, node, first, end, &cut);
        *more = cut.count > 0;
        if (error || !*more)
            return error;
        error = ext4_free_blocks(fs, cut.block, cut.count);
        if (error)
            return error;
        node->blocks -= (uint64_t)cut.count << (fs->block_shift - 9);
    }
    return ERR_OK;
}
