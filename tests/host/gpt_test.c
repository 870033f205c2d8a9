/* SPDX-License-Identifier: MIT */
/* Partition tables: those that sgdisk makes, damaged ones, and hostile ones. */
// sources: lib/disk/*.c lib/ext4/*.c
#include "ext4_image.h"

#include <disk/partitions.h>

#define CAPACITY 16

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

TestSuite(gpt, .init = set_up, .fini = tear_down, .timeout = 30);

static uint8_t *disk;
static uint64_t sectors;
static unsigned held;
static uint64_t bad_sector;
static struct partition list[CAPACITY];
static struct partition_table table;

/* Sectors are handed out as heap blocks of their own, so that AddressSanitizer sees accesses outside them. */
static enum error get_sector(void *context, uint64_t sector, const uint8_t **data)
{
    (void)context;
    cr_assert_lt(sector, sectors);
    if (bad_sector && sector == bad_sector)
        return ERR_IO;
    uint8_t *copy = malloc(SECTOR_SIZE);
    memcpy(copy, disk + sector * SECTOR_SIZE, SECTOR_SIZE);
    *data = copy;
    held++;
    return ERR_OK;
}

static void put_sector(void *context, const uint8_t *data)
{
    (void)context;
    free((void *)data);
    held--;
}

static enum error read_table(void)
{
    struct sector_source source = {.count = sectors, .get = get_sector, .put = put_sector};
    enum error error = partitions_read(&source, list, CAPACITY, &table);

    cr_assert_eq(held, 0);
    cr_assert(!error || table.cause[0]);
    return error;
}

static void load(const char *path)
{
    struct exact content = read_file(path);

    free(disk);
    disk = content.block;
    sectors = content.size / SECTOR_SIZE;
}

static void make_gpt(void)
{
    run("truncate -s 8M disk; sgdisk -n 1:2048:4095 -c 1:boot -t 1:ef00 "
        "-n 3:4096:+2M -c 3:'gr\xc3\xbc\xc3\x9f "
        "\xe2\x82\xac' -t 3:8300 -u 3:00112233-4455-6677-8899-aabbccddeeff disk");
    load("disk");
}

static void expect_sound(bool backup)
{
    static const uint8_t guid[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                     0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert(table.is_gpt);
    cr_assert_eq(table.used_backup, backup);
    cr_assert_eq(table.count, 2);
    cr_assert_eq(list[0].number, 1);
    cr_assert_eq(list[0].first, 2048);
    cr_assert_eq(list[0].count, 2048);
    cr_assert_not(list[0].is_linux);
    cr_assert_str_eq(list[0].name, "boot");
    cr_assert_eq(list[1].number, 3);
    cr_assert_eq(list[1].first, 4096);
    cr_assert_eq(list[1].count, 4096);
    cr_assert(list[1].is_linux);
    cr_assert_str_eq(list[1].name, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac");
    cr_assert_eq(memcmp(list[1].guid, guid, 16), 0);
}

Test(gpt, partitions)
{
    make_gpt();
    expect_sound(false);
}

Test(gpt, more_entries)
{
    run("truncate -s 8M disk; sgdisk -S 256 -n 200:4096:+1M disk");
    load("disk");
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert_eq(table.count, 1);
    cr_assert_eq(list[0].number, 200);
}

Test(gpt, more_partitions_than_room)
{
    run("truncate -s 32M disk; "
        "sgdisk $(for i in $(seq 17); do echo \"-n $i:$((i * 2048)):+512K\"; done) disk");
    load("disk");
    cr_assert_eq(read_table(), ERR_TOO_MANY);
    cr_assert(strstr(table.cause, "partition 17"), "%s", table.cause);
}

/* Damage to the first copy leads to the backup, and is told. */
Test(gpt, backup)
{
    make_gpt();
    for (size_t at = SECTOR_SIZE; at < SECTOR_SIZE + GPT_HEADER_SIZE; at++) {
        disk[at] ^= 0x40;
        expect_sound(true);
        cr_assert(strstr(table.cause, "sector 1: "), "%s", table.cause);
        disk[at] ^= 0x40;
    }
    for (size_t at = 2 * SECTOR_SIZE; at < 34 * SECTOR_SIZE; at += 97) {
        disk[at] ^= 0x40;
        expect_sound(true);
        cr_assert(strstr(table.cause, "entries at sector 2: checksum"), "%s", table.cause);
        disk[at] ^= 0x40;
    }
    bad_sector = 1;
    expect_sound(true);
    cr_assert(strstr(table.cause, "sector 1: cannot be read"), "%s", table.cause);
}

Test(gpt, both_copies_damaged)
{
    make_gpt();
    disk[SECTOR_SIZE + 20] ^= 1;
    disk[(sectors - 1) * SECTOR_SIZE] ^= 1;
    cr_assert_eq(read_table(), ERR_CORRUPT);
    cr_assert(strstr(table.cause, "header at sector 1"), "%s", table.cause);
}

static uint32_t crc32_bitwise(const uint8_t *data, size_t size)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

/* Makes the checksums right again and spoils the backup, so that the first copy is what counts. */
static void seal(void)
{
    struct gpt_header *header = (void *)(disk + SECTOR_SIZE);

    header->partition_entry_array_crc32 = crc32_bitwise(disk + 2 * SECTOR_SIZE, 128 * GPT_ENTRY_SIZE);
    header->header_crc32 = 0;
    header->header_crc32 = crc32_bitwise((void *)header, GPT_HEADER_SIZE);
    disk[(sectors - 1) * SECTOR_SIZE] = 0;
}

static void expect_corrupt(const char *words)
{
    seal();
    cr_assert_eq(read_table(), ERR_CORRUPT);
    cr_assert(strstr(table.cause, words), "'%s' does not say %s", table.cause, words);
}

Test(gpt, hostile_with_right_checksums)
{
    make_gpt();
    struct gpt_header *header = (void *)(disk + SECTOR_SIZE), saved_header = *header;
    struct gpt_entry *entry = (void *)(disk + 2 * SECTOR_SIZE), saved_entry = *entry;
#define CASE(what, field, value, words)                                                                      \
    *header = saved_header;                                                                                  \
    *entry = saved_entry;                                                                                    \
    (what)->field = (value);                                                                                 \
    expect_corrupt(words)
    CASE(entry, starting_lba, 5000, "partition 1");
    CASE(entry, starting_lba, UINT64_MAX, "partition 1");
    CASE(entry, ending_lba, sectors, "partition 1");
    CASE(entry, ending_lba, UINT64_MAX, "partition 1");
    CASE(header, number_of_partition_entries, 0xffffffff, "4294967295 entries");
    CASE(header, size_of_partition_entry, 0, "entries of 0 bytes");
    CASE(header, size_of_partition_entry, 129, "entries of 129 bytes");
    CASE(header, size_of_partition_entry, 0x80000000, "entries of 2147483648 bytes");
    CASE(header, partition_entry_lba, UINT64_MAX - 1, "sector");
    CASE(header, partition_entry_lba, sectors - 1, "sector");
    CASE(header, my_lba, 7, "for sector 7");
#undef CASE
    *header = saved_header;
    *entry = saved_entry;
    header->partition_entry_lba = 2;
    entry->partition_name[0] = 0x1b; /* no escape sequence reaches a console */
    entry->partition_name[1] = 0xd800;
    seal();
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert_str_eq(list[0].name, "?\?ot");
}

Test(gpt, fuzz)
{
    uint64_t random = 5;

    make_gpt();
    uint8_t *original = malloc(34 * SECTOR_SIZE);
    memcpy(original, disk, 34 * SECTOR_SIZE);
    for (int i = 0; i < 2000; i++) {
        for (int n = 0; n < 4; n++)
            disk[440 + random_below(&random, 3 * SECTOR_SIZE - 440)] = (uint8_t)random_next(&random);
        seal();
        read_table();
        memcpy(disk, original, 34 * SECTOR_SIZE);
    }
    free(original);
}

Test(gpt, no_table)
{
    sectors = 100;
    disk = calloc(sectors, SECTOR_SIZE);
    cr_assert_eq(read_table(), ERR_NOT_FOUND);
    cr_assert(strstr(table.cause, "0000, not aa55"), "%s", table.cause);
    memset(disk, 0x55, SECTOR_SIZE);
    disk[511] = 0xaa;
    cr_assert_eq(read_table(), ERR_NOT_FOUND);
    sectors = 0;
    cr_assert_eq(read_table(), ERR_CORRUPT);
    sectors = 1;
    memset(disk, 0, SECTOR_SIZE - 2);
    ((struct mbr *)disk)->partition[0].os_type = MBR_TYPE_GPT_PROTECTIVE;
    cr_assert_eq(read_table(), ERR_CORRUPT);
}

Test(gpt, mbr)
{
    run("truncate -s 8M disk; sgdisk -n 1:2048:4095 -t 1:0c00 -n 2:4096:+2M -t 2:8300 disk; "
        "sgdisk -m 1:2 disk");
    load("disk");
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert_not(table.is_gpt);
    cr_assert_eq(table.count, 2);
    cr_assert_eq(list[0].first, 2048);
    cr_assert_eq(list[0].count, 2048);
    cr_assert_not(list[0].is_linux);
    cr_assert_eq(list[1].number, 2);
    cr_assert_eq(list[1].first, 4096);
    cr_assert_eq(list[1].count, 4096);
    cr_assert(list[1].is_linux);
    struct mbr *mbr = (void *)disk;
    mbr->partition[1].size_in_lba[1] = 0x7fff;
    cr_assert_eq(read_table(), ERR_CORRUPT);
    cr_assert(strstr(table.cause, "partition 2"), "%s", table.cause);
}

/* A file system in a partition. */
Test(gpt, ext4_inside)
{
    run("mkdir src; echo inside > src/file; truncate -s 24M disk; sgdisk -n 1:2048:0 -t 1:8300 disk");
    run("mke2fs -q -F -t ext4 -d src -E offset=1048576 disk 20M");
    load("disk");
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    struct image image = {.bytes = disk, .size = (list[0].first + list[0].count) * SECTOR_SIZE, .keep = true};
    image.offset = list[0].first * SECTOR_SIZE;
    struct ext4 fs;
    image_mount(&fs, &image);
    struct ext4_node node = image_find(&fs, "/file", true);
    cr_assert_eq(node.size, 7);
    image_drop(&image);
}
