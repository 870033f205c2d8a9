/* SPDX-License-Identifier: MIT */
/* What the handlers of requests share. */
#pragma once

#include "session.h"

#include <rt/rt.h>

/* --- main.c --- */

/* Makes sure that the file system can be used: when a disk was taken out and put in again, it is mounted
 * again. */
enum error ready(void);
/* Puts what went wrong on the medium into the log, not what the client asked for wrongly. Returns `error`. */
enum error report(enum error error);
/* Copies a path of a request into `text`, of FS_MAX_PATH bytes; *start is the inode that it starts from. */
enum error copy_path(struct session *session, const struct fs_path *path, char *text, uint32_t *start);
/* The open file of a request, with its inode as it is now. */
enum error open_handle(struct call *call, uint64_t number, struct session **session, struct handle **handle);

/* --- change.c --- */

/* Makes what ends in change_signalled(). */
void change_init(void);
/* Time has passed since something was changed, or the machine is to be switched off. */
void change_signalled(uint64_t bits);
/* Makes the file that an open names. ERR_EXISTS: the name is there. */
enum error change_create(struct session *session, const struct fs_open_request *q, struct ext4_node *node);
enum error change_size(uint32_t inode, uint64_t size);
/* Gives up an inode that has no name any more. */
void change_release(uint32_t inode);

/* The operations of that name. */
enum error change_write(struct call *call, const struct fs_read_request *q, struct fs_length_reply *r);
enum error change_truncate(struct call *call, const struct fs_size_request *q);
enum error change_mkdir(struct call *call, const struct fs_name_request *q);
enum error change_rmdir(struct call *call, const struct fs_name_request *q);
enum error change_unlink(struct call *call, const struct fs_name_request *q);
enum error change_link(struct call *call, const struct fs_names_request *q);
enum error change_symlink(struct call *call, const struct fs_names_request *q);
enum error change_rename(struct call *call, const struct fs_names_request *q);
enum error change_set(struct call *call, const struct fs_set_request *q);
enum error change_fsync(struct call *call, const struct fs_handle_request *q);
enum error change_sync(struct call *call, const struct fs_handle_request *q);
