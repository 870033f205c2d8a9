/* SPDX-License-Identifier: MIT */
/*
 * Hostile images: whatever an image says, nothing is read outside its blocks, everything ends, and the cause
 * names the thing.
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

TestSuite(ext4_hostile, .init = set_up, .fini = tear_down, .timeout = 60);

/* A loop in a directory index, in an extent tree, in the tree of directories: each ends. */
Test(ext4_hostile, loops)
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
    image.lines = 0;
    cr_assert_eq(ext4_lookup(&fs, &node, "absent", 6, &inode), ERR_NOT_FOUND);
    cr_assert(strstr(image.said, "the index is not used"), "%s", image.said);

    node = find("/fragments");
    const struct ext4_extent_idx *index = (const void *)((const struct ext4_extent_header *)node.map + 1);
    struct ext4_extent_header *leaf = (void *)(image.bytes + index->ei_leaf_lo * 1024ul);
    leaf->eh_depth = 1; /* its entries now lead to what they held */
    cr_assert_eq(mount(), ERR_OK);
    unsigned listed = 0;
    cr_assert_eq(read_all("/fragments", &listed), ERR_CORRUPT);
    image_free(&image);
}

/*
 * Sets `size` bytes at `field` of the image to `value`, expects reading `path` to fail so, and sets them
 * back.
 */
static void expect_hostile(void *field, size_t size, uint64_t value, const char *path, const char *words)
{
    uint64_t saved = 0;
    unsigned entries = 0;

    memcpy(&saved, field, size);
    memcpy(field, &value, size);
    enum error error = mount();
    if (!error)
        error = read_all(path, &entries);
    memcpy(field, &saved, size);
    cr_assert_eq(error, ERR_CORRUPT, "%s, %s = %lx: error %d: %s", path, words, value, error, fs.cause);
    cr_assert(strstr(fs.cause, words), "'%s' does not say %s", fs.cause, words);
    cr_assert_eq(image.held, 0, "%s", fs.cause);
}

/* The same, but reading goes on without the index, and says so in one line. */
static void expect_index_unused(void *field, size_t size, uint64_t value)
{
    uint64_t saved = 0;
    unsigned entries = 0;

    memcpy(&saved, field, size);
    memcpy(field, &value, size);
    image.lines = 0;
    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    cr_assert_eq(read_all(MANY_7, &entries), ERR_OK, "%lx: %s", value, fs.cause);
    cr_assert_eq(read_all("/many", &entries), ERR_OK, "%lx: %s", value, fs.cause);
    cr_assert_eq(read_all("/many/absent", &entries), ERR_NOT_FOUND, "%lx: %s", value, fs.cause);
    memcpy(field, &saved, size);
    cr_assert_eq(image.lines, 1, "%lx: %u lines: %s", value, image.lines, image.said);
    cr_assert(strstr(image.said, "the index is not used"), "%s", image.said);
    cr_assert_eq(image.held, 0, "%s", fs.cause);
}

#define INDEX_UNUSED(field, value)         expect_index_unused(&(field), sizeof(field), (value))
#define HOSTILE(field, value, path, words) expect_hostile(&(field), sizeof(field), (value), (path), (words))

Test(ext4_hostile, hostile_entries)
{
    make_image_of("-t ext4 -O ^metadata_csum,^dir_index", 60);
    struct ext4_node node = find("/many");
    for (uint32_t index = 0; index < 3; index++) {
        uint8_t *block = image.bytes + place_of(&node, index);
        struct ext4_dir_entry_2 *entry = (void *)block;
        for (uint32_t offset = 0; offset < 1024; offset += entry->rec_len) {
            entry = (void *)(block + offset);
            HOSTILE(entry->rec_len, 0, "/many", "bad record length");
            HOSTILE(entry->rec_len, 8, "/many", "bad record length");
            HOSTILE(entry->rec_len, entry->rec_len + 2, "/many", "bad record length");
            HOSTILE(entry->rec_len, 1024 - offset + 4, "/many", "bad record length");
            HOSTILE(entry->rec_len, 0xfffc, "/many", "bad record length");
            HOSTILE(entry->inode, fs.inode_count + 1, "/many", "bad inode number");
            HOSTILE(entry->name_len, 0, "/many", "is no name");
            HOSTILE(entry->name[0], '/', "/many", "is no name");
            HOSTILE(entry->name[0], 0, "/many", "is no name");
            if (entry->rec_len < 255)
                HOSTILE(entry->name_len, 255, "/many", "bad name length");
        }
    }
    image_free(&image);
}

static void check_hostile_node(struct ext4_extent_header *header, size_t room, const char *path)
{
    struct ext4_extent *extent = (void *)(header + 1);
    uint32_t full = (uint32_t)room << 16 | (uint32_t)room; /* entries and max, side by side */

    HOSTILE(header->eh_magic, 0, path, "magic number");
    HOSTILE(header->eh_max, room + 1, path, "entries");
    HOSTILE(header->eh_entries, header->eh_max + 1, path, "entries");
    expect_hostile(&header->eh_entries, 4, full + 0x10001, path, "entries");
    expect_hostile(&header->eh_entries, 4, UINT32_MAX, path, "entries");
    HOSTILE(header->eh_depth, 5, path, "");
    HOSTILE(header->eh_depth, 6, path, "depth");
    HOSTILE(extent->ee_start_hi, 0xffff, path, "leads to block");
    if (header->eh_depth || header->eh_entries < 2)
        return;
    HOSTILE(extent->ee_start_lo, fs.block_count, path, "leads to block");
    HOSTILE(extent->ee_start_lo, 1, path, "leads to block");
    HOSTILE(extent->ee_len, 0, path, "out of order");
    HOSTILE(extent->ee_block, UINT32_MAX, path, "out of order");
}

Test(ext4_hostile, hostile_extents)
{
    make_image("-t ext4 -O ^metadata_csum");
    struct ext4_node node = find("/hello");
    struct ext4_inode *inode = (void *)(image.bytes + place_of_inode(node.inode));
    check_hostile_node((void *)inode->i_block, 4, "/hello");
    node = find("/fragments");
    inode = (void *)(image.bytes + place_of_inode(node.inode));
    check_hostile_node((void *)inode->i_block, 4, "/fragments");
    const struct ext4_extent_idx *index = (const void *)((uint8_t *)inode->i_block + 12);
    check_hostile_node((void *)(image.bytes + index->ei_leaf_lo * 1024ul), 84, "/fragments");
    image_free(&image);
}

Test(ext4_hostile, hostile_block_map)
{
    make_image("-t ext2");
    struct ext4_node node = find("/fragments");
    struct ext4_inode *inode = (void *)(image.bytes + place_of_inode(node.inode));
    uint32_t *pointers = (void *)(image.bytes + inode->i_block[12] * 1024ul);
    HOSTILE(inode->i_block[0], fs.block_count, "/fragments", "block map leads to block");
    HOSTILE(inode->i_block[12], fs.block_count, "/fragments", "block map leads to block");
    HOSTILE(inode->i_block[12], 1, "/fragments", "block map leads to block");
    HOSTILE(pointers[0], UINT32_MAX, "/fragments", "block map leads to block");
    HOSTILE(pointers[0], 1, "/fragments", "block map leads to block");
    image_free(&image);
}

static void check_hostile_index(const char *options, uint32_t levels)
{
    make_image_of(options, 800);
    struct ext4_node node = find("/many");
    uint8_t *root = image.bytes + place_of(&node, 0);
    struct ext4_dx_root_info *info = (void *)(root + EXT4_DX_ROOT_INFO);
    struct ext4_dx_entry *entries = (void *)(root + EXT4_DX_ROOT_ENTRIES);
    cr_assert_eq(info->indirect_levels, levels - 1u);
    INDEX_UNUSED(info->reserved_zero, 1);
    INDEX_UNUSED(info->info_length, 16);
    INDEX_UNUSED(info->indirect_levels, 2);
    INDEX_UNUSED(info->indirect_levels, 255);
    for (uint32_t level = 0; level < levels; level++) {
        struct ext4_dx_countlimit *room = (void *)entries;
        for (uint32_t i = 0; i < room->count; i++)
            entries[i].block |= 0x40000000; /* the upper bits are reserved: not looked at */
        INDEX_UNUSED(room->count, 0);
        INDEX_UNUSED(room->count, room->limit + 1);
        INDEX_UNUSED(room->limit, room->limit + 1);
        INDEX_UNUSED(room->limit, 0xffff);
        expect_index_unused(room, 4, UINT32_MAX);
        expect_index_unused(room, 4, (room->limit + 1u) * 0x10001);
        for (uint32_t i = 0; i < room->count; i++)
            entries[i].block &= 0x0fffffff;
        entries = (void *)(image.bytes + place_of(&node, entries[0].block) + EXT4_DX_NODE_ENTRIES);
    }
    image_free(&image);
}

Test(ext4_hostile, hostile_index)
{
    /* The seed decides which node of the index leads to the name: the first of each level. */
    check_hostile_index("-t ext4 -O ^metadata_csum -E hash_seed=00000000-1111-2222-3333-444444444444", 2);
}

Test(ext4_hostile, hostile_inodes)
{
    make_image("-t ext4 -O ^metadata_csum");
    struct ext4_node node = find("/long");
    struct ext4_inode *inode = (void *)(image.bytes + place_of_inode(node.inode));
    HOSTILE(inode->i_size_lo, 0, "/long/", "symbolic link of 0 bytes");
    HOSTILE(inode->i_extra_isize, 132, "/long", "132 bytes of extra fields");
    HOSTILE(inode->i_extra_isize, 0xffff, "/long", "65535 bytes of extra fields");
    HOSTILE(inode->i_flags, inode->i_flags | EXT4_INLINE_DATA_FL, "/long", "inline data");
    node = find("/hello");
    inode = (void *)(image.bytes + place_of_inode(node.inode));
    HOSTILE(inode->i_size_high, 0x80000000, "/hello", "size");
    node = find("/dir");
    inode = (void *)(image.bytes + place_of_inode(node.inode));
    HOSTILE(inode->i_size_lo, 0xfffffc00, "/dir", "larger than the file system");
    image_free(&image);
}

Test(ext4_hostile, hostile_inline_data)
{
    make_image("-t ext4 -O inline_data,^metadata_csum");
    struct ext4_node node = find("/long");
    cr_assert(node.flags & EXT4_INLINE_DATA_FL);
    struct ext4_inode *inode = (void *)(image.bytes + place_of_inode(node.inode));
    struct ext4_xattr_ibody_header *head = (void *)((uint8_t *)inode + 128 + inode->i_extra_isize);
    struct ext4_xattr_entry *entry = (void *)(head + 1);
    HOSTILE(head->h_magic, 0, "/long", "inline data");
    HOSTILE(entry->e_name_len, 255, "/long", "inline data");
    HOSTILE(entry->e_name_len, 0, "/long", "inline data");
    HOSTILE(entry->e_name_index, 1, "/long", "inline data");
    HOSTILE(entry->e_value_offs, 0xfffc, "/long", "inline data");
    HOSTILE(entry->e_value_offs, entry->e_value_offs + 4, "/long", "inline data");
    HOSTILE(entry->e_value_offs, entry->e_value_offs - 1, "/long", "inline data");
    HOSTILE(entry->e_value_size, 0xffffffff, "/long", "inline data");
    HOSTILE(entry->e_value_size, 1, "/long", "inline data");
    HOSTILE(entry->e_value_inum, 12, "/long", "inline data");
    HOSTILE(inode->i_size_lo, 2000, "/long", "inline data");
    HOSTILE(inode->i_extra_isize, 128, "/long", "inline data");
    HOSTILE(inode->i_extra_isize, 124, "/long", "inline data");
    HOSTILE(inode->i_extra_isize, 33, "/long", "inline data");
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
        cr_assert(!error || fs.cause[0], "%s: error %d without a cause", paths[i], error);
        failed += error;
    }
    return failed;
}

/* Lists the blocks of metadata that finding the paths needs; damage there matters. */
static size_t list_metadata(uint32_t *used)
{
    struct ext4_node node;
    struct ext4_run run;
    size_t count = 0;
    unsigned entries = 0;

    cr_assert_eq(mount(), ERR_OK, "%s", fs.cause);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        node = image_find(&fs, paths[i], false);
        cr_assert_eq(ext4_is_file(&node) ? ext4_map(&fs, &node, 50, &run) : ERR_OK, ERR_OK);
        if (ext4_is_dir(&node) && strcmp(paths[i], "/many") != 0)
            cr_assert_eq(read_all(paths[i], &entries), ERR_OK);
    }
    used[count++] = EXT4_SUPER_OFFSET / 1024;
    for (uint32_t block = 1; block < image.size / 1024; block++) {
        if (image.blocks[block])
            used[count++] = block;
    }
    return count;
}

/* A place in a block, aligned to 4: as often near the ends, where counts and checksums are, as anywhere. */
static size_t choose_place(uint64_t *random)
{
    switch (random_below(random, 3)) {
    case 0: return random_below(random, 16) * 4;
    case 1: return 1024 - 4 - random_below(random, 16) * 4;
    default: return random_below(random, 256) * 4;
    }
}

/* One change, as hostile as they come: a random byte, extreme numbers, a copy of something else, an entry. */
static void mutate(uint64_t *random, const uint32_t *used, size_t count)
{
    static const uint32_t extremes[] = {0,          1,          2,          0x7fff, 0x8000, 0xffff, 1024,
                                        0x7fffffff, 0x80000000, 0xffffffff, 11,     12,     0xff};
    uint8_t *block = image.bytes + used[random_below(random, count)] * 1024ul;
    size_t place = choose_place(random);
    uint32_t value = extremes[random_below(random, sizeof(extremes) / sizeof(extremes[0]))];
    uint16_t entry[4] = {(uint16_t)(1 + random_below(random, 20)), 0, (uint16_t)value, 0x1ff};

    switch (random_below(random, 5)) {
    case 0: block[place + random_below(random, 4)] = (uint8_t)random_next(random); break;
    case 1: memcpy(block + place + random_below(random, 2) * 2, &value, 2); break;
    case 2: memcpy(block + place, &value, 4); break;
    case 3: memcpy(block + place, image.bytes + used[random_below(random, count)] * 1024ul + place, 4); break;
    default: memcpy(block + place, entry, place < 1020 ? 8 : 4);
    }
}

static void fuzz(const char *options, unsigned times, bool seal, unsigned least_failed)
{
    static uint32_t used[4096];
    uint64_t random = 20240229;

    make_image_of(options, 800); /* an index of two levels */
    uint8_t *original = malloc(image.size);
    memcpy(original, image.bytes, image.size);
    size_t count = list_metadata(used);
    cr_assert_eq(use_everything(), 0, "%s", fs.cause);
    unsigned failed = 0;
    for (unsigned i = 0; i < times; i++) {
        for (uint64_t n = 1 + random_below(&random, 4); n > 0; n--)
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

Test(ext4_hostile, fuzz_no_checksums)
{
    fuzz("-t ext4 -O ^metadata_csum,^has_journal", 8000, false, 1000);
}

Test(ext4_hostile, fuzz_checksums)
{
    fuzz("-t ext4 -O ^has_journal", 6000, true, 2000);
}

Test(ext4_hostile, fuzz_block_map)
{
    fuzz("-t ext2", 3000, false, 300);
}

Test(ext4_hostile, fuzz_inline_data)
{
    fuzz("-t ext4 -O inline_data,^metadata_csum,^has_journal", 3000, false, 300);
}
