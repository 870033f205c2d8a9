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
    struct model model = {new_node(EXT4_S_IFDIR), NULL};

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
    struct model copy = {copy_node(model->root), NULL};

    clear_copies(model->root);
    clear_copies(copy.root);
    for (const struct model_node *grave = model->graves; grave; grave = grave->copy) {
        struct model_node *node = malloc(sizeof(*node));
        *node = *grave;
        node->data = malloc(node->size + 1);
        if (grave->size)
            memcpy(node->data, grave->data, grave->size);
        node->copy = copy.graves;
        copy.graves = node;
    }
    return copy;
}

void model_clear_graves(struct model *model)
{
    while (model->graves) {
        struct model_node *grave = model->graves;
        model->graves = grave->copy;
        free(grave->data);
        free(grave);
    }
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
    model_clear_graves(model);
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

#define MOST_VERSIONS 8

/* What a file was some operations later: its content under any name, or when it went. */
struct versions {
    uint32_t inode;
    const struct model_node *node[MOST_VERSIONS];
    unsigned count;
};

static void find_versions(const struct model_node *node, struct versions *versions)
{
    if (node->type == EXT4_S_IFREG && node->inode == versions->inode && versions->count < MOST_VERSIONS)
        versions->node[versions->count++] = node;
    for (unsigned i = 0; i < node->count; i++)
        find_versions(node->entries[i].node, versions);
}

static bool has_byte(const struct versions *versions, size_t at, uint8_t byte)
{
    for (unsigned i = 0; i < versions->count; i++)
        if (at < versions->node[i]->size ? versions->node[i]->data[at] == byte : byte == 0)
            return true;
    return false;
}

static const char *compare_content(struct ext4 *fs, const struct ext4_node *node,
                                   const struct model_node *model, const struct model *later,
                                   const char *name)
{
    size_t done = 0;
    struct versions versions = {.inode = node->inode};

    if (node->size != model->size)
        return differs(name, "size", node->size, model->size);
    if (later)
        find_versions(later->root, &versions);
    for (const struct model_node *grave = later ? later->graves : NULL; grave; grave = grave->copy)
        find_versions(grave, &versions);
    uint8_t *content = malloc(model->size + 1);
    enum error error = ext4_read(fs, node, 0, content, model->size, &done);
    const char *wrong_there = error || done != model->size ? differs(name, fs->cause, error, done) : NULL;
    for (size_t i = 0; !wrong_there && i < done; i++)
        if (content[i] != model->data[i] && !has_byte(&versions, i, content[i]))
            wrong_there = differs(name, "a byte", i, content[i]);
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
                                const struct model *later, const char *name);

static const char *compare_directory(struct ext4 *fs, const struct ext4_node *node,
                                     const struct model_node *model, const struct model *later,
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
        const char *result = compare_node(fs, found, model->entries[i].node, later, child);
        if (result)
            return result;
    }
    return NULL;
}

static const char *compare_node(struct ext4 *fs, uint32_t inode, const struct model_node *model,
                                const struct model *later, const char *name)
{
    struct ext4_node node;
    enum error error = ext4_read_node(fs, inode, &node);

    if (error)
        return differs(name, fs->cause, error, 0);
    if ((node.mode & EXT4_S_IFMT) != model->type)
        return differs(name, "mode", node.mode, model->type);
    if (inode != EXT4_ROOT_INO && node.links != model->links)
        return differs(name, "links", node.links, model->links);
    if (model->type == EXT4_S_IFDIR)
        return compare_directory(fs, &node, model, later, name);
    if (model->type != EXT4_S_IFREG && model->type != EXT4_S_IFLNK)
        return NULL;
    return compare_content(fs, &node, model, later, name);
}

const char *model_compare(struct ext4 *fs, const struct model *model, const struct model *later)
{
    return compare_node(fs, EXT4_ROOT_INO, model->root, later, "/");
}
