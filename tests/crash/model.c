/* SPDX-License-Identifier: MIT */
/* What the file system should hold. */
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct model_node *new_node(uint16_t type)
{
    struct model_node *node = calloc(1, sizeof(*node));

    node->type = type;
    node->links = type == EXT4_S_IFDIR ? 2 : 1;
    return node;
}

struct model model_new(void)
{
    struct model model = {new_node(EXT4_S_IFDIR)};

    model.root->inode = EXT4_ROOT_INO;
    return model;
}

static struct model_node *copy_node(struct model_node *node)
{
    if (node->copy)
        return node->copy;
    struct model_node *copy = malloc(sizeof(*copy));
    *copy = *node;
    node->copy = copy;
    copy->data = node->size ? malloc(node->size) : NULL;
    if (node->size)
        memcpy(copy->data, node->data, node->size);
    copy->entries = node->count ? malloc(node->count * sizeof(struct model_entry)) : NULL;
    for (unsigned i = 0; i < node->count; i++) {
        copy->entries[i] = node->entries[i];
        copy->entries[i].node = copy_node(node->entries[i].node);
    }
    return copy;
}

static void clear_copies(struct model_node *node)
{
    node->copy = NULL;
    for (unsigned i = 0; i < node->count; i++)
        clear_copies(node->entries[i].node);
}

struct model model_copy(const struct model *model)
{
    struct model copy = {copy_node(model->root)};

    clear_copies(model->root);
    clear_copies(copy.root);
    return copy;
}

static void free_node(struct model_node *node)
{
    for (unsigned i = 0; i < node->count; i++)
        free_node(node->entries[i].node);
    node->count = 0;
    if (node->type == EXT4_S_IFDIR || --node->links == 0) {
        free(node->data);
        free(node->entries);
        free(node);
    }
}

void model_free(struct model *model)
{
    free_node(model->root);
}

struct model_node *model_find(const struct model_node *dir, const char *name)
{
    for (unsigned i = 0; i < dir->count; i++)
        if (!strcmp(dir->entries[i].name, name))
            return dir->entries[i].node;
    return NULL;
}

/* --- Comparison --- */

static char difference[400];

static const char *differs(const char *name, const char *what, uint64_t got, uint64_t expected)
{
    snprintf(difference, sizeof(difference), "%s: %s: %lu, not %lu", name, what, (unsigned long)got,
             (unsigned long)expected);
    return difference;
}

static const char *compare_content(struct ext4 *fs, const struct ext4_node *node,
                                   const struct model_node *model, const struct model_node *later,
                                   const char *name)
{
    size_t done = 0;

    if (node->size != model->size)
        return differs(name, "size", node->size, model->size);
    uint8_t *content = malloc(model->size + 1);
    enum error error = ext4_read(fs, node, 0, content, model->size, &done);
    const char *wrong_there = error || done != model->size ? differs(name, fs->cause, error, done) : NULL;
    for (size_t i = 0; !wrong_there && i < done; i++) {
        bool newer = later && i < later->size && content[i] == later->data[i];
        if (content[i] != model->data[i] && !newer)
            wrong_there = differs(name, "a byte", i, content[i]);
    }
    free(content);
    return wrong_there;
}

struct listing {
    const struct model_node *dir;
    unsigned found;
    char unknown[256];
};

static bool list_entry(void *context, const struct ext4_entry *entry)
{
    struct listing *listing = context;
    char name[256];

    memcpy(name, entry->name, entry->name_length);
    name[entry->name_length] = 0;
    if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "lost+found"))
        return true;
    listing->found++;
    if (!model_find(listing->dir, name))
        strcpy(listing->unknown, name);
    return true;
}

static const char *compare_node(struct ext4 *fs, uint32_t inode, const struct model_node *model,
                                const struct model_node *later, const char *name);

static const char *compare_directory(struct ext4 *fs, const struct ext4_node *node,
                                     const struct model_node *model, const struct model_node *later,
                                     const char *name)
{
    struct listing listing = {.dir = model};
    uint64_t cursor = 0;
    bool end;
    enum error error = ext4_readdir(fs, node, &cursor, list_entry, &listing, &end);

    if (error)
        return differs(name, fs->cause, error, 0);
    if (listing.unknown[0])
        return differs(name, listing.unknown, 1, 0);
    if (listing.found != model->count)
        return differs(name, "names", listing.found, model->count);
    for (unsigned i = 0; i < model->count; i++) {
        const char *child = model->entries[i].name;
        uint32_t found;
        error = ext4_lookup(fs, node, child, strlen(child), &found);
        if (error)
            return differs(child, fs->cause, error, 0);
        struct model_node *newer = later && later->type == EXT4_S_IFDIR ? model_find(later, child) : NULL;
        const char *result = compare_node(fs, found, model->entries[i].node, newer, child);
        if (result)
            return result;
    }
    return NULL;
}

static const char *compare_node(struct ext4 *fs, uint32_t inode, const struct model_node *model,
                                const struct model_node *later, const char *name)
{
    struct ext4_node node;
    enum error error = ext4_read_node(fs, inode, &node);

    if (error)
        return differs(name, fs->cause, error, 0);
    if ((node.mode & EXT4_S_IFMT) != model->type)
        return differs(name, "mode", node.mode, model->type);
    if (inode != EXT4_ROOT_INO && node.links != model->links)
        return differs(name, "links", node.links, model->links);
    if (later && (later->type != model->type || later->inode != model->inode))
        later = NULL;
    if (model->type == EXT4_S_IFDIR)
        return compare_directory(fs, &node, model, later, name);
    if (model->type != EXT4_S_IFREG && model->type != EXT4_S_IFLNK)
        return NULL;
    return compare_content(fs, &node, model, later, name);
}

const char *model_compare(struct ext4 *fs, const struct model *model, const struct model *later)
{
    return compare_node(fs, EXT4_ROOT_INO, model->root, later ? later->root : NULL, "/");
}
