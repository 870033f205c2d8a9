/* SPDX-License-Identifier: MIT */
/* The time that files carry. */
#pragma once

#include <ext4/ext4.h>

/* Goes on from the newest time that the superblock of a file system tells, unless it is later already: no
 * clock tells the time. */
void clock_begin(struct ext4 *fs);
struct ext4_time clock_now(void);
