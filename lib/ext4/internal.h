/* SPDX-License-Identifier: MIT */
/* What the files of the ext4 reader share among themselves and with the checker in tools/mkfs. */
#pragma once

#include "ext4.h"

#include <fmt/jbd2.h>

/*
 * What a block was found sound as: the kind, and whose it is. The same block under another name is checked
 * again.
 */
enum ext4_kind {
    EXT4_KIND_GROUPS = 1, /* owner: the first group described in the block */
    EXT4_KIND_INODES,     /* owner: the first inode in the block */
    EXT4_KIND_EXTENTS,    /* owner: the inode; so below */
    EXT4_KIND_DIRECTORY,
    EXT4_KIND_BLOCK_BITMAP, /* owner: the group; so below */
    EXT4_KIND_INODE_BITMAP,
};

static inline uint64_t ext4_checked_key(enum ext4_kind kind, uint32_t owner)
{
    return (uint64_t)kind << 32 | owner;
}

/* Puts the cause into fs->cause, with anything that is not printable replaced, and returns `code`. */
enum error ext4_fail(struct ext4 *fs, enum error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells the user of the file system that something is wrong that can be got around. */
void ext4_say(struct ext4 *fs, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define EXT4_FEATURE_LIST 96

extern const char *const ext4_incompat_names[32], *const ext4_ro_compat_names[32],
                                                      *const ext4_journal_names[32];

/* The names of `features` with commas between them, cut to the list's size; `set` is I or R. */
const char *ext4_feature_names(char list[EXT4_FEATURE_LIST], uint32_t features, const char *const names[32],
                               char set);

/*
 * Whether blocks [block, block + count) can hold what an inode points to: inside the file system, after the
 * boot block.
 */
static inline bool ext4_blocks_ok(const struct ext4 *fs, uint64_t block, uint64_t count)
{
    return block > fs->first_data_block && count <= fs->block_count && block <= fs->block_count - count;
}

static inline bool ext4_has_metadata_csum(const struct ext4 *fs)
{
    return fs->ro_compat & EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
}

/* Takes a reference to a block, in its version in the journal if there is one. ERR_CORRUPT: past the end. */
enum error ext4_get_block(struct ext4 *fs, uint64_t number, struct ext4_block **block);

static inline void ext4_put_block(struct ext4 *fs, struct ext4_block *block)
{
    fs->source.put(fs->source.context, block);
}

/* Whether `group` has a copy of the superblock and of the descriptors (sparse_super, sparse_super2). */
bool ext4_group_has_super(const struct ext4 *fs, uint32_t group);

/*
 * Blocks at the beginning of `group` that are copies of the superblock and of descriptors, or kept for
 * these.
 */
uint32_t ext4_head_blocks(const struct ext4 *fs, uint32_t group);

/* The block that holds the descriptor of `group`. */
uint64_t ext4_descriptor_block(const struct ext4 *fs, uint32_t group);

/* Copies the descriptor of `group`, its checksum verified; fields that are not on disk are zero. */
enum error ext4_read_group(struct ext4 *fs, uint32_t group, struct ext4_group_desc *descriptor);

/* The checksum of `size` bytes of descriptor, as RO_COMPAT_METADATA_CSUM or RO_COMPAT_GDT_CSUM has it. */
uint16_t ext4_group_checksum(const struct ext4 *fs, uint32_t group, const void *descriptor, uint32_t size);

/*
 * Takes a reference to the block of inode `number` and says where the inode is in it; its checksum is
 * verified.
 */
enum error ext4_get_inode(struct ext4 *fs, uint32_t number, struct ext4_block **block,
                          const struct ext4_inode **inode);

/* ext4_map for an inode with EXT4_EXTENTS_FL, before the journal is looked at. */
enum error ext4_extent_map(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block,
                           struct ext4_run *run);

/*
 * Checks the extent node of `size` bytes at `header`: magic, depth, sizes, order, places. `where` names it in
 * the cause.
 */
enum error ext4_extent_check(struct ext4 *fs, const struct ext4_node *node,
                             const struct ext4_extent_header *header, uint32_t size, uint32_t depth,
                             uint64_t where);

/* Whether a link's target lies in place of the map: it has no blocks of its own. */
bool ext4_is_fast_link(const struct ext4 *fs, const struct ext4_node *node);

/* A place in an extent tree: the block of a node, and what its parent says of it. */
struct ext4_extent_place {
    uint64_t number;
    uint32_t depth;
    uint64_t first, end; /* what it says of the file is about blocks [first, end) */
};

/* The child that entry `index` of a node leads to; the node is about blocks of the file up to `end`. */
struct ext4_extent_place ext4_extent_child(const struct ext4_extent_header *header, uint32_t index,
                                           uint64_t end);

/* Takes a reference to a block of the inode's extent tree and checks it all. */
enum error ext4_get_extent_block(struct ext4 *fs, const struct ext4_node *node,
                                 const struct ext4_extent_place *place, struct ext4_block **block);

/* ext4_map for an inode without EXT4_EXTENTS_FL. */
enum error ext4_indirect_map(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block,
                             struct ext4_run *run);

/*
 * Begins an operation that searches directories. Blocks that overlap make a small disk hold directories
 * without end; so an operation that looks through more blocks than the file system has, and some thousand
 * that a long path may come by again and again, fails with ERR_CORRUPT.
 */
static inline void ext4_begin_search(struct ext4 *fs)
{
    fs->search_left = fs->block_count + 4 * EXT4_PATH_MAX;
}

/* ext4_lookup as a part of a longer search. */
enum error ext4_find_name(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                          uint32_t *inode);

/* Takes a reference to block `index` of a directory, its checksum verified. ERR_NOT_FOUND: a hole. */
enum error ext4_get_dir_block(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                              struct ext4_block **block);

/* Some bytes of a directory, made of entries. */
struct ext4_dir_part {
    const uint8_t *data;
    uint32_t size;
    uint64_t base; /* cursor of the first byte */
};

/* The entry at `offset` of `part`, checked. ERR_CORRUPT. */
enum error ext4_dir_entry(struct ext4 *fs, const struct ext4_node *dir, const struct ext4_dir_part *part,
                          uint32_t offset, const struct ext4_dir_entry_2 **entry);

/* Looks for a name among the entries of `part`. ERR_NOT_FOUND, silently. */
enum error ext4_dir_search(struct ext4 *fs, const struct ext4_node *dir, const struct ext4_dir_part *part,
                           const char *name, size_t length, uint32_t *inode);
/* The same in block `index` of the directory, which is `block` and is put back. */
enum error ext4_dir_search_block(struct ext4 *fs, const struct ext4_node *dir, struct ext4_block *block,
                                 uint32_t index, const char *name, size_t length, uint32_t *inode);

#define EXT4_HTREE_LEVELS 3 /* index blocks on the way to a leaf, with large_dir; two without */

/*
 * An index block on the way: held while the search lasts, because the next leaf may have to be searched
 * too.
 */
struct ext4_htree_level {
    struct ext4_block *block;
    struct ext4_dx_entry *entries;
    uint32_t index; /* of the directory's blocks */
    uint32_t count, at;
};

struct ext4_htree_search {
    struct ext4_htree_level level[EXT4_HTREE_LEVELS];
    uint32_t depth; /* levels in use */
    uint32_t hash, version;
};

/*
 * Goes down the tree to where the name belongs. What was found, also before an error, is held until
 * release.
 */
enum error ext4_htree_probe(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                            struct ext4_htree_search *search);
void ext4_htree_release(struct ext4 *fs, struct ext4_htree_search *search);

/* The block of the directory that the chosen entry leads to. */
uint32_t ext4_htree_chosen(const struct ext4_htree_level *level);

/*
 * Looks a name up by the directory's hash tree. ERR_NOT_FOUND, silently; ERR_UNSUPPORTED, silently: made with
 * a hash that is not known, every block has to be searched.
 */
enum error ext4_htree_lookup(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                             uint32_t *inode);

/*
 * Whether directory block `index` of an indexed directory is a root or inner block, and where its entries
 * begin.
 */
bool ext4_htree_is_index(const struct ext4 *fs, uint32_t index, const uint8_t *data, uint32_t *entries);

/* The hash of a name. `version` is EXT4_DX_HASH_...; false: it is not known. */
bool ext4_name_hash(uint32_t version, const uint32_t seed[4], const char *name, size_t length,
                    uint32_t *hash);

/*
 * The rest of inline data, behind the 60 bytes of i_block: reference to the inode's block, and the bytes in
 * it.
 */
enum error ext4_get_inline_rest(struct ext4 *fs, const struct ext4_node *node, struct ext4_block **block,
                                const uint8_t **data, uint32_t *size);

/* Copies [offset, offset + length), which lies inside node->size, of inline data. */
enum error ext4_inline_read(struct ext4 *fs, const struct ext4_node *node, uint64_t offset, uint8_t *buffer,
                            size_t length);

/* ext4_lookup and ext4_readdir for a directory with EXT4_INLINE_DATA_FL. */
enum error ext4_inline_lookup(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                              uint32_t *inode);
enum error ext4_inline_readdir(struct ext4 *fs, const struct ext4_node *dir, uint64_t *cursor,
                               bool (*emit)(void *, const struct ext4_entry *), void *context, bool *end);

/* Emits the entries of `part` from *cursor on; *more is false when `emit` wanted no more. */
enum error ext4_dir_emit(struct ext4 *fs, const struct ext4_node *dir, const struct ext4_dir_part *part,
                         uint64_t *cursor, bool (*emit)(void *, const struct ext4_entry *), void *context,
                         bool *more);

/*
 * Reads the journal of a file system that was not unmounted cleanly into fs->replay and makes ext4_get_block
 * heed it.
 */
enum error ext4_replay_load(struct ext4 *fs, void *memory, size_t size);

/* What whoever writes the journal has to know of it. */
struct ext4_replay_log {
    struct ext4_node node;
    uint32_t first, length; /* the log's blocks are [first, length) of the file */
    uint32_t end_sequence;  /* of the transaction that comes next */
};
enum error ext4_replay_log(struct ext4 *fs, struct ext4_replay_log *log);

/* Calls `visit` for each block whose content lies in the journal. */
enum error ext4_replay_each(struct ext4 *fs, enum error (*visit)(struct ext4 *fs, uint64_t block));

/* ext4_get_block while the journal has newer content of some blocks. */
enum error ext4_replay_get(struct ext4 *fs, uint64_t number, struct ext4_block **block);
