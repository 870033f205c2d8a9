/* SPDX-License-Identifier: MIT */
/*
 * The format of ext4's journal. Names are those of the format's documentation (Linux,
 * Documentation/filesystems/ext4/journal.rst). All numbers but those of fast commits are big endian: fields
 * are byte arrays, read with ext4_be32().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A big-endian number of the journal, at any alignment. */
struct ext4_be32 {
    uint8_t bytes[4];
};

static inline uint32_t ext4_be32(struct ext4_be32 n)
{
    return (uint32_t)n.bytes[0] << 24 | (uint32_t)n.bytes[1] << 16 | (uint32_t)n.bytes[2] << 8 | n.bytes[3];
}

#define JBD2_MAGIC_NUMBER 0xc03b3998

enum {
    JBD2_DESCRIPTOR_BLOCK = 1,
    JBD2_COMMIT_BLOCK = 2,
    JBD2_SUPERBLOCK_V1 = 3,
    JBD2_SUPERBLOCK_V2 = 4,
    JBD2_REVOKE_BLOCK = 5,
};

enum {
    JBD2_FEATURE_COMPAT_CHECKSUM = 0x1,
    JBD2_FEATURE_INCOMPAT_REVOKE = 0x1,
    JBD2_FEATURE_INCOMPAT_64BIT = 0x2,
    JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT = 0x4,
    JBD2_FEATURE_INCOMPAT_CSUM_V2 = 0x8,
    JBD2_FEATURE_INCOMPAT_CSUM_V3 = 0x10,
    JBD2_FEATURE_INCOMPAT_FAST_COMMIT = 0x20,
};

#define JBD2_MIN_JOURNAL_BLOCKS         1024
#define JBD2_DEFAULT_FAST_COMMIT_BLOCKS 256 /* where s_num_fc_blocks is 0 */

/* Fast commits are little endian; each begins so, with fc_len 8. */
#define EXT4_FC_TAG_HEAD                0x9
struct ext4_fc_head {
    uint16_t fc_tag, fc_len;
    uint32_t fc_features;
    uint32_t fc_tid; /* the transaction whose changes it holds */
};

enum {
    JBD2_FLAG_ESCAPE = 0x1,
    JBD2_FLAG_SAME_UUID = 0x2,
    JBD2_FLAG_DELETED = 0x4,
    JBD2_FLAG_LAST_TAG = 0x8,
};

struct journal_header {
    struct ext4_be32 h_magic;
    struct ext4_be32 h_blocktype;
    struct ext4_be32 h_sequence;
};

struct journal_superblock {
    struct journal_header s_header;
    struct ext4_be32 s_blocksize;
    struct ext4_be32 s_maxlen;
    struct ext4_be32 s_first;
    struct ext4_be32 s_sequence;
    struct ext4_be32 s_start; /* 0: nothing to recover */
    struct ext4_be32 s_errno;
    struct ext4_be32 s_feature_compat;
    struct ext4_be32 s_feature_incompat;
    struct ext4_be32 s_feature_ro_compat;
    uint8_t s_uuid[16];
    struct ext4_be32 s_nr_users;
    struct ext4_be32 s_dynsuper;
    struct ext4_be32 s_max_transaction;
    struct ext4_be32 s_max_trans_data;
    uint8_t s_checksum_type;
    uint8_t s_padding2[3];
    struct ext4_be32 s_num_fc_blocks;
    struct ext4_be32 s_head;
    struct ext4_be32 s_padding[40];
    struct ext4_be32 s_checksum;
    uint8_t s_users[16 * 48];
};

/* With CSUM_V3. Without: t_blocknr, 16 bits of checksum, 16 of flags, and with 64BIT t_blocknr_high. */
struct journal_block_tag3 {
    struct ext4_be32 t_blocknr;
    struct ext4_be32 t_flags;
    struct ext4_be32 t_blocknr_high;
    struct ext4_be32 t_checksum;
};

struct journal_revoke_header {
    struct journal_header r_header;
    struct ext4_be32 r_count; /* bytes used in the block, this header included */
};

struct journal_commit_header {
    struct journal_header h_header;
    uint8_t h_chksum_type;
    uint8_t h_chksum_size;
    uint8_t h_padding[2];
    struct ext4_be32 h_chksum[8];
    uint8_t h_commit_sec[8];
    struct ext4_be32 h_commit_nsec;
};
_Static_assert(sizeof(struct journal_superblock) == 1024, "struct journal_superblock");
_Static_assert(offsetof(struct journal_superblock, s_uuid) == 0x30, "journal s_uuid");
_Static_assert(offsetof(struct journal_superblock, s_checksum) == 0xfc, "journal s_checksum");
_Static_assert(sizeof(struct journal_block_tag3) == 16, "struct journal_block_tag3");
_Static_assert(offsetof(struct journal_commit_header, h_chksum) == 16, "h_chksum");
_Static_assert(sizeof(struct journal_commit_header) == 60, "struct journal_commit_header");
