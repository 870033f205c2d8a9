/* SPDX-License-Identifier: MIT */
/* Finding and mounting the root file system. */
#pragma once

#include <ext4/ext4.h>
#include <proto/fs.h>
#include <stdbool.h>

extern struct ext4 filesystem;
/* ERR_OK when `filesystem` is mounted, else why not; then mount_info.cause says it in words. */
extern enum error mount_error;
extern struct fs_info_reply mount_info;

/* Names the root, as the kernel's command line does after "root="; see root.h. */
void mount_want(const char *root);
/* Looks through all disks, of each at the whole disk first and then at its partitions, for the root: the file
 * system that is named, else the first with the label ROOT_LABEL, else the first. Once there was a root, only
 * that is mounted again. Logs one line that says what came of it. */
void mount_root(void);
/* Makes the root ready to be changed, if it is not. ERR_READ_ONLY, ERR_NO_MEMORY; errors of the disk, after
 * which it is read-only. */
enum error mount_start_writing(void);
/* Commits everything and marks it as clean; it goes on being read. Nobody has a file open without a name. */
enum error mount_stop_writing(void);
/* Nothing is mounted, but there are other disks than when that was found. */
bool mount_may_work_now(void);
