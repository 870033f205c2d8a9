/* SPDX-License-Identifier: MIT */
/* Files that are open: one for each inode, however many have it open. */
#pragma once

#include <ext4/ext4.h>
#include <stdbool.h>

struct file {
    struct file *next; /* in its bucket */
    uint32_t users;    /* handles */
    uint64_t version;  /* of names and mounts when `node` was read; 0: read it again */
    bool nameless;     /* it goes when the last one closes it */
    struct ext4_node node;
};

/* The open file of an inode, whose node was just read, with one user more. NULL: no memory. */
struct file *file_open(const struct ext4_node *node);
/* One user less. */
void file_close(struct file *file);
/* Brings `node` up to date. Errors of reading it; ERR_BAD_ARG: it is another file meanwhile. */
enum error file_refresh(struct file *file);
/* The inode has changed. */
void file_changed(uint32_t inode);
/* Names have changed, or all of the file system: any inode may have. */
void files_changed(void);
/* Whether a file is open that has no name any more. */
bool files_without_name(void);
/* The inode (0: none) has no name any more: it goes now, or when it is closed. */
void file_without_name(uint32_t inode);
