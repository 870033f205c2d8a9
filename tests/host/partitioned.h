/* SPDX-License-Identifier: MIT */
/* A disk in memory whose partition table is read, and what came of it. */
#pragma once

#include "ext4_image.h"

#include <disk/partitions.h>

#define CAPACITY 16

static uint8_t *disk;
static uint64_t sectors;
static unsigned held;
static uint64_t bad_sector;
static uint32_t sector_size = SECTOR_SIZE;
static char said[8192]; /* lines about the last table */
static struct partition list[CAPACITY];
static struct partition_table table;

/* Sectors are handed out as heap blocks of their own, so that AddressSanitizer sees accesses outside them. */
static inline enum error get_sector(void *context, uint64_t sector, const uint8_t **data)
{
    (void)context;
    cr_assert_lt(sector, sectors);
    if (bad_sector && sector == bad_sector)
        return ERR_IO;
    uint8_t *copy = malloc(sector_size);
    memcpy(copy, disk + sector * sector_size, sector_size);
    *data = copy;
    held++;
    return ERR_OK;
}

static inline void put_sector(void *context, const uint8_t *data)
{
    (void)context;
    free((void *)data);
    held--;
}

static inline void say(void *context, const char *line)
{
    (void)context;
    cr_assert_lt(strlen(said) + strlen(line) + 2, sizeof(said));
    strcat(strcat(said, line), "\n");
}

static inline enum error read_table(void)
{
    struct sector_source source = {
        .sector_size = sector_size,
        .count = sectors,
        .get = get_sector,
        .put = put_sector,
        .say = say,
    };
    said[0] = 0;
    enum error error = partitions_read(&source, list, CAPACITY, &table);

    cr_assert_eq(held, 0);
    cr_assert(!error || table.cause[0]);
    return error;
}

static inline void load(const char *path)
{
    struct exact content = read_file(path);

    free(disk);
    disk = content.block;
    sectors = content.size / sector_size;
}

static inline void set_entry(uint64_t sector, int entry, uint8_t type, uint32_t first, uint32_t count)
{
    struct mbr *mbr = (void *)(disk + sector * sector_size);

    mbr->signature = MBR_SIGNATURE;
    mbr->partition[entry] = (struct mbr_partition){
        .os_type = type,
        .starting_lba = {(uint16_t)first, (uint16_t)(first >> 16)},
        .size_in_lba = {(uint16_t)count, (uint16_t)(count >> 16)},
    };
}

static inline void make_disk(uint64_t count)
{
    free(disk);
    sectors = count;
    disk = calloc(sectors, sector_size);
}
