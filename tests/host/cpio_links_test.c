/* SPDX-License-Identifier: MIT */
/* cpio reader: hard links, several archives in a row, and sums. */
#include "cpio_archive.h"

/* Puts `count` zeros and another archive behind one. */
static void add_archive(struct archive *archive, size_t zeros, const char *name, const char *data)
{
    memset(archive->bytes + archive->size, 0, zeros);
    archive->size += zeros;
    add(archive, name, 0100644, data);
    add(archive, "TRAILER!!!", 0, "");
}

Test(cpio_links, archives_in_a_row)
{
    static const size_t zeros[] = {0, 4, 512, 1000};

    for (unsigned i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++) {
        struct archive archive = sample();
        unsigned files;
        add_archive(&archive, zeros[i], "second", "changed");
        add_archive(&archive, zeros[i], "third", "3");
        cr_assert_eq(walk(archive.bytes, archive.size, &files), CPIO_END);
        cr_expect_eq(files, 6);
        cr_expect_str_eq(content_of(&archive, "second"), "changed");
        cr_expect_str_eq(content_of(&archive, "third"), "3");
        cr_expect_str_eq(content_of(&archive, "bin/first"), "first file");
        archive.size -= 8; /* of the last trailer */
        cr_expect_eq(walk(archive.bytes, archive.size, &files), CPIO_TRUNCATED);
    }
}

Test(cpio_links, what_follows_and_is_no_archive_is_not_read)
{
    static const char *const rest[] = {"x", "junk junk junk", "0707", "\x1f\x8b of gzip"};

    for (unsigned i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        struct archive archive = sample();
        memcpy(archive.bytes + archive.size, rest[i], strlen(rest[i]));
        archive.size += strlen(rest[i]);
        cr_expect_eq(walk_archive(&archive), CPIO_END, "%s", rest[i]);
    }
    /* One that does not begin at a multiple of four is none. */
    struct archive archive = sample();
    archive.size += 2;
    add(&archive, "second", 0100644, "changed");
    add(&archive, "TRAILER!!!", 0, "");
    cr_expect_str_eq(content_of(&archive, "second"), "2");
}

/* A name of a file that has several; the data may come with any of them. */
static void add_link(struct archive *archive, const char *name, const char *data, uint32_t device)
{
    size_t at = add(archive, name, 0100755, data);

    set_field(archive, at + FIELD_INODE, 7);
    set_field(archive, at + FIELD_LINKS, 3);
    set_field(archive, at + FIELD_MAJOR, device);
}

Test(cpio_links, hard_links)
{
    for (unsigned with = 0; with < 3; with++) {
        struct archive archive = {0};
        add_link(&archive, "a", with == 0 ? "data" : "", 1);
        add_link(&archive, "b", with == 1 ? "data" : "", 1);
        add(&archive, "empty", 0100644, "");
        add_link(&archive, "of another device", "wrong", 2);
        add_link(&archive, "c", with == 2 ? "data" : "", 1);
        add(&archive, "TRAILER!!!", 0, "");
        /* In another archive the number is another file's. */
        add_link(&archive, "d", "other", 1);
        add_link(&archive, "e", "", 1);
        add(&archive, "TRAILER!!!", 0, "");
        cr_expect_str_eq(content_of(&archive, "a"), "data");
        cr_expect_str_eq(content_of(&archive, "b"), "data");
        cr_expect_str_eq(content_of(&archive, "c"), "data");
        cr_expect_str_eq(content_of(&archive, "e"), "other");
        cr_expect_str_eq(content_of(&archive, "empty"), "");
    }
}

Test(cpio_links, hard_links_of_an_empty_file)
{
    struct archive archive = {0};

    add_link(&archive, "a", "", 1);
    add_link(&archive, "b", "", 1);
    add(&archive, "TRAILER!!!", 0, "");
    cr_assert_str_eq(content_of(&archive, "a"), "");
}

Test(cpio_links, sums)
{
    struct archive archive = {0};
    struct cpio_file file = {.size = 77};
    size_t at = add(&archive, "a", 0100644, "ab\xff");

    add(&archive, "b", 0100644, "b");
    add(&archive, "TRAILER!!!", 0, "");
    memcpy(archive.bytes + at, "070702", 6);
    set_field(&archive, at + FIELD_CHECK, 'a' + 'b' + 0xff);
    cr_assert_str_eq(content_of(&archive, "a"), "ab\xff");
    set_field(&archive, at + FIELD_CHECK, 'a' + 'b' + 0xff + 1);
    cr_assert_eq(cpio_find(archive.bytes, archive.size, "a", &file), CPIO_BAD_SUM);
    cr_assert_eq(file.size, 77);
    cr_assert_str_eq(content_of(&archive, "b"), "b");
    memcpy(archive.bytes + at, "070701", 6); /* has no sum, whatever the field says */
    cr_assert_str_eq(content_of(&archive, "a"), "ab\xff");
}

/* The tool puts the data of hard links with the last name. */
Test(cpio_links, hard_links_of_the_tool)
{
    static const char *const formats[] = {"newc", "crc"};
    char scratch[64];

    enter_scratch(scratch);
    for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        run("rm -f *; echo content > a && ln a b && ln a c && printf 'c\\na\\nb\\n' | "
            "cpio --quiet -o -H %s > archive && : > other && echo other | cpio --quiet -o -H newc >> archive",
            formats[i]);
        struct exact archive = read_file("archive");
        for (const char *name = "a\0b\0c\0"; *name != 0; name += 2) {
            struct cpio_file file;
            cr_assert_eq(cpio_find(archive.data, archive.size, name, &file), CPIO_OK, "%s", name);
            cr_expect(file.size == 8 && memcmp(file.data, "content\n", 8) == 0, "%s", name);
        }
        cr_expect_eq(cpio_find(archive.data, archive.size, "other", &(struct cpio_file){0}), CPIO_OK);
        exact_free(&archive);
    }
    leave_scratch(scratch);
}
