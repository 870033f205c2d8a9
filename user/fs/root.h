/* SPDX-License-Identifier: MIT */
/* Which of several file systems is the root. Portable. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ROOT_LABEL "cardea" /* of a root that needs not be named */

/* A file system that could be it, and where it was found. */
struct root_candidate {
    const char *disk;
    uint32_t partition;  /* number, 0: the whole disk */
    const uint8_t *guid; /* of the partition, 16 bytes; zero where the table has none */
    const char *label;
    const uint8_t *uuid; /* of the file system, 16 bytes */
};

/* How much speaks for a candidate. */
enum root_rank { ROOT_NONE, ROOT_ANY, ROOT_LABELLED, ROOT_NAMED };

/*
 * `wanted` is what the kernel's command line says after "root=", or NULL: LABEL=text, UUID=... of the file
 * system, PARTUUID=... of the partition, a disk's name, or that with ":" and the number of a partition.
 */
enum root_rank root_rank(const char *wanted, const struct root_candidate *candidate);
/* A UUID in text, 36 characters and the end. A GUID's first three numbers are little endian. */
void root_format_uuid(char text[37], const uint8_t uuid[16]);
void root_format_guid(char text[37], const uint8_t guid[16]);
