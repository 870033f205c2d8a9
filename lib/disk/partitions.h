/* SPDX-License-Identifier: MIT */
/*
 * Partition tables: GUID partition table (with its backup if the first copy is damaged) and master boot
 * record (the four primary partitions). Portable and without allocation, like the ext4 reader; sectors are of
 * 512 bytes.
 */
#pragma once

#include <abi/error.h>
#include <fmt/gpt.h>
#include <stdbool.h>
#include <stdint.h>

#define SECTOR_SIZE 512

/* Where sectors come from. */
struct sector_source {
    void *context;
    uint64_t count; /* sectors of the device */
    /* Gives the bytes of one sector (aligned to 8), which stay where they are until put. */
    enum error (*get)(void *context, uint64_t sector, const uint8_t **data);
    void (*put)(void *context, const uint8_t *data);
};

struct partition {
    uint32_t number;                   /* from 1, as other systems count them */
    uint64_t first;                    /* sector */
    uint64_t count;                    /* sectors */
    bool is_linux;                     /* of the type for Linux file systems */
    uint8_t guid[16];                  /* zero in an MBR */
    char name[GPT_NAME_UNITS * 3 + 1]; /* UTF-8, terminated; empty in an MBR */
};

struct partition_table {
    bool is_gpt;
    bool used_backup; /* the first copy of the table is damaged: `cause` says how */
    uint32_t count;   /* of partitions found */
    char cause[128];  /* after a failure: what is wrong */
};

/*
 * Lists up to `capacity` partitions. ERR_NOT_FOUND: no table. ERR_CORRUPT: a table, but a damaged one.
 * ERR_TOO_MANY: more partitions than fit. Errors of the source.
 */
enum error partitions_read(const struct sector_source *source, struct partition *list, uint32_t capacity,
                           struct partition_table *table);
