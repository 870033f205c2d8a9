/* SPDX-License-Identifier: MIT */
/*
 * cpio "newc" archives. Each file is a header of ASCII fields, its name and its data; name and data are each
 * padded to a multiple of four bytes. A file named TRAILER!!! ends the archive.
 */
#include <base/checked.h>
#include <base/cpio.h>
#include <stdbool.h>
#include <string.h>

#define MAGIC         "070701"
#define MAGIC_SIZE    6u
#define FIELD_DIGITS  8u
#define FIELD_COUNT   13u
#define HEADER_SIZE   (MAGIC_SIZE + FIELD_COUNT * FIELD_DIGITS)
#define TRAILER       "TRAILER!!!"
#define NAME_SIZE_MAX 4096u /* with the terminator */

#define MODE_TYPE     0170000u
#define MODE_REGULAR  0100000u

/* The places of the fields that matter here among the 13 of a header. */
enum field {
    FIELD_MODE = 1,
    FIELD_FILESIZE = 6,
    FIELD_NAMESIZE = 11,
};

static bool read_hex(const char *digits, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < FIELD_DIGITS; i++) {
        char c = digits[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A') + 10;
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

static enum cpio_error read_header(const char *header, uint32_t field[FIELD_COUNT])
{
    if (memcmp(header, MAGIC, MAGIC_SIZE) != 0)
        return CPIO_BAD_MAGIC;
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (!read_hex(header + MAGIC_SIZE + i * FIELD_DIGITS, &field[i]))
            return CPIO_BAD_NUMBER;
    }
    return CPIO_OK;
}

enum cpio_error cpio_next(const void *archive, size_t size, size_t *offset, struct cpio_file *file)
{
    const char *base = archive;
    uint64_t at = *offset;
    uint32_t field[FIELD_COUNT];

    if (!range_inside(at, HEADER_SIZE, size))
        return CPIO_TRUNCATED;
    enum cpio_error error = read_header(base + at, field);
    if (error)
        return error;
    at += HEADER_SIZE;
    uint32_t name_size = field[FIELD_NAMESIZE];
    if (name_size < 2 || name_size > NAME_SIZE_MAX)
        return CPIO_BAD_NAME;
    if (!range_inside(at, name_size, size))
        return CPIO_TRUNCATED;
    const char *name = base + at;
    if (name[0] == 0 || name[name_size - 1] != 0)
        return CPIO_BAD_NAME;
    if (strcmp(name, TRAILER) == 0)
        return CPIO_END;
    at = align_up(at + name_size, 4);
    uint32_t data_size = field[FIELD_FILESIZE];
    if (!range_inside(at, data_size, size))
        return CPIO_TRUNCATED;
    bool has_prefix = name[0] == '.' && name[1] == '/' && name[2] != 0;
    *file = (struct cpio_file){
        .name = has_prefix ? name + 2 : name,
        .data = base + at,
        .size = data_size,
        .mode = field[FIELD_MODE],
    };
    *offset = align_up(at + data_size, 4);
    return CPIO_OK;
}

enum cpio_error cpio_find(const void *archive, size_t size, const char *name, struct cpio_file *file)
{
    size_t offset = 0;
    struct cpio_file candidate;
    enum cpio_error error;

    while (!(error = cpio_next(archive, size, &offset, &candidate))) {
        if ((candidate.mode & MODE_TYPE) == MODE_REGULAR && strcmp(candidate.name, name) == 0) {
            *file = candidate;
            return CPIO_OK;
        }
    }
    return error == CPIO_END ? CPIO_NOT_FOUND : error;
}

const char *cpio_strerror(enum cpio_error error)
{
    static const char *const text[] = {
        [CPIO_OK] = "no error",
        [CPIO_END] = "end of the archive",
        [CPIO_BAD_MAGIC] = "not a cpio archive in newc format, or damaged",
        [CPIO_BAD_NUMBER] = "a header field is not a hexadecimal number",
        [CPIO_TRUNCATED] = "truncated",
        [CPIO_BAD_NAME] = "a file name is empty, too long or not terminated",
        [CPIO_NOT_FOUND] = "no such file in the archive",
    };

    return (unsigned)error < sizeof(text) / sizeof(text[0]) ? text[error] : "unknown error";
}
