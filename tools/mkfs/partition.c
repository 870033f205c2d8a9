/* SPDX-License-Identifier: MIT */
/* A GUID partition table with one partition (UEFI specification 2.10, section 5.3). */
#include "mkfs.h"

#include <errno.h>
#include <fmt/gpt.h>
#include <string.h>
#include <unistd.h>

#define SECTOR        512u
#define ENTRIES       128u
#define ARRAY_SIZE    (ENTRIES * GPT_ENTRY_SIZE)
#define ARRAY_SECTORS (ARRAY_SIZE / SECTOR)

static uint32_t crc32(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint32_t crc = ~0u;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void write_sectors(const struct request *request, int descriptor, uint64_t sector, const void *data,
                          size_t size)
{
    if (pwrite(descriptor, data, size, (off_t)(sector * SECTOR)) != (ssize_t)size)
        die("%s: %s", request->image, strerror(errno));
}

static void write_mbr(const struct request *request, int descriptor, uint64_t sectors)
{
    struct mbr mbr = {.signature = MBR_SIGNATURE};
    uint32_t size = sectors - 1 > UINT32_MAX ? UINT32_MAX : (uint32_t)(sectors - 1);

    mbr.partition[0] = (struct mbr_partition){
        .starting_chs = {0, 2, 0},
        .os_type = MBR_TYPE_GPT_PROTECTIVE,
        .ending_chs = {0xff, 0xff, 0xff},
        .starting_lba = {1, 0},
        .size_in_lba = {(uint16_t)size, (uint16_t)(size >> 16)},
    };
    write_sectors(request, descriptor, 0, &mbr, sizeof(mbr));
}

static void write_header(const struct request *request, int descriptor, struct gpt_header header,
                         uint64_t here, uint64_t other, uint64_t array)
{
    uint8_t sector[SECTOR] = {0};

    header.my_lba = here;
    header.alternate_lba = other;
    header.partition_entry_lba = array;
    header.header_crc32 = crc32(&header, GPT_HEADER_SIZE);
    memcpy(sector, &header, GPT_HEADER_SIZE);
    write_sectors(request, descriptor, here, sector, sizeof(sector));
}

void make_partition_table(const struct request *request, int descriptor, uint64_t size)
{
    uint64_t sectors = (PARTITION_OFFSET + size + PARTITION_AFTER) / SECTOR, last = sectors - 1;
    static struct gpt_entry entries[ENTRIES];
    static const char name[] = "cardea";

    entries[0] = (struct gpt_entry){
        .partition_type_guid = GPT_TYPE_LINUX,
        .starting_lba = PARTITION_OFFSET / SECTOR,
        .ending_lba = (PARTITION_OFFSET + size) / SECTOR - 1,
    };
    memcpy(entries[0].unique_partition_guid, request->uuid, 16);
    for (size_t i = 0; name[i]; i++)
        entries[0].partition_name[i] = (uint8_t)name[i];
    struct gpt_header header = {
        .signature = GPT_SIGNATURE,
        .revision = 0x10000,
        .header_size = GPT_HEADER_SIZE,
        .first_usable_lba = GPT_PRIMARY_LBA + 1 + ARRAY_SECTORS,
        .last_usable_lba = last - 1 - ARRAY_SECTORS,
        .number_of_partition_entries = ENTRIES,
        .size_of_partition_entry = GPT_ENTRY_SIZE,
        .partition_entry_array_crc32 = crc32(entries, ARRAY_SIZE),
    };
    memcpy(header.disk_guid, request->uuid, 16);
    header.disk_guid[0] ^= 1; /* different from the partition's, and as reproducible */
    write_mbr(request, descriptor, sectors);
    write_sectors(request, descriptor, GPT_PRIMARY_LBA + 1, entries, ARRAY_SIZE);
    write_header(request, descriptor, header, GPT_PRIMARY_LBA, last, GPT_PRIMARY_LBA + 1);
    write_sectors(request, descriptor, last - ARRAY_SECTORS, entries, ARRAY_SIZE);
    write_header(request, descriptor, header, last, GPT_PRIMARY_LBA, last - ARRAY_SECTORS);
}
