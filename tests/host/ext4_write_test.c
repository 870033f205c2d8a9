/* SPDX-License-Identifier: MIT */
/*
 * Writing ext4: after random operations the content is that of a model, e2fsck finds nothing, and libext2fs
 * reads the same; for file systems with other features and block sizes.
 */
// sources: lib/ext4/*.c tests/crash/disk.c tests/crash/model.c tests/crash/operations.c
#include "../crash/crash.h"
#include "support.h"

#include <sys/stat.h>

static char scratch[64];

static void set_up(void)
{
    char path[4096];

    enter_scratch(scratch);
    snprintf(path, sizeof(path), "%s:/usr/sbin:/sbin", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    setenv("PATH", path, 1);
}

static void tear_down(void)
{
    leave_scratch(scratch);
}

TestSuite(ext4_write, .init = set_up, .fini = tear_down, .timeout = 120);

static void expect_same(struct ext4 *fs, const struct model *model, const char *when)
{
    const char *difference = model_compare(fs, model, NULL);

    cr_assert_null(difference, "%s: %s", when, difference);
}

/* Works on one image, mounting it anew between, and has it looked at by e2fsck. */
static void work_on(const char *options, const char *size, unsigned operations, unsigned names, size_t most,
                    uint64_t seed)
{
    struct mounted mounted;
    struct workload workload = {.model = model_new(), .random = seed, .names = names, .most = most};

    run("rm -f image; mke2fs -q -F %s image %s", options, size);
    struct disk disk = disk_load("image");
    for (int round = 0; round < 4; round++) {
        mount_disk(&mounted, &disk, 600);
        workload.fs = &mounted.fs;
        expect_same(&mounted.fs, &workload.model, "mounted again");
        for (unsigned i = 0; i < operations; i++) {
            operate(&workload);
            if (below(&workload.random, 100) == 0)
                cr_assert_eq(ext4_commit(&mounted.fs), ERR_OK, "%s", mounted.fs.cause);
        }
        expect_same(&mounted.fs, &workload.model, "still mounted");
        unmount_disk(&mounted);
        disk_save(&disk, "image");
        run("e2fsck -fn image");
    }
    cr_assert_eq(disk.lines, 0, "%s", disk.said);
    cr_assert_gt(workload.done, operations, "%lu done, %lu refused", workload.done, workload.refused);
    model_free(&workload.model);
    disk_free(&disk);
}

Test(ext4_write, defaults)
{
    work_on("-t ext4 -b 1024 -N 4096", "24M", 800, 40, 150000, 1);
    work_on("-t ext4 -b 4096 -N 4096", "48M", 800, 40, 150000, 2);
}

Test(ext4_write, many_names)
{
    work_on("-t ext4 -b 1024 -N 8192", "24M", 2000, 3000, 5000, 3);
}

Test(ext4_write, full_disk)
{
    work_on("-t ext4 -b 1024 -N 128 -J size=1", "3M", 1500, 60, 400000, 4);
}

Test(ext4_write, features)
{
    static const char *const options[] = {
        "-t ext4 -b 1024 -O ^metadata_csum",
        "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg",
        "-t ext4 -b 1024 -O ^metadata_csum,^64bit",
        "-t ext4 -b 1024 -O ^64bit",
        "-t ext4 -b 1024 -O ^has_journal",
        "-t ext4 -b 2048 -O ^dir_index",
        "-t ext4 -b 1024 -O ^flex_bg,^resize_inode",
        "-t ext4 -b 1024 -O meta_bg,^resize_inode",
        "-t ext4 -b 1024 -O sparse_super2,^resize_inode",
        "-t ext4 -b 1024 -O ^filetype",
        "-t ext4 -b 1024 -I 128",
        "-t ext4 -b 4096 -I 1024",
        "-t ext4 -b 1024 -O large_dir,metadata_csum_seed",
        "-t ext4 -b 1024 -O ^dir_nlink,^extra_isize,^huge_file",
        "-t ext4 -b 1024 -g 1024 -O ^has_journal",
        "-t ext4 -b 4096 -O fast_commit",
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        work_on(options[i], "20M", 200, 100, 100000, 100 + i);
}

/* --- One thing at a time --- */

static const struct ext4_new a_file = {EXT4_S_IFREG | 0644, 1000, 1000}, a_dir = {EXT4_S_IFDIR | 0755, 0, 0};

static struct disk make_disk(const char *options, const char *size)
{
    run("rm -f image; mke2fs -q -F -t ext4 %s image %s", options, size);
    return disk_load("image");
}

static uint32_t make(struct ext4 *fs, uint32_t dir, const char *name, const struct ext4_new *what)
{
    uint32_t inode;

    cr_assert_eq(ext4_create(fs, dir, name, strlen(name), what, &inode), ERR_OK, "%s: %s", name, fs->cause);
    return inode;
}

static unsigned count_extents(struct ext4 *fs, uint32_t inode)
{
    struct ext4_node node;
    struct ext4_run run;
    unsigned count = 0;
    uint64_t next = 0;

    cr_assert_eq(ext4_read_node(fs, inode, &node), ERR_OK);
    for (uint32_t block = 0; (uint64_t)block << fs->block_shift < node.size; block += run.count) {
        cr_assert_eq(ext4_map(fs, &node, block, &run), ERR_OK, "%s", fs->cause);
        count += run.block != next;
        next = run.block + run.count;
    }
    return count;
}

/* A file of 64 MiB that is written while four others grow. */
Test(ext4_write, stays_in_one_piece)
{
    struct disk disk = make_disk("-b 4096", "400M");
    struct mounted mounted;
    static uint8_t data[256 << 10];
    uint32_t inode[5];
    char name[16];
    size_t done;

    mount_disk(&mounted, &disk, 1024);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "file%u", i);
        inode[i] = make(&mounted.fs, EXT4_ROOT_INO, name, &a_file);
    }
    for (size_t at = 0; at < 64 << 20; at += sizeof(data))
        for (unsigned i = 0; i < 5; i++)
            cr_assert_eq(ext4_write(&mounted.fs, inode[i], at, data, sizeof(data), &done), ERR_OK, "%s",
                         mounted.fs.cause);
    for (unsigned i = 0; i < 5; i++) {
        unsigned count = count_extents(&mounted.fs, inode[i]);
        cr_assert_leq(count, 16, "file %u is in %u pieces", i, count);
    }
    unmount_disk(&mounted);
    disk_save(&disk, "image");
    run("e2fsck -fn image");
    disk_free(&disk);
}

/* What is read by libext2fs is what was written. */
Test(ext4_write, debugfs_reads_the_same)
{
    struct disk disk = make_disk("-b 1024", "16M");
    struct mounted mounted;
    uint8_t data[100000];
    size_t done;

    mount_disk(&mounted, &disk, 400);
    uint32_t dir = make(&mounted.fs, EXT4_ROOT_INO, "dir", &a_dir);
    uint32_t inode = make(&mounted.fs, dir, "file", &a_file), link;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 1000);
    cr_assert_eq(ext4_write(&mounted.fs, inode, 0, data, sizeof(data), &done), ERR_OK);
    cr_assert_eq(ext4_symlink(&mounted.fs, dir, "link", 4, "../dir/file", 11, &a_file, &link), ERR_OK);
    cr_assert_eq(ext4_punch(&mounted.fs, inode, 5000, 30000), ERR_OK);
    memset(data + 5000, 0, 30000);
    unmount_disk(&mounted);
    disk_save(&disk, "image");
    write_file("expected", data, sizeof(data));
    run("mkdir out; debugfs -R 'rdump /dir out' image; cmp expected out/dir/file");
    run("test \"$(readlink out/dir/link)\" = ../dir/file");
    /* 1700000000 + 2^32 seconds are in the year 2159. */
    run("debugfs -R 'stat /dir/file' image | grep -q 'mtime:.*2159'");
    run("debugfs -R 'stat /dir/file' image | grep -q 'crtime:.*2159'");
    disk_free(&disk);
}

/* A write that fails ends all writing, in one line; what was committed is there when it is mounted again. */
Test(ext4_write, failing_disk)
{
    for (uint64_t fails_at = 1; fails_at < 60; fails_at += 3) {
        struct disk disk = make_disk("-b 1024 -J size=1", "4M");
        struct mounted mounted;
        char name[16];
        unsigned made = 0, committed = 0;
        uint32_t inode;

        mount_disk(&mounted, &disk, 400);
        disk.fails_at = fails_at;
        for (; made < 100; made++) {
            snprintf(name, sizeof(name), "n%u", made);
            if (ext4_create(&mounted.fs, EXT4_ROOT_INO, name, strlen(name), &a_file, &inode))
                break;
            if (ext4_commit(&mounted.fs))
                break;
            committed = made + 1;
        }
        cr_assert_lt(committed, 100);
        cr_assert_eq(disk.lines, 1);
        cr_assert(strstr(disk.said, "cannot be written: from now on nothing is written"), "%s", disk.said);
        cr_assert_eq(ext4_create(&mounted.fs, EXT4_ROOT_INO, "x", 1, &a_file, &inode), ERR_READ_ONLY);
        cr_assert_eq(ext4_stop_writing(&mounted.fs), ERR_READ_ONLY);
        cr_assert_eq(disk.held, 0);
        drop_mount(&mounted);
        mount_disk(&mounted, &disk, 400);
        for (unsigned n = 0; n < committed; n++) {
            struct ext4_node node;
            snprintf(name, sizeof(name), "/n%u", n);
            cr_assert_eq(ext4_resolve(&mounted.fs, EXT4_ROOT_INO, name, strlen(name), true, &node), ERR_OK);
        }
        unmount_disk(&mounted);
        disk_free(&disk);
    }
}

/* What was removed while it was open is freed at the next mount. */
Test(ext4_write, orphans)
{
    struct disk disk = make_disk("-b 1024 -J size=1", "4M");
    struct mounted mounted;
    static uint8_t data[600000];
    uint32_t last;
    size_t done;

    mount_disk(&mounted, &disk, 400);
    uint64_t free_blocks = mounted.fs.free_blocks;
    uint32_t free_inodes = mounted.fs.free_inodes;
    for (int i = 0; i < 3; i++) {
        uint32_t inode = make(&mounted.fs, EXT4_ROOT_INO, "file", &a_file);
        cr_assert_eq(ext4_write(&mounted.fs, inode, (uint64_t)i * 5000, data, sizeof(data), &done), ERR_OK);
        cr_assert_eq(ext4_unlink(&mounted.fs, EXT4_ROOT_INO, "file", 4, &last), ERR_OK);
        cr_assert_eq(last, inode);
        cr_assert_eq(ext4_write(&mounted.fs, inode, 0, "still open", 10, &done), ERR_OK);
    }
    cr_assert_eq(ext4_commit(&mounted.fs), ERR_OK);
    cr_assert_lt(mounted.fs.free_blocks, free_blocks - 1500);
    drop_mount(&mounted); /* a crash */
    mount_disk(&mounted, &disk, 400);
    cr_assert_eq(mounted.fs.free_blocks, free_blocks);
    cr_assert_eq(mounted.fs.free_inodes, free_inodes);
    unmount_disk(&mounted);
    disk_save(&disk, "image");
    run("e2fsck -fn image");
    disk_free(&disk);
}

static void expect_read_only(const char *options, const char *commands, const char *words)
{
    struct ext4 fs;
    static uint8_t memory[400000];

    run("rm -f image; mke2fs -q -F -t ext4 -b 1024 %s image 8M; printf '%s' > commands; "
        "debugfs -w -f commands image",
        options, commands);
    struct disk disk = disk_load("image");
    struct exact before = read_file("image");
    struct ext4_source source = disk_source(&disk);
    cr_assert_eq(ext4_mount(&fs, &source, NULL, 0), ERR_OK, "%s: %s", options, fs.cause);
    cr_assert_eq(ext4_start_writing(&fs, memory, sizeof(memory), (struct ext4_time){0}), ERR_READ_ONLY, "%s",
                 options);
    cr_assert(strstr(fs.cause, words), "'%s' does not say %s", fs.cause, words);
    cr_assert_eq(memcmp(before.data, disk.bytes, disk.size), 0);
    exact_free(&before);
    disk_free(&disk);
}

/* What this code does not keep right is not changed at all, and the cause has its name. */
Test(ext4_write, only_read)
{
    expect_read_only("-O mmp", "", "feature mmp:");
    expect_read_only("-O inline_data", "", "feature inline_data:");
    expect_read_only("-O bigalloc,^has_journal -C 4096", "", "feature bigalloc:");
    expect_read_only("-O quota", "", "feature quota:");
    expect_read_only("-O ^extent,^64bit", "", "without feature extent");
    expect_read_only("", "feature read-only\n", "feature read-only:");
    expect_read_only("", "ssv state 3\n", "errors were found");
    expect_read_only("-O ^has_journal", "ssv state 0\n", "was not unmounted");
}
