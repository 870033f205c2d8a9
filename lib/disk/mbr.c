/* SPDX-License-Identifier: MIT */
/* Master boot records: up to four partitions, and logical ones in a chain of further records. */
#include "internal.h"

#include <base/checked.h>
#include <string.h>

#define FIRST_LOGICAL 5
#define MAX_LINKS     256 /* records in a chain; bounds the time a hostile disk can take */

static uint64_t entry_first(const struct mbr_partition *entry)
{
    return entry->starting_lba[0] | (uint32_t)entry->starting_lba[1] << 16;
}

static uint64_t entry_count(const struct mbr_partition *entry)
{
    return entry->size_in_lba[0] | (uint32_t)entry->size_in_lba[1] << 16;
}

static bool is_extended(const struct mbr_partition *entry)
{
    return entry->os_type == MBR_TYPE_EXTENDED || entry->os_type == MBR_TYPE_EXTENDED_LBA ||
           entry->os_type == MBR_TYPE_EXTENDED_LINUX;
}

static bool is_bootable(const struct mbr_partition *entry)
{
    return (entry->boot_indicator & 0x7f) == 0;
}

static void add_entry(struct reader *reader, const struct mbr_partition *entry, uint32_t number,
                      uint64_t base)
{
    struct partition partition = {.number = number, .is_linux = entry->os_type == MBR_TYPE_LINUX};

    reader_add(reader, &partition, base + entry_first(entry), entry_count(entry));
}

/* Copies the record at `sector`. False, and told: it cannot be read or is none. */
static bool read_record(struct reader *reader, uint64_t sector, struct mbr *record)
{
    const uint8_t *data;
    if (reader_get(reader, sector, 0, &data)) {
        reader_say(reader, "logical partitions: %s", reader->table->cause);
        return false;
    }
    memcpy(record, data, sizeof(*record));
    reader_put(reader);
    if (record->signature == MBR_SIGNATURE)
        return true;
    reader_say(reader, "logical partitions: sector %lu ends with %04x, not %04x: the rest is left out",
               sector, record->signature, MBR_SIGNATURE);
    return false;
}

/* Adds the logical partition of `record`; returns how far in the extended one the next record is, or 0. */
static uint64_t read_link(struct reader *reader, const struct mbr *record, uint64_t sector, uint32_t *number)
{
    uint64_t next = 0;
    for (uint32_t i = 0; i < MBR_PARTITIONS; i++) {
        const struct mbr_partition *entry = &record->partition[i];
        if (entry->os_type == MBR_TYPE_EMPTY || entry_count(entry) == 0)
            continue;
        if (!is_bootable(entry))
            reader_say(reader, "partition %u: its entry is none: left out", (*number)++);
        else if (!is_extended(entry))
            add_entry(reader, entry, (*number)++, sector);
        else if (next == 0)
            next = entry_first(entry);
    }
    return next;
}

/* Follows the chain through an extended partition; `number` is that of the next logical partition. */
static void read_chain(struct reader *reader, const struct mbr_partition *extended, uint32_t *number)
{
    uint64_t start = entry_first(extended), size = entry_count(extended), sector = start, mark = start;
    for (uint32_t links = 1; links <= MAX_LINKS; links++) {
        struct mbr record;
        if (!read_record(reader, sector, &record))
            return;
        uint64_t next = read_link(reader, &record, sector, number);
        if (next == 0)
            return;
        sector = start + next;
        if (next >= size || sector == mark) {
            reader_say(reader, "logical partitions: their chain leads %s: the rest is left out",
                       sector == mark ? "in a circle" : "out of the extended partition");
            return;
        }
        mark =
            links & (links - 1) ? mark : sector; /* a circle comes back to a mark that is moved ever less */
    }
    reader_say(reader, "logical partitions: more than %u: the rest is left out", MAX_LINKS);
}

static bool says_anything(const struct mbr *mbr)
{
    for (uint32_t i = 0; i < MBR_PARTITIONS; i++)
        if (mbr->partition[i].os_type != MBR_TYPE_EMPTY && is_bootable(&mbr->partition[i]))
            return true;
    return false;
}

enum error mbr_read(struct reader *reader, const struct mbr *mbr)
{
    uint32_t number = FIRST_LOGICAL;
    if (mbr->signature != MBR_SIGNATURE)
        return FAIL(reader, ERR_NOT_FOUND, "sector 0: ends with %04x, not %04x: no partition table",
                    mbr->signature, MBR_SIGNATURE);
    if (!says_anything(mbr))
        return FAIL(reader, ERR_NOT_FOUND, "sector 0: its entries make no partition table");
    for (uint32_t i = 0; i < MBR_PARTITIONS; i++) {
        const struct mbr_partition *entry = &mbr->partition[i];
        if (entry->os_type == MBR_TYPE_EMPTY || is_extended(entry))
            continue;
        if (is_bootable(entry))
            add_entry(reader, entry, i + 1, 0);
        else
            reader_say(reader, "partition %u: its entry is none: left out", i + 1);
    }
    for (uint32_t i = 0; i < MBR_PARTITIONS; i++)
        if (is_extended(&mbr->partition[i]) && is_bootable(&mbr->partition[i]))
            read_chain(reader, &mbr->partition[i], &number);
    return ERR_OK;
}
