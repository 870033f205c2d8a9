/* SPDX-License-Identifier: MIT */
/*
 * File systems that were not unmounted cleanly: debugfs writes transactions into the journal, and what is
 * read must be what e2fsck makes of a copy of the image.
 */
// sources: lib/ext4/*.c
#include "ext4_image.h"

#include <base/crc32c.h>
#include <ext4/internal.h>

static char scratch[64];
static _Alignas(8) uint8_t table[1 << 20];

static void set_up(void)
{
    enter_scratch(scratch);
    image_find_tools();
}

static void tear_down(void)
{
    leave_scratch(scratch);
}

TestSuite(ext4_replay, .init = set_up, .fini = tear_down, .timeout = 60);

/* Block of the device that holds block 0 of a file. */
static uint64_t block_of(const char *path)
{
    struct image image = image_load("image");
    struct ext4 fs;
    struct ext4_run run;

    image_mount(&fs, &image);
    struct ext4_node node = image_find(&fs, path, true);
    cr_assert_eq(ext4_map(&fs, &node, 0, &run), ERR_OK);
    image_free(&image);
    return run.block;
}

static void make_image(const char *options)
{
    run("mkdir src; echo old one > src/one; echo old two > src/two; echo old three > src/three");
    run("mke2fs -q -F -t ext4 -b 1024 %s -d src image 8M", options);
}

/* A block of the size of the file system's that begins with `text`. */
static void make_block(const char *file, const char *text)
{
    char block[1024] = {0};

    memcpy(block, text, strlen(text));
    write_file(file, block, sizeof(block));
}

static void debugfs(const char *commands)
{
    write_file("commands", commands, strlen(commands));
    run("debugfs -w -f commands image");
}

static enum error mount(struct ext4 *fs, struct image *image, size_t size)
{
    struct ext4_source source = image_source(image);

    return ext4_mount(fs, &source, table, size);
}

static void expect_content(struct ext4 *fs, const char *path, const char *text)
{
    char got[64] = {0};
    size_t done;
    struct ext4_node node = image_find(fs, path, true);

    cr_assert_eq(ext4_read(fs, &node, 0, got, sizeof(got) - 1, &done), ERR_OK, "%s", fs->cause);
    cr_assert_str_eq(got, text, "%s", path);
}

/* Compares /one, /two and /three with the image that e2fsck replayed. */
static void compare_with_e2fsck(void)
{
    run("cp image replayed; e2fsck -fy replayed; test $? -le 1");
    struct image image = image_load("image"), replayed = image_load("replayed");
    struct ext4 fs, other;
    static const char *const names[] = {"/one", "/two", "/three"};

    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    cr_assert(fs.replay.active);
    image_mount(&other, &replayed);
    for (int i = 0; i < 3; i++) {
        char text[64] = {0};
        size_t done;
        struct ext4_node node = image_find(&other, names[i], true);
        cr_assert_eq(ext4_read(&other, &node, 0, text, sizeof(text) - 1, &done), ERR_OK);
        expect_content(&fs, names[i], text);
    }
    image_free(&image);
    image_free(&replayed);
}

/* Two transactions: the second overwrites a block of the first and revokes another. */
static void check_two_transactions(const char *options, const char *journal)
{
    char commands[512];

    make_image(options);
    make_block("new1", "new one\n");
    make_block("new2", "new two\n");
    make_block("newer1", "newer 1\n");
    unsigned long one = block_of("/one"), two = block_of("/two"), three = block_of("/three");
    snprintf(commands, sizeof(commands), "jo %s\njw -b %lu,%lu,%lu new\njw -b %lu newer1\njw -r %lu\njc\n",
             journal, one, two, three, one, two);
    run("cat new1 new2 new1 > new");
    debugfs(commands);
    struct image image = image_load("image");
    struct ext4 fs;
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    expect_content(&fs, "/one", "newer 1\n");
    expect_content(&fs, "/two", "old two\n");
    expect_content(&fs, "/three", "new one\n\0");
    image_free(&image);
    compare_with_e2fsck();
}

Test(ext4_replay, checksums_v3)
{
    check_two_transactions("", "-c");
}

Test(ext4_replay, checksums_v2)
{
    check_two_transactions("", "-c -v 2");
}

Test(ext4_replay, no_checksums)
{
    check_two_transactions("-O ^metadata_csum", "");
}

Test(ext4_replay, no_64bit)
{
    check_two_transactions("-O ^64bit,^metadata_csum", "");
}

/* A block that came back after it was revoked counts again. */
Test(ext4_replay, written_after_revocation)
{
    char commands[512];

    make_image("");
    make_block("new", "new two\n");
    unsigned long two = block_of("/two");
    snprintf(commands, sizeof(commands), "jo -c\njw -b %lu /dev/zero\njw -r %lu\njw -b %lu new\njc\n", two,
             two, two);
    debugfs(commands);
    struct image image = image_load("image");
    struct ext4 fs;
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    expect_content(&fs, "/two", "new two\n");
    image_free(&image);
    compare_with_e2fsck();
}

/* A transaction without its commit never happened. */
Test(ext4_replay, not_committed)
{
    char commands[512];

    make_image("");
    make_block("new", "new one\n");
    snprintf(commands, sizeof(commands), "jo -c\njw -b %lu new\njw -b %lu new -c\njc\n", block_of("/two"),
             block_of("/one"));
    debugfs(commands);
    struct image image = image_load("image");
    struct ext4 fs;
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    expect_content(&fs, "/one", "old one\n");
    expect_content(&fs, "/two", "new one\n");
    image_free(&image);
    compare_with_e2fsck();
}

/* Inodes, directories and the superblock itself are read from the journal too. */
Test(ext4_replay, metadata)
{
    char commands[512];

    make_image("");
    run("cp image later; debugfs -w -R 'mkdir fresh' later; debugfs -w -R 'ssv volume_name later' later");
    run("e2fsck -fy later; test $? -le 1");
    struct exact before = read_file("image"), after = read_file("later");
    size_t length = (size_t)snprintf(commands, sizeof(commands), "jo -c\njw -b ");
    FILE *blocks = fopen("blocks", "wb");
    for (size_t n = 0; n < before.size / 1024; n++) {
        if (memcmp(before.data + n * 1024, after.data + n * 1024, 1024) != 0) {
            length += (size_t)snprintf(commands + length, sizeof(commands) - length, "%zu,", n);
            fwrite(after.data + n * 1024, 1024, 1, blocks);
        }
    }
    fclose(blocks);
    snprintf(commands + length - 1, sizeof(commands) - length + 1, " blocks\njc\n");
    debugfs(commands);
    exact_free(&before);
    exact_free(&after);
    struct image image = image_load("image");
    struct ext4 fs;
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    cr_assert_str_eq(fs.label, "later");
    struct ext4_node node = image_find(&fs, "/fresh", true);
    cr_assert(ext4_is_dir(&node));
    image_free(&image);
}

static void make_dirty(void)
{
    char commands[512];

    make_image("");
    make_block("new", "new one\n");
    snprintf(commands, sizeof(commands), "jo -c\njw -b %lu new\njc\n", block_of("/one"));
    debugfs(commands);
}

/* The journal's place in the image. */
static uint8_t *journal_of(struct ext4 *fs, struct image *image, uint32_t block)
{
    struct ext4_node journal;
    struct ext4_run run;

    cr_assert_eq(ext4_read_node(fs, fs->journal_inode, &journal), ERR_OK);
    cr_assert_eq(ext4_map(fs, &journal, block, &run), ERR_OK);
    cr_assert_neq(run.block, 0);
    return image->bytes + run.block * 1024;
}

static struct ext4_be32 be32(uint32_t n)
{
    return (struct ext4_be32){{(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

/* Makes the journal superblock's checksum right again. */
static void seal_journal(struct journal_superblock *super)
{
    super->s_checksum = be32(0);
    super->s_checksum = be32(crc32c(~0u, super, sizeof(*super)));
}

/* The log has zeros where a block begins with the journal's own magic number. */
Test(ext4_replay, escaped)
{
    static const char magic[] = "\xc0\x3b\x39\x98";
    char commands[512], text[16] = {0};
    struct ext4 fs;
    size_t done;

    for (int checksums = 0; checksums < 2; checksums++) {
        make_image(checksums ? "" : "-O ^metadata_csum");
        make_block("new1", "\xc0\x3b\x39\x98 one");
        make_block("new2", "new two\n");
        run("cat new1 new2 > new");
        snprintf(commands, sizeof(commands), "jo %s\njw -b %lu,%lu new\njc\n", checksums ? "-c" : "",
                 block_of("/one"), block_of("/two"));
        debugfs(commands);
        struct image image = image_load("image");
        cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
        cr_assert_eq(memcmp(journal_of(&fs, &image, 2), "\0\0\0\0 one", 8), 0, "it is escaped in the log");
        for (int times = 0; times < 2; times++) {
            struct ext4_node node = image_find(&fs, "/one", true);
            cr_assert_eq(ext4_read(&fs, &node, 0, text, 8, &done), ERR_OK, "%s", fs.cause);
            cr_assert_eq(memcmp(text, magic, 4), 0);
            cr_assert_eq(memcmp(text + 4, " one", 4), 0);
        }
        expect_content(&fs, "/two", "new two\n");
        image_free(&image);
        compare_with_e2fsck();
        run("rm -r src");
    }
}

/* As many copies as there is room for in a large journal; the reader says how much memory it wants. */
Test(ext4_replay, many_blocks)
{
    struct ext4 fs;
    struct ext4_run run_of;

    run("mkdir src; head -c 13M /dev/zero | tr '\\0' a > src/one");
    run("mke2fs -q -F -t ext4 -b 1024 -J size=20 -d src image 48M");
    struct image before = image_load("image");
    image_mount(&fs, &before);
    struct ext4_node node = image_find(&fs, "/one", true);
    FILE *commands = fopen("commands", "w");
    fprintf(commands, "jo -c\n");
    for (uint32_t n = 0; n < 13000; n++) {
        cr_assert_eq(ext4_map(&fs, &node, n, &run_of), ERR_OK);
        fprintf(commands, "%s%lu%s", n % 50 ? "" : "jw -b ", run_of.block, n % 50 == 49 ? " new\n" : ",");
    }
    fprintf(commands, "jc\n");
    fclose(commands);
    image_free(&before);
    run("head -c 50K /dev/zero | tr '\\0' b > new; debugfs -w -f commands image > log");
    struct image image = image_load("image");
    enum error error = mount(&fs, &image, 8192 * sizeof(struct ext4_replay_entry));
    cr_assert_eq(error, ERR_NO_MEMORY, "%d: %s", error, fs.cause);
    cr_assert(strstr(fs.cause, "wait to be replayed"), "%s", fs.cause);
    cr_assert_leq(fs.replay.wanted, sizeof(table), "%zu", fs.replay.wanted);
    cr_assert_eq(mount(&fs, &image, fs.replay.wanted), ERR_OK, "%s", fs.cause);
    static char text[13 << 20];
    size_t done;
    node = image_find(&fs, "/one", true);
    cr_assert_eq(ext4_read(&fs, &node, 0, text, sizeof(text), &done), ERR_OK, "%s", fs.cause);
    cr_assert_eq(done, 13 << 20);
    for (size_t i = 0; i < sizeof(text); i++)
        cr_assert_eq(text[i], i < 13000 * 1024 ? 'b' : 'a', "byte %zu", i);
    image_free(&image);
}

static void make_dirty(void);

/* A journal that may have fast commits is replayed if it has none, and refused by their name if it has. */
Test(ext4_replay, fast_commits)
{
    char commands[512];
    struct ext4 fs;

    run("mkdir src; echo old one > src/one; echo old two > src/two; echo old three > src/three");
    run("mke2fs -q -F -t ext4 -b 1024 -O fast_commit -d src image 32M");
    make_block("new", "new one\n");
    snprintf(commands, sizeof(commands), "jo -c\njw -b %lu new\njc\n", block_of("/one"));
    debugfs(commands);
    struct image image = image_load("image");
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    struct journal_superblock *super = (void *)journal_of(&fs, &image, 0);
    super->s_feature_incompat =
        be32(ext4_be32(super->s_feature_incompat) | JBD2_FEATURE_INCOMPAT_FAST_COMMIT);
    seal_journal(super);
    cr_assert_neq(ext4_be32(super->s_num_fc_blocks), 0);
    uint32_t first = ext4_be32(super->s_maxlen) - ext4_be32(super->s_num_fc_blocks) + 1;
    uint32_t next = ext4_be32(super->s_sequence) + 1;
    struct ext4_fc_head *head = (void *)journal_of(&fs, &image, first);
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    expect_content(&fs, "/one", "new one\n");
    *head = (struct ext4_fc_head){EXT4_FC_TAG_HEAD, 8, 0, next - 1}; /* of long ago */
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    expect_content(&fs, "/one", "new one\n");
    head->fc_tid = next;
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_UNSUPPORTED);
    cr_assert(strstr(fs.cause, "journal: fast_commit: "), "%s", fs.cause);
    image_free(&image);
}

static void expect_feature(uint32_t feature, const char *words)
{
    struct ext4 fs;

    make_dirty();
    struct image image = image_load("image");
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    struct journal_superblock *super = (void *)journal_of(&fs, &image, 0);
    super->s_feature_incompat = be32(ext4_be32(super->s_feature_incompat) | feature);
    seal_journal(super);
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_UNSUPPORTED);
    cr_assert_str_eq(fs.cause, words);
    image_free(&image);
    run("rm -r src");
}

Test(ext4_replay, unknown_features)
{
    expect_feature(JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT,
                   "journal: feature journal_async_commit is not supported");
    expect_feature(0x80000040, "journal: feature FEATURE_I6, FEATURE_I31 is not supported");
}

/* The journal's extents map the same blocks over and over: a log that is longer than the file system. */
Test(ext4_replay, log_without_end)
{
    struct ext4 fs;

    make_dirty();
    struct image image = image_load("image");
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    struct journal_superblock *super = (void *)journal_of(&fs, &image, 0);
    struct ext4_block *block;
    const struct ext4_inode *found;
    cr_assert_eq(ext4_get_inode(&fs, fs.journal_inode, &block, &found), ERR_OK);
    size_t offset = (size_t)((const uint8_t *)found - block->data);
    struct ext4_group_desc group;
    cr_assert_eq(ext4_read_group(&fs, 0, &group), ERR_OK);
    struct ext4_inode *inode = (void *)(image.bytes + group.bg_inode_table_lo * 1024ul + 1024 + offset -
                                        (offset >= 1024 ? 1024 : 0));
    ext4_put_block(&fs, block);
    cr_assert_eq(memcmp(inode, found, 128), 0);
    struct ext4_extent *extent = (void *)(inode->i_block + 3);
    uint32_t start = extent[0].ee_start_lo, length = extent[0].ee_len;
    for (uint32_t i = 0; i < 4; i++)
        extent[i] = (struct ext4_extent){i * 32768, 32768, 0, start};
    for (uint32_t i = 0; i < 4; i++)
        extent[i].ee_len = (uint16_t)(length < 7000 ? 7000 : length);
    for (uint32_t i = 0; i < 4; i++)
        extent[i].ee_block = i * extent[0].ee_len;
    ((struct ext4_extent_header *)inode->i_block)->eh_entries = 4;
    inode->i_size_lo = 4 * extent[0].ee_len * 1024u;
    uint32_t seed = crc32c(crc32c(fs.checksum_seed, &fs.journal_inode, 4), &inode->i_generation, 4);
    inode->l_i_checksum_lo = inode->i_checksum_hi = 0;
    uint32_t sum = crc32c(seed, inode, fs.inode_size);
    inode->l_i_checksum_lo = (uint16_t)sum;
    inode->i_checksum_hi = (uint16_t)(sum >> 16);
    super->s_maxlen = be32(4u * extent[0].ee_len);
    seal_journal(super);
    image.gets = 0;
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_CORRUPT);
    cr_assert(strstr(fs.cause, "journal superblock: log is [1, "), "%s", fs.cause);
    cr_assert_leq(image.gets, 100);
    image_free(&image);
}

Test(ext4_replay, no_room_for_the_table)
{
    make_dirty();
    struct image image = image_load("image");
    struct ext4 fs;
    cr_assert_eq(mount(&fs, &image, 0), ERR_UNSUPPORTED);
    cr_assert(strstr(fs.cause, "replayed"), "%s", fs.cause);
    cr_assert_eq(mount(&fs, &image, 2 * sizeof(struct ext4_replay_entry)), ERR_OK, "%s", fs.cause);
    expect_content(&fs, "/one", "new one\n");
    image_free(&image);
}

Test(ext4_replay, more_blocks_than_room)
{
    char commands[512];

    make_image("");
    run("cat /dev/zero | head -c 3072 > new");
    snprintf(commands, sizeof(commands), "jo -c\njw -b %lu,%lu,%lu new\njc\n", block_of("/one"),
             block_of("/two"), block_of("/three"));
    debugfs(commands);
    struct image image = image_load("image");
    struct ext4 fs;
    cr_assert_eq(mount(&fs, &image, 3 * sizeof(struct ext4_replay_entry)), ERR_NO_MEMORY);
    cr_assert(strstr(fs.cause, "journal"), "%s", fs.cause);
    image_free(&image);
}

/* Any damage in the journal is noticed or ends the log; nothing is read outside its blocks. */
Test(ext4_replay, damaged)
{
    make_dirty();
    struct image image = image_load("image");
    struct ext4 fs;
    struct ext4_run run;
    uint64_t random = 99;
    cr_assert_eq(mount(&fs, &image, sizeof(table)), ERR_OK, "%s", fs.cause);
    struct ext4_node journal;
    cr_assert_eq(ext4_read_node(&fs, fs.journal_inode, &journal), ERR_OK);
    cr_assert_eq(ext4_map(&fs, &journal, 0, &run), ERR_OK);
    uint8_t *log = image.bytes + run.block * 1024;
    for (int i = 0; i < 3000; i++) {
        size_t at = random_below(&random, 5 * 1024);
        uint8_t flip = (uint8_t)(1 + random_below(&random, 255));
        log[at] ^= flip;
        enum error error = mount(&fs, &image, sizeof(table));
        cr_assert(error || image_find(&fs, "/one", true).inode, "%s", fs.cause);
        cr_assert(at >= 0x100 || at < 0x0c || error == ERR_CORRUPT || error == ERR_UNSUPPORTED, "%zu: %d", at,
                  error);
        log[at] ^= flip;
    }
    image_free(&image);
}
