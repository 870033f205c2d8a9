/* SPDX-License-Identifier: MIT */
/*
 * The ext2/ext3/ext4 on-disk format. Names are those of the format's documentation (Linux,
 * Documentation/filesystems/ext4). All numbers are little endian, as are RISC-V and x86: fields are read in
 * place. The journal is in <fmt/jbd2.h>.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the on-disk fields are read in place");

#define EXT4_SUPER_OFFSET        1024 /* bytes from the start of the device, whatever the block size */
#define EXT4_SUPER_MAGIC         0xef53
#define EXT4_ROOT_INO            2
#define EXT4_NAME_LEN            255
#define EXT4_N_BLOCKS            15
#define EXT4_NDIR_BLOCKS         12
#define EXT4_GOOD_OLD_INODE_SIZE 128
#define EXT4_CRC32C_CHKSUM       1 /* the only s_checksum_type there is */

/* s_feature_compat: a system that does not know one may read and write all the same. */
enum {
    EXT4_FEATURE_COMPAT_DIR_PREALLOC = 0x1,
    EXT4_FEATURE_COMPAT_IMAGIC_INODES = 0x2,
    EXT4_FEATURE_COMPAT_HAS_JOURNAL = 0x4,
    EXT4_FEATURE_COMPAT_EXT_ATTR = 0x8,
    EXT4_FEATURE_COMPAT_RESIZE_INODE = 0x10,
    EXT4_FEATURE_COMPAT_DIR_INDEX = 0x20,
    EXT4_FEATURE_COMPAT_SPARSE_SUPER2 = 0x200,
    EXT4_FEATURE_COMPAT_FAST_COMMIT = 0x400,
    EXT4_FEATURE_COMPAT_STABLE_INODES = 0x800,
    EXT4_FEATURE_COMPAT_ORPHAN_FILE = 0x1000,
};

/* s_feature_ro_compat: a system that does not know one may read, not write. */
enum {
    EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER = 0x1,
    EXT4_FEATURE_RO_COMPAT_LARGE_FILE = 0x2,
    EXT4_FEATURE_RO_COMPAT_BTREE_DIR = 0x4,
    EXT4_FEATURE_RO_COMPAT_HUGE_FILE = 0x8,
    EXT4_FEATURE_RO_COMPAT_GDT_CSUM = 0x10,
    EXT4_FEATURE_RO_COMPAT_DIR_NLINK = 0x20,
    EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE = 0x40,
    EXT4_FEATURE_RO_COMPAT_QUOTA = 0x100,
    EXT4_FEATURE_RO_COMPAT_BIGALLOC = 0x200,
    EXT4_FEATURE_RO_COMPAT_METADATA_CSUM = 0x400,
    EXT4_FEATURE_RO_COMPAT_READONLY = 0x1000,
    EXT4_FEATURE_RO_COMPAT_PROJECT = 0x2000,
    EXT4_FEATURE_RO_COMPAT_VERITY = 0x8000,
    EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT = 0x10000,
};

/* s_feature_incompat: a system that does not know one must not touch the file system. */
enum {
    EXT4_FEATURE_INCOMPAT_COMPRESSION = 0x1,
    EXT4_FEATURE_INCOMPAT_FILETYPE = 0x2,
    EXT4_FEATURE_INCOMPAT_RECOVER = 0x4,
    EXT4_FEATURE_INCOMPAT_JOURNAL_DEV = 0x8,
    EXT4_FEATURE_INCOMPAT_META_BG = 0x10,
    EXT4_FEATURE_INCOMPAT_EXTENTS = 0x40,
    EXT4_FEATURE_INCOMPAT_64BIT = 0x80,
    EXT4_FEATURE_INCOMPAT_MMP = 0x100,
    EXT4_FEATURE_INCOMPAT_FLEX_BG = 0x200,
    EXT4_FEATURE_INCOMPAT_EA_INODE = 0x400,
    EXT4_FEATURE_INCOMPAT_DIRDATA = 0x1000,
    EXT4_FEATURE_INCOMPAT_CSUM_SEED = 0x2000,
    EXT4_FEATURE_INCOMPAT_LARGEDIR = 0x4000,
    EXT4_FEATURE_INCOMPAT_INLINE_DATA = 0x8000,
    EXT4_FEATURE_INCOMPAT_ENCRYPT = 0x10000,
    EXT4_FEATURE_INCOMPAT_CASEFOLD = 0x20000,
};

/* s_flags: how the maker's `char` behaved when it hashed directory names. */
enum {
    EXT4_FLAGS_SIGNED_HASH = 0x1,
    EXT4_FLAGS_UNSIGNED_HASH = 0x2,
};

struct ext4_super_block {
    uint32_t s_inodes_count;
    uint32_t s_blocks_count_lo;
    uint32_t s_r_blocks_count_lo;
    uint32_t s_free_blocks_count_lo;
    uint32_t s_free_inodes_count;
    uint32_t s_first_data_block;
    uint32_t s_log_block_size; /* block size is 1024 << this */
    uint32_t s_log_cluster_size;
    uint32_t s_blocks_per_group;
    uint32_t s_clusters_per_group;
    uint32_t s_inodes_per_group;
    uint32_t s_mtime;
    uint32_t s_wtime;
    uint16_t s_mnt_count;
    uint16_t s_max_mnt_count;
    uint16_t s_magic;
    uint16_t s_state;
    uint16_t s_errors;
    uint16_t s_minor_rev_level;
    uint32_t s_lastcheck;
    uint32_t s_checkinterval;
    uint32_t s_creator_os;
    uint32_t s_rev_level; /* 0: the fields below do not count */
    uint16_t s_def_resuid;
    uint16_t s_def_resgid;
    uint32_t s_first_ino;
    uint16_t s_inode_size;
    uint16_t s_block_group_nr;
    uint32_t s_feature_compat;
    uint32_t s_feature_incompat;
    uint32_t s_feature_ro_compat;
    uint8_t s_uuid[16];
    char s_volume_name[16]; /* no terminator when all 16 are used */
    char s_last_mounted[64];
    uint32_t s_algorithm_usage_bitmap;
    uint8_t s_prealloc_blocks;
    uint8_t s_prealloc_dir_blocks;
    uint16_t s_reserved_gdt_blocks;
    uint8_t s_journal_uuid[16];
    uint32_t s_journal_inum;
    uint32_t s_journal_dev;
    uint32_t s_last_orphan;
    uint32_t s_hash_seed[4];
    uint8_t s_def_hash_version;
    uint8_t s_jnl_backup_type;
    uint16_t s_desc_size;
    uint32_t s_default_mount_opts;
    uint32_t s_first_meta_bg;
    uint32_t s_mkfs_time;
    uint32_t s_jnl_blocks[17];
    uint32_t s_blocks_count_hi;
    uint32_t s_r_blocks_count_hi;
    uint32_t s_free_blocks_count_hi;
    uint16_t s_min_extra_isize;
    uint16_t s_want_extra_isize;
    uint32_t s_flags;
    uint16_t s_raid_stride;
    uint16_t s_mmp_interval;
    uint64_t s_mmp_block;
    uint32_t s_raid_stripe_width;
    uint8_t s_log_groups_per_flex;
    uint8_t s_checksum_type;
    uint16_t s_reserved_pad;
    uint64_t s_kbytes_written;
    uint32_t s_snapshot_inum;
    uint32_t s_snapshot_id;
    uint64_t s_snapshot_r_blocks_count;
    uint32_t s_snapshot_list;
    uint32_t s_error_count;
    uint32_t s_first_error_time;
    uint32_t s_first_error_ino;
    uint64_t s_first_error_block;
    uint8_t s_first_error_func[32];
    uint32_t s_first_error_line;
    uint32_t s_last_error_time;
    uint32_t s_last_error_ino;
    uint32_t s_last_error_line;
    uint64_t s_last_error_block;
    uint8_t s_last_error_func[32];
    uint8_t s_mount_opts[64];
    uint32_t s_usr_quota_inum;
    uint32_t s_grp_quota_inum;
    uint32_t s_overhead_blocks;
    uint32_t s_backup_bgs[2];
    uint8_t s_encrypt_algos[4];
    uint8_t s_encrypt_pw_salt[16];
    uint32_t s_lpf_ino;
    uint32_t s_prj_quota_inum;
    uint32_t s_checksum_seed;
    uint8_t s_wtime_hi;
    uint8_t s_mtime_hi;
    uint8_t s_mkfs_time_hi;
    uint8_t s_lastcheck_hi;
    uint8_t s_first_error_time_hi;
    uint8_t s_last_error_time_hi;
    uint8_t s_pad[2];
    uint16_t s_encoding;
    uint16_t s_encoding_flags;
    uint32_t s_orphan_file_inum;
    uint32_t s_reserved[94];
    uint32_t s_checksum; /* CRC-32C, seed ~0, of all bytes before it */
};
_Static_assert(sizeof(struct ext4_super_block) == 1024, "struct ext4_super_block");
_Static_assert(offsetof(struct ext4_super_block, s_magic) == 0x38, "s_magic");
_Static_assert(offsetof(struct ext4_super_block, s_feature_incompat) == 0x60, "s_feature_incompat");
_Static_assert(offsetof(struct ext4_super_block, s_hash_seed) == 0xec, "s_hash_seed");
_Static_assert(offsetof(struct ext4_super_block, s_desc_size) == 0xfe, "s_desc_size");
_Static_assert(offsetof(struct ext4_super_block, s_blocks_count_hi) == 0x150, "s_blocks_count_hi");
_Static_assert(offsetof(struct ext4_super_block, s_checksum_type) == 0x175, "s_checksum_type");
_Static_assert(offsetof(struct ext4_super_block, s_backup_bgs) == 0x24c, "s_backup_bgs");
_Static_assert(offsetof(struct ext4_super_block, s_checksum_seed) == 0x270, "s_checksum_seed");
_Static_assert(offsetof(struct ext4_super_block, s_checksum) == 0x3fc, "s_checksum");

/* bg_flags */
enum {
    EXT4_BG_INODE_UNINIT = 0x1,
    EXT4_BG_BLOCK_UNINIT = 0x2,
    EXT4_BG_INODE_ZEROED = 0x4,
};

#define EXT4_MIN_DESC_SIZE       32
#define EXT4_MIN_DESC_SIZE_64BIT 64

struct ext4_group_desc {
    uint32_t bg_block_bitmap_lo;
    uint32_t bg_inode_bitmap_lo;
    uint32_t bg_inode_table_lo;
    uint16_t bg_free_blocks_count_lo;
    uint16_t bg_free_inodes_count_lo;
    uint16_t bg_used_dirs_count_lo;
    uint16_t bg_flags;
    uint32_t bg_exclude_bitmap_lo;
    uint16_t bg_block_bitmap_csum_lo;
    uint16_t bg_inode_bitmap_csum_lo;
    uint16_t bg_itable_unused_lo;
    uint16_t bg_checksum;
    uint32_t bg_block_bitmap_hi; /* from here on only with INCOMPAT_64BIT */
    uint32_t bg_inode_bitmap_hi;
    uint32_t bg_inode_table_hi;
    uint16_t bg_free_blocks_count_hi;
    uint16_t bg_free_inodes_count_hi;
    uint16_t bg_used_dirs_count_hi;
    uint16_t bg_itable_unused_hi;
    uint32_t bg_exclude_bitmap_hi;
    uint16_t bg_block_bitmap_csum_hi;
    uint16_t bg_inode_bitmap_csum_hi;
    uint32_t bg_reserved;
};
_Static_assert(sizeof(struct ext4_group_desc) == 64, "struct ext4_group_desc");
_Static_assert(offsetof(struct ext4_group_desc, bg_checksum) == 0x1e, "bg_checksum");
_Static_assert(offsetof(struct ext4_group_desc, bg_block_bitmap_csum_hi) == 0x38, "bg_block_bitmap_csum_hi");

/* i_mode: the file types; the low twelve bits are the permissions */
enum {
    EXT4_S_IFMT = 0xf000,
    EXT4_S_IFIFO = 0x1000,
    EXT4_S_IFCHR = 0x2000,
    EXT4_S_IFDIR = 0x4000,
    EXT4_S_IFBLK = 0x6000,
    EXT4_S_IFREG = 0x8000,
    EXT4_S_IFLNK = 0xa000,
    EXT4_S_IFSOCK = 0xc000,
};

/* i_flags */
enum {
    EXT4_COMPR_FL = 0x4,
    EXT4_ENCRYPT_FL = 0x800,
    EXT4_INDEX_FL = 0x1000,
    EXT4_HUGE_FILE_FL = 0x40000,
    EXT4_EXTENTS_FL = 0x80000,
    EXT4_EA_INODE_FL = 0x200000,
    EXT4_INLINE_DATA_FL = 0x10000000,
    EXT4_CASEFOLD_FL = 0x40000000,
};

struct ext4_inode {
    uint16_t i_mode;
    uint16_t i_uid;
    uint32_t i_size_lo;
    uint32_t i_atime;
    uint32_t i_ctime;
    uint32_t i_mtime;
    uint32_t i_dtime;
    uint16_t i_gid;
    uint16_t i_links_count;
    uint32_t i_blocks_lo;
    uint32_t i_flags;
    uint32_t i_osd1;
    uint32_t i_block[EXT4_N_BLOCKS]; /* extent tree root, block map, short link target or inline data */
    uint32_t i_generation;
    uint32_t i_file_acl_lo;
    uint32_t i_size_high;
    uint32_t i_obso_faddr;
    uint16_t l_i_blocks_high; /* osd2, as Linux uses it */
    uint16_t l_i_file_acl_high;
    uint16_t l_i_uid_high;
    uint16_t l_i_gid_high;
    uint16_t l_i_checksum_lo;
    uint16_t l_i_reserved;
    uint16_t i_extra_isize; /* from here on only in inodes of more than 128 bytes, as far as this says */
    uint16_t i_checksum_hi;
    uint32_t i_ctime_extra; /* bits 0-1: bits 32-33 of the seconds; the rest: nanoseconds */
    uint32_t i_mtime_extra;
    uint32_t i_atime_extra;
    uint32_t i_crtime;
    uint32_t i_crtime_extra;
    uint32_t i_version_hi;
    uint32_t i_projid;
};
_Static_assert(sizeof(struct ext4_inode) == 160, "struct ext4_inode");
_Static_assert(offsetof(struct ext4_inode, i_block) == 0x28, "i_block");
_Static_assert(offsetof(struct ext4_inode, i_generation) == 0x64, "i_generation");
_Static_assert(offsetof(struct ext4_inode, l_i_checksum_lo) == 0x7c, "l_i_checksum_lo");
_Static_assert(offsetof(struct ext4_inode, i_extra_isize) == 0x80, "i_extra_isize");
_Static_assert(offsetof(struct ext4_inode, i_mtime_extra) == 0x88, "i_mtime_extra");

#define EXT4_EXT_MAGIC        0xf30a
#define EXT4_MAX_EXTENT_DEPTH 5
#define EXT4_INIT_MAX_LEN     32768 /* a longer ee_len means ee_len - this blocks, allocated but unwritten */

struct ext4_extent_header {
    uint16_t eh_magic;
    uint16_t eh_entries;
    uint16_t eh_max;
    uint16_t eh_depth; /* 0: the entries are extents, else indexes */
    uint32_t eh_generation;
};

struct ext4_extent_idx {
    uint32_t ei_block; /* first block of the file that this subtree covers */
    uint32_t ei_leaf_lo;
    uint16_t ei_leaf_hi;
    uint16_t ei_unused;
};

struct ext4_extent {
    uint32_t ee_block;
    uint16_t ee_len;
    uint16_t ee_start_hi;
    uint32_t ee_start_lo;
};

/* Follows the last possible entry of an extent block. */
struct ext4_extent_tail {
    uint32_t eb_checksum;
};
_Static_assert(sizeof(struct ext4_extent_header) == 12, "struct ext4_extent_header");
_Static_assert(sizeof(struct ext4_extent_idx) == 12, "struct ext4_extent_idx");
_Static_assert(sizeof(struct ext4_extent) == 12, "struct ext4_extent");
_Static_assert(offsetof(struct ext4_extent, ee_start_lo) == 8, "ee_start_lo");

/* file_type of a directory entry */
enum {
    EXT4_FT_UNKNOWN = 0,
    EXT4_FT_REG_FILE = 1,
    EXT4_FT_DIR = 2,
    EXT4_FT_CHRDEV = 3,
    EXT4_FT_BLKDEV = 4,
    EXT4_FT_FIFO = 5,
    EXT4_FT_SOCK = 6,
    EXT4_FT_SYMLINK = 7,
    EXT4_FT_DIR_CSUM = 0xde, /* marks ext4_dir_entry_tail */
};

struct ext4_dir_entry_2 {
    uint32_t inode; /* 0: unused */
    uint16_t rec_len;
    uint8_t name_len;
    uint8_t file_type; /* without INCOMPAT_FILETYPE the high byte of name_len, always 0 */
    char name[];
};

struct ext4_dir_entry_tail {
    uint32_t det_reserved_zero1;
    uint16_t det_rec_len; /* 12 */
    uint8_t det_reserved_zero2;
    uint8_t det_reserved_ft;
    uint32_t det_checksum;
};
_Static_assert(sizeof(struct ext4_dir_entry_2) == 8, "struct ext4_dir_entry_2");
_Static_assert(sizeof(struct ext4_dir_entry_tail) == 12, "struct ext4_dir_entry_tail");

/* hash_version of an indexed directory */
enum {
    EXT4_DX_HASH_LEGACY = 0,
    EXT4_DX_HASH_HALF_MD4 = 1,
    EXT4_DX_HASH_TEA = 2,
    EXT4_DX_HASH_LEGACY_UNSIGNED = 3,
    EXT4_DX_HASH_HALF_MD4_UNSIGNED = 4,
    EXT4_DX_HASH_TEA_UNSIGNED = 5,
    EXT4_DX_HASH_SIPHASH = 6,
};

/* The root of a directory's hash tree, at EXT4_DX_ROOT_INFO of its first block, after "." and "..". */
struct ext4_dx_root_info {
    uint32_t reserved_zero;
    uint8_t hash_version;
    uint8_t info_length; /* 8 */
    uint8_t indirect_levels;
    uint8_t unused_flags;
};

/* An array of entries; the place of the first one's hash is taken by ext4_dx_countlimit. */
struct ext4_dx_entry {
    uint32_t hash; /* bit 0: entries of the previous block with this hash go on in this one */
    uint32_t block;
};

struct ext4_dx_countlimit {
    uint16_t limit;
    uint16_t count;
};

/* Follows the last possible entry, at entry number `limit`. */
struct ext4_dx_tail {
    uint32_t dt_reserved;
    uint32_t dt_checksum;
};

#define EXT4_DX_ROOT_INFO    24 /* offset of ext4_dx_root_info in the root block */
#define EXT4_DX_ROOT_ENTRIES 32 /* offset of the entries in the root block */
#define EXT4_DX_NODE_ENTRIES 8  /* the same in an inner block, after one unused ext4_dir_entry_2 */
_Static_assert(sizeof(struct ext4_dx_root_info) == 8, "struct ext4_dx_root_info");
_Static_assert(sizeof(struct ext4_dx_entry) == 8, "struct ext4_dx_entry");
_Static_assert(sizeof(struct ext4_dx_tail) == 8, "struct ext4_dx_tail");

#define EXT4_XATTR_MAGIC        0xea020000
#define EXT4_XATTR_INDEX_SYSTEM 7 /* with the name "data": the part of inline data that i_block cannot hold */

struct ext4_xattr_ibody_header {
    uint32_t h_magic;
};

/* Begins a block of attributes, with the magic number of the header in an inode. */
struct ext4_xattr_header {
    uint32_t h_magic;
    uint32_t h_refcount; /* inodes that have the block */
    uint32_t h_blocks;
    uint32_t h_hash;
    uint32_t h_checksum;
    uint32_t h_reserved[3];
};

struct ext4_xattr_entry {
    uint8_t e_name_len;
    uint8_t e_name_index;
    uint16_t e_value_offs; /* in an inode: from the first entry */
    uint32_t e_value_inum;
    uint32_t e_value_size;
    uint32_t e_hash;
    char e_name[];
};
_Static_assert(sizeof(struct ext4_xattr_entry) == 16, "struct ext4_xattr_entry");
