/* SPDX-License-Identifier: MIT */
/*
 * Partition tables: GUID partition table (with its backup if the first copy is damaged, and without its
 * protective master boot record if that was wiped) and master boot record with logical partitions. Portable
 * and without allocation, like the ext4 reader. An entry that is no good never hides the good ones.
 */
#pragma once

#include <abi/error.h>
#include <fmt/gpt.h>
#include <stdbool.h>
#include <stdint.h>

#define SECTOR_SIZE     512
#define MAX_SECTOR_SIZE 4096

/* Where sectors come from. */
struct sector_source {
    void *context;
    uint32_t sector_size; /* bytes of the device's sectors, a power of two from 512 to 4096 */
    uint64_t count;       /* sectors of the device */
    /* Gives the bytes of one sector (aligned to 8), which stay where they are until put. */
    enum error (*get)(void *context, uint64_t sector, const uint8_t **data);
    void (*put)(void *context, const uint8_t *data);
    /* Takes a line that says what is wrong with a table that can be used all the same. May be NULL. */
    void (*say)(void *context, const char *line);
};

struct partition {
    uint32_t number;                   /* from 1, as other systems count them; logical ones from 5 */
    uint64_t start, size;              /* bytes; inside the device */
    bool is_linux;                     /* of the type for Linux file systems */
    uint8_t guid[16];                  /* zero in an MBR */
    char name[GPT_NAME_UNITS * 3 + 1]; /* UTF-8, terminated; empty in an MBR */
};

struct partition_table {
    bool is_gpt;
    bool used_backup; /* the first copy of the GPT is damaged */
    uint32_t count;   /* of partitions listed */
    char cause[128];  /* after a failure: what is wrong */
};

/*
 * Lists up to `capacity` partitions; those that do not fit, and entries that are no good, are told by
 * source->say. ERR_NOT_FOUND: no table. ERR_CORRUPT: a table, but a damaged one. Errors of the source.
 */
enum error partitions_read(const struct sector_source *source, struct partition *list, uint32_t capacity,
                           struct partition_table *table);
