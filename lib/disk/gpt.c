/* SPDX-License-Identifier: MIT */
/* GUID partition tables (UEFI specification 2.10, section 5.3). */
#include "internal.h"

#include <string.h>

#define MAX_ENTRIES    1024 /* far above the usual 128; bounds the time a hostile disk can take */
#define MAX_ENTRY_SIZE 4096

/* CRC-32 of IEEE 802.3 by half bytes; start and finish with an inversion. */
static uint32_t crc32(uint32_t crc, const uint8_t *data, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

/* Appends one character of UTF-8; whatever a console should not see becomes '?'. */
static char *put_utf8(char *to, uint32_t unit)
{
    bool odd = unit < 0x20 || (unit >= 0x7f && unit < 0xa0) || (unit >= 0xd800 && unit < 0xe000);
    if (odd)
        unit = '?';
    if (unit < 0x80) {
        *to++ = (char)unit;
    } else if (unit < 0x800) {
        *to++ = (char)(0xc0 | unit >> 6);
        *to++ = (char)(0x80 | (unit & 0x3f));
    } else {
        *to++ = (char)(0xe0 | unit >> 12);
        *to++ = (char)(0x80 | (unit >> 6 & 0x3f));
        *to++ = (char)(0x80 | (unit & 0x3f));
    }
    return to;
}

static void add_entry(struct reader *reader, const struct gpt_entry *entry, uint32_t number)
{
    static const uint8_t unused[16], linux_type[16] = GPT_TYPE_LINUX;
    if (memcmp(entry->partition_type_guid, unused, sizeof(unused)) == 0)
        return;
    struct partition partition = {
        .number = number,
        .is_linux = memcmp(entry->partition_type_guid, linux_type, sizeof(linux_type)) == 0,
    };
    memcpy(partition.guid, entry->unique_partition_guid, sizeof(partition.guid));
    char *end = partition.name;
    for (int i = 0; i < GPT_NAME_UNITS && entry->partition_name[i]; i++)
        end = put_utf8(end, entry->partition_name[i]);
    *end = 0;
    uint64_t first = entry->starting_lba, last = entry->ending_lba;
    reader_add(reader, &partition, first, last < first ? 0 : last - first + 1);
}

static enum error check_header(const struct reader *reader, const struct gpt_header *header, uint64_t sector)
{
    static const uint8_t zero[4];
    const uint8_t *bytes = (const uint8_t *)header;
    if (header->signature != GPT_SIGNATURE)
        return FAIL(reader, ERR_NOT_FOUND, "partition table header at sector %lu: no signature", sector);
    if (header->header_size < GPT_HEADER_SIZE || header->header_size > SECTOR_SIZE)
        return FAIL(reader, ERR_CORRUPT, "partition table header at sector %lu: size %u", sector,
                    header->header_size);
    size_t at = offsetof(struct gpt_header, header_crc32), after = at + sizeof(zero);
    uint32_t crc = crc32(crc32(~0u, bytes, at), zero, sizeof(zero));
    crc = ~crc32(crc, bytes + after, header->header_size - after);
    if (crc != header->header_crc32)
        return FAIL(reader, ERR_CORRUPT, "partition table header at sector %lu: checksum %08x, computed %08x",
                    sector, header->header_crc32, crc);
    uint32_t size = header->size_of_partition_entry;
    if (header->my_lba != sector || header->number_of_partition_entries > MAX_ENTRIES ||
        size < GPT_ENTRY_SIZE || size > MAX_ENTRY_SIZE || (size & (size - 1)))
        return FAIL(reader, ERR_CORRUPT,
                    "partition table header at sector %lu: %u entries of %u bytes, for sector %lu", sector,
                    header->number_of_partition_entries, size, header->my_lba);
    return ERR_OK;
}

/* Goes through the array of entries: verifies its checksum, or with `list` set adds the entries. */
static enum error read_entries(struct reader *reader, const struct gpt_header *header, bool list)
{
    uint32_t size = header->size_of_partition_entry, crc = ~0u;
    uint64_t end = (uint64_t)header->number_of_partition_entries * size;
    for (uint64_t offset = 0; offset < end; offset += SECTOR_SIZE) {
        const uint8_t *data;
        uint64_t left = end - offset < SECTOR_SIZE ? end - offset : SECTOR_SIZE;
        enum error error = reader_get(reader, header->partition_entry_lba, offset, &data);
        if (error)
            return error;
        if (!list)
            crc = crc32(crc, data, left);
        for (uint64_t i = 0; list && i < left; i += GPT_ENTRY_SIZE)
            if ((offset + i) % size == 0)
                add_entry(reader, (const void *)(data + i), (uint32_t)((offset + i) / size) + 1);
        reader_put(reader);
    }
    if (!list && ~crc != header->partition_entry_array_crc32)
        return FAIL(reader, ERR_CORRUPT, "partition entries at sector %lu: checksum %08x, computed %08x",
                    header->partition_entry_lba, header->partition_entry_array_crc32, ~crc);
    return ERR_OK;
}

/* Copies the header at `sector` if it and its entries are sound. ERR_NOT_FOUND: no signature. */
static enum error read_header(struct reader *reader, uint64_t sector, struct gpt_header *header)
{
    const uint8_t *data;
    enum error error = reader_get(reader, sector, 0, &data);
    if (error)
        return error;
    error = check_header(reader, (const void *)data, sector);
    memcpy(header, data, sizeof(*header));
    reader_put(reader);
    return error ? error : read_entries(reader, header, false);
}

/* The backup is in the last sector; if the disk has grown since, where a first copy with a signature says. */
static enum error read_backup(struct reader *reader, uint64_t named, struct gpt_header *header)
{
    uint64_t last = reader_units(reader) - 1;
    enum error error = last > GPT_PRIMARY_LBA ? read_header(reader, last, header) : ERR_NOT_FOUND;
    if (error && named > GPT_PRIMARY_LBA && named < last)
        error = read_header(reader, named, header);
    return error;
}

enum error gpt_read(struct reader *reader)
{
    struct gpt_header header = {0};
    enum error error = read_header(reader, GPT_PRIMARY_LBA, &header);
    if (error) {
        char cause[sizeof(reader->table->cause)];
        uint64_t named = header.signature == GPT_SIGNATURE ? header.alternate_lba : 0;
        memcpy(cause, reader->table->cause, sizeof(cause));
        enum error other = read_backup(reader, named, &header);
        memcpy(reader->table->cause, cause, sizeof(cause)); /* the first copy's damage says more */
        if (other) /* a copy that is there but damaged, whichever, says that there was a table */
            return error == ERR_NOT_FOUND && other == ERR_CORRUPT ? other : error;
        reader_say(reader, "%s; the backup at sector %lu is used", cause, header.my_lba);
        reader->table->used_backup = true;
    }
    reader->table->is_gpt = true;
    return read_entries(reader, &header, true);
}
