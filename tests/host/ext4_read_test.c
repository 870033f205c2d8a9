/* SPDX-License-Identifier: MIT */
/*
 * Reading images that mke2fs made: every kind of file system and of file, compared with the directory that
 * the image was made from.
 */
// sources: lib/ext4/*.c
#include "ext4_tree.h"

static char scratch[64];

static void set_up(void)
{
    enter_scratch(scratch);
    image_find_tools();
}

static void tear_down(void)
{
    leave_scratch(scratch);
}

TestSuite(ext4_read, .init = set_up, .fini = tear_down, .timeout = 120);

static void expect(struct ext4 *fs, const char *path, bool follow, enum error expected)
{
    struct ext4_node node;
    enum error error = ext4_resolve(fs, EXT4_ROOT_INO, path, strlen(path), follow, &node);

    cr_assert_eq(error, expected, "%s: error %d, expected %d: %s", path, error, expected, fs->cause);
    cr_assert(!error || fs->cause[0]);
}

static void expect_same(struct ext4 *fs, const char *one, const char *two)
{
    cr_assert_eq(image_find(fs, one, true).inode, image_find(fs, two, true).inode, "%s is not %s", one, two);
}

static void check_paths(struct ext4 *fs)
{
    char path[5001];

    expect_same(fs, "", "/");
    expect_same(fs, "..", "/");
    expect_same(fs, "hello.txt", "/hello.txt");
    expect_same(fs, "//a///b/", "/a/./b");
    expect_same(fs, "/a/b/../..", "/");
    expect_same(fs, "/links/fast", "/hello.txt");
    expect_same(fs, "/links/absolute", "/hello.txt");
    expect_same(fs, "/links/slow", "/hello.txt");
    expect_same(fs, "/links/hard", "/hello.txt");
    expect_same(fs, "/links/dir/c/tiny", "/a/b/c/tiny");
    expect_same(fs, "/links/dir/..", "/a");
    expect_same(fs, "/links/here/here/here/fast", "/hello.txt");
    cr_assert(ext4_is_link(&(struct ext4_node){.mode = image_find(fs, "/links/dir", false).mode}));
    cr_assert(ext4_is_dir(&(struct ext4_node){.mode = image_find(fs, "/links/dir/", false).mode}));
    expect(fs, "/links/dangling", false, ERR_OK);
    expect(fs, "/links/dangling", true, ERR_NOT_FOUND);
    expect(fs, "/links/one", true, ERR_LOOP);
    expect(fs, "/links/self", true, ERR_LOOP);
    expect(fs, "/links/one", false, ERR_OK);
    expect(fs, "/none", true, ERR_NOT_FOUND);
    expect(fs, "/none/x", true, ERR_NOT_FOUND);
    expect(fs, "/hello.txt/", true, ERR_NOT_DIR);
    expect(fs, "/hello.txt/x", true, ERR_NOT_DIR);
    expect(fs, "/links/fast/x", true, ERR_NOT_DIR);
    memset(path, 'm', 300);
    memcpy(path, "/a/", 3);
    path[3 + 255] = 0;
    expect(fs, path, true, ERR_OK);
    memset(path + 3, 'm', 256);
    path[3 + 256] = 0;
    expect(fs, path, true, ERR_NAME_TOO_LONG);
    for (int i = 0; i < 2500; i++)
        memcpy(path + 2 * i, "./", 2);
    path[4096] = 0;
    expect(fs, path, true, ERR_OK);
    path[4096] = '.';
    path[5000] = 0;
    expect(fs, path, true, ERR_NAME_TOO_LONG);
    for (int i = 0; i < 40; i++)
        memcpy(path + 5 * i, "here/", 6);
    struct ext4_node links = image_find(fs, "/links", true), node;
    cr_assert_eq(ext4_resolve(fs, links.inode, path, strlen(path), true, &node), ERR_OK, "40 links: %s",
                 fs->cause);
    memcpy(path + 200, "here/", 6);
    cr_assert_eq(ext4_resolve(fs, links.inode, path, strlen(path), true, &node), ERR_LOOP);
}

static void check_wrong_kinds(struct ext4 *fs)
{
    struct ext4_node dir = image_find(fs, "/a", true), file = image_find(fs, "/hello.txt", true);
    struct ext4_node fifo = image_find(fs, "/fifo", true);
    char buffer[8];
    size_t done;
    uint32_t inode;
    uint64_t cursor = 0;
    bool end;

    cr_assert_eq(ext4_read(fs, &dir, 0, buffer, 1, &done), ERR_IS_DIR);
    cr_assert_eq(ext4_read(fs, &fifo, 0, buffer, 1, &done), ERR_UNSUPPORTED);
    cr_assert_eq(ext4_readlink(fs, &file, buffer, sizeof(buffer), &done), ERR_NOT_LINK);
    cr_assert_eq(ext4_lookup(fs, &file, "x", 1, &inode), ERR_NOT_DIR);
    cr_assert_eq(ext4_readdir(fs, &file, &cursor, list_entry, NULL, &end), ERR_NOT_DIR);
    cr_assert_eq(ext4_read_node(fs, 0, &dir), ERR_CORRUPT);
    cr_assert_eq(ext4_read_node(fs, fs->inode_count + 1, &dir), ERR_CORRUPT);
    cursor = UINT64_MAX;
    dir = image_find(fs, "/many", true);
    cr_assert_eq(ext4_readdir(fs, &dir, &cursor, list_entry, NULL, &end), ERR_OK);
    cr_assert(end);
}

/* Every cursor, sensible or not, leads to an entry or to the end. */
static void check_cursors(struct ext4 *fs)
{
    struct ext4_node dir = image_find(fs, "/a", true);
    struct listing whole = list(fs, &dir, 1000);

    for (uint64_t start = 0; start < dir.size + 5; start++) {
        struct listing listing = {.left = 1000};
        uint64_t cursor = start;
        bool end;
        cr_assert_eq(ext4_readdir(fs, &dir, &cursor, list_entry, &listing, &end), ERR_OK, "%s", fs->cause);
        cr_assert(end && listing.count <= whole.count);
        free_listing(&listing);
    }
    free_listing(&whole);
}

static void check_image(const char *path)
{
    struct image image = image_load(path);
    struct ext4 fs;

    image_mount(&fs, &image);
    compare_tree(&fs, "src");
    check_paths(&fs);
    check_wrong_kinds(&fs);
    check_cursors(&fs);
    cr_assert_leq(image.most_held, 5, "%u blocks were held at once", image.most_held);
    image_free(&image);
}

/* Makes an image of src and has e2fsck rebuild the directories, which makes the indexes. */
static void make_image(const char *options, unsigned megabytes)
{
    run("rm -f image; mke2fs -q -F -d src %s image %uM", options, megabytes);
    run("e2fsck -fyD image; test $? -le 1");
}

static void check_made(const char *options, unsigned many)
{
    make_tree(many);
    make_image(options, 32);
    check_image("image");
}

#define MADE(name, options, many)                                                                            \
    Test(ext4_read, name)                                                                                    \
    {                                                                                                        \
        check_made(options, many);                                                                           \
    }

MADE(block_2k, "-t ext4 -b 2048", 200)
MADE(block_4k, "-t ext4 -b 4096", 5000)
MADE(ext2, "-t ext2 -b 1024", 100)
MADE(ext3, "-t ext3 -b 4096", 100)
MADE(revision_0, "-t ext2 -b 1024 -r 0", 50)
MADE(no_64bit, "-t ext4 -O ^64bit", 100)
MADE(no_checksums, "-t ext4 -O ^metadata_csum", 100)
MADE(descriptor_checksums, "-t ext4 -O ^metadata_csum,uninit_bg", 50)
MADE(checksum_seed, "-t ext4 -O metadata_csum_seed -U 00000000-1111-2222-3333-444444444444", 50)
MADE(small_inodes, "-t ext4 -I 128", 50)
MADE(large_inodes, "-t ext4 -I 1024", 50)
MADE(inline_data, "-t ext4 -b 4096 -O inline_data", 50)
MADE(inline_data_1k, "-t ext4 -b 1024 -I 512 -O inline_data", 50)
MADE(meta_groups, "-t ext4 -b 1024 -g 256 -O meta_bg,^resize_inode,^flex_bg", 50)
MADE(sparse_super2, "-t ext4 -b 1024 -g 1024 -O sparse_super2,meta_bg,^resize_inode", 50)
MADE(clusters, "-t ext4 -b 1024 -O bigalloc -C 16384", 50)
MADE(no_index, "-t ext4 -O ^dir_index", 100)
MADE(new_features, "-t ext4 -O large_dir,ea_inode,orphan_file,quota,project,verity", 100)
MADE(no_filetype, "-t ext4 -O ^filetype", 50)

/* By the index, a name is found in a handful of blocks; block by block, it would take hundreds. */
static void check_index_used(unsigned levels)
{
    struct image image = image_load("image");
    struct ext4 fs;
    image_mount(&fs, &image);
    struct ext4_node dir = image_find(&fs, "/many", true);
    cr_assert(dir.flags & EXT4_INDEX_FL);
    for (unsigned n = 0; n < 150; n += 7) {
        const char *name = many_name(n);
        image.gets = 0;
        uint32_t inode;
        cr_assert_eq(ext4_lookup(&fs, &dir, name, strlen(name), &inode), ERR_OK, "%s", fs.cause);
        /* Each block of the directory may take up to two of the extent tree. */
        cr_assert_leq(image.gets, 3 * (levels + 1), "%u blocks for one name", image.gets);
    }
    image_free(&image);
}

Test(ext4_read, block_1k_index_of_two_levels)
{
    make_tree(800);
    make_image("-t ext4 -b 1024", 32);
    run("debugfs -R 'htree /many' image | grep -q 'Indirect levels: 1'");
    check_index_used(2);
    check_image("image");
}

Test(ext4_read, index_unsigned)
{
    make_tree(150);
    run("mke2fs -q -F -t ext4 -b 1024 -d src image 32M; debugfs -w -R 'ssv flags 2' image");
    run("e2fsck -fyD image; test $? -le 1");
    check_index_used(1);
    check_image("image");
}

static void check_hash(const char *algorithm)
{
    make_tree(150);
    run("mke2fs -q -F -t ext4 -b 1024 -d src image 32M; tune2fs -E hash_alg=%s image", algorithm);
    run("e2fsck -fyD image; test $? -le 1");
    check_index_used(1);
    check_image("image");
}

Test(ext4_read, hash_tea)
{
    check_hash("tea");
}

Test(ext4_read, hash_legacy)
{
    check_hash("legacy");
}

Test(ext4_read, triple_indirect)
{
    run("mkdir -p src");
    make_sparse("src/huge", 70, 1 << 12, 1);
    run("dd if=src/huge of=src/huge bs=1k seek=300 count=4 conv=notrunc status=none");
    run("dd if=src/huge of=src/huge bs=1k seek=65804 count=4 conv=notrunc status=none");
    run("dd if=src/huge of=src/huge bs=1k seek=90000 count=1 conv=notrunc status=none");
    run("mke2fs -q -F -t ext2 -b 1024 -d src image 4M");
    struct image image = image_load("image");
    struct ext4 fs;
    image_mount(&fs, &image);
    struct ext4_node node = image_find(&fs, "/huge", true);
    compare_file(&fs, &node, "src/huge");
    struct ext4_run run;
    cr_assert_eq(ext4_map(&fs, &node, UINT32_MAX, &run), ERR_OK);
    cr_assert_eq(run.block, 0);
    image_free(&image);
}

Test(ext4_read, times)
{
    make_tree(1);
    make_image("-t ext4", 32);
    run("debugfs -w -R 'set_inode_field /hello.txt mtime_extra 0x1d6f3456' image");
    struct image image = image_load("image");
    struct ext4 fs;
    image_mount(&fs, &image);
    struct ext4_node node = image_find(&fs, "/hello.txt", true);
    cr_assert_eq(node.mtime.nanoseconds, 0x1d6f3456 >> 2);
    cr_assert_eq(node.mtime.seconds >> 32, 2);
    image_free(&image);
}

Test(ext4_read, identity)
{
    run("mkdir src; mke2fs -q -F -t ext4 -L 'sixteen letters.' "
        "-U 01234567-89ab-cdef-0123-456789abcdef -d src image 20M");
    struct image image = image_load("image");
    struct ext4 fs;
    image_mount(&fs, &image);
    cr_assert_str_eq(fs.label, "sixteen letters.");
    cr_assert_eq(fs.uuid[0], 0x01);
    cr_assert_eq(fs.uuid[15], 0xef);
    cr_assert_eq(fs.block_count * fs.block_size, 20u << 20);
    cr_assert(fs.free_blocks > 0 && fs.free_blocks < fs.block_count);
    cr_assert(fs.free_inodes > 0 && fs.free_inodes < fs.inode_count);
    image_free(&image);
}

/* In the middle of a disk, with no cache at all: every block is checked each time. */
Test(ext4_read, at_an_offset_uncached)
{
    make_tree(10);
    run("mke2fs -q -F -t ext4 -b 1024 -d src -E offset=1048576 image 16M");
    run("rm src/fragments src/sparse src/dense");
    struct image image = image_load("image");
    image.offset = 1 << 20;
    image.keep = false;
    struct ext4 fs;
    image_mount(&fs, &image);
    struct ext4_node node = image_find(&fs, "/hello.txt", true);
    compare_file(&fs, &node, "src/hello.txt");
    check_paths(&fs);
    image_free(&image);
}
