/* SPDX-License-Identifier: MIT */
/* Random operations, done to a file system and to a model of it, which has to expect what comes of each. */
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names are short, or so long that few fit into a block; always the same for the same number. */
static const char *name_of(unsigned n)
{
    static char name[256];
    unsigned length = n % 5 == 0 ? 40 + n % 150 : 0;

    snprintf(name, sizeof(name), "n%u", n);
    for (size_t at = strlen(name); at < length; at++)
        name[at] = (char)('a' + (at + n) % 26), name[at + 1] = 0;
    return name;
}

/* A random place: a directory and a name there. */
struct place {
    struct model_node *dir;
    char name[256];
    struct model_node *node; /* that the name leads to, or NULL */
};

static struct model_node *random_dir(struct workload *w)
{
    struct model_node *dir = w->model.root;

    for (uint64_t steps = below(&w->random, 4); steps > 0; steps--) {
        struct model_node *next = dir->count ? dir->entries[below(&w->random, dir->count)].node : NULL;
        if (next && next->type == EXT4_S_IFDIR)
            dir = next;
    }
    return dir;
}

static struct place random_place(struct workload *w, bool existing)
{
    struct place place = {.dir = random_dir(w)};

    if (existing && place.dir->count && below(&w->random, 8))
        strcpy(place.name, place.dir->entries[below(&w->random, place.dir->count)].name);
    else
        strcpy(place.name, name_of((unsigned)below(&w->random, w->names)));
    place.node = model_find(place.dir, place.name);
    return place;
}

static void add_entry(struct model_node *dir, const char *name, struct model_node *node)
{
    dir->entries = realloc(dir->entries, (dir->count + 1) * sizeof(struct model_entry));
    strcpy(dir->entries[dir->count].name, name);
    dir->entries[dir->count++].node = node;
    dir->links += node->type == EXT4_S_IFDIR;
}

static void remove_entry(struct model_node *dir, const char *name)
{
    for (unsigned i = 0; i < dir->count; i++) {
        if (strcmp(dir->entries[i].name, name))
            continue;
        dir->links -= dir->entries[i].node->type == EXT4_S_IFDIR;
        dir->entries[i] = dir->entries[--dir->count];
        return;
    }
}

/* A file that goes may be there again after a crash. */
static void drop_node(struct workload *w, struct model_node *node)
{
    if (node->type != EXT4_S_IFDIR && --node->links > 0)
        return;
    if (node->type == EXT4_S_IFREG) {
        node->copy = w->model.graves;
        w->model.graves = node;
        return;
    }
    free(node->data);
    free(node->entries);
    free(node);
}

static bool holds(const struct model_node *dir, const struct model_node *node)
{
    if (dir == node)
        return true;
    for (unsigned i = 0; i < dir->count; i++)
        if (holds(dir->entries[i].node, node))
            return true;
    return false;
}

/* Whether the operation did what the model expects; a full disk is no fault, but changes nothing. */
static bool done(struct workload *w, const char *what, enum error error, enum error expected)
{
    w->last = what;
    if (error == expected) {
        w->done += !error;
        w->refused += error != 0;
        return !error;
    }
    if (error == ERR_NO_SPACE && !expected) {
        w->refused++;
        return false;
    }
    wrong("%s: error %d (%s), expected %d", what, error, w->fs->cause, expected);
}

static void resize(struct model_node *node, size_t size)
{
    node->data = realloc(node->data, size + 1);
    if (size > node->size)
        memset(node->data + node->size, 0, size - node->size);
    node->size = size;
}

static void make(struct workload *w)
{
    static const uint16_t types[] = {EXT4_S_IFREG, EXT4_S_IFREG, EXT4_S_IFDIR, EXT4_S_IFIFO};
    struct place place = random_place(w, false);
    struct ext4_new what = {(uint16_t)(types[below(&w->random, 4)] | 0640), 70000, 5};
    uint32_t inode;
    enum error error = ext4_create(w->fs, place.dir->inode, place.name, strlen(place.name), &what, &inode);

    if (!done(w, "create", error, place.node ? ERR_EXISTS : ERR_OK))
        return;
    struct model_node *node = calloc(1, sizeof(*node));
    *node = (struct model_node){.type = what.mode & EXT4_S_IFMT, .inode = inode};
    node->links = node->type == EXT4_S_IFDIR ? 2 : 1;
    add_entry(place.dir, place.name, node);
}

static void make_link(struct workload *w)
{
    struct place place = random_place(w, false);
    struct ext4_new what = {0, 1, 2};
    char target[900];
    size_t length = 1 + below(&w->random, below(&w->random, 2) ? 59 : 800);
    uint32_t inode;

    memset(target, 'a' + (char)below(&w->random, 26), length);
    if (length > 60 && below(&w->random, 2)) /* it looks like the journal's own blocks */
        memcpy(target, "\xc0\x3b\x39\x98", 4);
    enum error error =
        ext4_symlink(w->fs, place.dir->inode, place.name, strlen(place.name), target, length, &what, &inode);
    if (!done(w, "symlink", error, place.node ? ERR_EXISTS : ERR_OK))
        return;
    struct model_node *node = calloc(1, sizeof(*node));
    *node = (struct model_node){.type = EXT4_S_IFLNK, .inode = inode, .links = 1};
    resize(node, length);
    memcpy(node->data, target, length);
    add_entry(place.dir, place.name, node);
}

static void link_name(struct workload *w)
{
    struct place from = random_place(w, true), to = random_place(w, false);

    if (!from.node)
        return;
    enum error expected = to.node ? ERR_EXISTS : from.node->type == EXT4_S_IFDIR ? ERR_IS_DIR : ERR_OK;
    enum error error = ext4_link(w->fs, to.dir->inode, to.name, strlen(to.name), from.node->inode);
    if (!done(w, "link", error, expected))
        return;
    from.node->links++;
    add_entry(to.dir, to.name, from.node);
}

/* Nobody has it open: it goes at once, or at the next mount. */
static void release(struct workload *w, uint32_t last)
{
    if (last && below(&w->random, 8)) {
        enum error error = ext4_release(w->fs, last);
        if (error)
            wrong("release: error %d: %s", error, w->fs->cause);
    }
}

static void remove_name(struct workload *w)
{
    struct place place = random_place(w, true);
    uint32_t last;
    bool directory =
        place.node ? (place.node->type == EXT4_S_IFDIR) == (below(&w->random, 10) > 0) : below(&w->random, 2);
    bool is_dir = place.node && place.node->type == EXT4_S_IFDIR;
    enum error expected = !place.node                   ? ERR_NOT_FOUND
                          : is_dir != directory         ? is_dir ? ERR_IS_DIR : ERR_NOT_DIR
                          : is_dir && place.node->count ? ERR_NOT_EMPTY
                                                        : ERR_OK;
    enum error error = directory
                           ? ext4_rmdir(w->fs, place.dir->inode, place.name, strlen(place.name), &last)
                           : ext4_unlink(w->fs, place.dir->inode, place.name, strlen(place.name), &last);

    if (!done(w, directory ? "rmdir" : "unlink", error, expected))
        return;
    if ((last != 0) != (directory || place.node->links == 1))
        wrong("unlink: last is %u", last);
    remove_entry(place.dir, place.name);
    drop_node(w, place.node);
    release(w, last);
}

static enum error expect_rename(const struct place *from, const struct place *to, enum ext4_rename_how how)
{
    bool from_dir = from->node && from->node->type == EXT4_S_IFDIR,
         to_dir = to->node && to->node->type == EXT4_S_IFDIR;

    if (!from->node)
        return ERR_NOT_FOUND;
    if (from_dir && holds(from->node, to->dir))
        return ERR_BAD_ARG;
    if (to->node && how == EXT4_RENAME_NEW)
        return ERR_EXISTS;
    if (!to->node && how == EXT4_RENAME_EXCHANGE)
        return ERR_NOT_FOUND;
    if (to->node == from->node)
        return ERR_OK;
    if (how == EXT4_RENAME_EXCHANGE)
        return to_dir && holds(to->node, from->dir) ? ERR_BAD_ARG : ERR_OK;
    if (to->node && from_dir != to_dir)
        return to_dir ? ERR_IS_DIR : ERR_NOT_DIR;
    return to_dir && to->node->count ? ERR_NOT_EMPTY : ERR_OK;
}

static void rename_name(struct workload *w)
{
    struct place from = random_place(w, true), to = random_place(w, below(&w->random, 2));
    enum ext4_rename_how how =
        below(&w->random, 4) ? EXT4_RENAME_REPLACE : (enum ext4_rename_how)below(&w->random, 3);
    struct ext4_name names[2] = {{from.dir->inode, from.name, strlen(from.name)},
                                 {to.dir->inode, to.name, strlen(to.name)}};
    uint32_t last;
    enum error expected = expect_rename(&from, &to, how);
    enum error error = ext4_rename(w->fs, &names[0], &names[1], how, &last);

    if (!done(w, how == EXT4_RENAME_EXCHANGE ? "exchange" : "rename", error, expected) ||
        from.node == to.node)
        return;
    remove_entry(from.dir, from.name);
    if (to.node)
        remove_entry(to.dir, to.name);
    if (how == EXT4_RENAME_EXCHANGE)
        add_entry(from.dir, from.name, to.node);
    add_entry(to.dir, to.name, from.node);
    if (to.node && how != EXT4_RENAME_EXCHANGE)
        drop_node(w, to.node);
    release(w, last);
}

static struct model_node *random_file(struct workload *w)
{
    for (int tries = 0; tries < 8; tries++) {
        struct place place = random_place(w, true);
        if (place.node && place.node->type == EXT4_S_IFREG)
            return place.node;
    }
    return NULL;
}

static void write_file(struct workload *w)
{
    static uint8_t data[200000];
    struct model_node *node = random_file(w);
    size_t most = w->small ? 4 * w->fs->block_size : sizeof(data), reached;

    if (!node)
        return;
    uint64_t offset = below(&w->random, 2) ? node->size : below(&w->random, w->most);
    size_t length = 1 + below(&w->random, below(&w->random, 4) ? 3000 : most);
    offset = offset > w->most ? w->most : offset;
    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)(random_of(&w->random) | 1);
    if (below(&w->random, 16) == 0)
        memcpy(data, "\xc0\x3b\x39\x98", length < 4 ? length : 4);
    enum error error = ext4_write(w->fs, node->inode, offset, data, length, &reached);
    done(w, "write", error, ERR_OK);
    if (reached > length || (!error && reached != length))
        wrong("write: %zu of %zu bytes", reached, length);
    if (reached == 0)
        return;
    if (offset + reached > node->size)
        resize(node, offset + reached);
    memcpy(node->data + offset, data, reached);
}

static void cut_file(struct workload *w)
{
    struct model_node *node = random_file(w);

    if (!node)
        return;
    uint64_t size = below(&w->random, 3) ? below(&w->random, node->size + 1) : below(&w->random, w->most);
    if (done(w, "truncate", ext4_truncate(w->fs, node->inode, size), ERR_OK))
        resize(node, size);
}

static void punch_file(struct workload *w)
{
    struct model_node *node = random_file(w);

    if (!node)
        return;
    uint64_t offset = below(&w->random, node->size + 1), length = below(&w->random, w->small ? 5000 : 60000);
    if (!done(w, "punch", ext4_punch(w->fs, node->inode, offset, length), ERR_OK))
        return;
    if (offset < node->size)
        memset(node->data + offset, 0, length < node->size - offset ? length : node->size - offset);
}

static void allocate_file(struct workload *w)
{
    struct model_node *node = random_file(w);

    if (!node)
        return;
    uint64_t offset = below(&w->random, w->most), length = 1 + below(&w->random, w->small ? 5000 : 60000);
    bool keep = below(&w->random, 2);
    struct ext4_node after;
    enum error error = ext4_allocate(w->fs, node->inode, offset, length, keep);
    done(w, "allocate", error, ERR_OK);
    if (ext4_read_node(w->fs, node->inode, &after)) /* how far it came on a full disk */
        wrong("allocate: %s", w->fs->cause);
    if (keep && after.size != node->size)
        wrong("allocate: the size is %lu", (unsigned long)after.size);
    if (!error && !keep && after.size < offset + length)
        wrong("allocate: the size is %lu", (unsigned long)after.size);
    if (after.size > node->size)
        resize(node, after.size);
}

void operate(struct workload *w)
{
    static void (*const operations[])(struct workload *) = {
        make,        make,       make,       make_link,  link_name, remove_name, remove_name,   rename_name,
        rename_name, write_file, write_file, write_file, cut_file,  punch_file,  allocate_file,
    };

    operations[below(&w->random, sizeof(operations) / sizeof(operations[0]))](w);
}
