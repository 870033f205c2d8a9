/* SPDX-License-Identifier: MIT */
/* Files for programs: the file protocol with its shared buffer behind plain calls. */
#pragma once

#include <proto/fs.h>

#include <stdbool.h>

/* Path of the request, relative to `directory` (a handle, 0: the root). The session with fs is opened at
 * first use. */
enum error file_open(const char *path, uint64_t directory, uint64_t flags, uint64_t *handle,
                     struct fs_stat *stat);
/* The same for a file that is made if need be, with these permissions; `flags`: enum fs_open_flags. */
enum error file_create(const char *path, uint64_t directory, uint64_t flags, unsigned mode, uint64_t *handle,
                       struct fs_stat *stat);
void file_close(uint64_t handle);
/* Reads up to `size` bytes at `position`; *count says how many, 0 at the end of the file. */
enum error file_read(uint64_t handle, uint64_t position, void *buffer, size_t size, size_t *count);
/* The same without a copy: *data points into the shared buffer until the next call. */
enum error file_read_shared(uint64_t handle, uint64_t position, size_t size, const void **data,
                            size_t *count);
enum error file_status(uint64_t handle, struct fs_stat *stat);
enum error file_stat(const char *path, uint64_t flags, struct fs_stat *stat);
enum error file_readlink(uint64_t handle, char *buffer, size_t size, size_t *count);
/* Calls `each` for every entry of a directory until it returns false. */
enum error directory_list(uint64_t handle, bool (*each)(void *context, const struct fs_entry *entry),
                          void *context);

/* Writes `size` bytes at `position`; *count says how many were, after an error too. */
enum error file_write(uint64_t handle, uint64_t position, const void *bytes, size_t size, size_t *count);
enum error file_truncate(uint64_t handle, uint64_t size);
enum error file_set(const struct fs_set_request *request);
/* Returns when the file, or all files, survive a loss of power. ERR_STALE: the file server was restarted
 * since this process changed something, and that may be lost. */
enum error file_sync(uint64_t handle);
enum error fs_sync_all(void);
/* Names, by absolute paths, or from the root. `flags`: enum fs_rename_flags. */
enum error directory_make(const char *path, unsigned mode);
enum error directory_remove(const char *path);
enum error file_remove(const char *path);
enum error file_link(const char *from, const char *to);
enum error file_symlink(const char *text, const char *path);
enum error file_rename(const char *from, const char *to, uint64_t flags);
enum error fs_get_info(struct fs_info_reply *info);
