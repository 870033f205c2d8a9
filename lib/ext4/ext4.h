/* SPDX-License-Identifier: MIT */
/*
 * Reading an ext2, ext3 or ext4 file system. Portable: the file server and host programs compile the same
 * code.
 *
 * Nothing here allocates. Blocks come from a cache that the user of this code owns (struct ext4_source) and
 * are looked at in place; between get and put a block does not move. Everything on the medium may be hostile:
 * every number is checked before use, every loop is bounded, and a failure says what is wrong in fs->cause.
 * What is wrong but can be got around is told by ext4_source.say.
 */
#pragma once

#include <abi/error.h>
#include <fmt/ext4.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXT4_MIN_BLOCK_SIZE 1024
#define EXT4_MAX_BLOCK_SIZE 4096
#define EXT4_PATH_MAX       4096
#define EXT4_SYMLINK_LIMIT  40
#define EXT4_CAUSE_SIZE     160

/* One cached block. The cache embeds this in its own bookkeeping; `checked_*` belong to the reader. */
struct ext4_block {
    uint8_t *data;             /* a block's bytes, aligned to 8 */
    uint64_t checked_as;       /* what it was last found sound as; the cache zeroes it on a fill */
    uint64_t checked_slots[2]; /* for blocks of many structures: which of them were */
    uint64_t number;           /* which block it is; the cache sets it on a fill */
    uint32_t entry;            /* its place in the running transaction, counted from 1; zeroed on a fill */
};

/* Where blocks come from. */
struct ext4_source {
    void *context;
    uint64_t size; /* of the device or partition, in bytes */
    /* From now on a block is `size` bytes and block n begins at n * size; no block is held at this moment. */
    enum error (*set_block_size)(void *context, uint32_t size);
    /* Takes a reference to block `number`, which lies inside `size`. */
    enum error (*get)(void *context, uint64_t number, struct ext4_block **block);
    void (*put)(void *context, struct ext4_block *block);
    /*
     * What follows may be NULL where nothing is written.
     * As get, for a block whose content does not matter: all zero, whether it is in the cache or not.
     */
    enum error (*get_new)(void *context, uint64_t number, struct ext4_block **block);
    /*
     * Writes a block, which is held now, to its place: now, or as it is at the next flush. It is not changed
     * before that.
     */
    enum error (*write)(void *context, struct ext4_block *block);
    /* Waits until all that was written before has reached the medium and survives a loss of power. */
    enum error (*flush)(void *context);
    /* Takes a line that says what is wrong with a file system that can be used all the same. May be NULL. */
    void (*say)(void *context, const char *line);
};

/* One block whose current content lies in the journal, not in its place. */
struct ext4_replay_entry {
    uint64_t block;
    uint64_t copy;       /* block that holds the content; 0: none */
    uint32_t revoked_in; /* transaction that revoked older copies, if `revoked` */
    uint8_t used, revoked;
    uint8_t escaped; /* the copy's first word is the journal's magic number, which the log has as zero */
};

/* A table of those, hashed by block. The memory is given to ext4_mount. */
struct ext4_replay {
    struct ext4_replay_entry *entries;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
    bool active;
    size_t wanted; /* bytes of memory that the table takes, once ext4_mount has failed with ERR_NO_MEMORY */
};

#define EXT4_GROUP_CACHE 16

/* A mounted file system. Filled by ext4_mount; read by everybody; `cause` after a failure. */
struct ext4 {
    struct ext4_source source;
    uint32_t compat, incompat, ro_compat;
    uint32_t block_size, block_shift, cluster_size;
    uint64_t block_count, free_blocks;
    uint32_t inode_count, free_inodes, inode_size;
    uint32_t first_data_block, blocks_per_group, inodes_per_group, group_count;
    uint32_t descriptor_size, first_meta_group, backup_groups[2], reserved_descriptors;
    uint32_t journal_inode;
    uint32_t told;        /* the last directory that was told to be damaged and readable all the same */
    uint64_t search_left; /* directory blocks that the operation may still look at */
    uint32_t checksum_seed;
    uint32_t hash_seed[4];
    bool unsigned_hash;
    uint8_t hash_version; /* of new indexes */
    uint8_t uuid[16];
    char label[17];
    struct {
        uint32_t group_plus_one;
        uint16_t flags;
        uint64_t inode_table;
    } group_cache[EXT4_GROUP_CACHE];
    struct ext4_replay replay;
    struct ext4_writer *writer; /* NULL: nothing is written; see write.h */
    uint32_t found_in;          /* directory block in which the last name was found */
    char cause[EXT4_CAUSE_SIZE];
    char path[EXT4_PATH_MAX]; /* what is left of a path after a symbolic link */
};

struct ext4_time {
    int64_t seconds; /* since 1970-01-01 00:00:00 UTC */
    uint32_t nanoseconds;
};

/* An inode, copied from the medium and checked. It holds no reference. */
struct ext4_node {
    uint32_t inode;
    uint32_t generation;
    uint32_t checksum_seed; /* of blocks that belong to this inode */
    uint32_t flags;
    uint16_t mode;
    uint16_t links;
    uint32_t uid, gid;
    uint64_t size;       /* bytes */
    uint64_t blocks;     /* in use, in units of 512 bytes */
    uint64_t attributes; /* the block of extended attributes; 0: none */
    struct ext4_time atime, mtime, ctime;
    uint32_t map[EXT4_N_BLOCKS]; /* i_block */
};

/* A run of a file's blocks that lie side by side. */
struct ext4_run {
    uint64_t block; /* first block on the device; 0: a hole, reads as zero */
    uint32_t count; /* blocks, at least one */
};

struct ext4_entry {
    uint32_t inode;
    uint8_t type; /* EXT4_FT_...; EXT4_FT_UNKNOWN where the file system does not record it */
    uint8_t name_length;
    const char *name; /* not terminated; valid during the callback */
    uint64_t next;    /* cursor that goes on after this entry */
};

/*
 * Mounts what is on `source`. A file system that was not unmounted cleanly is read as its journal says,
 * without writing anything: `replay` (aligned to 8) holds the table for that; with none such a file system is
 * refused. ERR_NO_FS: no magic number. ERR_UNSUPPORTED: a feature or geometry that this code does not know.
 * ERR_CORRUPT. ERR_NO_MEMORY: `replay` is too small; fs->replay.wanted says how much it takes. Errors of the
 * source.
 */
enum error ext4_mount(struct ext4 *fs, const struct ext4_source *source, void *replay, size_t replay_size);

static inline bool ext4_is_dir(const struct ext4_node *node)
{
    return (node->mode & EXT4_S_IFMT) == EXT4_S_IFDIR;
}

static inline bool ext4_is_file(const struct ext4_node *node)
{
    return (node->mode & EXT4_S_IFMT) == EXT4_S_IFREG;
}

static inline bool ext4_is_link(const struct ext4_node *node)
{
    return (node->mode & EXT4_S_IFMT) == EXT4_S_IFLNK;
}

/* Reads inode `number`. ERR_CORRUPT: damaged, not in use, or no such number. */
enum error ext4_read_node(struct ext4 *fs, uint32_t number, struct ext4_node *node);

/*
 * Finds one name in directory `dir`, "." and ".." among them. ERR_NOT_FOUND, ERR_NOT_DIR, ERR_NAME_TOO_LONG
 * (over 255), ERR_CORRUPT.
 */
enum error ext4_lookup(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                       uint32_t *inode);

/*
 * Follows `path` (`length` bytes) to an inode, from the root if it begins with '/' and from inode `start` if
 * not. Links on the way are followed, the last one too if `follow` is set or a '/' comes after it. An empty
 * path is `start`. ERR_NOT_FOUND, ERR_NOT_DIR, ERR_LOOP (over 40 links), ERR_NAME_TOO_LONG (a name over 255
 * bytes, the path or what links make of it over 4096), ERR_CORRUPT.
 */
enum error ext4_resolve(struct ext4 *fs, uint32_t start, const char *path, size_t length, bool follow,
                        struct ext4_node *node);

/* Where the file's block `file_block` lies and how many follow it there. Past the end of the map: a hole. */
enum error ext4_map(struct ext4 *fs, const struct ext4_node *node, uint32_t file_block, struct ext4_run *run);

/*
 * Copies up to `length` bytes from `offset` of a file or link; *done says how many, 0 at the end. ERR_IS_DIR,
 * ERR_UNSUPPORTED (devices, pipes, sockets), ERR_CORRUPT; what was copied before an error counts as nothing.
 */
enum error ext4_read(struct ext4 *fs, const struct ext4_node *node, uint64_t offset, void *buffer,
                     size_t length, size_t *done);

/*
 * Copies a link's target, not terminated, cut to `size`; *length is its whole length. ERR_NOT_LINK,
 * ERR_CORRUPT.
 */
enum error ext4_readlink(struct ext4 *fs, const struct ext4_node *node, char *buffer, size_t size,
                         size_t *length);

/*
 * Calls `emit` for each entry from *cursor on (0: the first) until there are no more or it returns false,
 * which means that it did not take the entry. *cursor then is where to go on; *end says whether nothing is
 * left. Any cursor is safe: one that points into an entry goes on after it. ERR_NOT_DIR, ERR_CORRUPT.
 */
enum error ext4_readdir(struct ext4 *fs, const struct ext4_node *dir, uint64_t *cursor,
                        bool (*emit)(void *context, const struct ext4_entry *entry), void *context,
                        bool *end);
