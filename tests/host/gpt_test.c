/* SPDX-License-Identifier: MIT */
/* Partition tables: those that sgdisk makes, damaged ones, and hostile ones. */
// sources: lib/disk/*.c lib/ext4/*.c
#include "partitioned.h"

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
    cr_assert_eq(list[0].start, 1 << 20);
    cr_assert_eq(list[0].size, 1 << 20);
    cr_assert_not(list[0].is_linux);
    cr_assert_str_eq(list[0].name, "boot");
    cr_assert_eq(list[1].number, 3);
    cr_assert_eq(list[1].start, 2 << 20);
    cr_assert_eq(list[1].size, 2 << 20);
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
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert_eq(table.count, CAPACITY);
    cr_assert_str_eq(said, "1 partitions more than can be listed (16): left out\n");
}

/* Damage to the first copy leads to the backup, and is told. */
Test(gpt, backup)
{
    make_gpt();
    for (size_t at = SECTOR_SIZE; at < SECTOR_SIZE + GPT_HEADER_SIZE; at++) {
        disk[at] ^= 0x40;
        expect_sound(true);
        cr_assert(strstr(said, "sector 1: "), "%s", said);
        disk[at] ^= 0x40;
    }
    for (size_t at = 2 * SECTOR_SIZE; at < 34 * SECTOR_SIZE; at += 97) {
        disk[at] ^= 0x40;
        expect_sound(true);
        cr_assert(strstr(said, "entries at sector 2: checksum"), "%s", said);
        disk[at] ^= 0x40;
    }
    bad_sector = 1;
    expect_sound(true);
    cr_assert(strstr(said, "sector 1: cannot be read"), "%s", said);
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

/* The first entry is no good, which is told; the other one is listed. */
static void expect_left_out(const char *words)
{
    seal();
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert_eq(table.count, 1);
    cr_assert_eq(list[0].number, 3);
    cr_assert_eq(strncmp(said, words, strlen(words)), 0, "'%s' does not say %s", said, words);
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
#define ENTRY(field, value)                                                                                  \
    *entry = saved_entry;                                                                                    \
    entry->field = (value);                                                                                  \
    expect_left_out("partition 1: sectors ")
    ENTRY(starting_lba, 5000);
    ENTRY(starting_lba, UINT64_MAX);
    ENTRY(starting_lba, 0);
    ENTRY(ending_lba, sectors);
    ENTRY(ending_lba, UINT64_MAX);
#undef ENTRY
#define CASE(what, field, value, words)                                                                      \
    *header = saved_header;                                                                                  \
    *entry = saved_entry;                                                                                    \
    (what)->field = (value);                                                                                 \
    expect_corrupt(words)
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

/* The record in front of a GPT says nothing, or is not there at all: the GPT counts. */
Test(gpt, wiped_protective_record)
{
    make_gpt();
    memset(disk, 0, 512);
    expect_sound(false);
    cr_assert(strstr(said, "no protective partition table"), "%s", said);
    ((struct mbr *)disk)->signature = MBR_SIGNATURE;
    expect_sound(false);
    disk[SECTOR_SIZE + 20] ^= 1;
    expect_sound(true);
    disk[(sectors - 1) * SECTOR_SIZE + 20] ^= 1;
    cr_assert_eq(read_table(), ERR_NOT_FOUND);
    set_entry(0, 0, MBR_TYPE_LINUX, 2048, 1000); /* whoever wrote this did not mean the old GPT */
    cr_assert_eq(read_table(), ERR_OK);
    cr_assert_not(table.is_gpt);
}

/* A disk that has grown has its backup where the first copy says. */
Test(gpt, backup_of_a_disk_that_grew)
{
    make_gpt();
    disk = realloc(disk, sectors * 2 * SECTOR_SIZE);
    memset(disk + sectors * SECTOR_SIZE, 0, sectors * SECTOR_SIZE);
    sectors *= 2;
    expect_sound(false);
    disk[2 * SECTOR_SIZE] ^= 1;
    expect_sound(true);
}

static void expect_of_4096(bool backup, bool told)
{
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert_eq(table.used_backup, backup);
    cr_assert_eq(table.count, 1);
    cr_assert_eq(list[0].start, 256 * 4096);
    cr_assert_eq(list[0].size, 100 * 4096);
    cr_assert_eq(strstr(said, "the backup at sector 2047") != NULL, told, "%s", said);
}

/* A GPT that was made in sectors of 4096 bytes, on such a disk and in its image on a disk with others. */
Test(gpt, sectors_of_4096_bytes)
{
    uint32_t crc;

    sector_size = 4096;
    make_disk(2048);
    set_entry(0, 0, MBR_TYPE_GPT_PROTECTIVE, 1, 2047);
    struct gpt_entry *entry = (void *)(disk + 2 * 4096);
    *entry =
        (struct gpt_entry){.partition_type_guid = GPT_TYPE_LINUX, .starting_lba = 256, .ending_lba = 355};
    memcpy(disk + 2043 * 4096, entry, sizeof(*entry));
    crc = crc32_bitwise((void *)entry, 128 * GPT_ENTRY_SIZE);
    for (uint64_t at = 1; at <= 2047; at += 2046) {
        struct gpt_header *header = (void *)(disk + at * 4096);
        *header = (struct gpt_header){
            GPT_SIGNATURE,      0x10000, GPT_HEADER_SIZE, 0,  0, at, 2048 - at, 6, 2042, {1},
            at == 1 ? 2 : 2043, 128,     GPT_ENTRY_SIZE,  crc};
        header->header_crc32 = crc32_bitwise((void *)header, GPT_HEADER_SIZE);
    }
    expect_of_4096(false, false);
    sector_size = 512;
    sectors *= 8;
    expect_of_4096(false, false);
    disk[4096] ^= 1;
    expect_of_4096(true, true);
    sector_size = 4096;
    sectors /= 8;
    expect_of_4096(true, true);
}

/* A file system in a partition. */
Test(gpt, ext4_inside)
{
    run("mkdir src; echo inside > src/file; truncate -s 24M disk; sgdisk -n 1:2048:0 -t 1:8300 disk");
    run("mke2fs -q -F -t ext4 -d src -E offset=1048576 disk 20M");
    load("disk");
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    struct image image = {.bytes = disk, .size = list[0].start + list[0].size, .keep = true};
    image.offset = list[0].start;
    struct ext4 fs;
    image_mount(&fs, &image);
    struct ext4_node node = image_find(&fs, "/file", true);
    cr_assert_eq(node.size, 7);
    image_drop(&image);
}
