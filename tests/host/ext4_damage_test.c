/* SPDX-License-Identifier: MIT */
/* Damaged images: every flipped bit of checksummed structures is noticed, and the cause names the thing. */
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

TestSuite(ext4_damage, .init = set_up, .fini = tear_down, .timeout = 60);

/*
 * Flips a byte, expects reading `path` from a fresh mount to fail with a cause that holds `words`, and flips
 * it back.
 */
static void expect_noticed(size_t at, const char *path, const char *words)
{
    unsigned entries = 0;

    image.bytes[at] ^= 0x10;
    enum error error = mount();
    if (!error)
        error = read_all(path, &entries);
    image.bytes[at] ^= 0x10;
    cr_assert_eq(error, ERR_CORRUPT, "byte %zu of %s: error %d: %s", at, words, error, fs.cause);
    cr_assert(strstr(fs.cause, words), "byte %zu: '%s' does not name %s", at, fs.cause, words);
    cr_assert_eq(image.held, 0, "%s", fs.cause);
}

/*
 * Flips a byte of the index of /many: a name is found all the same, and one line begins with `words`. The
 * entries before the index are names as well: where these are damaged, "not there" is not said of any other.
 */
static void expect_got_around(size_t at, const char *words)
{
    unsigned entries = 0;

    image.bytes[at] ^= 0x10;
    image.lines = 0;
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    enum error found = read_all(MANY_7, &entries), absent = read_all("/many/absent", &entries);
    image.bytes[at] ^= 0x10;
    cr_assert_eq(found, ERR_OK, "byte %zu: %s", at, fs.cause);
    cr_assert(absent == ERR_NOT_FOUND || absent == ERR_CORRUPT);
    cr_assert_eq(image.lines, 1, "byte %zu: %u lines, the last: %s", at, image.lines, image.said);
    cr_assert_eq(strncmp(image.said, words, strlen(words)), 0, "%s", image.said);
    cr_assert_eq(image.held, 0, "%s", fs.cause);
}

Test(ext4_damage, superblock)
{
    make_image("-t ext4");
    for (size_t at = 1024; at < 2048; at++) {
        unsigned entries;
        image.bytes[at] ^= 0x10;
        enum error error = mount();
        error = error ? error : read_all("/hello", &entries);
        image.bytes[at] ^= 0x10;
        /* Without its magic number it is no file system. */
        if (at == 1024 + 0x38 || at == 1024 + 0x39)
            cr_assert_eq(error, ERR_NO_FS, "byte %zu: %d", at, error);
        else if (at == 1024 + 0x4c || at == 1024 + 0x4d || at == 1024 + 0x4e || at == 1024 + 0x4f)
            cr_assert_eq(error, ERR_UNSUPPORTED, "byte %zu: %d", at, error);
        else
            cr_assert_eq(error, ERR_CORRUPT, "byte %zu: %d: %s", at, error, fs.cause);
        cr_assert(strncmp(fs.cause, "superblock: ", 12) == 0, "%s", fs.cause);
    }
    image_free(&image);
}

Test(ext4_damage, group_descriptor)
{
    make_image("-t ext4");
    for (size_t at = 2048; at < 2048 + 64; at++)
        expect_noticed(at, "/hello", "group descriptor 0: checksum");
    image_free(&image);
}

Test(ext4_damage, group_descriptor_crc16)
{
    make_image("-t ext4 -O ^metadata_csum,uninit_bg");
    for (size_t at = 2048; at < 2048 + 32; at++)
        expect_noticed(at, "/hello", "group descriptor 0: checksum");
    image_free(&image);
}

Test(ext4_damage, inode)
{
    char words[32];

    make_image("-t ext4");
    struct ext4_node node = find("/hello");
    size_t place = place_of_inode(node.inode);
    snprintf(words, sizeof(words), "inode %u: ", node.inode);
    for (size_t at = place; at < place + fs.inode_size; at++)
        expect_noticed(at, "/hello", words);
    image_free(&image);
}

Test(ext4_damage, small_inode)
{
    char words[32];

    make_image("-t ext4 -I 128");
    struct ext4_node node = find("/hello");
    size_t place = place_of_inode(node.inode);
    snprintf(words, sizeof(words), "inode %u: checksum", node.inode);
    for (size_t at = place; at < place + 128; at++)
        expect_noticed(at, "/hello", words);
    image_free(&image);
}

Test(ext4_damage, extent_block)
{
    char words[64];

    make_image("-t ext4");
    struct ext4_node node = find("/fragments");
    const struct ext4_extent_header *root = (const void *)node.map;
    const struct ext4_extent_idx *index = (const void *)(root + 1);
    cr_assert_eq(root->eh_depth, 1);
    size_t place = index->ei_leaf_lo * (size_t)fs.block_size;
    snprintf(words, sizeof(words), "inode %u: extent block %u: ", node.inode, index->ei_leaf_lo);
    /* What follows the checksum, 4 bytes here, belongs to nothing. */
    for (size_t at = place; at < place + fs.block_size - 4 - (fs.block_size - 12) % 12 + 4; at += 3)
        expect_noticed(at, "/fragments", words);
    image_free(&image);
}

Test(ext4_damage, directory_block)
{
    char words[64];

    make_image("-t ext4");
    struct ext4_node node = find("/dir");
    size_t place = place_of(&node, 0);
    snprintf(words, sizeof(words), "inode %u: directory block 0: ", node.inode);
    for (size_t at = place; at < place + fs.block_size; at += 3)
        expect_noticed(at, "/dir", words);
    image_free(&image);
}

Test(ext4_damage, directory_index)
{
    char words[64];

    make_image("-t ext4");
    struct ext4_node node = find("/many");
    cr_assert(node.flags & EXT4_INDEX_FL);
    size_t place = place_of(&node, 0);
    const struct ext4_dx_countlimit *room = (const void *)(image.bytes + place + EXT4_DX_ROOT_ENTRIES);
    size_t used = EXT4_DX_ROOT_ENTRIES + room->count * sizeof(struct ext4_dx_entry);
    snprintf(words, sizeof(words), "inode %u: directory ", node.inode);
    for (size_t at = place; at < place + used; at += 3)
        expect_got_around(at, words);
    for (size_t at = place + fs.block_size - 8; at < place + fs.block_size; at++)
        expect_got_around(at, words);
    image_free(&image);
}

/* A block that was found sound as one thing is not taken for another without a look. */
Test(ext4_damage, checked_for_another_owner)
{
    make_image("-t ext4");
    struct ext4_node node = find("/dir"), other = find("/many");
    struct ext4_block *block;
    cr_assert_eq(ext4_get_dir_block(&fs, &node, 0, &block), ERR_OK);
    ext4_put_block(&fs, block);
    node.inode = other.inode;
    node.checksum_seed = other.checksum_seed;
    cr_assert_eq(ext4_get_dir_block(&fs, &node, 0, &block), ERR_CORRUPT);
    image_free(&image);
}

static void expect_mount(enum error expected, const char *words)
{
    seal_super();
    enum error error = mount();
    cr_assert_eq(error, expected, "error %d: %s", error, fs.cause);
    cr_assert(strstr(fs.cause, words), "'%s' does not say %s", fs.cause, words);
}

Test(ext4_damage, superblock_with_right_checksum)
{
    make_image("-t ext4");
    struct ext4_super_block *super = (void *)(image.bytes + EXT4_SUPER_OFFSET), saved = *super;
#define CASE(field, value, error, words)                                                                     \
    *super = saved;                                                                                          \
    super->field = (value);                                                                                  \
    expect_mount(error, words)
    CASE(s_log_block_size, 3, ERR_UNSUPPORTED, "block size");
    CASE(s_log_block_size, 0xffffffff, ERR_CORRUPT, "block size");
    CASE(s_inode_size, 0, ERR_CORRUPT, "inode size");
    CASE(s_inode_size, 96, ERR_CORRUPT, "inode size");
    CASE(s_inode_size, 2048, ERR_CORRUPT, "inode size");
    CASE(s_desc_size, 0, ERR_CORRUPT, "group descriptor size");
    CASE(s_desc_size, 2048, ERR_CORRUPT, "group descriptor size");
    CASE(s_blocks_count_lo, 0xffffffff, ERR_CORRUPT, "device");
    CASE(s_blocks_count_hi, 0xffffffff, ERR_CORRUPT, "device");
    CASE(s_blocks_count_lo, 1, ERR_CORRUPT, "first data block");
    CASE(s_blocks_per_group, 0, ERR_CORRUPT, "blocks per group");
    CASE(s_blocks_per_group, 8193, ERR_CORRUPT, "blocks per group");
    CASE(s_inodes_per_group, 0, ERR_CORRUPT, "inodes per group");
    CASE(s_inodes_per_group, 0x10000, ERR_CORRUPT, "inodes per group");
    CASE(s_inodes_count, 77, ERR_CORRUPT, "77 inodes");
    CASE(s_first_data_block, 2, ERR_CORRUPT, "first data block");
    CASE(s_rev_level, 2, ERR_UNSUPPORTED, "revision 2");
    CASE(s_checksum_type, 2, ERR_UNSUPPORTED, "checksum type 2");
    CASE(s_feature_incompat, super->s_feature_incompat | EXT4_FEATURE_INCOMPAT_ENCRYPT, ERR_UNSUPPORTED,
         "encrypt");
    CASE(s_feature_incompat, super->s_feature_incompat | EXT4_FEATURE_INCOMPAT_COMPRESSION, ERR_UNSUPPORTED,
         "compression");
    CASE(s_feature_incompat, super->s_feature_incompat | 0x820, ERR_UNSUPPORTED,
         "FEATURE_I5, FEATURE_I11 is");
    CASE(s_feature_ro_compat, super->s_feature_ro_compat | EXT4_FEATURE_RO_COMPAT_BIGALLOC, ERR_OK, "");
    super->s_log_cluster_size = 4;
    expect_mount(ERR_CORRUPT, "clusters of 1024 << 4 bytes");
    super->s_clusters_per_group = super->s_blocks_per_group / 16;
    expect_mount(ERR_OK, "");
    super->s_log_cluster_size = 0xffffffff;
    expect_mount(ERR_CORRUPT, "clusters of 1024 << 4294967295 bytes");
    CASE(s_first_data_block, 0, ERR_CORRUPT, "boot block");
    CASE(s_feature_incompat, super->s_feature_incompat | EXT4_FEATURE_INCOMPAT_CASEFOLD, ERR_UNSUPPORTED,
         "casefold");
    CASE(s_feature_incompat, super->s_feature_incompat | 0x80000000, ERR_UNSUPPORTED, "FEATURE_I31");
    CASE(s_feature_incompat, super->s_feature_incompat | EXT4_FEATURE_INCOMPAT_RECOVER, ERR_UNSUPPORTED, "");
#undef CASE
    image_free(&image);
}

Test(ext4_damage, not_a_file_system)
{
    static uint8_t zeros[8192];

    for (size_t size = 0; size <= sizeof(zeros); size += 512) {
        image = (struct image){.bytes = zeros, .size = size, .keep = true};
        cr_assert_eq(mount(), ERR_NO_FS, "%zu: %s", size, fs.cause);
        cr_assert(fs.cause[0]);
        image_drop(&image);
    }
    cr_assert(strstr(fs.cause, "magic number is 0000, not ef53"), "%s", fs.cause);
}

Test(ext4_damage, cut_off)
{
    make_image("-t ext4");
    image.size /= 2;
    cr_assert_eq(mount(), ERR_CORRUPT);
    cr_assert(strstr(fs.cause, "but the device has"), "%s", fs.cause);
    image_free(&image);
}

/* A block that cannot be read is reported as that, whichever it is, and nothing stays held. */
Test(ext4_damage, unreadable_blocks)
{
    make_image("-t ext4");
    unsigned failed = 0, entries = 0;
    for (uint64_t block = 1; block < image.size / 1024; block++) {
        image.bad_block = block;
        enum error error = mount();
        error = error ? error : read_all(MANY_7, &entries);
        error = error ? error : read_all("/fragments", &entries);
        cr_assert(!error || error == ERR_IO, "block %lu: %d: %s", block, error, fs.cause);
        cr_assert(!error || strstr(fs.cause, "cannot be read"), "%s", fs.cause);
        cr_assert_eq(image.held, 0);
        failed += error;
    }
    cr_assert_geq(failed, 38, "only %u blocks mattered", failed);
    image_free(&image);
}
