/* SPDX-License-Identifier: MIT */
/* The choice of the table, access to sectors, and the list of what was found. */
#include "internal.h"

#include <base/checked.h>
#include <stdarg.h>
#include <string.h>

/* Where the next character of a line goes. */
struct line {
    char text[160];
    size_t length;
};

static void put_in_line(void *context, char c)
{
    struct line *line = context;

    if (line->length + 1 < sizeof(line->text))
        line->text[line->length++] = c;
}

void reader_say(const struct reader *reader, const char *format, ...)
{
    struct line line = {.length = 0};
    va_list arguments;

    if (!reader->source->say)
        return;
    va_start(arguments, format);
    format_to(put_in_line, &line, format, arguments);
    va_end(arguments);
    line.text[line.length] = 0;
    reader->source->say(reader->source->context, line.text);
}

uint64_t reader_units(const struct reader *reader)
{
    return reader->source->count * reader->source->sector_size / reader->unit;
}

enum error reader_get(struct reader *reader, uint64_t unit, uint64_t offset, const uint8_t **data)
{
    const struct sector_source *source = reader->source;
    uint64_t units = reader_units(reader);
    unit += offset / reader->unit;
    if (unit >= units)
        return FAIL(reader, ERR_CORRUPT, "partition table: sector %lu of %lu", unit, units);
    uint64_t byte = unit * reader->unit + offset % reader->unit;
    enum error error = source->get(source->context, byte / source->sector_size, &reader->held);
    if (error)
        return FAIL(reader, error, "sector %lu: cannot be read", unit);
    *data = reader->held + byte % source->sector_size;
    return ERR_OK;
}

void reader_put(const struct reader *reader)
{
    reader->source->put(reader->source->context, reader->held);
}

void reader_add(struct reader *reader, struct partition *partition, uint64_t first, uint64_t count)
{
    uint64_t units = reader_units(reader);
    if (first == 0 || count == 0 || !range_inside(first, count, units)) {
        reader_say(reader, "partition %u: sectors %lu + %lu on a disk of %lu: left out", partition->number,
                   first, count, units);
        return;
    }
    if (reader->table->count == reader->capacity) {
        reader->left_out++;
        return;
    }
    partition->start = first * reader->unit;
    partition->size = count * reader->unit;
    reader->list[reader->table->count++] = *partition;
}

static bool is_protective(const struct mbr *mbr)
{
    for (int i = 0; mbr->signature == MBR_SIGNATURE && i < MBR_PARTITIONS; i++)
        if (mbr->partition[i].os_type == MBR_TYPE_GPT_PROTECTIVE)
            return true;
    return false;
}

/* A GPT counts in the sectors of the disk that it was made on; its image may lie on one with others. */
static enum error read_gpt(struct reader *reader)
{
    static const uint32_t units[] = {SECTOR_SIZE, MAX_SECTOR_SIZE};
    enum error error = gpt_read(reader);
    for (int i = 0; error == ERR_NOT_FOUND && i < 2; i++) {
        if (units[i] == reader->source->sector_size)
            continue;
        reader->unit = units[i];
        error = gpt_read(reader);
        if (!error)
            reader_say(reader,
                       "partition table of a disk with sectors of %u bytes, on one with sectors of %u",
                       reader->unit, reader->source->sector_size);
    }
    if (error == ERR_NOT_FOUND)
        reader->unit = reader->source->sector_size;
    return error;
}

/* The master boot record counts if it says anything; if not, it may have been wiped before a GPT. */
static enum error read_tables(struct reader *reader, const struct mbr *mbr)
{
    char cause[sizeof(reader->table->cause)];
    if (is_protective(mbr)) {
        enum error error = read_gpt(reader);
        return error == ERR_NOT_FOUND ? ERR_CORRUPT : error;
    }
    enum error error = mbr_read(reader, mbr);
    if (error != ERR_NOT_FOUND)
        return error;
    memcpy(cause, reader->table->cause, sizeof(cause));
    if (!read_gpt(reader)) {
        reader_say(reader, "sector 0 has no protective partition table; the GUID partition table is used");
        return ERR_OK;
    }
    memcpy(reader->table->cause, cause, sizeof(cause));
    return ERR_NOT_FOUND;
}

enum error partitions_read(const struct sector_source *source, struct partition *list, uint32_t capacity,
                           struct partition_table *table)
{
    memset(table, 0, sizeof(*table));
    struct reader reader = {source, list, capacity, 0, table, source->sector_size, NULL};
    const uint8_t *data;
    enum error error = reader_get(&reader, 0, 0, &data);
    if (error)
        return error;
    struct mbr mbr;
    memcpy(&mbr, data, sizeof(mbr));
    reader_put(&reader);
    error = read_tables(&reader, &mbr);
    if (!error && reader.left_out)
        reader_say(&reader, "%u partitions more than can be listed (%u): left out", reader.left_out,
                   capacity);
    return error;
}
