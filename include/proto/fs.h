/* SPDX-License-Identifier: MIT */
/*
 * The file protocol. Paths, file data and directory entries travel in a buffer that client and server share:
 * a segment that the client makes and hands over with fs_attach. Offsets and lengths in requests are bytes in
 * that buffer.
 */
#pragma once

#include <proto/proto.h>

#define FS_MAX_PATH    4096
#define FS_MAX_NAME    255
#define FS_MAX_BUFFER  0x100000
#define FS_MAX_HANDLES 64 /* open at once, per client */

enum fs_type { FS_UNKNOWN, FS_FILE, FS_DIRECTORY, FS_SYMLINK, FS_CHARACTER, FS_BLOCK, FS_FIFO, FS_SOCKET };

struct fs_stat {
    uint64_t inode;
    uint32_t type; /* enum fs_type */
    uint32_t mode; /* permission bits, POSIX */
    uint64_t size;
    uint64_t blocks; /* of 512 bytes */
    uint32_t uid, gid;
    uint32_t links, block_size;
    int64_t mtime, ctime, atime; /* seconds since 1970 */
    uint32_t mtime_nsec, reserved;
};

/* Opens the client's session. + capability: the segment, `length` bytes, which becomes its buffer in place of
 * an earlier one. Handles, and the number that stands for the root, are good for as long as this server runs:
 * after a restart what they are used for is refused with ERR_STALE, and nothing has happened. */
struct fs_attach_request {
    uint64_t length;
};
struct fs_attach_reply {
    uint64_t root; /* the directory that absolute paths begin at; only to name what a path is relative to */
};

/* A path in the buffer, without a terminator. */
struct fs_path {
    uint64_t offset, length;
    uint64_t directory; /* handle that a relative path starts from, or the root's number */
};

/* All but FS_NOFOLLOW need FS_WRITE. */
enum fs_open_flags {
    FS_NOFOLLOW = 1,  /* a symbolic link as last component is opened itself */
    FS_CREATE = 2,    /* a file that is not there is made */
    FS_EXCLUSIVE = 4, /* with FS_CREATE: ERR_EXISTS when it is there */
    FS_TRUNCATE = 8,  /* what the file holds goes */
    FS_APPEND = 16    /* what is written by this handle goes to the end */
};
struct fs_open_request {
    struct fs_path path;
    uint64_t flags;
    uint64_t mode; /* permissions of a file that is made */
};
struct fs_open_reply {
    uint64_t handle; /* never 0 */
    struct fs_stat stat;
};

struct fs_handle_request {
    uint64_t handle;
};

struct fs_read_request {
    uint64_t handle;
    uint64_t position; /* in the file */
    uint64_t offset, length;
};
struct fs_length_reply {
    uint64_t length; /* bytes put into the buffer; 0 at the end */
};

/* fs_write puts what is in the buffer into the file. The reply's length may be less than was asked for; why,
 * the next one says. */

struct fs_size_request {
    uint64_t handle;
    uint64_t size; /* the file is cut off there, or goes on to there as a hole */
};

/* What is made or removed. A '/' at the end of a directory's path is allowed. */
struct fs_name_request {
    struct fs_path path;
    uint64_t mode; /* fs_mkdir: permissions */
};

enum fs_rename_flags {
    FS_RENAME_NEW = 1,     /* ERR_EXISTS when the new name is there; else what it leads to goes */
    FS_RENAME_EXCHANGE = 2 /* what both names lead to is exchanged */
};
/* fs_link: `from` is the file, which gets the name `to`. fs_symlink: `from` is the text, `to` the link's
 * name. fs_rename: atomic. */
struct fs_names_request {
    struct fs_path from, to;
    uint64_t flags; /* fs_rename */
};

enum fs_set {
    FS_SET_MODE = 1,
    FS_SET_OWNER = 2,
    FS_SET_ATIME = 4,
    FS_SET_MTIME = 8,
    FS_SET_NOW = 16 /* times are the present one, not those of the request */
};
struct fs_set_request {
    uint64_t handle;
    uint64_t which; /* enum fs_set */
    uint32_t mode, reserved;
    uint32_t uid, gid;
    int64_t atime, mtime;
    uint32_t atime_nsec, mtime_nsec;
};

/* fs_fsync: returns when all that was done to the file survives a loss of power; fs_sync: to all files,
 * `handle` is the root's. */

/* Names of a directory in the order of the disk, "." and ".." included, as struct fs_entry. */
struct fs_list_request {
    uint64_t handle;
    uint64_t cursor; /* 0 at first, then what the last reply said */
    uint64_t offset, length;
};
struct fs_list_reply {
    uint64_t length; /* 0: no more */
    uint64_t cursor;
};
struct fs_entry {
    uint64_t inode;
    uint16_t size;  /* of this record in bytes, multiple of 8 */
    uint8_t type;   /* enum fs_type */
    uint8_t name_length;
    char name[];    /* not terminated */
};

struct fs_info_reply {
    uint64_t mounted;  /* 0: no file system, and `cause` says why */
    uint64_t read_only;/* 1: nothing can be changed */
    uint64_t block_size, blocks, free_blocks, inodes, free_inodes;
    char type[16];     /* "ext4" */
    char device[32];
    char label[32];
    char uuid[40];
    char cause[128]; /* mounted, and not empty: why it is not the one that was asked for */
};

/* When nothing is mounted every operation but fs_info answers ERR_NO_FS (no disk, or none of ours on it) or
 * ERR_CORRUPT or ERR_UNSUPPORTED; fs_info tells the cause in words. */
#define FS_OPS(OP)                                                                                           \
    OP(fs, 1, attach, struct fs_attach_request, struct fs_attach_reply, FS_READ, (SEGMENT), ())              \
    OP(fs, 2, open, struct fs_open_request, struct fs_open_reply, FS_READ, (), ())                           \
    OP(fs, 3, close, struct fs_handle_request, struct proto_empty, FS_READ, (), ())                          \
    OP(fs, 4, read, struct fs_read_request, struct fs_length_reply, FS_READ, (), ())                         \
    OP(fs, 5, stat, struct fs_handle_request, struct fs_open_reply, FS_READ, (), ())                         \
    OP(fs, 6, list, struct fs_list_request, struct fs_list_reply, FS_READ, (), ())                           \
    OP(fs, 7, readlink, struct fs_read_request, struct fs_length_reply, FS_READ, (), ())                     \
    OP(fs, 8, info, struct proto_empty, struct fs_info_reply, FS_READ, (), ())                               \
    OP(fs, 9, write, struct fs_read_request, struct fs_length_reply, FS_WRITE, (), ())                       \
    OP(fs, 10, truncate, struct fs_size_request, struct proto_empty, FS_WRITE, (), ())                       \
    OP(fs, 11, mkdir, struct fs_name_request, struct proto_empty, FS_WRITE, (), ())                          \
    OP(fs, 12, rmdir, struct fs_name_request, struct proto_empty, FS_WRITE, (), ())                          \
    OP(fs, 13, unlink, struct fs_name_request, struct proto_empty, FS_WRITE, (), ())                         \
    OP(fs, 14, link, struct fs_names_request, struct proto_empty, FS_WRITE, (), ())                          \
    OP(fs, 15, symlink, struct fs_names_request, struct proto_empty, FS_WRITE, (), ())                       \
    OP(fs, 16, rename, struct fs_names_request, struct proto_empty, FS_WRITE, (), ())                        \
    OP(fs, 17, set, struct fs_set_request, struct proto_empty, FS_WRITE, (), ())                             \
    OP(fs, 18, fsync, struct fs_handle_request, struct proto_empty, FS_WRITE, (), ())                        \
    OP(fs, 19, sync, struct fs_handle_request, struct proto_empty, FS_WRITE, (), ())
PROTO_CLIENT(FS_OPS)
