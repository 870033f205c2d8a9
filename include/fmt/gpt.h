/* SPDX-License-Identifier: MIT */
/*
 * Partition tables on disk: GUID partition table (UEFI specification 2.10, section 5) and master boot record.
 * All numbers are little endian, as are RISC-V and x86: fields are read in place.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MBR_SIGNATURE           0xaa55
#define MBR_PARTITIONS          4
#define MBR_TYPE_EMPTY          0x00
#define MBR_TYPE_EXTENDED       0x05
#define MBR_TYPE_EXTENDED_LBA   0x0f
#define MBR_TYPE_LINUX          0x83
#define MBR_TYPE_EXTENDED_LINUX 0x85
#define MBR_TYPE_GPT_PROTECTIVE 0xee

/* Halves, because the table lies at an odd multiple of two. */
struct mbr_partition {
    uint8_t boot_indicator;
    uint8_t starting_chs[3];
    uint8_t os_type;
    uint8_t ending_chs[3];
    uint16_t starting_lba[2]; /* low half first */
    uint16_t size_in_lba[2];
};

struct mbr {
    uint8_t boot_code[440];
    uint32_t unique_mbr_signature;
    uint16_t unknown;
    struct mbr_partition partition[MBR_PARTITIONS];
    uint16_t signature;
};
_Static_assert(sizeof(struct mbr_partition) == 16, "struct mbr_partition");
_Static_assert(offsetof(struct mbr, partition) == 446, "mbr partition table");
_Static_assert(offsetof(struct mbr, signature) == 510 && sizeof(struct mbr) == 512, "struct mbr");

#define GPT_SIGNATURE   0x5452415020494645 /* "EFI PART" */
#define GPT_HEADER_SIZE 92
#define GPT_ENTRY_SIZE  128 /* s_size_of_partition_entry is this times a power of two */
#define GPT_PRIMARY_LBA 1
#define GPT_NAME_UNITS  36

/* The type of Linux file system partitions, 0FC63DAF-8483-4772-8E79-3D69D8477DE4, as it lies on disk. */
#define GPT_TYPE_LINUX                                                                                       \
    {                                                                                                        \
        0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4       \
    }

struct gpt_header {
    uint64_t signature;
    uint32_t revision;
    uint32_t header_size;
    uint32_t header_crc32; /* of header_size bytes, with this field as zero */
    uint32_t reserved;
    uint64_t my_lba;
    uint64_t alternate_lba;
    uint64_t first_usable_lba;
    uint64_t last_usable_lba;
    uint8_t disk_guid[16];
    uint64_t partition_entry_lba;
    uint32_t number_of_partition_entries;
    uint32_t size_of_partition_entry;
    uint32_t partition_entry_array_crc32;
};
_Static_assert(offsetof(struct gpt_header, my_lba) == 24, "my_lba");
_Static_assert(offsetof(struct gpt_header, partition_entry_lba) == 72, "partition_entry_lba");
_Static_assert(offsetof(struct gpt_header, partition_entry_array_crc32) + 4 == GPT_HEADER_SIZE,
               "struct gpt_header");

struct gpt_entry {
    uint8_t partition_type_guid[16]; /* all zero: unused */
    uint8_t unique_partition_guid[16];
    uint64_t starting_lba;
    uint64_t ending_lba; /* inclusive */
    uint64_t attributes;
    uint16_t partition_name[GPT_NAME_UNITS]; /* UTF-16 */
};
_Static_assert(sizeof(struct gpt_entry) == GPT_ENTRY_SIZE, "struct gpt_entry");
