/* SPDX-License-Identifier: MIT */
/*
 * File systems that are odd but sound, and damaged ones that can be read all the same, as Linux reads them;
 * and images that would keep a reader busy for ever.
 */
// sources: lib/ext4/*.c
#include "ext4_small.h"

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

TestSuite(ext4_odd, .init = set_up, .fini = tear_down, .timeout = 60);

static void debugfs(const char *commands)
{
    write_file("commands", commands, strlen(commands));
    run("debugfs -w -f commands image 2>&1");
}

static void expect_text(const char *path, const char *text)
{
    char got[64] = {0};
    size_t done;
    struct ext4_node node = image_find(&fs, path, true);

    cr_assert_eq(ext4_read(&fs, &node, 0, got, sizeof(got) - 1, &done), ERR_OK, "%s: %s", path, fs.cause);
    cr_assert_str_eq(got, text, "%s", path);
}

static uint64_t table_of_group(uint32_t group)
{
    struct ext4_group_desc descriptor;

    cr_assert_eq(ext4_read_group(&fs, group, &descriptor), ERR_OK, "%s", fs.cause);
    return descriptor.bg_inode_table_lo | (uint64_t)descriptor.bg_inode_table_hi << 32;
}

/* Each group's table is where dumpe2fs says, and the files in the groups are read. */
static void check_groups(const char *options, unsigned block, unsigned megabytes)
{
    unsigned long group, table, groups = 0;

    run("rm -f image; mke2fs -q -F -t ext4 -b %u -N 2048 %s -d src image %uM 2>&1", block, options,
        megabytes);
    run("dumpe2fs image 2> /dev/null | awk '/^Group [0-9]+:/ {sub(\":\", \"\", $2); g = $2} "
        "/Inode table at/ {sub(\"-.*\", \"\", $4); print g, $4}' > tables");
    image = image_load("image");
    cr_assert_eq(mount(), ERR_OK, "%s, %u: %s", options, block, fs.cause);
    FILE *tables = fopen("tables", "r");
    while (fscanf(tables, "%lu %lu", &group, &table) == 2) {
        cr_assert_eq(table_of_group((uint32_t)group), table, "%s, %u: group %lu", options, block, group);
        groups++;
    }
    fclose(tables);
    cr_assert_eq(groups, fs.group_count);
    cr_assert_gt(groups, 3, "%s, %u", options, block);
    expect_text("/dir1/file", "this is 1\n");
    expect_text("/dir9/file", "this is 9\n");
    image_free(&image);
}

Test(ext4_odd, group_descriptors)
{
    static const char *const layouts[] = {"^meta_bg,resize_inode", "meta_bg,^resize_inode",
                                          "^meta_bg,^resize_inode,sparse_super2"};
    static const char *const others[] = {"64bit,metadata_csum", "^64bit,^metadata_csum,uninit_bg",
                                         "^64bit,^metadata_csum,^flex_bg", "64bit,metadata_csum,^flex_bg"};
    char options[256];

    run("for i in $(seq 9); do mkdir -p src/dir$i; echo this is $i > src/dir$i/file; done");
    for (size_t layout = 0; layout < sizeof(layouts) / sizeof(layouts[0]); layout++) {
        for (size_t other = 0; other < sizeof(others) / sizeof(others[0]); other++) {
            for (unsigned block = 1024; block <= 4096; block *= 2) {
                snprintf(options, sizeof(options), "-O %s,%s -g 512", layouts[layout], others[other]);
                check_groups(options, block, 16);
                snprintf(options, sizeof(options), "-O %s,%s,bigalloc,^has_journal -C %u -g 256",
                         layouts[layout], others[other], block * 4);
                check_groups(options, block, 32);
            }
        }
    }
}

/* Somebody may have it mounted, but reading harms nobody. */
Test(ext4_odd, multiple_mount_protection)
{
    run("mkdir src; echo hello > src/file; mke2fs -q -F -t ext4 -O mmp -b 1024 -d src image 2M");
    image = image_load("image");
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    expect_text("/file", "hello\n");
    image_free(&image);
}

/* What decides is whether the link has blocks of its own. */
Test(ext4_odd, fast_links)
{
    make_image("-t ext4 -O ^metadata_csum");
    cr_assert(!(find("/link").flags & EXT4_EXTENTS_FL));
    image_free(&image);
    debugfs("sif /link flags 0x80000\nsif /long blocks 0\n");
    image = image_load("image");
    struct ext4_node node = find("/link");
    char target[8];
    size_t length;
    cr_assert(node.flags & EXT4_EXTENTS_FL);
    cr_assert_eq(ext4_readlink(&fs, &node, target, sizeof(target), &length), ERR_OK, "%s", fs.cause);
    cr_assert_eq(length, 3);
    cr_assert_eq(memcmp(target, "dir", 3), 0);
    expect_text("/link/file", "x\n");
    cr_assert_eq(ext4_resolve(&fs, EXT4_ROOT_INO, "/long", 5, false, &node), ERR_CORRUPT);
    cr_assert(strstr(fs.cause, "symbolic link of 100 bytes, but it has no blocks"), "%s", fs.cause);
    image_free(&image);
}

/* A short link that lies in a block, and a fast one beside a block of attributes. */
Test(ext4_odd, links_and_blocks)
{
    make_image("-t ext4 -O ^metadata_csum -I 128");
    image_free(&image);
    debugfs("sif /long size 5\nsif /link blocks 2\nsif /link file_acl 400\n");
    image = image_load("image");
    struct ext4_node node = find("/long");
    char target[8];
    size_t length;
    cr_assert_eq(ext4_readlink(&fs, &node, target, sizeof(target), &length), ERR_OK, "%s", fs.cause);
    cr_assert_eq(length, 5);
    cr_assert_eq(memcmp(target, "00000", 5), 0);
    node = find("/link");
    cr_assert_eq(ext4_readlink(&fs, &node, target, sizeof(target), &length), ERR_OK, "%s", fs.cause);
    cr_assert_eq(memcmp(target, "dir", 3), 0);
    image_free(&image);
}

Test(ext4_odd, parent_of_an_inline_directory)
{
    static const char *const parents[] = {"0", "1025", "0xffffffff"};
    char command[64];
    unsigned entries = 0;

    run("mkdir -p src/d; mke2fs -q -F -t ext4 -O inline_data,^metadata_csum -b 1024 -N 1024 -d src image 1M");
    for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
        snprintf(command, sizeof(command), "sif /d block[0] %s\n", parents[i]);
        debugfs(command);
        image = image_load("image");
        cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
        cr_assert_eq(read_all("/d", &entries), ERR_CORRUPT, "%s", parents[i]);
        cr_assert(strstr(fs.cause, "its parent is inode "), "%s", fs.cause);
        image_free(&image);
    }
}

static void expect_no_root(const char *commands, const char *words)
{
    run("cp sound image");
    debugfs(commands);
    image = image_load("image");
    cr_assert_eq(mount(), ERR_CORRUPT, "%s", commands);
    cr_assert(strstr(fs.cause, words), "'%s' does not say %s", fs.cause, words);
    image_free(&image);
}

Test(ext4_odd, root_that_cannot_be_read)
{
    run("mkdir src; mke2fs -q -F -t ext4 -O ^has_journal -b 1024 -d src sound 1M");
    expect_no_root("sif <2> mode 0100755", "inode 2: the root is no directory (mode 81ed)");
    expect_no_root("sif <2> mode 0120777", "inode 2: ");
    expect_no_root("clri <2>", "inode 2: not in use");
    expect_no_root("sif <2> checksum 7", "inode 2: checksum");
    expect_no_root("set_bg 0 inode_table 7000\nset_bg 0 checksum calc", "inode table at block 7000");
    expect_no_root("sif <2> block[0] 7", "inode 2: extent block 0: magic number");
}

/* A hole in a directory hides no names but those that were in it. */
Test(ext4_odd, holes_in_directories)
{
    make_image_of("-t ext4 -O ^dir_index", 60);
    image_free(&image);
    debugfs("punch /many 0 0\npunch /many 3 4\n");
    image = image_load("image");
    unsigned entries = 0, found = 0;
    char path[256];
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    cr_assert_eq(read_all("/many", &entries), ERR_OK, "%s", fs.cause);
    cr_assert_eq(image.lines, 1);
    cr_assert(strstr(image.said, "directory block 0 is a hole: passed over"), "%s", image.said);
    for (unsigned n = 0; n < 60; n++) {
        struct ext4_node node;
        snprintf(path, sizeof(path), "/many/%0160u", n);
        enum error error = ext4_resolve(&fs, EXT4_ROOT_INO, path, strlen(path), false, &node);
        cr_assert(!error || error == ERR_NOT_FOUND, "%s: %s", path, fs.cause);
        found += !error;
    }
    cr_assert_eq(found, entries);
    cr_assert_eq(60 - found, 17, "%u names are gone",
                 60 - found); /* 5 beside "." and "..", 6 in each other */
    cr_assert_eq(image.lines, 1, "told once");
    image_free(&image);
}

/* An index over a block that holds names, and one whose blocks lead outside the directory. */
Test(ext4_odd, index_of_nothing)
{
    make_image_of("-t ext4 -O ^dir_index,^metadata_csum", 60);
    image_free(&image);
    run("debugfs -w -R 'feature dir_index' image 2>&1");
    debugfs("sif /many flags 0x81000\n");
    image = image_load("image");
    unsigned entries = 0;
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    cr_assert_eq(read_all(MANY_7, &entries), ERR_OK, "%s", fs.cause);
    cr_assert_eq(read_all("/many", &entries), ERR_OK, "%s", fs.cause);
    cr_assert_eq(entries, 62);
    cr_assert_eq(image.lines, 1);
    cr_assert(strstr(image.said, "the index is not used"), "%s", image.said);
    image_free(&image);
}

Test(ext4_odd, index_that_leads_outside)
{
    make_image("-t ext4 -O ^metadata_csum");
    struct ext4_node node = find("/many");
    struct ext4_dx_entry *entry = (void *)(image.bytes + place_of(&node, 0) + EXT4_DX_ROOT_ENTRIES);
    unsigned entries = 0;
    for (unsigned i = 0; i < ((struct ext4_dx_countlimit *)entry)->count; i++)
        entry[i].block = 0x0ffffff0;
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    image.lines = 0;
    cr_assert_eq(read_all(MANY_7, &entries), ERR_OK, "%s", fs.cause);
    cr_assert_eq(image.lines, 1);
    image_free(&image);
}

/* Leaves of an extent tree that say something about each other's blocks. */
Test(ext4_odd, overlapping_extents)
{
    run("mkdir src");
    FILE *file = fopen("src/fragments", "wb");
    for (int block = 0; block <= 400; block += 2) {
        fseek(file, block * 1024, SEEK_SET);
        fputc('x', file);
    }
    fclose(file);
    run("mke2fs -q -F -t ext4 -O ^has_journal,^metadata_csum -b 1024 -d src image 2M");
    image = image_load("image");
    struct ext4_node node = find("/fragments");
    const struct ext4_extent_header *root = (const void *)node.map;
    const struct ext4_extent_idx *index = (const void *)(root + 1);
    cr_assert_eq(root->eh_depth, 1);
    cr_assert_geq(root->eh_entries, 2);
    struct ext4_extent_header *leaf = (void *)(image.bytes + index->ei_leaf_lo * 1024ul);
    struct ext4_extent *last = (struct ext4_extent *)(leaf + 1) + leaf->eh_entries - 1;
    struct ext4_run run;
    last->ee_len = (uint16_t)(index[1].ei_block - last->ee_block + 1);
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    cr_assert_eq(ext4_map(&fs, &node, 2, &run), ERR_CORRUPT);
    cr_assert(strstr(fs.cause, "instead of [0, "), "%s", fs.cause);
    last->ee_len = 1;
    leaf = (void *)(image.bytes + index[1].ei_leaf_lo * 1024ul);
    ((struct ext4_extent *)(leaf + 1))->ee_block--;
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    cr_assert_eq(ext4_map(&fs, &node, last->ee_block, &run), ERR_OK, "%s", fs.cause);
    cr_assert_eq(ext4_map(&fs, &node, index[1].ei_block, &run), ERR_CORRUPT);
    cr_assert(strstr(fs.cause, "instead of ["), "%s", fs.cause);
    image_free(&image);
}

/*
 * A directory that is in itself, whose blocks have to be looked through for each name of a path: what a path
 * may cost is bounded by what the file system has.
 */
Test(ext4_odd, path_without_end)
{
    make_image_of("-t ext4 -O ^dir_index,^has_journal,^metadata_csum", 3000);
    char path[2001];
    struct ext4_node node = find("/many");
    uint8_t *block = image.bytes + place_of(&node, (uint32_t)(node.size / 1024 - 1));
    struct ext4_dir_entry_2 *entry = (void *)block;
    while ((uint8_t *)entry + entry->rec_len < block + 1024)
        entry = (void *)((uint8_t *)entry + entry->rec_len);
    entry->rec_len = (uint16_t)(entry->rec_len - 12);
    cr_assert_geq(entry->rec_len, 8 + entry->name_len);
    entry = (void *)(block + 1024 - 12);
    *entry = (struct ext4_dir_entry_2){node.inode, 12, 1, EXT4_FT_DIR};
    entry->name[0] = 'x';
    for (size_t i = 0; i < sizeof(path) - 1; i += 2)
        memcpy(path + i, "/x", 2);
    memcpy(path, "/many", 5);
    path[5] = '/';
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    cr_assert_eq(ext4_resolve(&fs, EXT4_ROOT_INO, path, 20, true, &node), ERR_OK, "%s", fs.cause);
    image.gets = 0;
    enum error error = ext4_resolve(&fs, EXT4_ROOT_INO, path, 2000, true, &node);
    cr_assert_eq(error, ERR_CORRUPT, "%d: %s, %u gets", error, fs.cause, image.gets);
    cr_assert(strstr(fs.cause, "more directory blocks"), "%s", fs.cause);
    cr_assert_leq(image.gets, 3 * (fs.block_count + 4 * EXT4_PATH_MAX));
    image_free(&image);
}
