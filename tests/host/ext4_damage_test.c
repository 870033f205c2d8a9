/* SPDX-License-Identifier: MIT */
/*
 * Damaged and hostile images: every flipped bit of checksummed structures is noticed and the cause names the
 * thing; whatever the image says, nothing is read outside its blocks and everything ends.
 */
// sources: user/fs/ext4/*.c
#include "../../user/fs/ext4/internal.h"
#include "ext4_image.h"

#include <base/crc32c.h>

#define MANY_7                                                                                               \
    "/many/00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"  \
    "00000000000000000000000000000000000000000000000000000000000000007"

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

static struct image image;
static struct ext4 fs;

/*
 * A small image with every structure there is: extent blocks, an indexed directory of `many` long names,
 * links.
 */
static void make_image_of(const char *options, unsigned many)
{
    run("mkdir -p src/dir src/many; echo hello > src/hello; ln -s dir src/link; "
        "ln -s \"$(printf '%%0100d' 0)\" src/long; echo x > src/dir/file");
    for (unsigned n = 0; n < many; n++) {
        char path[256];
        snprintf(path, sizeof(path), "src/many/%0160u", n);
        write_file(path, "", 0);
    }
    FILE *file = fopen("src/fragments", "wb");
    for (int block = 0; block <= 60; block += 2) {
        fseek(file, block * 1024, SEEK_SET);
        for (int i = 0; i < 1024; i++)
            fputc(block + 1 + i % 7, file);
    }
    fclose(file);
    run("mke2fs -q -F -b 1024 -N 1024 %s -d src image 1500K", options);
    run("e2fsck -fyD image; test $? -le 1");
    image = image_load("image");
}

static void make_image(const char *options)
{
    make_image_of(options, 60);
}

static enum error mount(void)
{
    struct ext4_source source = image_source(&image);

    return ext4_mount(&fs, &source, NULL, 0);
}

static bool ignore(void *context, const struct ext4_entry *entry)
{
    unsigned *count = context;

    cr_assert(entry->name_length > 0 && memchr(entry->name, 0, entry->name_length) == NULL);
    *count += 1;
    return true;
}

/* Reads a path as a whole: resolves it, then lists or reads it. */
static enum error read_all(const char *path, unsigned *entries)
{
    static uint8_t buffer[100000];
    struct ext4_node node;
    size_t done;
    uint64_t cursor = 0;
    bool end;
    enum error error = ext4_resolve(&fs, EXT4_ROOT_INO, path, strlen(path), false, &node);

    if (error)
        return error;
    if (ext4_is_dir(&node))
        return ext4_readdir(&fs, &node, &cursor, ignore, entries, &end);
    return ext4_read(&fs, &node, 0, buffer, sizeof(buffer), &done);
}

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

static struct ext4_node find(const char *path)
{
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    return image_find(&fs, path, false);
}

static size_t place_of(const struct ext4_node *node, uint32_t file_block)
{
    struct ext4_run run;

    cr_assert_eq(ext4_map(&fs, node, file_block, &run), ERR_OK, "%s", fs.cause);
    cr_assert_neq(run.block, 0);
    return run.block * fs.block_size;
}

static size_t place_of_inode(uint32_t number)
{
    struct ext4_block *block;
    const struct ext4_inode *inode;
    struct ext4_group_desc group;

    cr_assert_eq(ext4_get_inode(&fs, number, &block, &inode), ERR_OK);
    ext4_put_block(&fs, block);
    cr_assert_eq(ext4_read_group(&fs, 0, &group), ERR_OK);
    return group.bg_inode_table_lo * (size_t)fs.block_size + (number - 1) * fs.inode_size;
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
        expect_noticed(at, MANY_7, words);
    for (size_t at = place + fs.block_size - 8; at < place + fs.block_size; at++)
        expect_noticed(at, "/many", words);
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

/* Makes the superblock's checksum right again. */
static void seal_super(void)
{
    struct ext4_super_block *super = (void *)(image.bytes + EXT4_SUPER_OFFSET);

    super->s_checksum = crc32c(~0u, super, offsetof(struct ext4_super_block, s_checksum));
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
    CASE(s_feature_incompat, super->s_feature_incompat | EXT4_FEATURE_INCOMPAT_MMP, ERR_UNSUPPORTED, "mmp");
    CASE(s_feature_incompat, super->s_feature_incompat | EXT4_FEATURE_INCOMPAT_CASEFOLD, ERR_UNSUPPORTED,
         "casefold");
    CASE(s_feature_incompat, super->s_feature_incompat | 0x80000000, ERR_UNSUPPORTED, "80000000");
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
        cr_assert(error == ERR_OK || error == ERR_IO, "block %lu: %d: %s", block, error, fs.cause);
        cr_assert(error == ERR_OK || strstr(fs.cause, "cannot be read"), "%s", fs.cause);
        cr_assert_eq(image.held, 0);
        failed += error != ERR_OK;
    }
    cr_assert_geq(failed, 38, "only %u blocks mattered", failed);
    image_free(&image);
}

/* A loop in a directory index, in an extent tree, in the tree of directories: each ends. */
Test(ext4_damage, loops)
{
    make_image("-t ext4 -O ^metadata_csum");
    struct ext4_node node = find("/many");
    uint8_t *root = image.bytes + place_of(&node, 0);
    struct ext4_dx_entry *entries = (void *)(root + EXT4_DX_ROOT_ENTRIES);
    uint32_t hash, inode, count = ((struct ext4_dx_countlimit *)entries)->count;
    cr_assert(ext4_name_hash(fs.unsigned_hash ? 4 : 1, fs.hash_seed, "absent", 6, &hash));
    for (uint32_t i = 1; i < count; i++)
        entries[i] = (struct ext4_dx_entry){hash | 1, 1};
    image_set_block_size(&image, 1024);
    image.gets = 0;
    enum error error = ext4_lookup(&fs, &node, "absent", 6, &inode);
    cr_assert(error == ERR_NOT_FOUND || error == ERR_CORRUPT, "%d: %s", error, fs.cause);
    cr_assert_leq(image.gets, 1000);
    for (uint32_t i = 1; i < count; i++)
        entries[i] = (struct ext4_dx_entry){0, 0};
    root[EXT4_DX_ROOT_INFO + 6] = 1;
    image_set_block_size(&image, 1024);
    cr_assert_eq(ext4_lookup(&fs, &node, "absent", 6, &inode), ERR_CORRUPT);

    node = find("/fragments");
    const struct ext4_extent_idx *index = (const void *)((const struct ext4_extent_header *)node.map + 1);
    struct ext4_extent_header *leaf = (void *)(image.bytes + index->ei_leaf_lo * 1024ul);
    leaf->eh_depth = 1; /* its entries now lead to what they held */
    cr_assert_eq(mount(), ERR_OK);
    unsigned listed = 0;
    cr_assert_eq(read_all("/fragments", &listed), ERR_CORRUPT);
    image_free(&image);
}

static const char *const paths[] = {
    "/",     "/hello",     "/link/file", "/long",       "/dir/file", "/dir/.." MANY_7,
    "/many", "/fragments", "/dir",       "/lost+found",
};

/* Everything that a server would do with an image. */
static unsigned use_everything(void)
{
    unsigned failed = 0, entries = 0;

    if (mount())
        return 1;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        enum error error = read_all(paths[i], &entries);
        cr_assert(error == ERR_OK || fs.cause[0], "%s: error %d without a cause", paths[i], error);
        failed += error != ERR_OK;
    }
    return failed;
}

/* Blocks that hold anything but zeros; damage there matters. */
static size_t list_used(uint32_t *used)
{
    size_t count = 0;

    for (uint32_t block = 1; block < image.size / 1024; block++) {
        const uint8_t *data = image.bytes + block * 1024ul;
        if (data[0] || memcmp(data, data + 1, 1023) != 0)
            used[count++] = block;
    }
    return count;
}

/* One change, as hostile as they come: a random byte, an extreme number, a copy of something else. */
static void mutate(uint64_t *random, const uint32_t *used, size_t count)
{
    static const uint32_t extremes[] = {0,          1,          2,          0x7fff, 0x8000, 0xffff,
                                        0x7fffffff, 0x80000000, 0xffffffff, 11,     12};
    size_t place = used[random_below(random, count)] * 1024ul + random_below(random, 256) * 4;
    uint32_t value = extremes[random_below(random, sizeof(extremes) / sizeof(extremes[0]))];

    switch (random_below(random, 4)) {
    case 0: image.bytes[place + random_below(random, 4)] = (uint8_t)random_next(random); break;
    case 1: memcpy(image.bytes + place, &value, 2); break;
    case 2: memcpy(image.bytes + place, &value, 4); break;
    default:
        memcpy(image.bytes + place, image.bytes + used[random_below(random, count)] * 1024ul + (place & 1020),
               4);
    }
}

static void fuzz(const char *options, unsigned times, bool seal, unsigned least_failed)
{
    static uint32_t used[4096];
    uint64_t random = 20240229;

    make_image_of(options, 800); /* an index of two levels */
    uint8_t *original = malloc(image.size);
    memcpy(original, image.bytes, image.size);
    size_t count = list_used(used);
    cr_assert_eq(use_everything(), 0, "%s", fs.cause);
    unsigned failed = 0;
    for (unsigned i = 0; i < times; i++) {
        for (uint64_t n = 1 + random_below(&random, 6); n > 0; n--)
            mutate(&random, used, count);
        if (seal)
            seal_super();
        failed += use_everything() > 0;
        cr_assert_eq(image.held, 0, "%s", fs.cause);
        for (size_t n = 0; n < count; n++)
            memcpy(image.bytes + used[n] * 1024ul, original + used[n] * 1024ul, 1024);
    }
    cr_assert_gt(failed, least_failed, "%u of %u were noticed", failed, times);
    free(original);
    image_free(&image);
}

Test(ext4_damage, fuzz_no_checksums)
{
    fuzz("-t ext4 -O ^metadata_csum,^has_journal", 8000, false, 1000);
}

Test(ext4_damage, fuzz_checksums)
{
    fuzz("-t ext4 -O ^has_journal", 6000, true, 2000);
}

Test(ext4_damage, fuzz_block_map)
{
    fuzz("-t ext2", 3000, false, 300);
}

Test(ext4_damage, fuzz_inline_data)
{
    fuzz("-t ext4 -O inline_data,^metadata_csum,^has_journal", 3000, false, 300);
}
