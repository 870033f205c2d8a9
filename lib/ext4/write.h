/* SPDX-License-Identifier: MIT */
/*
 * Changing an ext4 file system. Every function here is one operation: either all of it happens or nothing,
 * also where a block cannot be read half way or the disk is full. What happened is in memory; ext4_commit
 * puts all of it on the medium, and after a crash the file system is as one of the commits left it (with a
 * journal).
 *
 * Metadata goes through the journal (jbd2: ordered mode, revocations, escaped blocks, checksums v3): blocks
 * are changed in the cache and held there until the log has them and, later, their places. What a file
 * holds is written to its place before the transaction that makes it the file's. One operation at a time
 * for each file system.
 */
#pragma once

#include "ext4.h"

/* Bytes of memory that ext4_start_writing takes for so many blocks in transactions; at least 256. */
size_t ext4_writer_size(uint32_t block_size, uint32_t blocks);

/* Whether a mounted file system and its disk are of a kind that can be written: ERR_READ_ONLY if not. */
enum error ext4_check_writing(struct ext4 *fs);

/*
 * Makes a file system that was just mounted ready to be changed: writes what its journal holds to its
 * place, removes orphans, and marks it as in use. `memory` is aligned to 8. ERR_READ_ONLY: it can be read
 * only, and fs->cause says why; it goes on being read. Errors of the source, ERR_CORRUPT, ERR_NO_MEMORY.
 */
enum error ext4_start_writing(struct ext4 *fs, void *memory, size_t size, struct ext4_time now);

/* Commits everything, writes it to its place, and marks the file system as clean. It goes on being read. */
enum error ext4_stop_writing(struct ext4 *fs);

/* Whether it can be changed: writing was started, and nothing has failed that ends it. */
bool ext4_can_write(const struct ext4 *fs);

/* The time that what is changed from now on carries. */
void ext4_set_time(struct ext4 *fs, struct ext4_time now);

/* Returns when everything that happened so far survives a crash. */
enum error ext4_commit(struct ext4 *fs);

/* The same, and lets go of all blocks that were held because they differ from what is in their places. */
enum error ext4_settle(struct ext4 *fs);

/* What is to be made. */
struct ext4_new {
    uint16_t mode; /* type and permissions: a file, a directory, a pipe, a socket */
    uint32_t uid, gid;
};

/*
 * The entry `name` of directory `dir` is made, and what it leads to. ERR_EXISTS, ERR_NO_SPACE,
 * ERR_NAME_TOO_LONG.
 */
enum error ext4_create(struct ext4 *fs, uint32_t dir, const char *name, size_t length,
                       const struct ext4_new *what, uint32_t *inode);
enum error ext4_symlink(struct ext4 *fs, uint32_t dir, const char *name, size_t length, const char *target,
                        size_t target_length, const struct ext4_new *what, uint32_t *inode);
/* ERR_IS_DIR; ERR_TOO_MANY: 65,000 links. */
enum error ext4_link(struct ext4 *fs, uint32_t dir, const char *name, size_t length, uint32_t inode);

/*
 * The name goes. *last: the inode that has no name any more (0: none). It stays as it is, an orphan, until
 * ext4_release, which is to be called once nobody has it open; or until the next mount. ERR_IS_DIR,
 * ERR_NOT_DIR, ERR_NOT_EMPTY.
 */
enum error ext4_unlink(struct ext4 *fs, uint32_t dir, const char *name, size_t length, uint32_t *last);
enum error ext4_rmdir(struct ext4 *fs, uint32_t dir, const char *name, size_t length, uint32_t *last);
enum error ext4_release(struct ext4 *fs, uint32_t inode);

enum ext4_rename_how { EXT4_RENAME_REPLACE, EXT4_RENAME_NEW, EXT4_RENAME_EXCHANGE };

/* One end of a renaming. */
struct ext4_name {
    uint32_t dir;
    const char *name;
    size_t length;
};

/*
 * Atomic, whatever both names lead to. *last: as with ext4_unlink, what the new name led to before.
 * ERR_BAD_ARG: a directory into itself. ERR_EXISTS: with EXT4_RENAME_NEW. ERR_NOT_EMPTY, ERR_IS_DIR,
 * ERR_NOT_DIR: as the new name is.
 */
enum error ext4_rename(struct ext4 *fs, const struct ext4_name *from, const struct ext4_name *to,
                       enum ext4_rename_how how, uint32_t *last);

/*
 * Copies bytes into a file, which grows as it has to. *done: how many, also after an error: those before it.
 * ERR_IS_DIR, ERR_NO_SPACE, ERR_BAD_ARG: larger than a file can be.
 */
enum error ext4_write(struct ext4 *fs, uint32_t inode, uint64_t offset, const void *data, size_t length,
                      size_t *done);
/* Cuts the file off or makes it longer by a hole. */
enum error ext4_truncate(struct ext4 *fs, uint32_t inode, uint64_t size);
/* Gives the range blocks of its own, which read as zero; with `keep_size` the file does not get longer. */
enum error ext4_allocate(struct ext4 *fs, uint32_t inode, uint64_t offset, uint64_t length, bool keep_size);
/* Makes a hole; the file stays as long as it is. */
enum error ext4_punch(struct ext4 *fs, uint32_t inode, uint64_t offset, uint64_t length);

/* Nobody writes to the file for now: what was put aside for it to grow is there for others. */
void ext4_forget_reservation(struct ext4 *fs, uint32_t inode);

/* Which attributes ext4_set_attributes sets. */
enum { EXT4_SET_MODE = 1, EXT4_SET_OWNER = 2, EXT4_SET_ATIME = 4, EXT4_SET_MTIME = 8 };

/* Sets what `which` says from `values`: the permissions of mode, uid and gid, times. */
enum error ext4_set_attributes(struct ext4 *fs, uint32_t inode, unsigned which,
                               const struct ext4_node *values);
