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

/* + capability: the segment, `length` bytes, which becomes this client's buffer in place of an earlier
 * one. */
struct fs_attach_request {
    uint64_t length;
};

enum fs_open_flags { FS_NOFOLLOW = 1 /* a symbolic link as last component is opened itself */ };
struct fs_open_request {
    uint64_t path_offset, path_length; /* no terminator */
    uint64_t directory;                /* handle that a relative path starts from; 0: the root */
    uint64_t flags;
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
    OP(1, fs_attach, struct fs_attach_request, struct proto_empty, FS_READ)                                  \
    OP(2, fs_open, struct fs_open_request, struct fs_open_reply, FS_READ)                                    \
    OP(3, fs_close, struct fs_handle_request, struct proto_empty, FS_READ)                                   \
    OP(4, fs_read, struct fs_read_request, struct fs_length_reply, FS_READ)                                  \
    OP(5, fs_stat, struct fs_handle_request, struct fs_open_reply, FS_READ)                                  \
    OP(6, fs_list, struct fs_list_request, struct fs_list_reply, FS_READ)                                    \
    OP(7, fs_readlink, struct fs_read_request, struct fs_length_reply, FS_READ)                              \
    OP(8, fs_info, struct proto_empty, struct fs_info_reply, FS_READ)
PROTO_CLIENT(FS_OPS)
