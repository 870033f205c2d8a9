/* SPDX-License-Identifier: MIT */
/* cpio reader: archives of the cpio tool, archives made here that are wrong in one way each, and damage. */
#include "cpio_archive.h"

#include <sys/stat.h>

Test(cpio, files_in_order)
{
    static const struct {
        const char *name, *data;
        uint32_t mode;
    } expected[] = {{"bin", "", 040755},
                    {"bin/first", "first file", 0100755},
                    {"second", "2", 0100644},
                    {"link", "bin/first", 0120777}};
    struct archive archive = sample();
    struct cpio_file file;
    size_t offset = 0;

    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(cpio_next(archive.bytes, archive.size, &offset, &file), CPIO_OK);
        cr_expect_str_eq(file.name, expected[i].name);
        cr_expect_eq(file.mode, expected[i].mode);
        cr_assert_eq(file.size, strlen(expected[i].data));
        cr_expect_eq(memcmp(file.data, expected[i].data, file.size), 0);
    }
    cr_assert_eq(cpio_next(archive.bytes, archive.size, &offset, &file), CPIO_END);
    cr_assert_eq(cpio_next(archive.bytes, archive.size, &offset, &file), CPIO_END);
}

Test(cpio, find)
{
    struct archive archive = sample();
    struct cpio_file file = {.size = 77};

    cr_assert_eq(cpio_find(archive.bytes, archive.size, "none", &file), CPIO_NOT_FOUND);
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "bin/firs", &file), CPIO_NOT_FOUND);
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "TRAILER!!!", &file), CPIO_NOT_FOUND);
    /* A directory and a link are no files. */
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "bin", &file), CPIO_NOT_FOUND);
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "link", &file), CPIO_NOT_FOUND);
    cr_assert_eq(file.size, 77);
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "second", &file), CPIO_OK);
    cr_assert(file.size == 1 && *(const char *)file.data == '2');
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "bin/first", &file), CPIO_OK);
    cr_assert_eq(file.size, 10);
}

Test(cpio, damage_is_told_wherever_it_is)
{
    struct archive archive = sample();
    struct cpio_file file;
    size_t at = add(&archive, "x", 0100644, "");

    memcpy(archive.bytes + at - 124, "damage", 6); /* the trailer */
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "second", &file), CPIO_BAD_MAGIC);
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "x", &file), CPIO_BAD_MAGIC);
}

Test(cpio, last_of_a_name_counts)
{
    struct archive archive = {0};

    add(&archive, "a", 0100644, "before");
    add(&archive, "a", 0100644, "after");
    add(&archive, "a", 040755, "");
    add(&archive, "TRAILER!!!", 0, "");
    cr_assert_str_eq(content_of(&archive, "a"), "after");
}

Test(cpio, magic)
{
    struct archive archive = sample();
    unsigned files;

    for (unsigned i = 0; i < 6; i++) {
        struct archive damaged = archive;
        damaged.bytes[i] ^= 1;
        cr_expect_eq(walk_archive(&damaged), CPIO_BAD_MAGIC);
    }
    memcpy(archive.bytes, "070703", 6);
    cr_assert_eq(walk_archive(&archive), CPIO_BAD_MAGIC);
    char text[200];
    memset(text, '0', sizeof(text));
    cr_assert_eq(walk(text, sizeof(text), &files), CPIO_BAD_MAGIC);
}

Test(cpio, numbers)
{
    static const char not_digits[] = {'g', 'G', '/', ':', '@', '`', ' ', 'x', '-', '\0', '\x80'};

    for (size_t at = FIELD_INODE; at < HEADER_SIZE; at++) {
        struct archive archive = sample();
        archive.bytes[at] = (uint8_t)not_digits[at % sizeof(not_digits)];
        cr_expect_eq(walk_archive(&archive), CPIO_BAD_NUMBER, "offset %zu", at);
    }
    cr_assert_eq(walk_archive(&(struct archive){0}), CPIO_TRUNCATED);
}

Test(cpio, digits_in_both_cases)
{
    static const char *const digits[] = {"01234567", "89ABCDEF", "89abcdef", "FfFfFfFf", "00000000"};

    for (unsigned i = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
        struct archive archive = sample();
        struct cpio_file file;
        size_t offset = 0;
        memcpy(archive.bytes + FIELD_MODE, digits[i], 8);
        cr_assert_eq(cpio_next(archive.bytes, archive.size, &offset, &file), CPIO_OK);
        cr_expect_eq(file.mode, (uint32_t)strtoul(digits[i], NULL, 16));
    }
}

Test(cpio, longest_name)
{
    char name[4097];
    struct archive archive = {0};

    memset(name, 'n', sizeof(name));
    name[4095] = 0;
    size_t at = add(&archive, name, 0100644, "data");
    add(&archive, "TRAILER!!!", 0, "");
    cr_assert_eq(walk_archive(&archive), CPIO_END);
    archive.size = at;
    name[4095] = 'n';
    name[4096] = 0;
    add(&archive, name, 0100644, "data");
    add(&archive, "TRAILER!!!", 0, "");
    cr_assert_eq(walk_archive(&archive), CPIO_BAD_NAME);
}

Test(cpio, names)
{
    struct archive archive = {0};
    size_t at = add(&archive, "four", 0100644, "data");

    add(&archive, "TRAILER!!!", 0, "");
    cr_assert_eq(walk_archive(&archive), CPIO_END);
    set_field(&archive, at + FIELD_NAMESIZE, 4);
    cr_assert_eq(walk_archive(&archive), CPIO_BAD_NAME, "no terminator");
    set_field(&archive, at + FIELD_NAMESIZE, 0);
    cr_assert_eq(walk_archive(&archive), CPIO_BAD_NAME, "no name");
    set_field(&archive, at + FIELD_NAMESIZE, 1);
    cr_assert_eq(walk_archive(&archive), CPIO_BAD_NAME, "empty");
    set_field(&archive, at + FIELD_NAMESIZE, 4097);
    cr_assert_eq(walk_archive(&archive), CPIO_BAD_NAME, "too long");
    set_field(&archive, at + FIELD_NAMESIZE, UINT32_MAX);
    cr_assert_eq(walk_archive(&archive), CPIO_BAD_NAME, "too long");
    set_field(&archive, at + FIELD_NAMESIZE, 5);
    archive.bytes[at + HEADER_SIZE] = 0;
    cr_assert_eq(walk_archive(&archive), CPIO_BAD_NAME, "empty");
}

Test(cpio, names_with_dots)
{
    static const char *const names[][2] = {
        {".", "."}, {"./", "./"}, {"./a", "a"}, {"../a", "../a"}, {".a", ".a"}};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct archive archive = {0};
        struct cpio_file file;
        size_t offset = 0;
        add(&archive, names[i][0], 0100644, "");
        cr_assert_eq(cpio_next(archive.bytes, archive.size, &offset, &file), CPIO_OK);
        cr_expect_str_eq(file.name, names[i][1]);
    }
}

Test(cpio, sizes_past_the_end)
{
    struct archive archive = {0};
    size_t at = add(&archive, "last", 0100644, "data");

    cr_assert_eq(walk_archive(&archive), CPIO_TRUNCATED, "no trailer");
    static const uint32_t sizes[] = {5, 6, 100, 0x7fffffff, 0xfffffffc, UINT32_MAX};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned files;
        set_field(&archive, at + FIELD_FILESIZE, sizes[i]);
        cr_expect_eq(walk(archive.bytes, archive.size, &files), CPIO_TRUNCATED);
        cr_expect_eq(files, 0);
    }
    set_field(&archive, at + FIELD_NAMESIZE, 100);
    cr_assert_eq(walk_archive(&archive), CPIO_TRUNCATED);
}

Test(cpio, every_truncation)
{
    struct archive archive = sample();
    unsigned all, files;

    cr_assert_eq(walk(archive.bytes, archive.size, &all), CPIO_END);
    cr_assert_eq(all, 4);
    /* What is cut off the padding behind the trailer is not missed. */
    const size_t needed = archive.size - 3;
    for (size_t size = 0; size < needed; size++) {
        cr_expect_eq(walk(archive.bytes, size, &files), CPIO_TRUNCATED, "%zu bytes", size);
        cr_expect_leq(files, all);
    }
    cr_assert_eq(walk(archive.bytes, needed, &files), CPIO_END);
    cr_assert_eq(cpio_find(NULL, 0, "init", &(struct cpio_file){0}), CPIO_TRUNCATED);
}

Test(cpio, offset_outside_the_archive)
{
    struct archive archive = sample();
    struct cpio_file file;
    const size_t offsets[] = {archive.size, archive.size + 4, SIZE_MAX, SIZE_MAX - 3, SIZE_MAX - HEADER_SIZE};

    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        size_t offset = offsets[i];
        cr_expect_eq(cpio_next(archive.bytes, archive.size, &offset, &file), CPIO_TRUNCATED);
        cr_expect_eq(offset, offsets[i]);
    }
}

Test(cpio, every_error_has_its_own_text)
{
    for (int a = CPIO_OK; a <= CPIO_NOT_FOUND; a++) {
        for (int b = CPIO_OK; b < a; b++)
            cr_expect_str_neq(cpio_strerror((enum cpio_error)a), cpio_strerror((enum cpio_error)b));
    }
    cr_assert_not_null(cpio_strerror((enum cpio_error)(CPIO_NOT_FOUND + 1)));
    cr_assert_not_null(cpio_strerror((enum cpio_error) - 1));
}

Test(cpio, damaged_at_random, .timeout = 60)
{
    static const char digits[] = "0123456789ABCDEFabcdefFFFF0000";
    uint64_t random = 0x6370696f;
    unsigned by_error[CPIO_NOT_FOUND + 1] = {0};

    for (unsigned round = 0; round < 200000; round++) {
        struct archive archive = sample();
        unsigned files;
        for (uint64_t changes = 1 + random_below(&random, 4); changes > 0; changes--) {
            size_t at = random_below(&random, archive.size);
            bool number = random_below(&random, 2) == 0;
            archive.bytes[at] = number ? (uint8_t)digits[random_below(&random, sizeof(digits) - 1)]
                                       : (uint8_t)random_next(&random);
        }
        size_t size = random_below(&random, 4) == 0 ? random_below(&random, archive.size) : archive.size;
        enum cpio_error error = walk(archive.bytes, size, &files);
        cr_assert(error && error < CPIO_NOT_FOUND);
        cr_assert_leq(files, size / (HEADER_SIZE + 2));
        by_error[error]++;
    }
    for (int error = CPIO_END; error < CPIO_BAD_SUM; error++) /* sums are for cpio_find() */
        cr_expect_gt(by_error[error], 1000, "hardly ever: %s", cpio_strerror((enum cpio_error)error));
}

/* A directory of files of many sizes, put in an archive by the tool and compared file by file. */
static void compare_with_tool(const char *command)
{
    char scratch[64];
    struct cpio_file file;
    unsigned files = 0;

    enter_scratch(scratch);
    run("mkdir -p tree/sub && cd tree && for n in 0 1 2 3 4 5 7 8 4095 4096 4097 100000; do "
        "head -c $n /dev/urandom > sub/file$n; done && ln -s file4 sub/link && %s",
        command);
    struct exact archive = read_file("archive");
    for (size_t offset = 0; !cpio_next(archive.data, archive.size, &offset, &file); files++) {
        char path[128];
        struct stat status;
        snprintf(path, sizeof(path), "tree/%s", file.name);
        cr_assert_eq(lstat(path, &status), 0);
        cr_assert_eq(file.mode, status.st_mode);
        if (S_ISREG(status.st_mode)) {
            struct exact content = read_file(path);
            cr_assert_eq(file.size, content.size);
            cr_assert_eq(memcmp(file.data, content.data, content.size), 0);
            exact_free(&content);
            struct cpio_file found;
            cr_assert_eq(cpio_find(archive.data, archive.size, file.name, &found), CPIO_OK);
            cr_assert_eq(found.data, file.data);
        }
    }
    leave_scratch(scratch);
    cr_assert_eq(files, 15);
    cr_assert_eq(walk(archive.data, archive.size, &files), CPIO_END);
    exact_free(&archive);
}

Test(cpio, archives_of_the_tool)
{
    compare_with_tool("find . | cpio --quiet -o -H newc > ../archive");
    compare_with_tool("find . -depth -printf '%P\\n' | sed 's/^$/./' | LC_ALL=C sort | "
                      "cpio --quiet -o -H newc -R +0:+0 --reproducible > ../archive");
    compare_with_tool("find . | cpio --quiet -o -H crc > ../archive");
}

/* Other formats of the tool are refused by name. */
Test(cpio, other_formats_of_the_tool)
{
    static const char *const formats[] = {"bin", "odc", "ustar"};
    char scratch[64];
    unsigned files;

    enter_scratch(scratch);
    for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        run("head -c 1000 /dev/zero > file && echo file | cpio --quiet -o -H %s > archive", formats[i]);
        struct exact archive = read_file("archive");
        cr_expect_eq(walk(archive.data, archive.size, &files), CPIO_BAD_MAGIC, "%s", formats[i]);
        exact_free(&archive);
    }
    leave_scratch(scratch);
}
