/* SPDX-License-Identifier: MIT */
/* cpio archives made field by field, and what a walk through one must keep to. */
#pragma once

#include <base/cpio.h>

#include "support.h"

#define HEADER_SIZE 110u

/* Offsets of the fields of a header that tests change. */
enum {
    FIELD_INODE = 6,
    FIELD_MODE = 14,
    FIELD_LINKS = 38,
    FIELD_FILESIZE = 54,
    FIELD_MAJOR = 62,
    FIELD_NAMESIZE = 94,
    FIELD_CHECK = 102
};

struct archive {
    uint8_t bytes[8192];
    size_t size;
};

static inline void set_field(struct archive *archive, size_t at, uint32_t value)
{
    char digits[9];

    snprintf(digits, sizeof(digits), "%08X", value);
    memcpy(archive->bytes + at, digits, 8);
}

static inline void pad(struct archive *archive)
{
    while (archive->size % 4 != 0)
        archive->bytes[archive->size++] = 0;
}

/* Adds a file and returns where its header is. */
static inline size_t add(struct archive *archive, const char *name, uint32_t mode, const char *data)
{
    size_t at = archive->size;

    cr_assert_lt(at + HEADER_SIZE + strlen(name) + strlen(data) + 8, sizeof(archive->bytes));
    memcpy(archive->bytes + at, "070701", 6);
    for (unsigned field = 0; field < 13; field++)
        set_field(archive, at + 6 + 8 * field, 0);
    set_field(archive, at + FIELD_MODE, mode);
    set_field(archive, at + FIELD_FILESIZE, (uint32_t)strlen(data));
    set_field(archive, at + FIELD_NAMESIZE, (uint32_t)strlen(name) + 1);
    archive->size += HEADER_SIZE;
    memcpy(archive->bytes + archive->size, name, strlen(name) + 1);
    archive->size += strlen(name) + 1;
    pad(archive);
    memcpy(archive->bytes + archive->size, data, strlen(data));
    archive->size += strlen(data);
    pad(archive);
    return at;
}

static inline struct archive sample(void)
{
    struct archive archive = {0};

    add(&archive, "bin", 040755, "");
    add(&archive, "bin/first", 0100755, "first file");
    add(&archive, "./second", 0100644, "2");
    add(&archive, "link", 0120777, "bin/first");
    add(&archive, "TRAILER!!!", 0, "");
    return archive;
}

/* Goes through a copy of exactly `size` bytes; returns what ended it, CPIO_END when it was good. */
static inline enum cpio_error walk(const void *bytes, size_t size, unsigned *files)
{
    struct exact copy = exact_copy(bytes, size, 0);
    size_t offset = 0, before = 0;
    struct cpio_file file = {.name = "untouched"};
    enum cpio_error error;

    *files = 0;
    while (!(error = cpio_next(copy.data, size, &offset, &file))) {
        const uint8_t *name = (const uint8_t *)file.name, *data = file.data;
        cr_assert_gt(offset, before);
        cr_assert(name > copy.data && name + strlen(file.name) < copy.data + size);
        cr_assert_neq(file.name[0], 0);
        cr_assert(data > name && file.size <= (size_t)(copy.data + size - data));
        cr_assert_leq(data + file.size, copy.data + offset);
        before = offset;
        file = (struct cpio_file){.name = "untouched"};
        ++*files;
    }
    cr_assert_eq(offset, before, "moved by a call that failed");
    cr_assert(strcmp(file.name, "untouched") == 0 && file.data == NULL);
    exact_free(&copy);
    return error;
}

static inline enum cpio_error walk_archive(const struct archive *archive)
{
    unsigned files;

    return walk(archive->bytes, archive->size, &files);
}

/* The file of that name, as text. */
static inline const char *content_of(const struct archive *archive, const char *name)
{
    static char text[64];
    struct cpio_file file;

    cr_assert_eq(cpio_find(archive->bytes, archive->size, name, &file), CPIO_OK, "%s", name);
    cr_assert_lt(file.size, sizeof(text));
    memcpy(text, file.data, file.size);
    text[file.size] = 0;
    return text;
}
