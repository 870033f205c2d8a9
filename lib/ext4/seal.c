/* SPDX-License-Identifier: MIT */
/* The checksums of what a transaction changed, computed once, when it is committed. */
#include "writer.h"

#include <base/crc32c.h>
#include <string.h>

#define WORDS 8 /* that are compared at once */

static bool differ(const uint64_t *a, const uint64_t *b)
{
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) | (a[5] ^ b[5]) |
            (a[6] ^ b[6]) | (a[7] ^ b[7])) != 0;
}

/* A checksum is linear: what it differs by is that of what differs. */
uint32_t ext4_sum_of_change(uint32_t sum_before, const uint8_t *before, const uint8_t *now, uint32_t size)
{
    uint32_t sum = 0, same = 0, at = 0;
    for (; at + WORDS * 8 <= size; at += WORDS * 8) {
        const uint64_t *a = (const void *)(before + at), *b = (const void *)(now + at);
        if (differ(a, b)) {
            uint64_t difference[WORDS];
            for (uint32_t n = 0; n < WORDS; n++)
                difference[n] = a[n] ^ b[n];
            sum = crc32c(crc32c_zeros(sum, same), difference, sizeof(difference));
            same = 0;
        } else {
            same += WORDS * 8;
        }
    }
    sum = crc32c_zeros(sum, same);
    for (; at < size; at += 4) {
        uint32_t difference = *(const uint32_t *)(before + at) ^ *(const uint32_t *)(now + at);
        sum = crc32c(sum, &difference, sizeof(difference));
    }
    return sum_before ^ sum;
}

/* Takes a reference to the block as it was committed last, of the same kind; NULL: nobody knows it. */
static struct ext4_block *get_before(struct ext4 *fs, const struct ext4_changed *entry)
{
    struct ext4_block *before;
    bool known = entry->copy && entry->copy_seal == entry->seal && entry->copy_owner == entry->owner;
    return known && !fs->source.get(fs->source.context, entry->copy, &before) ? before : NULL;
}

static void seal_extents(const struct ext4 *fs, uint8_t *data, uint32_t seed)
{
    const struct ext4_extent_header *header = (const void *)data;
    uint32_t end = sizeof(*header) + header->eh_max * sizeof(struct ext4_extent);
    if (ext4_has_metadata_csum(fs) && end + sizeof(struct ext4_extent_tail) <= fs->block_size)
        ((struct ext4_extent_tail *)(data + end))->eb_checksum = crc32c(seed, data, end);
}

static uint32_t *leaf_sum(const struct ext4 *fs, struct ext4_block *leaf)
{
    uint32_t end = fs->block_size - sizeof(struct ext4_dir_entry_tail);
    return &((struct ext4_dir_entry_tail *)(leaf->data + end))->det_checksum;
}

static void seal_leaf(struct ext4 *fs, const struct ext4_changed *entry)
{
    uint32_t end = fs->block_size - sizeof(struct ext4_dir_entry_tail), *sum = leaf_sum(fs, entry->block);
    if (!ext4_has_metadata_csum(fs))
        return;
    struct ext4_block *before = get_before(fs, entry);
    *sum = before ? ext4_sum_of_change(*leaf_sum(fs, before), before->data, entry->block->data, end)
                  : crc32c(entry->owner, entry->block->data, end);
    if (before)
        ext4_put_block(fs, before);
}

static void seal_index(const struct ext4 *fs, uint8_t *data, uint32_t seed, uint32_t entries)
{
    static const uint8_t zero[4];
    const struct ext4_dx_countlimit *room = (const void *)(data + entries);
    if (!ext4_has_metadata_csum(fs))
        return;
    struct ext4_dx_tail *tail = (void *)(data + entries + room->limit * sizeof(struct ext4_dx_entry));
    uint32_t sum = crc32c(seed, data, entries + room->count * sizeof(struct ext4_dx_entry));
    sum = crc32c(sum, &tail->dt_reserved, sizeof(tail->dt_reserved));
    tail->dt_checksum = crc32c(sum, zero, sizeof(zero));
}

/* The bitmaps' checksums are in the descriptors, which are sealed after them. */
static enum error seal_bitmap(struct ext4 *fs, const struct ext4_changed *entry)
{
    struct ext4_group_place place;
    if (!ext4_has_metadata_csum(fs))
        return ERR_OK;
    enum error error = ext4_get_group(fs, entry->owner, &place);
    if (error)
        return error;
    struct ext4_group_desc *descriptor = place.descriptor;
    bool blocks = entry->seal == EXT4_SEAL_BLOCK_BITMAP,
         wide = fs->descriptor_size >= EXT4_MIN_DESC_SIZE_64BIT;
    uint32_t bits = blocks ? fs->blocks_per_group : fs->inodes_per_group;
    uint32_t sum = blocks ? descriptor->bg_block_bitmap_csum_lo : descriptor->bg_inode_bitmap_csum_lo;
    if (wide)
        sum |= (uint32_t)(blocks ? descriptor->bg_block_bitmap_csum_hi : descriptor->bg_inode_bitmap_csum_hi)
               << 16;
    struct ext4_block *before = wide && bits % 32 == 0 ? get_before(fs, entry) : NULL;
    sum = before ? ext4_sum_of_change(sum, before->data, entry->block->data, bits / 8)
                 : ext4_bitmap_sum(fs, entry->block->data, bits);
    if (before)
        ext4_put_block(fs, before);
    *(blocks ? &descriptor->bg_block_bitmap_csum_lo : &descriptor->bg_inode_bitmap_csum_lo) = (uint16_t)sum;
    if (wide)
        *(blocks ? &descriptor->bg_block_bitmap_csum_hi : &descriptor->bg_inode_bitmap_csum_hi) =
            (uint16_t)(sum >> 16);
    ext4_put_block(fs, place.block);
    return ERR_OK;
}

/* Those that were found sound or changed since; one that is damaged stays so. */
static void seal_groups(const struct ext4 *fs, const struct ext4_changed *entry)
{
    uint32_t slots = fs->block_size / fs->descriptor_size;
    const struct ext4_block *block = entry->block;
    if (!(fs->ro_compat & (EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_GDT_CSUM)))
        return;
    for (uint32_t slot = 0; slot < slots; slot++) {
        struct ext4_group_desc *descriptor = (void *)(block->data + slot * fs->descriptor_size);
        if (block->checked_slots[slot / 64] >> slot % 64 & 1)
            descriptor->bg_checksum =
                ext4_group_checksum(fs, entry->owner + slot, descriptor, fs->descriptor_size);
    }
}

static enum error seal_super(struct ext4 *fs)
{
    struct ext4_block *block;
    enum error error = ext4_get_block(fs, EXT4_SUPER_OFFSET >> fs->block_shift, &block);
    if (error)
        return error;
    if (!block->entry)
        error = ext4_add_entry(fs, block, EXT4_SEAL_NONE, 0);
    if (!error) {
        struct ext4_changed *entry = &fs->writer->entries[block->entry - 1];
        struct ext4_super_block *super = (void *)(block->data + (EXT4_SUPER_OFFSET & (fs->block_size - 1)));
        fs->writer->running += !entry->running;
        entry->running = true;
        super->s_free_blocks_count_lo = (uint32_t)fs->free_blocks;
        if (fs->incompat & EXT4_FEATURE_INCOMPAT_64BIT)
            super->s_free_blocks_count_hi = (uint32_t)(fs->free_blocks >> 32);
        super->s_free_inodes_count = fs->free_inodes;
        super->s_last_orphan = fs->writer->last_orphan;
        super->s_wtime = (uint32_t)fs->writer->now.seconds;
        super->s_wtime_hi = (uint8_t)((uint64_t)fs->writer->now.seconds >> 32);
        if (ext4_has_metadata_csum(fs))
            super->s_checksum = crc32c(~0u, super, offsetof(struct ext4_super_block, s_checksum));
    }
    ext4_put_block(fs, block);
    return error;
}

static enum error seal_one(struct ext4 *fs, struct ext4_changed *entry)
{
    uint8_t *data = entry->block->data;
    switch (entry->seal) {
    case EXT4_SEAL_BLOCK_BITMAP:
    case EXT4_SEAL_INODE_BITMAP: return seal_bitmap(fs, entry);
    case EXT4_SEAL_INODES: ext4_seal_inodes(fs, entry); return ERR_OK;
    case EXT4_SEAL_EXTENTS: seal_extents(fs, data, entry->owner); return ERR_OK;
    case EXT4_SEAL_LEAF: seal_leaf(fs, entry); return ERR_OK;
    case EXT4_SEAL_ROOT: seal_index(fs, data, entry->owner, EXT4_DX_ROOT_ENTRIES); return ERR_OK;
    case EXT4_SEAL_NODE: seal_index(fs, data, entry->owner, EXT4_DX_NODE_ENTRIES); return ERR_OK;
    default: return ERR_OK;
    }
}

enum error ext4_seal_all(struct ext4 *fs)
{
    struct ext4_writer *writer = fs->writer;
    enum error error = writer->running ? seal_super(fs) : ERR_OK;
    for (uint32_t i = 0; !error && i < writer->count; i++)
        if (writer->entries[i].running)
            error = seal_one(fs, &writer->entries[i]);
    for (uint32_t i = 0; !error && i < writer->count; i++)
        if (writer->entries[i].running && writer->entries[i].seal == EXT4_SEAL_GROUPS)
            seal_groups(fs, &writer->entries[i]);
    return error;
}
