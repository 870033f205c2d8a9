/* SPDX-License-Identifier: MIT */
/*
 * mkfs as a program: images against e2fsck, debugfs and the tree they were made from; the check against
 * damage.
 */
// sources: tools/mkfs/*.c lib/ext4/*.c lib/disk/*.c
// libs: -lext2fs -lcom_err
// flags: -Dmain=mkfs_main
#include "ext4_image.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

int mkfs_main(int count, char **arguments);

static char scratch[64];
static char output[4096]; /* what mkfs printed last */

static void set_up(void)
{
    enter_scratch(scratch);
    image_find_tools();
    unsetenv("SOURCE_DATE_EPOCH");
}

static void tear_down(void)
{
    leave_scratch(scratch);
}

TestSuite(mkfs, .init = set_up, .fini = tear_down, .timeout = 60);

/* Ends the child without what the test framework or a sanitizer would do at the end of a program. */
static void leave(int status, void *unused)
{
    (void)unused;
    fflush(NULL);
    _exit(status);
}

/* Runs mkfs with the words of `line` as arguments; returns its exit status. */
__attribute__((format(printf, 1, 2))) static int mkfs(const char *format, ...)
{
    char line[1024], *words[32] = {"mkfs"};
    int count = 1, status;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int file = open("output", O_CREAT | O_TRUNC | O_WRONLY, 0644);
        dup2(file, 1);
        dup2(file, 2);
        on_exit(leave, NULL);
        exit(mkfs_main(count, words));
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    struct exact said = read_file("output");
    size_t size = said.size < sizeof(output) ? said.size : sizeof(output) - 1;
    memcpy(output, said.data, size);
    output[size] = 0;
    exact_free(&said);
    cr_assert(WIFEXITED(status), "mkfs %s: died: %s", line, output);
    return WEXITSTATUS(status);
}

/* Expects mkfs to fail with one line that holds `words`. */
#define EXPECT_FAILURE(words, ...)                                                                           \
    do {                                                                                                     \
        cr_assert_eq(mkfs(__VA_ARGS__), 1, "%s", output);                                                    \
        cr_assert(strncmp(output, "mkfs: ", 6) == 0 && strstr(output, words), "%s", output);                 \
        cr_assert_eq(strchr(output, '\n'), output + strlen(output) - 1, "%s", output);                       \
    } while (0)

static void make_tree(void)
{
    run("mkdir -p src/bin src/etc/deep/deeper src/many src/lost+found");
    run("echo hello > src/hello; : > src/empty");
    run("head -c 300000 /dev/urandom > src/bin/program; chmod 4755 src/bin/program; chmod 700 src/etc/deep");
    run("ln src/hello src/etc/again; ln -s ../hello src/etc/short; ln -s $(printf '%%0200d' 0) src/etc/long");
    run("truncate -s 3M src/sparse; echo end >> src/sparse; truncate -s 100K src/hole");
    run("cd src/many; for i in $(seq 60); do : > $(printf '%%0150d' $i); done");
    run("echo found > src/lost+found/something");
    run("find src -exec touch -h -d '2020-02-03 04:05:06.789 UTC' {} +");
}

/* The image holds what src does, says debugfs, and is sound, says e2fsck. */
static void compare_image(const char *image)
{
    run("e2fsck -fn %s", image);
    run("rm -rf out; mkdir out; debugfs -R 'rdump / out' %s", image);
    run("diff -r --no-dereference src out");
}

Test(mkfs, makes_what_the_tree_holds)
{
    make_tree();
    for (int block = 1024; block <= 4096; block *= 2) {
        cr_assert_eq(mkfs("-o image -b %d -L label src", block), 0, "%s", output);
        cr_assert_str_eq(output, "");
        compare_image("image");
        cr_assert_eq(mkfs("-c image"), 0, "%s", output);
        run("dumpe2fs -h image | grep -q 'Block size: *%d$'; dumpe2fs -h image | grep -q 'name: *label$'",
            block);
    }
}

Test(mkfs, features)
{
    run("mkdir src");
    cr_assert_eq(mkfs("-o image -U 01234567-89AB-cdef-0123-456789abcdef src"), 0, "%s", output);
    run("dumpe2fs -h image > features");
    run("grep -q 'features: *has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg "
        "sparse_super large_file huge_file dir_nlink extra_isize metadata_csum$' features");
    run("grep -q 'UUID: *01234567-89ab-cdef-0123-456789abcdef$' features");
    run("grep -q 'Journal features: *(none)' features; grep -q 'Total journal size: *4096k' features");
}

Test(mkfs, attributes)
{
    make_tree();
    cr_assert_eq(mkfs("-o image src"), 0, "%s", output);
    struct image image = image_load("image");
    struct ext4 fs;
    struct stat info;
    static const char *const paths[] = {"src/hello", "src/bin/program", "src/etc/deep", "src/etc/short",
                                        "src/",      "src/sparse"};
    image_mount(&fs, &image);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct ext4_node node = image_find(&fs, paths[i] + 3, false);
        cr_assert_eq(lstat(paths[i], &info), 0);
        cr_assert_eq(node.mode, info.st_mode, "%s: %o", paths[i], node.mode);
        cr_assert_eq(node.size, ext4_is_dir(&node) ? node.size : (uint64_t)info.st_size, "%s", paths[i]);
        cr_assert_eq(node.mtime.seconds, info.st_mtim.tv_sec, "%s", paths[i]);
        cr_assert_eq(node.mtime.nanoseconds, (uint64_t)info.st_mtim.tv_nsec, "%s", paths[i]);
        cr_assert_eq(node.uid | node.gid, 0);
    }
    struct ext4_node hello = image_find(&fs, "/hello", true), sparse = image_find(&fs, "/sparse", true);
    cr_assert_eq(hello.inode, image_find(&fs, "/etc/again", true).inode);
    cr_assert_eq(hello.links, 2);
    cr_assert_lt(sparse.blocks, 64, "holes stay holes: %lu", sparse.blocks);
    image_free(&image);
}

/*
 * The same tree, however it lies on the host's disk, gives the same bytes; none of its times is later than
 * asked.
 */
Test(mkfs, reproducible)
{
    make_tree();
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    cr_assert_eq(mkfs("-o one -L x src"), 0, "%s", output);
    run("mkdir copy; for f in $(ls -Ar src); do cp -a src/$f copy/; done; touch -r src copy; "
        "rm copy/etc/again; "
        "ln copy/hello copy/etc/again; touch -r src/etc copy/etc; sleep 1");
    cr_assert_eq(mkfs("-o two -L x copy"), 0, "%s", output);
    run("cmp one two");
    cr_assert_eq(mkfs("-g -o one src"), 0, "%s", output);
    cr_assert_eq(mkfs("-g -o two copy"), 0, "%s", output);
    run("cmp one two");
    run("touch src/hello");
    setenv("SOURCE_DATE_EPOCH", "1600000000", 1);
    cr_assert_eq(mkfs("-o one src"), 0, "%s", output);
    struct image image = image_load("one");
    struct ext4 fs;
    image_mount(&fs, &image);
    struct ext4_node node = image_find(&fs, "/hello", true);
    cr_assert_eq(node.mtime.seconds, 1600000000);
    cr_assert_eq(node.mtime.nanoseconds, 0);
    image_free(&image);
    setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
    EXPECT_FAILURE("SOURCE_DATE_EPOCH=yesterday", "-o one src");
}

Test(mkfs, in_a_partition)
{
    make_tree();
    cr_assert_eq(mkfs("-g -s 20M -o image src"), 0, "%s", output);
    run("sgdisk -v image | grep -q 'No problems found'");
    run("sgdisk -i 1 image | grep -q 'First sector: 2048'; sgdisk -i 1 image | grep -q '(Linux filesystem)'");
    cr_assert_eq(mkfs("-c image"), 0, "%s", output);
    run("tail -c +1048577 image | head -c 20971520 > inside");
    compare_image("inside");
    run("dd if=/dev/zero of=image bs=512 seek=1 count=1 conv=notrunc");
    EXPECT_FAILURE("header at sector 1", "-c image");
}

Test(mkfs, sizes)
{
    make_tree();
    run("stat -c %%s src/sparse");
    cr_assert_eq(mkfs("-o image -s 100M src"), 0, "%s", output);
    run("test $(stat -c %%s image) = 104857600; test $(du -k image | cut -f 1) -lt 10000");
    run("rm -rf src; mkdir -p src/lost+found");
    cr_assert_eq(mkfs("-o image src"), 0, "%s", output);
    run("test $(stat -c %%s image) = 16777216");
    run("for i in $(seq 10); do head -c 4M /dev/zero | tr '\\0' x > src/$i; done");
    cr_assert_eq(mkfs("-o image src"), 0, "%s", output);
    compare_image("image");
    run("for i in $(seq 600); do : > src/file-$i; done");
    cr_assert_eq(mkfs("-o image -s 64M src"), 0, "%s", output);
    compare_image("image");
}

/* What fails leaves an older image as it was and nothing else behind. */
static void expect_untouched(void)
{
    run("test \"$(cat image)\" = old; test \"$(ls -A | tr '\\n' ' ')\" = 'image output src '");
}

Test(mkfs, failures)
{
    run("mkdir src; head -c 20M /dev/zero | tr '\\0' x > src/big; echo old > image");
    EXPECT_FAILURE("no room left at src/big", "-o image -s 16M src");
    expect_untouched();
    EXPECT_FAILURE("try a larger -s", "-o image -s 100K src");
    expect_untouched();
    run("rm src/big; mkfifo src/pipe");
    EXPECT_FAILURE("src/pipe: is a device, a pipe or a socket", "-o image src");
    expect_untouched();
    run("rm src/pipe; : > src/file");
    EXPECT_FAILURE("none: No such file", "-o image none");
    EXPECT_FAILURE("src/file: is not a directory", "-o image src/file");
    EXPECT_FAILURE("none/image: No such file", "-o none/image src");
    EXPECT_FAILURE("-s 12x: not a size", "-o image -s 12x src");
    EXPECT_FAILURE("-s 99999999999G: not a size", "-o image -s 99999999999G src");
    EXPECT_FAILURE("-b 8192: the block size", "-o image -b 8192 src");
    EXPECT_FAILURE("label has at most 16", "-o image -L seventeen-letters src");
    EXPECT_FAILURE("-U 0123: not a UUID", "-o image -U 0123 src");
    EXPECT_FAILURE("not a UUID", "-o image -U 01234567-89ab-cdef-0123-456789abcdeg src");
    expect_untouched();
    cr_assert_eq(mkfs("-o image"), 2);
    cr_assert_eq(mkfs("src"), 2);
    cr_assert_eq(mkfs("-c image src"), 2);
    cr_assert_eq(mkfs("-o image -q src"), 2);
    cr_assert_eq(mkfs("-h"), 0);
    cr_assert(strstr(output, "usage: mkfs -o IMAGE"));
    expect_untouched();
}

Test(mkfs, check_refuses)
{
    run("head -c 1M /dev/zero > zeros; : > empty; mkdir dir");
    EXPECT_FAILURE("zeros: superblock: magic number is 0000, not ef53", "-c zeros");
    EXPECT_FAILURE("empty: is empty", "-c empty");
    EXPECT_FAILURE("dir: is not a file", "-c dir");
    EXPECT_FAILURE("none: No such file", "-c none");
    run("truncate -s 4M disk; sgdisk -n 1:2048:0 -t 1:ef00 disk");
    EXPECT_FAILURE("no partition for a Linux file system", "-c disk");
}

/* What mke2fs makes and e2fsck finds clean is clean. */
static void expect_clean(const char *options)
{
    run("rm -f image; mke2fs -q -F -d src %s image 24M; e2fsck -fyD image; test $? -le 1; e2fsck -fn image",
        options);
    cr_assert_eq(mkfs("-c image"), 0, "%s: %s", options, output);
}

Test(mkfs, check_agrees_with_e2fsck)
{
    make_tree();
    run("setfattr -n user.x -v y src/hello 2> /dev/null || true; mkfifo src/pipe");
    expect_clean("-t ext4 -b 1024");
    expect_clean("-t ext4 -b 4096");
    expect_clean("-t ext2 -b 1024");
    expect_clean("-t ext3");
    expect_clean("-t ext2 -r 0");
    expect_clean("-t ext4 -O ^metadata_csum,^64bit");
    expect_clean("-t ext4 -O ^metadata_csum,uninit_bg");
    expect_clean("-t ext4 -O inline_data");
    expect_clean("-t ext4 -b 1024 -g 512 -O meta_bg,^resize_inode,^flex_bg");
    expect_clean("-t ext4 -b 1024 -g 1024 -O sparse_super2,^resize_inode");
    expect_clean("-t ext4 -O quota,project,orphan_file,metadata_csum_seed");
}

/* Damages a copy of a sound image by debugfs commands, which keep the checksums right. */
static void expect_problem(const char *commands, const char *words)
{
    run("cp sound image; printf '%s' > commands; debugfs -w -f commands image", commands);
    cr_assert_eq(mkfs("-c image"), 1, "%s was not noticed", commands);
    cr_assert(strstr(output, words), "%s: '%s' does not say %s", commands, output, words);
}

Test(mkfs, check_notices_damage)
{
    make_tree();
    cr_assert_eq(mkfs("-o sound -b 1024 src"), 0, "%s", output);
    expect_problem("clri /hello", "not in use");
    expect_problem("unlink /empty", "in use, but in no directory");
    expect_problem("unlink /etc/again", "2 links, counted 1");
    expect_problem("sif /hello links_count 7", "7 links, counted 2");
    expect_problem("freei /hello", "which is free");
    struct image image = image_load("sound");
    struct ext4 fs;
    struct ext4_run run;
    char command[32];
    image_mount(&fs, &image);
    struct ext4_node program = image_find(&fs, "/bin/program", true);
    cr_assert_eq(ext4_map(&fs, &program, 0, &run), ERR_OK);
    image_free(&image);
    snprintf(command, sizeof(command), "freeb %lu 2", run.block);
    expect_problem(command, "in use, but free there, and 2 are wrong");
    expect_problem("setb 15000 3", "free, but in use there, and 3 are wrong");
    expect_problem("sif /hello blocks 100", "100 sectors in use, counted");
    expect_problem("sif /hello mode 040644", "");
    expect_problem("ssv free_blocks_count 77", "superblock: 77 free blocks, counted");
    expect_problem("ssv free_inodes_count 77", "superblock: 77 free inodes, counted");
    expect_problem("ssv state 2", "state 2 is not clean");
    expect_problem("set_bg 0 free_blocks_count 5\nset_bg 0 checksum calc", "group 0: 5 free blocks");
    expect_problem("set_bg 0 free_inodes_count 5\nset_bg 0 checksum calc", "group 0: 5 free inodes");
    expect_problem("set_bg 0 block_bitmap_csum 5\nset_bg 0 checksum calc",
                   "group 0: block bitmap: checksum 0");
    expect_problem("set_bg 0 inode_bitmap_csum 5\nset_bg 0 checksum calc",
                   "group 0: inode bitmap: checksum 0");
    expect_problem("ln /bin /etc/bin", "directory is found in");
    expect_problem("sif /etc/short mode 0100777", "has type 7, but");
}

/* Numbers that lead outside the tables of the check itself. */
Test(mkfs, check_of_numbers_without_bounds)
{
    run("mkdir -p src/d; mke2fs -q -F -t ext4 -O inline_data,^metadata_csum -b 1024 -N 64 -d src sound 1M; "
        "e2fsck -fyD sound; test $? -le 1");
    expect_problem("sif /d block[0] 0x7fffffff", "its parent is inode 2147483647, but");
    expect_problem("sif /d block[0] 65", "its parent is inode 65");
    expect_problem("ssv inodes_per_group 8192\nssv inodes_count 8192", "do not fit");
    expect_problem("ssv reserved_gdt_blocks 60000", "");
    expect_problem("ssv prj_quota_inum 0xffffffff\nfreei <12>", "which is free");
}

/* Flips bytes all over a small image: whatever the check says, it ends and reads nothing it should not. */
Test(mkfs, check_of_mutated_images)
{
    run("mkdir -p src/dir; echo hello > src/hello; ln -s hello src/dir/link; "
        "head -c 40000 /dev/urandom > src/data");
    run("mke2fs -q -F -t ext4 -b 1024 -O ^metadata_csum,^has_journal -N 64 -d src image 400K");
    struct exact image = read_file("image");
    uint64_t random = 77;
    unsigned noticed = 0;
    for (int i = 0; i < 40; i++) {
        struct exact copy = exact_copy(image.data, image.size, 0);
        for (int n = 0; n < 60; n++)
            copy.data[1024 + random_below(&random, 40 * 1024)] = (uint8_t)random_next(&random);
        write_file("mutated", copy.data, copy.size);
        exact_free(&copy);
        noticed += mkfs("-c mutated") != 0;
    }
    cr_assert_gt(noticed, 20);
    exact_free(&image);
}
