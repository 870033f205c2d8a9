/* SPDX-License-Identifier: MIT */
#include <disk/partitions.h>

#include <base/checked.h>
#include <base/format.h>
#include <string.h>

#define MAX_ENTRIES    1024 /* far above the usual 128; bounds the time a hostile disk can take */
#define MAX_ENTRY_SIZE 4096

/* What is being read, and where the result goes. */
struct reader {
    const struct sector_source *source;
    struct partition *list;
    uint32_t capacity;
    struct partition_table *table;
};

#define FAIL(reader, code, ...)                                                                              \
    (format_buffer((reader)->table->cause, sizeof((reader)->table->cause), __VA_ARGS__), (code))

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

static enum error get_sector(const struct reader *reader, uint64_t sector, const uint8_t **data)
{
    if (sector >= reader->source->count)
        return FAIL(reader, ERR_CORRUPT, "partition table: sector %lu of %lu", sector, reader->source->count);
    enum error error = reader->source->get(reader->source->context, sector, data);
    return error ? FAIL(reader, error, "sector %lu: cannot be read", sector) : ERR_OK;
}

static void put_sector(const struct reader *reader, const uint8_t *data)
{
    reader->source->put(reader->source->context, data);
}

static enum error add(const struct reader *reader, const struct partition *partition)
{
    if (partition->count == 0 || !range_inside(partition->first, partition->count, reader->source->count))
        return FAIL(reader, ERR_CORRUPT, "partition %u: sectors %lu + %lu on a disk of %lu",
                    partition->number, partition->first, partition->count, reader->source->count);
    if (reader->table->count == reader->capacity)
        return FAIL(reader, ERR_TOO_MANY, "partition %u: only %u can be listed", partition->number,
                    reader->capacity);
    reader->list[reader->table->count++] = *partition;
    return ERR_OK;
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

static enum error add_gpt_entry(const struct reader *reader, const struct gpt_entry *entry, uint32_t number)
{
    static const uint8_t unused[16], linux_type[16] = GPT_TYPE_LINUX;
    if (memcmp(entry->partition_type_guid, unused, sizeof(unused)) == 0)
        return ERR_OK;
    struct partition partition = {
        .number = number,
        .first = entry->starting_lba,
        .count = entry->ending_lba < entry->starting_lba ? 0 : entry->ending_lba - entry->starting_lba + 1,
        .is_linux = memcmp(entry->partition_type_guid, linux_type, sizeof(linux_type)) == 0,
    };
    memcpy(partition.guid, entry->unique_partition_guid, sizeof(partition.guid));
    char *end = partition.name;
    for (int i = 0; i < GPT_NAME_UNITS && entry->partition_name[i]; i++)
        end = put_utf8(end, entry->partition_name[i]);
    *end = 0;
    return add(reader, &partition);
}

static enum error check_header(const struct reader *reader, const struct gpt_header *header, uint64_t sector)
{
    static const uint8_t zero[4];
    const uint8_t *bytes = (const uint8_t *)header;
    if (header->signature != GPT_SIGNATURE)
        return FAIL(reader, ERR_CORRUPT, "partition table header at sector %lu: no signature", sector);
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
static enum error read_entries(const struct reader *reader, const struct gpt_header *header, bool list)
{
    uint32_t size = header->size_of_partition_entry, crc = ~0u;
    uint64_t end = (uint64_t)header->number_of_partition_entries * size;
    enum error error = ERR_OK;
    for (uint64_t offset = 0; !error && offset < end; offset += SECTOR_SIZE) {
        const uint8_t *data;
        uint64_t left = end - offset < SECTOR_SIZE ? end - offset : SECTOR_SIZE;
        error = get_sector(reader, header->partition_entry_lba + offset / SECTOR_SIZE, &data);
        if (error)
            return error;
        if (!list)
            crc = crc32(crc, data, left);
        for (uint64_t i = 0; list && !error && i < left; i += GPT_ENTRY_SIZE)
            if ((offset + i) % size == 0)
                error = add_gpt_entry(reader, (const void *)(data + i), (uint32_t)((offset + i) / size) + 1);
        put_sector(reader, data);
    }
    if (!error && !list && ~crc != header->partition_entry_array_crc32)
        return FAIL(reader, ERR_CORRUPT, "partition entries at sector %lu: checksum %08x, computed %08x",
                    header->partition_entry_lba, header->partition_entry_array_crc32, ~crc);
    return error;
}

/* Copies the header at `sector` if it and its entries are sound. */
static enum error read_header(const struct reader *reader, uint64_t sector, struct gpt_header *header)
{
    const uint8_t *data;
    enum error error = get_sector(reader, sector, &data);
    if (error)
        return error;
    error = check_header(reader, (const void *)data, sector);
    memcpy(header, data, sizeof(*header));
    put_sector(reader, data);
    return error ? error : read_entries(reader, header, false);
}

static enum error read_gpt(const struct reader *reader)
{
    struct gpt_header header;
    enum error error = read_header(reader, GPT_PRIMARY_LBA, &header);
    if (error) {
        char cause[sizeof(reader->table->cause)];
        memcpy(cause, reader->table->cause, sizeof(cause));
        if (reader->source->count <= GPT_PRIMARY_LBA + 1 ||
            read_header(reader, reader->source->count - 1, &header)) {
            memcpy(reader->table->cause, cause, sizeof(cause)); /* the first copy's damage says more */
            return error;
        }
        memcpy(reader->table->cause, cause, sizeof(cause));
        reader->table->used_backup = true;
    }
    reader->table->is_gpt = true;
    return read_entries(reader, &header, true);
}

static enum error add_mbr_entries(const struct reader *reader, const struct mbr *mbr)
{
    for (uint32_t i = 0; i < MBR_PARTITIONS; i++) {
        const struct mbr_partition *entry = &mbr->partition[i];
        if (entry->boot_indicator & 0x7f)
            return FAIL(reader, ERR_NOT_FOUND, "sector 0: entry %u makes no partition table", i + 1);
        if (entry->os_type == MBR_TYPE_EMPTY || entry->os_type == MBR_TYPE_EXTENDED ||
            entry->os_type == MBR_TYPE_EXTENDED_LBA)
            continue;
        struct partition partition = {
            .number = i + 1,
            .first = entry->starting_lba[0] | (uint32_t)entry->starting_lba[1] << 16,
            .count = entry->size_in_lba[0] | (uint32_t)entry->size_in_lba[1] << 16,
            .is_linux = entry->os_type == MBR_TYPE_LINUX,
        };
        enum error error = add(reader, &partition);
        if (error)
            return error;
    }
    return ERR_OK;
}

enum error partitions_read(const struct sector_source *source, struct partition *list, uint32_t capacity,
                           struct partition_table *table)
{
    memset(table, 0, sizeof(*table));
    struct reader reader = {source, list, capacity, table};
    const uint8_t *data;
    enum error error = get_sector(&reader, 0, &data);
    if (error)
        return error;
    struct mbr mbr;
    memcpy(&mbr, data, sizeof(mbr));
    put_sector(&reader, data);
    if (mbr.signature != MBR_SIGNATURE)
        return FAIL(&reader, ERR_NOT_FOUND, "sector 0: ends with %04x, not %04x: no partition table",
                    mbr.signature, MBR_SIGNATURE);
    for (int i = 0; i < MBR_PARTITIONS; i++)
        if (mbr.partition[i].os_type == MBR_TYPE_GPT_PROTECTIVE)
            return read_gpt(&reader);
    return add_mbr_entries(&reader, &mbr);
}
