/* SPDX-License-Identifier: MIT */
/* Master boot records: those that sgdisk makes, with bad entries, and with logical partitions. */
// sources: lib/disk/*.c
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

TestSuite(mbr, .init = set_up, .fini = tear_down, .timeout = 30);

Test(mbr, primary_partitions)
{
    run("truncate -s 8M disk; sgdisk -n 1:2048:4095 -t 1:0c00 -n 2:4096:+2M -t 2:8300 disk; "
        "sgdisk -m 1:2 disk");
    load("disk");
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert_not(table.is_gpt);
    cr_assert_eq(table.count, 2);
    cr_assert_eq(list[0].start, 1 << 20);
    cr_assert_eq(list[0].size, 1 << 20);
    cr_assert_not(list[0].is_linux);
    cr_assert_eq(list[1].number, 2);
    cr_assert_eq(list[1].start, 2 << 20);
    cr_assert_eq(list[1].size, 2 << 20);
    cr_assert(list[1].is_linux);
    cr_assert_str_eq(said, "");
}

/* A table with one bad entry has three others. */
Test(mbr, bad_entries)
{
    make_disk(20000);
    for (int bad = 0; bad < 4; bad++) {
        static const uint32_t wrong[][2] = {{20000, 1}, {0, 77}, {19000, 1001}, {4096, 0}, {0xffffffff, 2}};
        for (size_t kind = 0; kind <= sizeof(wrong) / sizeof(wrong[0]); kind++) {
            char words[32];
            for (int i = 0; i < 4; i++)
                set_entry(0, i, MBR_TYPE_LINUX, 2048 * (i + 1), 100);
            if (kind < sizeof(wrong) / sizeof(wrong[0]))
                set_entry(0, bad, MBR_TYPE_LINUX, wrong[kind][0], wrong[kind][1]);
            else
                ((struct mbr *)disk)->partition[bad].boot_indicator = 0x33;
            cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
            cr_assert_eq(table.count, 3);
            for (int i = 0; i < 3; i++)
                cr_assert_eq(list[i].number, i + 1 + (i >= bad));
            snprintf(words, sizeof(words), "partition %d: ", bad + 1);
            cr_assert_eq(strncmp(said, words, strlen(words)), 0, "%s", said);
            cr_assert_eq(strchr(said, '\n')[1], 0, "%s", said);
        }
    }
}

/* sfdisk's layout: a primary, an extended one with three logical ones, another primary. */
static void make_logical(void)
{
    make_disk(20000);
    set_entry(0, 0, MBR_TYPE_LINUX, 2048, 1000);
    set_entry(0, 1, MBR_TYPE_EXTENDED, 4096, 10000);
    set_entry(0, 2, MBR_TYPE_LINUX, 15000, 1000);
    set_entry(4096, 0, MBR_TYPE_LINUX, 63, 500);
    set_entry(4096, 1, MBR_TYPE_EXTENDED_LBA, 5000, 1000);
    set_entry(4096 + 5000, 0, 0x0c, 1, 50);
    set_entry(4096 + 5000, 1, MBR_TYPE_EXTENDED_LINUX, 2000, 1000);
    set_entry(4096 + 2000, 0, MBR_TYPE_LINUX, 7, 70);
}

Test(mbr, logical_partitions)
{
    static const uint64_t expected[][3] = {
        {1, 2048, 1000}, {3, 15000, 1000}, {5, 4159, 500}, {6, 9097, 50}, {7, 6103, 70},
    };

    for (sector_size = 512; sector_size <= 4096; sector_size *= 8) {
        make_logical();
        cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
        cr_assert_str_eq(said, "");
        cr_assert_eq(table.count, 5);
        for (int i = 0; i < 5; i++) {
            cr_assert_eq(list[i].number, expected[i][0]);
            cr_assert_eq(list[i].start, expected[i][1] * sector_size);
            cr_assert_eq(list[i].size, expected[i][2] * sector_size);
            cr_assert_eq(list[i].is_linux, i != 3);
        }
    }
}

static void expect_logical(uint32_t count, const char *words)
{
    cr_assert_eq(read_table(), ERR_OK, "%s", table.cause);
    cr_assert_eq(table.count, count, "%u, not %u: %s", table.count, count, said);
    cr_assert(strstr(said, words), "'%s' does not say %s", said, words);
}

/* A chain that ends badly costs what comes after its end. */
Test(mbr, bad_chains_of_logical_partitions)
{
    make_logical();
    set_entry(4096 + 2000, 1, MBR_TYPE_EXTENDED, 5000, 1000);
    cr_assert_eq(read_table(), ERR_OK);
    cr_assert(strstr(said, "circle"), "%s", said);
    make_logical();
    set_entry(4096 + 5000, 1, MBR_TYPE_EXTENDED, 5000, 1000);
    cr_assert_eq(read_table(), ERR_OK);
    cr_assert(strstr(said, "circle"), "%s", said);
    make_logical();
    set_entry(4096, 1, MBR_TYPE_EXTENDED, 10000, 1);
    expect_logical(3, "out of the extended partition");
    make_logical();
    disk[(4096 + 5000) * 512 + 510] = 0;
    expect_logical(3, "sector 9096 ends with aa00");
    make_logical();
    bad_sector = 4096 + 2000;
    expect_logical(4, "sector 6096: cannot be read");
    bad_sector = 0;
    make_logical();
    set_entry(4096, 0, MBR_TYPE_LINUX, 19000, 5000);
    expect_logical(4, "partition 5: sectors 23096 + 5000 on a disk of 20000");
}

Test(mbr, more_logical_partitions_than_anybody_has)
{
    make_disk(20000);
    set_entry(0, 0, MBR_TYPE_EXTENDED, 1, 19999);
    for (uint32_t i = 0; i < 5000; i++) {
        set_entry(1 + i * 2, 0, MBR_TYPE_LINUX, 1, 1);
        set_entry(1 + i * 2, 1, MBR_TYPE_EXTENDED, (i + 1) * 2, 1);
    }
    expect_logical(CAPACITY, "more than 256");
    cr_assert(strstr(said, "240 partitions more"), "%s", said);
}
