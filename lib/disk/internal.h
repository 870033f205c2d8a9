/* SPDX-License-Identifier: MIT */
/* What the readers of the two kinds of partition tables share. */
#pragma once

#include "partitions.h"

#include <base/format.h>

/* What is being read, and where the result goes. */
struct reader {
    const struct sector_source *source;
    struct partition *list;
    uint32_t capacity, left_out; /* partitions that did not fit */
    struct partition_table *table;
    uint32_t
        unit; /* bytes of what the table counts in: the device's sectors, or those of where it was made */
    const uint8_t *held; /* the sector that reader_get gave and reader_put gives back */
};

#define FAIL(reader, code, ...)                                                                              \
    (format_buffer((reader)->table->cause, sizeof((reader)->table->cause), __VA_ARGS__), (code))

/* Tells a line about something that does not stop the reading. */
void reader_say(const struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Units that the device has. */
uint64_t reader_units(const struct reader *reader);

/*
 * Gives the bytes from byte `offset` of unit `unit` on, to the end of the 512 bytes that this lies in, until
 * reader_put.
 */
enum error reader_get(struct reader *reader, uint64_t unit, uint64_t offset, const uint8_t **data);
void reader_put(const struct reader *reader);

/* Adds a partition of `count` units from `first` on, or tells why it is no good. */
void reader_add(struct reader *reader, struct partition *partition, uint64_t first, uint64_t count);

/* Reads a GUID partition table. ERR_NOT_FOUND: neither copy has the signature. ERR_CORRUPT. */
enum error gpt_read(struct reader *reader);

/* Reads the partitions of a master boot record. ERR_NOT_FOUND: it is none. */
enum error mbr_read(struct reader *reader, const struct mbr *mbr);
