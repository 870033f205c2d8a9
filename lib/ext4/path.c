/* SPDX-License-Identifier: MIT */
/* Following a path from directory to directory and through symbolic links. */
#include "internal.h"

#include <string.h>

/* What is left of the path: in the caller's memory, or at the end of fs->path once a link was met. */
struct walk {
    const char *rest;
    size_t left;
    uint32_t links;
    struct ext4_node *node; /* where the walk has got to */
};

static size_t slashes(const struct walk *walk)
{
    size_t count = 0;
    while (count < walk->left && walk->rest[count] == '/')
        count++;
    return count;
}

static void skip(struct walk *walk, size_t count)
{
    walk->rest += count;
    walk->left -= count;
}

/* Puts a link's target in front of the rest of the path. */
static enum error expand(struct ext4 *fs, struct walk *walk, const struct ext4_node *link)
{
    if (++walk->links > EXT4_SYMLINK_LIMIT)
        return ext4_fail(fs, ERR_LOOP, "inode %u: more than %u symbolic links on the way", link->inode,
                         EXT4_SYMLINK_LIMIT);
    if (link->size > sizeof(fs->path) - walk->left)
        return ext4_fail(fs, ERR_NAME_TOO_LONG,
                         "inode %u: its link of %lu characters makes the path too long", link->inode,
                         link->size);
    char *rest = fs->path + sizeof(fs->path) - walk->left;
    memmove(rest, walk->rest, walk->left);
    size_t length;
    enum error error = ext4_readlink(fs, link, rest - link->size, link->size, &length);
    if (error)
        return error;
    walk->rest = rest - length;
    walk->left += length;
    return walk->rest[0] == '/' ? ext4_read_node(fs, EXT4_ROOT_INO, walk->node) : ERR_OK;
}

/* Takes the walk's first name, which begins at walk->rest. */
static enum error step(struct ext4 *fs, struct walk *walk, bool follow)
{
    const char *name = walk->rest, *slash = memchr(name, '/', walk->left);
    size_t length = slash ? (size_t)(slash - name) : walk->left;
    uint32_t inode;
    struct ext4_node child;
    enum error error = ext4_find_name(fs, walk->node, name, length, &inode);
    if (!error)
        error = ext4_read_node(fs, inode, &child);
    if (error)
        return error;
    skip(walk, length);
    if (ext4_is_link(&child) && (slash || follow))
        return expand(fs, walk, &child);
    if (slash && !ext4_is_dir(&child))
        return ext4_fail(fs, ERR_NOT_DIR, "%.*s: is not a directory", (int)length, name);
    *walk->node = child;
    return ERR_OK;
}

enum error ext4_resolve(struct ext4 *fs, uint32_t start, const char *path, size_t length, bool follow,
                        struct ext4_node *node)
{
    struct walk walk = {path, length, 0, node};
    if (length > EXT4_PATH_MAX)
        return ext4_fail(fs, ERR_NAME_TOO_LONG, "a path of %lu characters, %u are possible", (uint64_t)length,
                         EXT4_PATH_MAX);
    ext4_begin_search(fs);
    enum error error = ext4_read_node(fs, length && path[0] == '/' ? EXT4_ROOT_INO : start, node);
    while (!error) {
        skip(&walk, slashes(&walk));
        if (walk.left == 0)
            return ERR_OK;
        error = step(fs, &walk, follow);
    }
    return error;
}
