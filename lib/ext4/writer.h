/* SPDX-License-Identifier: MIT */
/*
 * What the files that change an ext4 file system share: the running transaction, allocation, extents,
 * names.
 */
#pragma once

#include "internal.h"
#include "write.h"

#define EXT4_OPERATION_BLOCKS 64  /* metadata that one operation changes at most */
#define EXT4_MOST_FREED       512 /* runs of blocks freed in one transaction */
#define EXT4_MOST_REVOKED     512 /* blocks revoked in one */
#define EXT4_RESERVATIONS     16
#define EXT4_LINK_MAX         65000

/* What has to be computed before a block is written. Checksums are made once for each commit. */
enum ext4_seal {
    EXT4_SEAL_NONE,         /* nothing, or it was done when the block was changed */
    EXT4_SEAL_DATA,         /* the block is what a file holds, and goes to its place before the commit */
    EXT4_SEAL_BLOCK_BITMAP, /* owner: the group; its descriptor is in the transaction too */
    EXT4_SEAL_INODE_BITMAP,
    EXT4_SEAL_GROUPS,  /* owner: the first group described there */
    EXT4_SEAL_INODES,  /* owner: the number of the first inode there */
    EXT4_SEAL_EXTENTS, /* owner: the seed of the inode's checksums; so below */
    EXT4_SEAL_LEAF,
    EXT4_SEAL_ROOT,
    EXT4_SEAL_NODE,
};

/* A block that is held because it differs from what is in its place. */
struct ext4_changed {
    struct ext4_block *block;
    uint64_t number;
    uint32_t owner;
    uint32_t operation; /* that changed it last */
    uint64_t copy; /* block of the log that holds what was committed last; 0: none */
    uint32_t sum;  /* of that, from 0 on */
    uint64_t slots; /* inodes that were changed since they were sealed */
    uint32_t copy_owner;
    uint8_t copy_seal;
    uint8_t seal;
    bool running;   /* changed by the running transaction */
    bool committed; /* the log has a version of it that is not in its place yet */
};

/* How an entry was before the operation that is under way. */
struct ext4_undo {
    uint32_t entry, owner;
    uint8_t seal;
    bool running, committed, is_new;
    bool has_bytes;
};

struct ext4_freed {
    uint64_t block;
    uint64_t count;
};

/* Blocks behind a growing file that others leave alone while they find room elsewhere. */
struct ext4_reservation {
    uint32_t inode;
    uint64_t block, count;
    uint64_t size; /* how many it had at first */
};

struct ext4_writer {
    struct ext4_time now;
    bool failed;            /* something could not be written: nothing is changed any more */
    uint32_t reserved_free; /* blocks that stay free for whoever repairs the file system */
    uint32_t operation;     /* number of the one under way */
    uint32_t generation;    /* of the next inode */
    uint32_t last_orphan;

    struct ext4_changed *entries;
    uint32_t capacity, count;
    uint32_t running;       /* entries of metadata that the running transaction changed */
    uint32_t running_limit; /* how many of them fit into the log */
    bool unflushed;         /* blocks were written since the last flush */

    struct ext4_undo undo[EXT4_OPERATION_BLOCKS];
    uint32_t undo_count;
    uint8_t *undo_bytes; /* a block for each */
    struct {
        uint64_t free_blocks;
        uint32_t free_inodes, last_orphan, freed_count;
    } before; /* the operation */

    struct ext4_freed freed[EXT4_MOST_FREED]; /* not to be used again before the commit */
    uint32_t freed_count;
    uint64_t revoked[EXT4_MOST_REVOKED];
    uint32_t revoked_count;
    struct ext4_reservation reservation[EXT4_RESERVATIONS];
    uint32_t next_reservation;

    /* The journal; see journal.c. */
    bool journalled, wide, sums;
    bool log_is_marked; /* the journal's superblock says where the log begins */
    struct ext4_node journal;
    uint32_t first, length, head, tail, log_free;
    uint32_t sequence; /* of the running transaction */
    uint32_t journal_seed;
    uint32_t sequence_sum; /* of the sequence number and a block of zeros: the part of it in each copy's */
    uint8_t journal_uuid[16];
    struct ext4_run log_run; /* of the log's blocks around log_at */
    uint32_t log_at;

    uint8_t *scratch; /* two blocks */
};

/* --- Transactions: transaction.c --- */

/* Begins an operation. ERR_READ_ONLY. What follows is undone if ext4_end gets an error, which it returns. */
enum error ext4_begin(struct ext4 *fs);
enum error ext4_end(struct ext4 *fs, enum error error);

/* To be called before a block, which is held, is changed. Where it was called already it does nothing. */
enum error ext4_touch(struct ext4 *fs, struct ext4_block *block, enum ext4_seal seal, uint32_t owner);

/*
 * Takes a reference to a block that was just allocated, zero and touched; it counts as found sound as
 * `key`.
 */
enum error ext4_fresh_block(struct ext4 *fs, uint64_t number, enum ext4_seal seal, uint32_t owner,
                            uint64_t key, struct ext4_block **block);

/* Adds a block to the running transaction outside of any operation. */
enum error ext4_add_entry(struct ext4 *fs, struct ext4_block *block, enum ext4_seal seal, uint32_t owner);
void ext4_drop_entry(struct ext4 *fs, uint32_t index);

/* Computes the checksums of what the running transaction changed. */
enum error ext4_seal_all(struct ext4 *fs);

/* The checksum of the first `size` bytes (a multiple of 4) out of `sum`, that of those before; what did not
 * change is not summed up again. */
uint32_t ext4_sum_of_change(uint32_t sum, const uint8_t *before, const uint8_t *bytes, uint32_t size);

/* The failure ends all changes: says so, and returns `error`. */
enum error ext4_writing_failed(struct ext4 *fs, enum error error);

/* --- The journal: journal.c --- */

enum error ext4_journal_open(struct ext4 *fs);
enum error ext4_journal_commit(struct ext4 *fs);
/* Writes what was committed to its place; nothing is running. */
enum error ext4_checkpoint(struct ext4 *fs);
/* Says in the journal's superblock that there is nothing to replay. */
enum error ext4_journal_clear(struct ext4 *fs);

/* --- Allocation: alloc.c, inode_alloc.c --- */

/*
 * Takes up to `want` blocks side by side, from `goal` on if they are free, for inode `owner`: a file that
 * grows (`grows`) gets more reserved behind them. ERR_NO_SPACE.
 */
struct ext4_wish {
    uint32_t owner;
    uint64_t goal;
    uint32_t want;
    bool grows;
};
enum error ext4_take_blocks(struct ext4 *fs, const struct ext4_wish *wish, struct ext4_run *run);
enum error ext4_free_blocks(struct ext4 *fs, uint64_t block, uint64_t count);

enum error ext4_take_inode(struct ext4 *fs, uint32_t parent, bool directory, uint32_t *inode);
enum error ext4_free_inode(struct ext4 *fs, uint32_t inode, bool directory);

/* A group's descriptor in its block. */
struct ext4_group_place {
    struct ext4_block *block;
    struct ext4_group_desc *descriptor;
    uint32_t group;
};
enum error ext4_get_group(struct ext4 *fs, uint32_t group, struct ext4_group_place *place);
enum error ext4_touch_group(struct ext4 *fs, const struct ext4_group_place *place);
uint64_t ext4_group_first(const struct ext4 *fs, uint32_t group);
uint32_t ext4_group_blocks(const struct ext4 *fs, uint32_t group);
uint64_t ext4_bitmap_place(const struct ext4 *fs, const struct ext4_group_desc *descriptor,
                           enum ext4_kind kind);
uint32_t ext4_bitmap_sum(const struct ext4 *fs, const uint8_t *bitmap, uint32_t bits);

/* --- Inodes: inode_change.c --- */

/* The first block that is near the inode's group. */
uint64_t ext4_inode_goal(const struct ext4 *fs, uint32_t inode);
/* Makes inode `node->inode` anew in its table, with the times of now. */
enum error ext4_init_node(struct ext4 *fs, struct ext4_node *node);
/* Computes the checksums of the inodes in a block that were changed. */
void ext4_seal_inodes(const struct ext4 *fs, struct ext4_changed *entry);
/* Writes what differs into the table. */
enum error ext4_write_node(struct ext4 *fs, const struct ext4_node *node);
/* An inode that is in use no more. */
enum error ext4_clear_node(struct ext4 *fs, uint32_t inode);
/* Gives the inode's block of attributes up. */
enum error ext4_drop_attributes(struct ext4 *fs, struct ext4_node *node);
/* The chain of inodes that are to be freed or cut off at the next mount. */
enum error ext4_add_orphan(struct ext4 *fs, uint32_t inode);
enum error ext4_remove_orphan(struct ext4 *fs, uint32_t inode);
enum error ext4_next_orphan(struct ext4 *fs, uint32_t inode, uint32_t *next);

/* --- Extents: extent_change.c --- */

struct ext4_piece {
    uint32_t first;
    uint32_t count;
    uint64_t block;
    bool unwritten;
};

/* Adds what is not mapped yet. node->blocks counts blocks of the tree, too; the node is to be written. */
enum error ext4_insert_piece(struct ext4 *fs, struct ext4_node *node, const struct ext4_piece *piece);
/* Removes the first piece of what is mapped in [first, end); count 0: nothing is. */
enum error ext4_cut_piece(struct ext4 *fs, struct ext4_node *node, uint64_t first, uint64_t end,
                          struct ext4_piece *cut);
/* The piece that holds `file_block`, or the hole there (block 0). */
enum error ext4_find_piece(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block,
                           struct ext4_piece *piece);
/* Frees what is mapped in [first, end), so much of it as fits into one operation. */
enum error ext4_free_pieces(struct ext4 *fs, struct ext4_node *node, uint64_t first, uint64_t end,
                            bool *more);

/* Frees what lies behind the end of a file that was cut off: file_change.c. */
enum error ext4_cut_off(struct ext4 *fs, uint32_t inode);

/* --- Directories: dir_change.c, htree_change.c --- */

enum error ext4_add_name(struct ext4 *fs, struct ext4_node *dir, const char *name, size_t length,
                         uint32_t inode, uint16_t mode);
enum error ext4_remove_name(struct ext4 *fs, struct ext4_node *dir, const char *name, size_t length);
/* Lets a name lead elsewhere. */
enum error ext4_change_name(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                            uint32_t inode, uint16_t mode);
enum error ext4_init_directory(struct ext4 *fs, struct ext4_node *dir, uint32_t parent);
enum error ext4_is_empty(struct ext4 *fs, const struct ext4_node *dir);

/* Appends a block to a directory. */
enum error ext4_grow_directory(struct ext4 *fs, struct ext4_node *dir, enum ext4_seal seal, uint32_t *index,
                               struct ext4_block **block);
/* Bytes of a leaf that hold entries. */
uint32_t ext4_leaf_end(const struct ext4 *fs);
void ext4_close_leaf(const struct ext4 *fs, uint8_t *data);
/* Puts an entry into a leaf, which is touched. False: there is no room. */
bool ext4_put_entry(const struct ext4 *fs, uint8_t *data, const char *name, size_t length, uint32_t inode,
                    uint8_t type);
uint8_t ext4_type_of_mode(const struct ext4 *fs, uint16_t mode);
struct ext4_new_entry {
    const char *name;
    size_t length;
    uint32_t inode;
    uint8_t type;
};

/* Adds an entry to block `index` of a directory, if there is room. ERR_NOT_FOUND: a hole. */
enum error ext4_add_to_leaf(struct ext4 *fs, const struct ext4_node *dir, uint32_t index,
                            const struct ext4_new_entry *what, bool *done);
enum error ext4_htree_insert(struct ext4 *fs, struct ext4_node *dir, const struct ext4_new_entry *what);
/* Turns a directory of one block into one with an index. */
enum error ext4_htree_build(struct ext4 *fs, struct ext4_node *dir);
