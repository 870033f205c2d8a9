/* SPDX-License-Identifier: MIT */
/* Finding and mounting the root file system. */
#pragma once

#include "ext4/ext4.h"

#include <proto/fs.h>

extern struct ext4 filesystem;
/* ERR_OK when `filesystem` is mounted, else why not; then mount_info.cause says it in words. */
extern enum error mount_error;
extern struct fs_info_reply mount_info;

/* Looks through all disks: the whole disk first, then its partitions. Logs one line that says what came of it. */
void mount_root(void);
