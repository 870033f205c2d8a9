/* SPDX-License-Identifier: MIT */
/*
 * The tree that goes into an image: read before anything is made, in an order that does not depend on the
 * host.
 */
#include "mkfs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static char *join(const char *path, const char *name)
{
    char *joined;

    if (asprintf(&joined, "%s/%s", path, name) < 0)
        die("out of memory");
    return joined;
}

static void read_entry(struct entry *entry);

static void read_children(struct entry *directory)
{
    DIR *stream = opendir(directory->path);

    if (!stream)
        die("%s: %s", directory->path, strerror(errno));
    for (struct dirent *found; errno = 0, (found = readdir(stream));) {
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        directory->children = realloc(directory->children, (directory->count + 1) * sizeof(struct entry));
        if (!directory->children)
            die("out of memory");
        struct entry *child = &directory->children[directory->count++];
        memset(child, 0, sizeof(*child));
        child->name = strdup(found->d_name);
        child->path = join(directory->path, found->d_name);
    }
    if (errno)
        die("%s: %s", directory->path, strerror(errno));
    closedir(stream);
    if (directory->count)
        qsort(directory->children, directory->count, sizeof(struct entry), by_name);
    for (uint32_t i = 0; i < directory->count; i++)
        read_entry(&directory->children[i]);
}

static void read_entry(struct entry *entry)
{
    if (lstat(entry->path, &entry->info) != 0)
        die("%s: %s", entry->path, strerror(errno));
    if (S_ISDIR(entry->info.st_mode))
        read_children(entry);
    else if (!S_ISREG(entry->info.st_mode) && !S_ISLNK(entry->info.st_mode))
        die("%s: is a device, a pipe or a socket; an image takes files, directories and links", entry->path);
}

void tree_read(struct entry *root, const char *path)
{
    struct stat info;

    memset(root, 0, sizeof(*root));
    if (stat(path, &info) != 0)
        die("%s: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        die("%s: is not a directory", path);
    root->name = strdup("");
    root->path = strdup(path);
    root->info = info; /* of what a link leads to, should `path` be one */
    read_children(root);
}

void tree_free(struct entry *root)
{
    for (uint32_t i = 0; i < root->count; i++)
        tree_free(&root->children[i]);
    free(root->children);
    free(root->name);
    free(root->path);
}

void tree_measure(const struct entry *root, uint32_t block_size, struct tree_size *size)
{
    uint64_t bytes = (uint64_t)root->info.st_size;

    if (S_ISDIR(root->info.st_mode)) {
        bytes = 64;
        for (uint32_t i = 0; i < root->count; i++) {
            /* At most a name's room is lost at the end of a block. */
            bytes += (strlen(root->children[i].name) + 12) * 5 / 4;
            tree_measure(&root->children[i], block_size, size);
        }
    }
    uint64_t blocks = (bytes + block_size - 1) / block_size;
    size->inodes++;
    size->blocks += blocks + blocks / 256 + (blocks > 4); /* extent blocks */
}

static uint64_t mix(uint64_t digest, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        digest = (digest ^ bytes[i]) * 0x100000001b3; /* FNV-1a */
    digest ^= digest >> 32;
    return digest * 0x9e3779b97f4a7c15;
}

uint64_t tree_digest(const struct entry *root, uint64_t seed)
{
    uint64_t size = S_ISDIR(root->info.st_mode) ? 0 : (uint64_t)root->info.st_size;
    uint64_t digest = mix(seed ^ 0xcbf29ce484222325, root->name, strlen(root->name) + 1);

    digest = mix(digest, &size, sizeof(size));
    digest = mix(digest, &root->info.st_mode, sizeof(root->info.st_mode));
    for (uint32_t i = 0; i < root->count; i++)
        digest = tree_digest(&root->children[i], digest);
    return mix(digest, &root->count, sizeof(root->count));
}
