/* SPDX-License-Identifier: MIT */
/* Writing inodes into their tables, and the chain of orphans. */
#include "writer.h"

#include <base/crc32c.h>
#include <string.h>

#define HAS_FIELD(fs, inode, field)                                                                          \
    ((fs)->inode_size > EXT4_GOOD_OLD_INODE_SIZE &&                                                          \
     offsetof(struct ext4_inode, field) + sizeof((inode)->field) <=                                          \
         EXT4_GOOD_OLD_INODE_SIZE + (uint32_t)(inode)->i_extra_isize)

uint64_t ext4_inode_goal(const struct ext4 *fs, uint32_t inode)
{
    return ext4_group_first(fs, (inode - 1) / fs->inodes_per_group);
}

static void seal_inode(const struct ext4 *fs, uint32_t number, struct ext4_inode *inode)
{
    if (!ext4_has_metadata_csum(fs))
        return;
    bool high = HAS_FIELD(fs, inode, i_checksum_hi);
    uint32_t seed = crc32c(fs->checksum_seed, &number, sizeof(number));
    seed = crc32c(seed, &inode->i_generation, sizeof(inode->i_generation));
    inode->l_i_checksum_lo = 0;
    if (high)
        inode->i_checksum_hi = 0;
    uint32_t sum = crc32c(seed, inode, fs->inode_size);
    inode->l_i_checksum_lo = (uint16_t)sum;
    if (high)
        inode->i_checksum_hi = (uint16_t)(sum >> 16);
}

void ext4_seal_inodes(const struct ext4 *fs, struct ext4_changed *entry)
{
    for (uint32_t slot = 0; entry->slots; slot++, entry->slots >>= 1)
        if (entry->slots & 1)
            seal_inode(fs, entry->owner + slot, (void *)(entry->block->data + slot * fs->inode_size));
}

/* Takes a reference to the block of an inode that may not be in use, touched; its bytes are in *inode. */
static enum error get_raw(struct ext4 *fs, uint32_t number, struct ext4_block **block,
                          struct ext4_inode **inode)
{
    struct ext4_group_desc descriptor;
    uint32_t group = (number - 1) / fs->inodes_per_group, index = (number - 1) % fs->inodes_per_group;
    uint32_t per_block = fs->block_size / fs->inode_size, slot = index % per_block;
    enum error error = ext4_read_group(fs, group, &descriptor);
    if (error)
        return error;
    uint64_t table = descriptor.bg_inode_table_lo | (uint64_t)descriptor.bg_inode_table_hi << 32;
    if (!ext4_blocks_ok(fs, table + index / per_block, 1))
        return ext4_fail(fs, ERR_CORRUPT, "group descriptor %u: inode table at block %lu", group, table);
    error = ext4_get_block(fs, table + index / per_block, block);
    if (error)
        return error;
    error = ext4_touch(fs, *block, EXT4_SEAL_INODES, number - slot);
    if (error) {
        ext4_put_block(fs, *block);
        return error;
    }
    fs->writer->entries[(*block)->entry - 1].slots |= (uint64_t)1 << slot;
    uint64_t key = ext4_checked_key(EXT4_KIND_INODES, number - slot);
    if ((*block)->checked_as != key)
        memset((*block)->checked_slots, 0, sizeof((*block)->checked_slots));
    (*block)->checked_as = key;
    (*block)->checked_slots[0] |= (uint64_t)1 << slot;
    *inode = (void *)((*block)->data + slot * fs->inode_size);
    return ERR_OK;
}

/* As get_raw for an inode that is in use, which was checked. */
static enum error get_inode(struct ext4 *fs, uint32_t number, struct ext4_block **block,
                            struct ext4_inode **inode)
{
    struct ext4_block *checked;
    const struct ext4_inode *unused;
    enum error error = ext4_get_inode(fs, number, &checked, &unused);
    if (error)
        return error;
    ext4_put_block(fs, checked);
    return get_raw(fs, number, block, inode);
}

/* What does not fit into 34 bits, or into 32 where there is no more, is cut to the nearest that does. */
static void encode_time(struct ext4_time time, bool has_extra, uint32_t *seconds, uint32_t *extra)
{
    int64_t least = INT32_MIN, most = INT32_MAX + (has_extra ? (int64_t)3 << 32 : 0);
    int64_t value = time.seconds < least ? least : time.seconds > most ? most : time.seconds;
    *seconds = (uint32_t)value;
    if (has_extra)
        *extra = (uint32_t)((value - (int32_t)value) >> 32 & 3) | time.nanoseconds << 2;
}

#define ENCODE_TIME(fs, inode, field, time)                                                                  \
    encode_time((time), HAS_FIELD(fs, inode, field##_extra), &(inode)->field, &(inode)->field##_extra)

static void encode_blocks(const struct ext4 *fs, const struct ext4_node *node, struct ext4_inode *inode)
{
    uint64_t blocks = node->blocks;
    if (node->flags & EXT4_HUGE_FILE_FL)
        blocks >>= fs->block_shift - 9;
    inode->i_blocks_lo = (uint32_t)blocks;
    if (fs->ro_compat & EXT4_FEATURE_RO_COMPAT_HUGE_FILE)
        inode->l_i_blocks_high = (uint16_t)(blocks >> 32);
}

static void encode(const struct ext4 *fs, const struct ext4_node *node, struct ext4_inode *inode)
{
    inode->i_mode = node->mode;
    inode->i_uid = (uint16_t)node->uid;
    inode->l_i_uid_high = (uint16_t)(node->uid >> 16);
    inode->i_gid = (uint16_t)node->gid;
    inode->l_i_gid_high = (uint16_t)(node->gid >> 16);
    inode->i_links_count = node->links;
    inode->i_flags = node->flags;
    inode->i_generation = node->generation;
    inode->i_size_lo = (uint32_t)node->size;
    inode->i_size_high = (uint32_t)(node->size >> 32);
    inode->i_file_acl_lo = (uint32_t)node->attributes;
    if (fs->incompat & EXT4_FEATURE_INCOMPAT_64BIT)
        inode->l_i_file_acl_high = (uint16_t)(node->attributes >> 32);
    memcpy(inode->i_block, node->map, sizeof(node->map));
    encode_blocks(fs, node, inode);
    ENCODE_TIME(fs, inode, i_atime, node->atime);
    ENCODE_TIME(fs, inode, i_mtime, node->mtime);
    ENCODE_TIME(fs, inode, i_ctime, node->ctime);
}

enum error ext4_write_node(struct ext4 *fs, const struct ext4_node *node)
{
    struct ext4_block *block;
    struct ext4_inode *inode;
    enum error error = get_inode(fs, node->inode, &block, &inode);
    if (error)
        return error;
    encode(fs, node, inode);
    ext4_put_block(fs, block);
    return ERR_OK;
}

enum error ext4_init_node(struct ext4 *fs, struct ext4_node *node)
{
    struct ext4_block *block;
    struct ext4_inode *inode;
    struct ext4_writer *writer = fs->writer;
    enum error error = get_raw(fs, node->inode, &block, &inode);
    if (error)
        return error;
    memset(inode, 0, fs->inode_size);
    if (fs->inode_size > EXT4_GOOD_OLD_INODE_SIZE)
        inode->i_extra_isize = sizeof(struct ext4_inode) - EXT4_GOOD_OLD_INODE_SIZE;
    node->generation = writer->generation++;
    node->atime = node->mtime = node->ctime = writer->now;
    uint32_t seed = crc32c(fs->checksum_seed, &node->inode, sizeof(node->inode));
    node->checksum_seed =
        ext4_has_metadata_csum(fs) ? crc32c(seed, &node->generation, sizeof(node->generation)) : 0;
    if (HAS_FIELD(fs, inode, i_crtime_extra))
        encode_time(writer->now, true, &inode->i_crtime, &inode->i_crtime_extra);
    encode(fs, node, inode);
    ext4_put_block(fs, block);
    return ERR_OK;
}

/* --- Orphans: the superblock has the first, i_dtime of each the next one --- */

static enum error set_dtime(struct ext4 *fs, uint32_t number, uint32_t value)
{
    struct ext4_block *block;
    struct ext4_inode *inode;
    enum error error = get_inode(fs, number, &block, &inode);
    if (error)
        return error;
    inode->i_dtime = value;
    ext4_put_block(fs, block);
    return ERR_OK;
}

enum error ext4_next_orphan(struct ext4 *fs, uint32_t inode, uint32_t *next)
{
    struct ext4_block *block;
    const struct ext4_inode *found;
    enum error error = ext4_get_inode(fs, inode, &block, &found);
    if (error)
        return error;
    *next = found->i_dtime;
    ext4_put_block(fs, block);
    if (*next > fs->inode_count || *next == inode)
        return ext4_fail(fs, ERR_CORRUPT, "inode %u: the next orphan is inode %u", inode, *next);
    return ERR_OK;
}

enum error ext4_add_orphan(struct ext4 *fs, uint32_t inode)
{
    enum error error = set_dtime(fs, inode, fs->writer->last_orphan);
    if (!error)
        fs->writer->last_orphan = inode;
    return error;
}

enum error ext4_remove_orphan(struct ext4 *fs, uint32_t inode)
{
    uint32_t next, before = 0, at = fs->writer->last_orphan;
    enum error error = ext4_next_orphan(fs, inode, &next);
    for (uint32_t i = 0; !error && at && at != inode; i++) {
        before = at;
        error = i < fs->inode_count ? ext4_next_orphan(fs, at, &at)
                                    : ext4_fail(fs, ERR_CORRUPT, "the orphans are chained in a circle");
    }
    if (!error && at != inode)
        return ERR_OK; /* it is none */
    if (!error && before)
        error = set_dtime(fs, before, next);
    else if (!error)
        fs->writer->last_orphan = next;
    return error ? error : set_dtime(fs, inode, 0);
}

/* --- The end of an inode --- */

enum error ext4_clear_node(struct ext4 *fs, uint32_t number)
{
    struct ext4_block *block;
    struct ext4_inode *inode;
    enum error error = get_inode(fs, number, &block, &inode);
    if (error)
        return error;
    bool large = fs->inode_size > EXT4_GOOD_OLD_INODE_SIZE;
    uint32_t generation = inode->i_generation;
    uint16_t extra = large ? inode->i_extra_isize : 0;
    memset(inode, 0, fs->inode_size);
    inode->i_generation = generation;
    inode->i_dtime = (uint32_t)fs->writer->now.seconds;
    if (large)
        inode->i_extra_isize = extra;
    uint32_t slot = (number - 1) % fs->inodes_per_group % (fs->block_size / fs->inode_size);
    block->checked_slots[0] &= ~((uint64_t)1 << slot); /* it is in use no more */
    ext4_put_block(fs, block);
    return ERR_OK;
}

/* The block of attributes may be another inode's too: it counts how many have it. */
enum error ext4_drop_attributes(struct ext4 *fs, struct ext4_node *node)
{
    struct ext4_block *block;
    enum error error = ext4_get_block(fs, node->attributes, &block);
    if (error)
        return error;
    struct ext4_xattr_header *header = (void *)block->data;
    uint64_t number = node->attributes;
    if (header->h_magic != EXT4_XATTR_MAGIC || header->h_refcount == 0) {
        error = ext4_fail(fs, ERR_CORRUPT, "inode %u: no attributes at block %lu", node->inode, number);
    } else if (header->h_refcount == 1) {
        error = ext4_free_blocks(fs, number, 1);
    } else if (!(error = ext4_touch(fs, block, EXT4_SEAL_NONE, 0))) {
        header->h_refcount--;
        header->h_checksum = 0;
        if (ext4_has_metadata_csum(fs)) {
            uint32_t seed = crc32c(fs->checksum_seed, &number, sizeof(number));
            header->h_checksum = crc32c(seed, block->data, fs->block_size);
        }
    }
    ext4_put_block(fs, block);
    if (!error) {
        node->attributes = 0;
        node->blocks -= fs->block_size >> 9;
    }
    return error;
}
