/* SPDX-License-Identifier: MIT */
/*
 * A directory with every kind of file there is, to make images of, and its comparison with what an image
 * holds.
 */
#pragma once

#include "ext4_image.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/*
 * A file with bytes that depend on their place, in the blocks of `size` bytes that `pattern` says (every
 * n-th).
 */
static inline void make_sparse(const char *path, size_t blocks, size_t size, size_t every)
{
    int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    uint64_t words[512];

    cr_assert_geq(file, 0, "%s", path);
    for (size_t n = 0; n < blocks; n += every) {
        for (size_t i = 0; i < size / 8; i++)
            words[i] = n * 0x9e3779b97f4a7c15 + i + 1;
        cr_assert_eq(pwrite(file, words, size, (off_t)(n * size)), (ssize_t)size);
    }
    cr_assert_eq(pwrite(file, "end", 3, (off_t)(blocks * size + 77)), 3);
    close(file);
}

/*
 * The name of file number `n`: 180 bytes, so that few fit in a block, not all of them ASCII; later ones are
 * short.
 */
static inline const char *many_name(unsigned n)
{
    static char name[181];
    int length = snprintf(name, sizeof(name), "number %u \xc3\xa4\xff ", n);

    memset(name + length, 'a' + (char)(n % 26), sizeof(name) - 1 - (size_t)length);
    name[n < 1000 ? sizeof(name) - 1 : (size_t)length] = 0;
    return name;
}

/* `count` empty files. */
static inline void make_many(const char *directory, unsigned count)
{
    char path[512];

    cr_assert_eq(mkdir(directory, 0755), 0);
    for (unsigned n = 0; n < count; n++) {
        snprintf(path, sizeof(path), "%s/%s", directory, many_name(n));
        write_file(path, "", 0);
    }
}

static inline void make_tree(unsigned many)
{
    char name[512], text[4097];
    memset(text, 'x', sizeof(text));

    run("mkdir -p src/a/b/c src/empty src/links");
    run("echo 'hello, world' > src/hello.txt; chmod 640 src/hello.txt; touch -d '2020-02-01 12:00:00 UTC' "
        "src/hello.txt");
    run("touch -d '1960-01-01 00:00:00 UTC' src/empty; touch src/a/nothing; printf tiny > src/a/b/c/tiny");
    for (int size = 1023; size <= 4097; size++) {
        if (((size + 1) & 1023) < 3) {
            snprintf(name, sizeof(name), "src/a/size%d", size);
            write_file(name, text, (size_t)size);
        }
    }
    run("printf '%%0100d' 7 > src/a/hundred; printf '%%0150d' 7 > src/a/hundred-and-fifty");
    memset(text, 'n', 200);
    snprintf(name, sizeof(name), "src/%.200s", text);
    write_file(name, name, strlen(name));
    memset(text, 'm', 255);
    snprintf(name, sizeof(name), "src/a/%.255s", text);
    write_file(name, name, strlen(name));
    run("cd src/links; ln -s ../hello.txt fast; ln -s /hello.txt absolute; ln -s nowhere dangling; "
        "ln -s one two; ln -s two one; ln -s ../a/b dir; ln -s . here; "
        "ln -s self/x self; ln ../hello.txt hard");
    run("cd src/links; ln -s "
        "'../a/b/../../a/./b/../../a/b/c/../../b/../../a/b/c/../../b/../../hello.txt' slow");
    run("ln -s \"$(printf '%%059d' 0)\" src/links/len59; ln -s \"$(printf '%%060d' 0)\" src/links/len60; "
        "ln -s \"$(printf '%%01000d' 0 | tr 0 q)\" src/links/len1000; mkfifo src/fifo");
    make_sparse("src/fragments", 3000, 1024, 2);
    make_sparse("src/sparse", 3000, 4096, 700);
    make_sparse("src/dense", 700, 1024, 1);
    make_many("src/many", many);
}

static inline void compare_file(struct ext4 *fs, const struct ext4_node *node, const char *path)
{
    struct exact expected = read_file(path);
    uint64_t random = 1234567;
    static uint8_t buffer[70001];
    size_t done;

    cr_assert_eq(node->size, expected.size, "%s: size %lu", path, node->size);
    for (uint64_t offset = 0; offset < expected.size; offset += done) {
        enum error error =
            ext4_read(fs, node, offset, buffer, 1 + random_below(&random, sizeof(buffer)), &done);
        cr_assert_eq(error, ERR_OK, "%s at %lu: %s", path, offset, fs->cause);
        cr_assert_gt(done, 0);
        cr_assert_eq(memcmp(buffer, expected.data + offset, done), 0, "%s differs after %lu", path, offset);
    }
    cr_assert_eq(ext4_read(fs, node, expected.size, buffer, 1, &done), ERR_OK);
    cr_assert_eq(done, 0);
    exact_free(&expected);
}

static inline void compare_link(struct ext4 *fs, const struct ext4_node *node, const char *path)
{
    char expected[5000], got[5000];
    ssize_t size = readlink(path, expected, sizeof(expected));
    size_t length;

    cr_assert_eq(ext4_readlink(fs, node, got, sizeof(got), &length), ERR_OK, "%s: %s", path, fs->cause);
    cr_assert_eq(length, (size_t)size, "%s", path);
    cr_assert_eq(memcmp(got, expected, length), 0, "%s", path);
    cr_assert_eq(ext4_readlink(fs, node, got, 1, &length), ERR_OK);
    cr_assert_eq(length, (size_t)size, "the whole length, however little fits");
}

/* Names of a directory, one call of ext4_readdir for each `at_once` of them. */
struct listing {
    char **names;
    size_t count;
    size_t at_once, left;
};

static inline bool list_entry(void *context, const struct ext4_entry *entry)
{
    struct listing *listing = context;

    if (listing->left-- == 0)
        return false;
    listing->names = realloc(listing->names, (listing->count + 1) * sizeof(char *));
    listing->names[listing->count++] = strndup(entry->name, entry->name_length);
    return true;
}

static inline int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline struct listing list(struct ext4 *fs, const struct ext4_node *dir, size_t at_once)
{
    struct listing listing = {.at_once = at_once};
    uint64_t cursor = 0;

    for (bool end = false; !end;) {
        listing.left = at_once;
        enum error error = ext4_readdir(fs, dir, &cursor, list_entry, &listing, &end);
        cr_assert_eq(error, ERR_OK, "inode %u: %s", dir->inode, fs->cause);
    }
    qsort(listing.names, listing.count, sizeof(char *), by_name);
    return listing;
}

static inline void free_listing(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->names[i]);
    free(listing->names);
}

static inline void compare_directory(struct ext4 *fs, const struct ext4_node *dir, const char *path,
                                     size_t at_once)
{
    struct listing listing = list(fs, dir, at_once);
    struct dirent **expected;
    size_t at = 0;
    int count = scandir(path, &expected, NULL, NULL);

    cr_assert_geq(count, 0);
    for (int i = 0; i < count; i++) {
        const char *name = expected[i]->d_name;
        char **found = bsearch(&name, listing.names, listing.count, sizeof(char *), by_name);
        cr_assert_not_null(found, "%s/%s is not listed", path, name);
        uint32_t inode = 0;
        cr_assert_eq(ext4_lookup(fs, dir, name, strlen(name), &inode), ERR_OK, "%s/%s: %s", path, name,
                     fs->cause);
        cr_assert_neq(inode, 0);
        free(expected[i]);
    }
    for (size_t i = 0; i < listing.count; i++)
        at += strcmp(listing.names[i], "lost+found") == 0;
    cr_assert_eq(listing.count - at, (size_t)count, "%s: %zu names, expected %d", path, listing.count - at,
                 count);
    free(expected);
    free_listing(&listing);
}

static inline void compare_attributes(const struct ext4_node *node, const char *path)
{
    struct stat expected;

    cr_assert_eq(lstat(path, &expected), 0);
    cr_assert_eq(node->mode, expected.st_mode, "%s: mode %o", path, node->mode);
    cr_assert_eq(node->uid, expected.st_uid, "%s", path);
    cr_assert_eq(node->gid, expected.st_gid, "%s", path);
    if (!ext4_is_dir(node))
        cr_assert_eq(node->links, expected.st_nlink, "%s: %u links", path, node->links);
    if (ext4_is_file(node)) /* mke2fs gives directories and links the time of making */
        cr_assert_eq(node->mtime.seconds, expected.st_mtim.tv_sec, "%s", path);
}

static inline void compare_tree(struct ext4 *fs, const char *path)
{
    char child[4096];
    struct ext4_node node = image_find(fs, path + strlen("src"), false);

    compare_attributes(&node, path);
    if (ext4_is_link(&node))
        compare_link(fs, &node, path);
    else if (ext4_is_file(&node))
        compare_file(fs, &node, path);
    if (!ext4_is_dir(&node))
        return;
    compare_directory(fs, &node, path, 1000000);
    compare_directory(fs, &node, path, 37);
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));) {
        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            compare_tree(fs, child);
    }
    closedir(dir);
}
