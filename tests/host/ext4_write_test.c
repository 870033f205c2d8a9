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
