/* SPDX-License-Identifier: MIT */
/*
 * cpio "newc" archives. Each file is a header of ASCII fields, its name and its data; name and data are each
 * padded to a multiple of four bytes. A file named TRAILER!!! ends the archive; zeros, and then another
 * archive, may follow (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#include <base/checked.h>
#include <base/cpio.h>
#include <stdbool.h>
#include <string.h>

#define MAGIC         "070701"
#define MAGIC_SUMMED  "070702" /* the same with a sum of the data's bytes */
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
    FIELD_INODE = 0,
    FIELD_MODE = 1,
    FIELD_LINKS = 4,
    FIELD_FILESIZE = 6,
    FIELD_MAJOR = 7,
    FIELD_MINOR = 8,
    FIELD_NAMESIZE = 11,
    FIELD_SUM = 12,
};

#define DIGIT(value) (0x80 | (value))
/* What a hexadecimal digit stands for; 0: it is none. */
static const uint8_t digit_of[256] = {
    ['0'] = DIGIT(0),  ['1'] = DIGIT(1),  ['2'] = DIGIT(2),  ['3'] = DIGIT(3),  ['4'] = DIGIT(4),
    ['5'] = DIGIT(5),  ['6'] = DIGIT(6),  ['7'] = DIGIT(7),  ['8'] = DIGIT(8),  ['9'] = DIGIT(9),
    ['a'] = DIGIT(10), ['b'] = DIGIT(11), ['c'] = DIGIT(12), ['d'] = DIGIT(13), ['e'] = DIGIT(14),
    ['f'] = DIGIT(15), ['A'] = DIGIT(10), ['B'] = DIGIT(11), ['C'] = DIGIT(12), ['D'] = DIGIT(13),
    ['E'] = DIGIT(14), ['F'] = DIGIT(15),
};

static bool read_hex(const char *text, uint32_t *value)
{
    uint32_t read = 0, all = DIGIT(0);

#pragma GCC unroll 8
    for (unsigned i = 0; i < FIELD_DIGITS; i++) {
        uint32_t digit = digit_of[(uint8_t)text[i]];
        all &= digit;
        read = read << 4 | (digit & 15);
    }
    *value = read;
    return all;
}

static bool has_magic(const char *header)
{
    return memcmp(header, MAGIC, MAGIC_SIZE) == 0 || memcmp(header, MAGIC_SUMMED, MAGIC_SIZE) == 0;
}

static enum cpio_error read_header(const char *header, uint32_t field[FIELD_COUNT])
{
    if (!has_magic(header))
        return CPIO_BAD_MAGIC;
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (!read_hex(header + MAGIC_SIZE + i * FIELD_DIGITS, &field[i]))
            return CPIO_BAD_NUMBER;
    }
    return CPIO_OK;
}

/* Whether the name at `at`, behind the header with these fields, is a good one. */
static enum cpio_error check_name(const char *base, size_t size, uint64_t at, const uint32_t *field)
{
    uint32_t name_size = field[FIELD_NAMESIZE];

    if (name_size < 2 || name_size > NAME_SIZE_MAX)
        return CPIO_BAD_NAME;
    if (!range_inside(at, name_size, size))
        return CPIO_TRUNCATED;
    return base[at] == 0 || base[at + name_size - 1] != 0 ? CPIO_BAD_NAME : CPIO_OK;
}

/* Reads the file at *offset and moves *offset past it. CPIO_END at a trailer, which it moves past as well. */
static enum cpio_error read_file(const char *base, size_t size, uint64_t *offset, struct cpio_file *file)
{
    uint32_t field[FIELD_COUNT];
    uint64_t at = *offset;

    if (!range_inside(at, HEADER_SIZE, size))
        return CPIO_TRUNCATED;
    const char *header = base + at, *name = header + HEADER_SIZE;
    enum cpio_error error = read_header(header, field);
    if (!error)
        error = check_name(base, size, at + HEADER_SIZE, field);
    if (error)
        return error;
    at = align_up(at + HEADER_SIZE + field[FIELD_NAMESIZE], 4);
    if (strcmp(name, TRAILER) == 0) {
        *offset = at;
        return CPIO_END;
    }
    if (!range_inside(at, field[FIELD_FILESIZE], size))
        return CPIO_TRUNCATED;
    bool has_prefix = name[0] == '.' && name[1] == '/' && name[2] != 0;
    *file = (struct cpio_file){
        .name = has_prefix ? name + 2 : name,
        .data = base + at,
        .size = field[FIELD_FILESIZE],
        .mode = field[FIELD_MODE],
        .links = field[FIELD_LINKS],
        .inode = field[FIELD_INODE],
        .device = (uint64_t)field[FIELD_MAJOR] << 32 | field[FIELD_MINOR],
        .summed = memcmp(header, MAGIC_SUMMED, MAGIC_SIZE) == 0,
        .sum = field[FIELD_SUM],
    };
    *offset = align_up(at + field[FIELD_FILESIZE], 4);
    return CPIO_OK;
}

/* Whether another archive follows, behind any number of zeros; `at` is then where it begins. */
static bool next_archive(const char *base, size_t size, uint64_t *at)
{
    uint64_t next = *at;

    while (next < size && base[next] == 0)
        next++;
    if (next % 4 != 0 || !range_inside(next, MAGIC_SIZE, size) || !has_magic(base + next))
        return false;
    *at = next;
    return true;
}

enum cpio_error cpio_next(const void *archive, size_t size, size_t *offset, struct cpio_file *file)
{
    uint64_t at = *offset;
    bool first = at == 0;
    enum cpio_error error;

    while ((error = read_file(archive, size, &at, file)) == CPIO_END && next_archive(archive, size, &at))
        first = true;
    if (error)
        return error;
    file->first = first;
    *offset = at;
    return CPIO_OK;
}

static bool is_regular(const struct cpio_file *file)
{
    return (file->mode & MODE_TYPE) == MODE_REGULAR;
}

static bool is_same_file(const struct cpio_file *a, const struct cpio_file *b)
{
    return a->inode == b->inode && a->device == b->device && is_regular(a) && is_regular(b);
}

/* Takes the data of a file without any from the other names that it has in its archive, the `number`th. */
static void find_data(const void *archive, size_t size, unsigned number, struct cpio_file *file)
{
    struct cpio_file other;
    unsigned archives = 0;

    for (size_t at = 0; !cpio_next(archive, size, &at, &other);) {
        archives += other.first;
        if (archives != number || other.size == 0 || !is_same_file(&other, file))
            continue;
        file->data = other.data;
        file->size = other.size;
        file->summed = other.summed;
        file->sum = other.sum;
    }
}

/* A file without data may be one whose data is with another name, which then has the sum. */
static bool has_good_sum(const struct cpio_file *file)
{
    const uint8_t *data = file->data;
    uint32_t sum = 0;

    if (!file->summed)
        return true;
    for (size_t i = 0; i < file->size; i++)
        sum += data[i];
    return file->size == 0 || sum == file->sum;
}

enum cpio_error cpio_find(const void *archive, size_t size, const char *name, struct cpio_file *file)
{
    size_t offset = 0;
    struct cpio_file candidate, found = {.name = NULL};
    unsigned archives = 0, number = 0;
    enum cpio_error error;

    while (!(error = cpio_next(archive, size, &offset, &candidate))) {
        archives += candidate.first;
        if (is_regular(&candidate) && strcmp(candidate.name, name) == 0) {
            found = candidate;
            number = archives;
        }
    }
    if (error != CPIO_END)
        return error;
    if (found.name == NULL)
        return CPIO_NOT_FOUND;
    if (found.links > 1 && found.size == 0)
        find_data(archive, size, number, &found);
    if (!has_good_sum(&found))
        return CPIO_BAD_SUM;
    *file = found;
    return CPIO_OK;
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
        [CPIO_BAD_SUM] = "the checksum of a file is wrong",
        [CPIO_NOT_FOUND] = "no such file in the archive",
    };

    return (unsigned)error < sizeof(text) / sizeof(text[0]) ? text[error] : "unknown error";
}
