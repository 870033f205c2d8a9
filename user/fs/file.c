/* SPDX-License-Identifier: MIT */
#include "file.h"

#include "mount.h"
#include "serve.h"

#include <ext4/write.h>
#include <stdlib.h>

#define BUCKETS 64

static struct file *buckets[BUCKETS];
static struct file *spare; /* for the next ones */
static uint64_t version = 1;
static unsigned nameless_count;

static struct file **place_of(uint32_t inode)
{
    struct file **link = &buckets[inode % BUCKETS];

    while (*link && (*link)->node.inode != inode)
        link = &(*link)->next;
    return link;
}

struct file *file_open(const struct ext4_node *node)
{
    struct file **link = place_of(node->inode), *file = *link;

    if (!file) {
        file = spare ? spare : malloc(sizeof(*file));
        if (!file)
            return NULL;
        spare = spare ? spare->next : NULL;
        file->next = NULL;
        file->users = 0;
        file->nameless = false;
        *link = file;
    }
    file->node = *node;
    file->version = version;
    file->users++;
    return file;
}

void file_close(struct file *file)
{
    struct file **link = place_of(file->node.inode);

    if (--file->users > 0)
        return;
    if (ext4_can_write(&filesystem))
        ext4_forget_reservation(&filesystem, file->node.inode);
    nameless_count -= file->nameless;
    if (file->nameless)
        change_release(file->node.inode);
    *link = file->next;
    file->next = spare;
    spare = file;
}

enum error file_refresh(struct file *file)
{
    struct ext4_node node;

    if (file->version == version)
        return ERR_OK;
    enum error error = ext4_read_node(&filesystem, file->node.inode, &node);
    if (!error && node.generation != file->node.generation)
        error = ERR_BAD_ARG;
    if (error)
        return error;
    file->node = node;
    file->version = version;
    return ERR_OK;
}

void file_changed(uint32_t inode)
{
    struct file *file = *place_of(inode);

    if (file)
        file->version = 0;
}

void files_changed(void)
{
    version++;
}

void file_without_name(uint32_t inode)
{
    struct file *file = *place_of(inode);

    if (file) {
        nameless_count += !file->nameless;
        file->nameless = true;
    } else if (inode) {
        change_release(inode);
    }
}

bool files_without_name(void)
{
    return nameless_count > 0;
}
