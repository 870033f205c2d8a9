/* SPDX-License-Identifier: MIT */
/* Block groups: where their descriptors are, and the checksums of these. */
#include "internal.h"

#include <base/crc32c.h>
#include <string.h>

static bool power_of(uint32_t n, uint32_t base)
{
    while (n > 1 && n % base == 0)
        n /= base;
    return n == 1;
}

bool ext4_group_has_super(const struct ext4 *fs, uint32_t group)
{
    if (group == 0)
        return true;
    if (fs->compat & EXT4_FEATURE_COMPAT_SPARSE_SUPER2)
        return group == fs->backup_groups[0] || group == fs->backup_groups[1];
    if (!(fs->ro_compat & EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER))
        return true;
    return power_of(group, 3) || power_of(group, 5) || power_of(group, 7);
}

uint64_t ext4_descriptor_block(const struct ext4 *fs, uint32_t group)
{
    uint32_t per_block = fs->block_size / fs->descriptor_size;
    uint32_t meta_group = group / per_block;
    uint32_t super_block = EXT4_SUPER_OFFSET >> fs->block_shift;
    if (!(fs->incompat & EXT4_FEATURE_INCOMPAT_META_BG) || meta_group < fs->first_meta_group)
        return (uint64_t)super_block + 1 + meta_group;
    uint32_t first = meta_group * per_block;
    /* With blocks of 1024 bytes block 0 is the boot block, even where block 0 is the first of group 0. */
    uint32_t before = first == 0 ? super_block + 1 - fs->first_data_block : ext4_group_has_super(fs, first);
    return fs->first_data_block + (uint64_t)first * fs->blocks_per_group + before;
}

uint32_t ext4_head_blocks(const struct ext4 *fs, uint32_t group)
{
    uint32_t per_block = fs->block_size / fs->descriptor_size;
    bool has_super = ext4_group_has_super(fs, group);
    bool meta_bg = fs->incompat & EXT4_FEATURE_INCOMPAT_META_BG;
    if (meta_bg && group / per_block >= fs->first_meta_group) {
        uint32_t place = group % per_block;
        return has_super + (place == 0 || place == 1 || place == per_block - 1);
    }
    if (!has_super)
        return 0;
    uint32_t blocks = meta_bg ? fs->first_meta_group : (fs->group_count + per_block - 1) / per_block;
    return 1 + blocks + fs->reserved_descriptors;
}

/* CRC-16, polynomial 0x8005 reflected, as gdt_csum uses it. */
static uint16_t crc16(uint16_t crc, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
    }
    return crc;
}

uint16_t ext4_group_checksum(const struct ext4 *fs, uint32_t group, const void *descriptor, uint32_t size)
{
    static const uint8_t zero[2];
    const uint8_t *bytes = descriptor;
    uint32_t before = offsetof(struct ext4_group_desc, bg_checksum);
    uint32_t after = before + sizeof(zero);
    if (ext4_has_metadata_csum(fs)) {
        uint32_t crc = crc32c(fs->checksum_seed, &group, sizeof(group));
        crc = crc32c(crc32c(crc, bytes, before), zero, sizeof(zero));
        return (uint16_t)crc32c(crc, bytes + after, size - after);
    }
    uint16_t crc = crc16(0xffff, fs->uuid, sizeof(fs->uuid));
    crc = crc16(crc, (const uint8_t *)&group, sizeof(group));
    crc = crc16(crc, bytes, before);
    return crc16(crc, bytes + after, size - after);
}

static enum error check_group(struct ext4 *fs, uint32_t group, const struct ext4_group_desc *descriptor)
{
    if (!(fs->ro_compat & (EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_GDT_CSUM)))
        return ERR_OK;
    uint16_t sum = ext4_group_checksum(fs, group, descriptor, fs->descriptor_size);
    if (sum == descriptor->bg_checksum)
        return ERR_OK;
    return ext4_fail(fs, ERR_CORRUPT, "group descriptor %u: checksum %04x, computed %04x", group,
                     descriptor->bg_checksum, sum);
}

enum error ext4_read_group(struct ext4 *fs, uint32_t group, struct ext4_group_desc *descriptor)
{
    uint32_t per_block = fs->block_size / fs->descriptor_size, slot = group % per_block;
    struct ext4_block *block;
    enum error error = ext4_get_block(fs, ext4_descriptor_block(fs, group), &block);
    if (error)
        return error;
    uint64_t key = ext4_checked_key(EXT4_KIND_GROUPS, group - slot);
    const struct ext4_group_desc *found = (const void *)(block->data + slot * fs->descriptor_size);
    if (block->checked_as != key || !(block->checked_slots[slot / 64] >> slot % 64 & 1)) {
        error = check_group(fs, group, found);
        if (!error) {
            if (block->checked_as != key)
                memset(block->checked_slots, 0, sizeof(block->checked_slots));
            block->checked_as = key;
            block->checked_slots[slot / 64] |= (uint64_t)1 << slot % 64;
        }
    }
    if (!error) {
        memset(descriptor, 0, sizeof(*descriptor));
        uint32_t size = fs->descriptor_size < sizeof(*descriptor) ? fs->descriptor_size : sizeof(*descriptor);
        memcpy(descriptor, found, size);
    }
    ext4_put_block(fs, block);
    return error;
}
