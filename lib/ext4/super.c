/* SPDX-License-Identifier: MIT */
/* Mounting: the superblock, its features and geometry; and taking references to blocks. */
#include "internal.h"

#include <base/crc32c.h>
#include <base/format.h>
#include <stdarg.h>
#include <string.h>

#define SUPPORTED_INCOMPAT                                                                                   \
    (EXT4_FEATURE_INCOMPAT_FILETYPE | EXT4_FEATURE_INCOMPAT_RECOVER | EXT4_FEATURE_INCOMPAT_META_BG |        \
     EXT4_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_MMP |               \
     EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_EA_INODE | EXT4_FEATURE_INCOMPAT_CSUM_SEED |      \
     EXT4_FEATURE_INCOMPAT_LARGEDIR | EXT4_FEATURE_INCOMPAT_INLINE_DATA)

/* Where the next character of a line goes. */
struct cause {
    char *text;
    size_t length;
};

static void put_in_cause(void *context, char c)
{
    struct cause *cause = context;

    if (cause->length + 1 < EXT4_CAUSE_SIZE)
        cause->text[cause->length++] = c < ' ' || c == 0x7f ? '?' : c;
}

enum error ext4_fail(struct ext4 *fs, enum error code, const char *format, ...)
{
    struct cause cause = {fs->cause, 0};
    va_list arguments;

    va_start(arguments, format);
    format_to(put_in_cause, &cause, format, arguments);
    va_end(arguments);
    fs->cause[cause.length] = 0;
    return code;
}

void ext4_say(struct ext4 *fs, const char *format, ...)
{
    char text[EXT4_CAUSE_SIZE];
    struct cause line = {text, 0};
    va_list arguments;

    if (!fs->source.say)
        return;
    va_start(arguments, format);
    format_to(put_in_cause, &line, format, arguments);
    va_end(arguments);
    text[line.length] = 0;
    fs->source.say(fs->source.context, text);
}

enum error ext4_get_block(struct ext4 *fs, uint64_t number, struct ext4_block **block)
{
    if (number >= fs->block_count)
        return ext4_fail(fs, ERR_CORRUPT, "block %lu: the file system has %lu", number, fs->block_count);
    if (fs->replay.active)
        return ext4_replay_get(fs, number, block);
    enum error error = fs->source.get(fs->source.context, number, block);
    return error ? ext4_fail(fs, error, "block %lu: cannot be read", number) : ERR_OK;
}

static enum error check_features(struct ext4 *fs, const struct ext4_super_block *super)
{
    if (super->s_rev_level > 1)
        return ext4_fail(fs, ERR_UNSUPPORTED, "superblock: revision %u is not supported", super->s_rev_level);
    if (super->s_rev_level == 0)
        return ERR_OK;
    fs->compat = super->s_feature_compat;
    fs->incompat = super->s_feature_incompat;
    fs->ro_compat = super->s_feature_ro_compat;
    if (ext4_has_metadata_csum(fs)) {
        uint32_t sum = crc32c(~0u, super, offsetof(struct ext4_super_block, s_checksum));
        if (sum != super->s_checksum)
            return ext4_fail(fs, ERR_CORRUPT, "superblock: checksum %08x, computed %08x", super->s_checksum,
                             sum);
        if (super->s_checksum_type != EXT4_CRC32C_CHKSUM)
            return ext4_fail(fs, ERR_UNSUPPORTED, "superblock: checksum type %u is not supported",
                             super->s_checksum_type);
    }
    char list[EXT4_FEATURE_LIST];
    uint32_t unknown = fs->incompat & ~(uint32_t)SUPPORTED_INCOMPAT;
    if (!unknown)
        return ERR_OK;
    return ext4_fail(fs, ERR_UNSUPPORTED, "superblock: feature %s is not supported",
                     ext4_feature_names(list, unknown, ext4_incompat_names, 'I'));
}

static bool power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

static enum error check_sizes(struct ext4 *fs, const struct ext4_super_block *super)
{
    if (super->s_log_block_size > 2)
        return ext4_fail(fs, super->s_log_block_size <= 6 ? ERR_UNSUPPORTED : ERR_CORRUPT,
                         "superblock: block size 1024 << %u is not supported", super->s_log_block_size);
    fs->block_shift = 10 + super->s_log_block_size;
    fs->block_size = 1u << fs->block_shift;
    fs->inode_size = super->s_rev_level ? super->s_inode_size : EXT4_GOOD_OLD_INODE_SIZE;
    if (!power_of_two(fs->inode_size) || fs->inode_size < EXT4_GOOD_OLD_INODE_SIZE ||
        fs->inode_size > fs->block_size)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: inode size is %u", fs->inode_size);
    fs->descriptor_size = EXT4_MIN_DESC_SIZE;
    if (fs->incompat & EXT4_FEATURE_INCOMPAT_64BIT)
        fs->descriptor_size = super->s_desc_size;
    if (!power_of_two(fs->descriptor_size) || fs->descriptor_size > EXT4_MIN_BLOCK_SIZE ||
        fs->descriptor_size < EXT4_MIN_DESC_SIZE)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: group descriptor size is %u", fs->descriptor_size);
    return ERR_OK;
}

/* A cluster is what the bitmaps count in; without bigalloc it is one block. */
static enum error check_clusters(struct ext4 *fs, const struct ext4_super_block *super)
{
    uint32_t units = fs->blocks_per_group;
    fs->cluster_size = fs->block_size;
    if (fs->ro_compat & EXT4_FEATURE_RO_COMPAT_BIGALLOC) {
        uint32_t shift = super->s_log_cluster_size - super->s_log_block_size;
        units = super->s_clusters_per_group;
        if (super->s_log_cluster_size < super->s_log_block_size || super->s_log_cluster_size > 20 ||
            (uint64_t)units << shift != fs->blocks_per_group)
            return ext4_fail(fs, ERR_CORRUPT,
                             "superblock: clusters of 1024 << %u bytes, %u in a group of %u blocks",
                             super->s_log_cluster_size, units, fs->blocks_per_group);
        fs->cluster_size = fs->block_size << shift;
    }
    if (fs->blocks_per_group == 0 || units > 8 * fs->block_size)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: %u blocks per group", fs->blocks_per_group);
    return ERR_OK;
}

static enum error check_groups(struct ext4 *fs, const struct ext4_super_block *super)
{
    fs->first_data_block = super->s_first_data_block;
    fs->blocks_per_group = super->s_blocks_per_group;
    fs->inodes_per_group = super->s_inodes_per_group;
    fs->inode_count = super->s_inodes_count;
    if (fs->first_data_block > 1 || fs->first_data_block >= fs->block_count)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: first data block is %u", fs->first_data_block);
    enum error error = check_clusters(fs, super);
    if (error)
        return error;
    if (fs->first_data_block == 0 && fs->cluster_size == EXT4_MIN_BLOCK_SIZE)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: first data block is 0, and so is the boot block");
    if (fs->inodes_per_group == 0 || fs->inodes_per_group > 8 * fs->block_size)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: %u inodes per group", fs->inodes_per_group);
    uint64_t groups =
        (fs->block_count - fs->first_data_block + fs->blocks_per_group - 1) / fs->blocks_per_group;
    if (groups > UINT32_MAX || groups * fs->inodes_per_group != fs->inode_count)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: %u inodes in %lu groups of %u", fs->inode_count,
                         groups, fs->inodes_per_group);
    uint64_t table =
        ((uint64_t)fs->inodes_per_group * fs->inode_size + fs->block_size - 1) >> fs->block_shift;
    if (groups * table >= fs->block_count)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: tables of %u inodes do not fit into %lu blocks",
                         fs->inode_count, fs->block_count);
    fs->group_count = (uint32_t)groups;
    return ERR_OK;
}

static void copy_identity(struct ext4 *fs, const struct ext4_super_block *super)
{
    bool wide = fs->incompat & EXT4_FEATURE_INCOMPAT_64BIT;
    fs->free_blocks =
        super->s_free_blocks_count_lo | (wide ? (uint64_t)super->s_free_blocks_count_hi << 32 : 0);
    fs->free_inodes = super->s_free_inodes_count;
    fs->first_meta_group = super->s_first_meta_bg;
    fs->reserved_descriptors = super->s_reserved_gdt_blocks;
    fs->journal_inode = super->s_journal_inum;
    memcpy(fs->backup_groups, super->s_backup_bgs, sizeof(fs->backup_groups));
    memcpy(fs->hash_seed, super->s_hash_seed, sizeof(fs->hash_seed));
    fs->hash_version =
        super->s_def_hash_version <= EXT4_DX_HASH_TEA ? super->s_def_hash_version : EXT4_DX_HASH_HALF_MD4;
    fs->unsigned_hash = super->s_flags & EXT4_FLAGS_UNSIGNED_HASH;
    memcpy(fs->uuid, super->s_uuid, sizeof(fs->uuid));
    memcpy(fs->label, super->s_volume_name, sizeof(super->s_volume_name));
    fs->label[sizeof(fs->label) - 1] = 0;
    fs->checksum_seed = fs->incompat & EXT4_FEATURE_INCOMPAT_CSUM_SEED ? super->s_checksum_seed
                                                                       : crc32c(~0u, super->s_uuid, 16);
}

static enum error parse_super(struct ext4 *fs, const struct ext4_super_block *super)
{
    if (super->s_magic != EXT4_SUPER_MAGIC)
        return ext4_fail(fs, ERR_NO_FS, "superblock: magic number is %04x, not %04x", super->s_magic,
                         EXT4_SUPER_MAGIC);
    enum error error = check_features(fs, super);
    if (error)
        return error;
    error = check_sizes(fs, super);
    if (error)
        return error;
    bool wide = fs->incompat & EXT4_FEATURE_INCOMPAT_64BIT;
    fs->block_count = super->s_blocks_count_lo | (wide ? (uint64_t)super->s_blocks_count_hi << 32 : 0);
    if (fs->block_count > fs->source.size >> fs->block_shift)
        return ext4_fail(fs, ERR_CORRUPT, "superblock: %lu blocks of %u bytes, but the device has %lu bytes",
                         fs->block_count, fs->block_size, fs->source.size);
    error = check_groups(fs, super);
    if (error)
        return error;
    copy_identity(fs, super);
    return ERR_OK;
}

/*
 * The superblock is read twice: in blocks of 1024 bytes to learn the block size, and again if the journal has
 * one.
 */
static enum error read_super(struct ext4 *fs)
{
    struct ext4_block *block;
    enum error error = ext4_get_block(fs, EXT4_SUPER_OFFSET >> fs->block_shift, &block);
    if (error)
        return error;
    const uint8_t *data = block->data + (EXT4_SUPER_OFFSET & (fs->block_size - 1));
    error = parse_super(fs, (const struct ext4_super_block *)data);
    ext4_put_block(fs, block);
    return error;
}

static enum error replay(struct ext4 *fs, void *memory, size_t size)
{
    enum error error = ext4_replay_load(fs, memory, size);
    if (error)
        return error;
    uint32_t block_size = fs->block_size;
    memset(fs->group_cache, 0, sizeof(fs->group_cache));
    error = read_super(fs);
    if (!error && fs->block_size != block_size)
        return ext4_fail(fs, ERR_CORRUPT, "journal: superblock with another block size (%u)", fs->block_size);
    return error;
}

/* A file system whose root cannot be read is of no use to anybody. */
static enum error check_root(struct ext4 *fs)
{
    struct ext4_node root;
    enum error error = ext4_read_node(fs, EXT4_ROOT_INO, &root);
    if (error || ext4_is_dir(&root))
        return error;
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: the root is no directory (mode %04x)", root.inode,
                     root.mode);
}

enum error ext4_mount(struct ext4 *fs, const struct ext4_source *source, void *memory, size_t size)
{
    memset(fs, 0, sizeof(*fs));
    fs->source = *source;
    fs->block_shift = 10;
    fs->block_size = EXT4_MIN_BLOCK_SIZE;
    fs->block_count = source->size >> fs->block_shift;
    if (fs->block_count < 2)
        return ext4_fail(fs, ERR_NO_FS, "device of %lu bytes is too small for a file system", source->size);
    enum error error = source->set_block_size(source->context, fs->block_size);
    if (!error)
        error = read_super(fs);
    if (error)
        return error;
    error = source->set_block_size(source->context, fs->block_size);
    if (error)
        return ext4_fail(fs, error, "block size %u: refused by the device", fs->block_size);
    if (fs->incompat & EXT4_FEATURE_INCOMPAT_RECOVER)
        error = replay(fs, memory, size);
    return error ? error : check_root(fs);
}
