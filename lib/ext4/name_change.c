/* SPDX-License-Identifier: MIT */
/* Making, linking, renaming and removing: what changes names and what they lead to. */
#include "writer.h"

#include <string.h>

static bool is_dots(const char *name, size_t length)
{
    return length > 0 && name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
}

/* Reads a directory in which names are to be changed. */
static enum error read_dir(struct ext4 *fs, uint32_t inode, struct ext4_node *dir)
{
    enum error error = ext4_read_node(fs, inode, dir);
    if (error)
        return error;
    if (!ext4_is_dir(dir))
        return ext4_fail(fs, ERR_NOT_DIR, "inode %u: is not a directory", inode);
    if (dir->links == 0)
        return ext4_fail(fs, ERR_NOT_FOUND, "inode %u: the directory was removed", inode);
    if (!(dir->flags & EXT4_EXTENTS_FL))
        return ext4_fail(fs, ERR_UNSUPPORTED, "inode %u: a directory without extents cannot be changed",
                         inode);
    return ERR_OK;
}

static enum error check_name(struct ext4 *fs, const char *name, size_t length)
{
    if (length > EXT4_NAME_LEN)
        return ext4_fail(fs, ERR_NAME_TOO_LONG, "a name of %lu characters, %u are possible", (uint64_t)length,
                         EXT4_NAME_LEN);
    if (length == 0 || is_dots(name, length) || memchr(name, '/', length) || memchr(name, 0, length))
        return ext4_fail(fs, ERR_BAD_ARG, "\"%.*s\": cannot be made or removed", (int)length, name);
    return ERR_OK;
}

/* Reads the directory and makes sure that the name is not there yet. */
static enum error new_name(struct ext4 *fs, uint32_t inode, const char *name, size_t length,
                           struct ext4_node *dir)
{
    uint32_t found;
    enum error error = check_name(fs, name, length);
    if (!error)
        error = read_dir(fs, inode, dir);
    if (error)
        return error;
    error = ext4_find_name(fs, dir, name, length, &found);
    if (!error)
        return ext4_fail(fs, ERR_EXISTS, "%.*s: is in directory %u", (int)length, name, inode);
    return error == ERR_NOT_FOUND ? ERR_OK : error;
}

/* Reads the directory and what the name leads to. */
static enum error old_name(struct ext4 *fs, uint32_t inode, const char *name, size_t length,
                           struct ext4_node *dir, struct ext4_node *node)
{
    uint32_t found;
    enum error error = check_name(fs, name, length);
    if (!error)
        error = read_dir(fs, inode, dir);
    if (!error)
        error = ext4_find_name(fs, dir, name, length, &found);
    return error ? error : ext4_read_node(fs, found, node);
}

/* A directory with more subdirectories than can be counted has one link. */
static enum error add_subdirectory(struct ext4 *fs, struct ext4_node *dir)
{
    if (dir->links == 1)
        return ERR_OK;
    if (dir->links + 1 < EXT4_LINK_MAX) {
        dir->links++;
        return ERR_OK;
    }
    if (!(fs->ro_compat & EXT4_FEATURE_RO_COMPAT_DIR_NLINK))
        return ext4_fail(fs, ERR_TOO_MANY, "inode %u: has %u subdirectories", dir->inode, EXT4_LINK_MAX);
    dir->links = 1;
    return ERR_OK;
}

static void remove_subdirectory(struct ext4_node *dir)
{
    dir->links -= dir->links > 2 ? 1 : 0;
}

/* --- Making --- */

static enum error make_node(struct ext4 *fs, uint32_t parent, const struct ext4_new *what,
                            struct ext4_node *node)
{
    uint16_t type = what->mode & EXT4_S_IFMT;
    bool mapped = type == EXT4_S_IFREG || type == EXT4_S_IFDIR;
    *node = (struct ext4_node){
        .mode = what->mode,
        .uid = what->uid,
        .gid = what->gid,
        .links = type == EXT4_S_IFDIR ? 2 : 1,
        .flags = mapped ? EXT4_EXTENTS_FL : 0,
    };
    if (mapped)
        *(struct ext4_extent_header *)node->map =
            (struct ext4_extent_header){.eh_magic = EXT4_EXT_MAGIC, .eh_max = 4};
    enum error error = ext4_take_inode(fs, parent, type == EXT4_S_IFDIR, &node->inode);
    return error ? error : ext4_init_node(fs, node);
}

static enum error create(struct ext4 *fs, uint32_t parent, const char *name, size_t length,
                         const struct ext4_new *what, uint32_t *inode)
{
    struct ext4_node dir, node;
    uint16_t type = what->mode & EXT4_S_IFMT;
    bool known =
        type == EXT4_S_IFREG || type == EXT4_S_IFDIR || type == EXT4_S_IFIFO || type == EXT4_S_IFSOCK;
    enum error error = known
                           ? new_name(fs, parent, name, length, &dir)
                           : ext4_fail(fs, ERR_BAD_ARG, "mode %04x: is no type that can be made", what->mode);
    if (!error)
        error = make_node(fs, parent, what, &node);
    if (!error && type == EXT4_S_IFDIR)
        error = ext4_init_directory(fs, &node, parent);
    if (!error && type == EXT4_S_IFDIR)
        error = add_subdirectory(fs, &dir);
    if (!error)
        error = ext4_add_name(fs, &dir, name, length, node.inode, node.mode);
    *inode = error ? 0 : node.inode;
    return error;
}

enum error ext4_create(struct ext4 *fs, uint32_t dir, const char *name, size_t length,
                       const struct ext4_new *what, uint32_t *inode)
{
    enum error error = ext4_begin(fs);
    return error ? error : ext4_end(fs, create(fs, dir, name, length, what, inode));
}

/* A short target lies in the inode, a longer one in a block. */
static enum error set_target(struct ext4 *fs, struct ext4_node *node, const char *target, size_t length)
{
    struct ext4_block *block;
    struct ext4_run run;
    node->size = length;
    if (length < sizeof(node->map)) {
        memcpy(node->map, target, length);
        return ERR_OK;
    }
    node->flags |= EXT4_EXTENTS_FL;
    *(struct ext4_extent_header *)node->map =
        (struct ext4_extent_header){.eh_magic = EXT4_EXT_MAGIC, .eh_max = 4};
    struct ext4_wish wish = {node->inode, ext4_inode_goal(fs, node->inode), 1, false};
    enum error error = ext4_take_blocks(fs, &wish, &run);
    if (error)
        return error;
    struct ext4_piece piece = {0, 1, run.block, false};
    node->blocks = fs->block_size >> 9;
    error = ext4_insert_piece(fs, node, &piece);
    if (!error)
        error = ext4_fresh_block(fs, run.block, EXT4_SEAL_NONE, 0, 0, &block);
    if (error)
        return error;
    memcpy(block->data, target, length);
    ext4_put_block(fs, block);
    return ERR_OK;
}

static enum error make_link(struct ext4 *fs, const struct ext4_name *at, const char *target,
                            size_t target_length, const struct ext4_new *what, uint32_t *inode)
{
    struct ext4_node dir, node;
    struct ext4_new link = {(uint16_t)(EXT4_S_IFLNK | 0777), what->uid, what->gid};
    enum error error = new_name(fs, at->dir, at->name, at->length, &dir);
    if (!error && (target_length == 0 || target_length >= fs->block_size || target_length >= EXT4_PATH_MAX))
        error = ext4_fail(fs, target_length ? ERR_NAME_TOO_LONG : ERR_BAD_ARG,
                          "a link to a path of %lu characters", (uint64_t)target_length);
    if (!error)
        error = make_node(fs, at->dir, &link, &node);
    if (!error)
        error = set_target(fs, &node, target, target_length);
    if (!error)
        error = ext4_write_node(fs, &node);
    if (!error)
        error = ext4_add_name(fs, &dir, at->name, at->length, node.inode, node.mode);
    *inode = error ? 0 : node.inode;
    return error;
}

enum error ext4_symlink(struct ext4 *fs, uint32_t dir, const char *name, size_t length, const char *target,
                        size_t target_length, const struct ext4_new *what, uint32_t *inode)
{
    struct ext4_name at = {dir, name, length};
    enum error error = ext4_begin(fs);
    return error ? error : ext4_end(fs, make_link(fs, &at, target, target_length, what, inode));
}

static enum error link_to(struct ext4 *fs, uint32_t parent, const char *name, size_t length, uint32_t inode)
{
    struct ext4_node dir, node;
    enum error error = new_name(fs, parent, name, length, &dir);
    if (!error)
        error = ext4_read_node(fs, inode, &node);
    if (!error && ext4_is_dir(&node))
        error = ext4_fail(fs, ERR_IS_DIR, "inode %u: is a directory, which has one name", inode);
    if (!error && node.links == 0)
        error = ext4_fail(fs, ERR_NOT_FOUND, "inode %u: was removed", inode);
    if (!error && node.links >= EXT4_LINK_MAX)
        error = ext4_fail(fs, ERR_TOO_MANY, "inode %u: has %u names", inode, EXT4_LINK_MAX);
    if (error)
        return error;
    node.links++;
    node.ctime = fs->writer->now;
    error = ext4_write_node(fs, &node);
    return error ? error : ext4_add_name(fs, &dir, name, length, inode, node.mode);
}

enum error ext4_link(struct ext4 *fs, uint32_t dir, const char *name, size_t length, uint32_t inode)
{
    enum error error = ext4_begin(fs);
    return error ? error : ext4_end(fs, link_to(fs, dir, name, length, inode));
}

/* --- Removing --- */

/* Blocks of a map of pointers are read, but not freed: such an inode keeps its last name. */
static enum error check_freeable(struct ext4 *fs, const struct ext4_node *node)
{
    bool mapped =
        (ext4_is_file(node) || ext4_is_dir(node) || ext4_is_link(node)) && !ext4_is_fast_link(fs, node);
    if (!mapped || node->flags & EXT4_EXTENTS_FL || node->blocks == 0)
        return ERR_OK;
    return ext4_fail(fs, ERR_UNSUPPORTED, "inode %u: blocks that are not in extents cannot be freed",
                     node->inode);
}

/* One name less. *last: the inode, if that was its last. */
static enum error drop_link(struct ext4 *fs, struct ext4_node *node, uint32_t *last)
{
    bool was_last = ext4_is_dir(node) || node->links <= 1;
    enum error error = was_last ? check_freeable(fs, node) : ERR_OK;
    if (error)
        return error;
    node->links = was_last ? 0 : node->links - 1;
    node->ctime = fs->writer->now;
    error = ext4_write_node(fs, node);
    if (!error && was_last)
        error = ext4_add_orphan(fs, node->inode);
    *last = was_last ? node->inode : 0;
    return error;
}

static enum error unlink_name(struct ext4 *fs, uint32_t parent, const char *name, size_t length,
                              bool directory, uint32_t *last)
{
    struct ext4_node dir, node;
    enum error error = old_name(fs, parent, name, length, &dir, &node);
    if (error)
        return error;
    if (ext4_is_dir(&node) != directory)
        return ext4_fail(fs, directory ? ERR_NOT_DIR : ERR_IS_DIR, "%.*s: is %s directory", (int)length, name,
                         directory ? "not a" : "a");
    if (directory) {
        error = ext4_is_empty(fs, &node);
        remove_subdirectory(&dir);
    }
    if (!error)
        error = ext4_remove_name(fs, &dir, name, length);
    return error ? error : drop_link(fs, &node, last);
}

enum error ext4_unlink(struct ext4 *fs, uint32_t dir, const char *name, size_t length, uint32_t *last)
{
    *last = 0;
    enum error error = ext4_begin(fs);
    return error ? error : ext4_end(fs, unlink_name(fs, dir, name, length, false, last));
}

enum error ext4_rmdir(struct ext4 *fs, uint32_t dir, const char *name, size_t length, uint32_t *last)
{
    *last = 0;
    enum error error = ext4_begin(fs);
    return error ? error : ext4_end(fs, unlink_name(fs, dir, name, length, true, last));
}

/* Frees some of an orphan's blocks, and when none are left the inode. */
static enum error release_some(struct ext4 *fs, uint32_t inode, bool *more)
{
    struct ext4_node node;
    enum error error = ext4_read_node(fs, inode, &node);
    *more = false;
    if (error || node.links > 0)
        return error;
    bool directory = ext4_is_dir(&node);
    bool mapped = (directory || ext4_is_file(&node) || ext4_is_link(&node)) && !ext4_is_fast_link(fs, &node);
    error = check_freeable(fs, &node);
    if (!error && mapped && node.flags & EXT4_EXTENTS_FL)
        error = ext4_free_pieces(fs, &node, 0, (uint64_t)1 << 32, more);
    if (!error && !*more && node.attributes)
        error = ext4_drop_attributes(fs, &node);
    if (!error && !*more)
        error = ext4_remove_orphan(fs, inode);
    if (error || *more)
        return error ? error : ext4_write_node(fs, &node);
    error = ext4_clear_node(fs, inode);
    return error ? error : ext4_free_inode(fs, inode, directory);
}

enum error ext4_release(struct ext4 *fs, uint32_t inode)
{
    enum error error = ERR_OK;
    ext4_forget_reservation(fs, inode);
    for (bool more = true; !error && more;) {
        error = ext4_begin(fs);
        if (error)
            return error;
        error = ext4_end(fs, release_some(fs, inode, &more));
    }
    return error;
}

/* --- Renaming --- */

/* Whether directory `inode` is `dir` or above it. */
static enum error check_not_above(struct ext4 *fs, uint32_t inode, uint32_t dir)
{
    for (uint32_t steps = 0; steps < EXT4_PATH_MAX; steps++) {
        struct ext4_node node;
        if (dir == inode)
            return ext4_fail(fs, ERR_BAD_ARG, "inode %u: a directory cannot move into itself", inode);
        if (dir == EXT4_ROOT_INO)
            return ERR_OK;
        enum error error = ext4_read_node(fs, dir, &node);
        if (!error)
            error = ext4_find_name(fs, &node, "..", 2, &dir);
        if (error)
            return error;
    }
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: is not below the root", dir);
}

/*
 * A directory that moved knows its new parent, and both parents count it. The nodes of the parents are read
 * anew.
 */
static enum error move_directory(struct ext4 *fs, const struct ext4_node *moved, uint32_t from, uint32_t to)
{
    struct ext4_node parent;
    if (from == to)
        return ERR_OK;
    enum error error = ext4_change_name(fs, moved, "..", 2, to, EXT4_S_IFDIR);
    if (!error)
        error = ext4_read_node(fs, from, &parent);
    if (error)
        return error;
    remove_subdirectory(&parent);
    error = ext4_write_node(fs, &parent);
    if (!error)
        error = ext4_read_node(fs, to, &parent);
    if (!error)
        error = add_subdirectory(fs, &parent);
    return error ? error : ext4_write_node(fs, &parent);
}

/* What both names of a renaming lead to, and the directories that they are in. */
struct renaming {
    const struct ext4_name *from, *to;
    struct ext4_node moved, replaced;
    bool replaces;
};

static enum error look_up(struct ext4 *fs, struct renaming *renaming)
{
    const struct ext4_name *from = renaming->from, *to = renaming->to;
    struct ext4_node dir;
    enum error error = old_name(fs, from->dir, from->name, from->length, &dir, &renaming->moved);
    if (error)
        return error;
    error = read_dir(fs, to->dir, &dir);
    if (error)
        return error;
    error = old_name(fs, to->dir, to->name, to->length, &dir, &renaming->replaced);
    renaming->replaces = !error;
    if (error && error != ERR_NOT_FOUND)
        return error;
    return ext4_is_dir(&renaming->moved) ? check_not_above(fs, renaming->moved.inode, to->dir) : ERR_OK;
}

static enum error exchange(struct ext4 *fs, const struct renaming *renaming)
{
    const struct ext4_name *from = renaming->from, *to = renaming->to;
    const struct ext4_node *moved = &renaming->moved, *other = &renaming->replaced;
    struct ext4_node dir;
    enum error error = ext4_is_dir(other) ? check_not_above(fs, other->inode, from->dir) : ERR_OK;
    if (!error)
        error = ext4_read_node(fs, from->dir, &dir);
    if (!error)
        error = ext4_change_name(fs, &dir, from->name, from->length, other->inode, other->mode);
    if (!error)
        error = ext4_read_node(fs, to->dir, &dir);
    if (!error)
        error = ext4_change_name(fs, &dir, to->name, to->length, moved->inode, moved->mode);
    if (!error && ext4_is_dir(moved))
        error = move_directory(fs, moved, from->dir, to->dir);
    if (!error && ext4_is_dir(other))
        error = move_directory(fs, other, to->dir, from->dir);
    return error;
}

/* The new name is led elsewhere, so that there is no moment without it. */
static enum error replace(struct ext4 *fs, struct renaming *renaming, uint32_t *last)
{
    const struct ext4_name *to = renaming->to;
    struct ext4_node *replaced = &renaming->replaced, dir;
    bool directory = ext4_is_dir(replaced);
    if (directory != ext4_is_dir(&renaming->moved))
        return ext4_fail(fs, directory ? ERR_IS_DIR : ERR_NOT_DIR, "%.*s: is %s directory", (int)to->length,
                         to->name, directory ? "a" : "not a");
    enum error error = directory ? ext4_is_empty(fs, replaced) : ERR_OK;
    if (!error)
        error = ext4_read_node(fs, to->dir, &dir);
    if (!error)
        error = ext4_change_name(fs, &dir, to->name, to->length, renaming->moved.inode, renaming->moved.mode);
    if (error)
        return error;
    if (directory)
        remove_subdirectory(&dir);
    dir.mtime = dir.ctime = fs->writer->now;
    error = ext4_write_node(fs, &dir);
    return error ? error : drop_link(fs, replaced, last);
}

static enum error put_new_name(struct ext4 *fs, struct renaming *renaming, uint32_t *last)
{
    struct ext4_node dir;
    if (renaming->replaces)
        return replace(fs, renaming, last);
    enum error error = ext4_read_node(fs, renaming->to->dir, &dir);
    if (error)
        return error;
    return ext4_add_name(fs, &dir, renaming->to->name, renaming->to->length, renaming->moved.inode,
                         renaming->moved.mode);
}

static enum error rename_names(struct ext4 *fs, struct renaming *renaming, enum ext4_rename_how how,
                               uint32_t *last)
{
    const struct ext4_name *from = renaming->from, *to = renaming->to;
    struct ext4_node dir;
    enum error error = look_up(fs, renaming);
    if (error)
        return error;
    if (renaming->replaces && how == EXT4_RENAME_NEW)
        return ext4_fail(fs, ERR_EXISTS, "%.*s: is in directory %u", (int)to->length, to->name, to->dir);
    if (!renaming->replaces && how == EXT4_RENAME_EXCHANGE)
        return ext4_fail(fs, ERR_NOT_FOUND, "%.*s: not in directory %u", (int)to->length, to->name, to->dir);
    if (renaming->replaces && renaming->replaced.inode == renaming->moved.inode)
        return ERR_OK; /* two names of the same */
    renaming->moved.ctime = fs->writer->now;
    error = ext4_write_node(fs, &renaming->moved);
    if (!error && how == EXT4_RENAME_EXCHANGE)
        return exchange(fs, renaming);
    if (!error)
        error = put_new_name(fs, renaming, last);
    if (!error)
        error = ext4_read_node(fs, from->dir, &dir);
    if (!error)
        error = ext4_remove_name(fs, &dir, from->name, from->length);
    if (!error && ext4_is_dir(&renaming->moved))
        error = move_directory(fs, &renaming->moved, from->dir, to->dir);
    return error;
}

enum error ext4_rename(struct ext4 *fs, const struct ext4_name *from, const struct ext4_name *to,
                       enum ext4_rename_how how, uint32_t *last)
{
    struct renaming renaming = {.from = from, .to = to};
    *last = 0;
    enum error error = ext4_begin(fs);
    return error ? error : ext4_end(fs, rename_names(fs, &renaming, how, last));
}
