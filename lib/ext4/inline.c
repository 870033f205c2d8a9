/* SPDX-License-Identifier: MIT */
/*
 * Inline data: files and directories so small that they lie in the inode: 60 bytes in i_block, the rest in
 * the extended attribute "system.data" behind the inode's fields. A directory there begins with its parent's
 * inode number and has no entries for "." and "..".
 */
#include "internal.h"

#include <base/checked.h>
#include <string.h>

#define DOT_CURSOR    0
#define DOTDOT_CURSOR 2
#define PARENT_SIZE   4 /* the entries follow: their cursors are their offsets */
#define REST_CURSOR   INLINE_FIRST
#define INLINE_FIRST  60

_Static_assert(sizeof(((struct ext4_node *)0)->map) == INLINE_FIRST, "i_block");

/* Looks for "system.data" among the attributes in [first, first + size). */
static bool find_data(const uint8_t *first, uint32_t size, const uint8_t **data, uint32_t *length)
{
    uint32_t offset = 0;
    while (range_inside(offset, sizeof(struct ext4_xattr_entry), size)) {
        const struct ext4_xattr_entry *entry = (const void *)(first + offset);
        uint32_t entry_size = (uint32_t)align_up(sizeof(*entry) + entry->e_name_len, 4);
        if ((entry->e_name_len == 0 && entry->e_name_index == 0) || !range_inside(offset, entry_size, size))
            return false;
        if (entry->e_name_index == EXT4_XATTR_INDEX_SYSTEM && entry->e_name_len == 4 &&
            memcmp(entry->e_name, "data", 4) == 0) {
            *data = first + entry->e_value_offs;
            *length = entry->e_value_size;
            return entry->e_value_inum == 0 && range_inside(entry->e_value_offs, entry->e_value_size, size);
        }
        offset += entry_size;
    }
    return false;
}

enum error ext4_get_inline_rest(struct ext4 *fs, const struct ext4_node *node, struct ext4_block **block,
                                const uint8_t **data, uint32_t *size)
{
    const struct ext4_inode *inode;
    enum error error = ext4_get_inode(fs, node->inode, block, &inode);
    if (error)
        return error;
    uint32_t header = EXT4_GOOD_OLD_INODE_SIZE;
    if (fs->inode_size > EXT4_GOOD_OLD_INODE_SIZE)
        header += inode->i_extra_isize;
    uint32_t first = header + sizeof(struct ext4_xattr_ibody_header);
    const uint8_t *bytes = (const uint8_t *)inode;
    if (first <= fs->inode_size && header % 4 == 0) {
        const struct ext4_xattr_ibody_header *head = (const void *)(bytes + header);
        if (head->h_magic == EXT4_XATTR_MAGIC &&
            find_data(bytes + first, fs->inode_size - first, data, size) && (*data - bytes) % 4 == 0)
            return ERR_OK;
    }
    ext4_put_block(fs, *block);
    return ext4_fail(fs, ERR_CORRUPT, "inode %u: no sound attribute system.data for inline data",
                     node->inode);
}

enum error ext4_inline_read(struct ext4 *fs, const struct ext4_node *node, uint64_t offset, uint8_t *buffer,
                            size_t length)
{
    if (offset < sizeof(node->map)) {
        size_t part = sizeof(node->map) - offset < length ? sizeof(node->map) - offset : length;
        memcpy(buffer, (const uint8_t *)node->map + offset, part);
        offset += part;
        buffer += part;
        length -= part;
    }
    if (length == 0)
        return ERR_OK;
    struct ext4_block *block;
    const uint8_t *data = NULL;
    uint32_t size = 0;
    enum error error = ext4_get_inline_rest(fs, node, &block, &data, &size);
    if (error)
        return error;
    offset -= sizeof(node->map);
    if (range_inside(offset, length, size))
        memcpy(buffer, data + offset, length);
    else
        error = ext4_fail(fs, ERR_CORRUPT, "inode %u: %lu bytes, but %u in its inline data", node->inode,
                          node->size, size + INLINE_FIRST);
    ext4_put_block(fs, block);
    return error;
}

/* The entries in i_block; those of the attribute, if there are any, are `rest` while *block is held. */
static enum error get_parts(struct ext4 *fs, const struct ext4_node *dir, struct ext4_dir_part *first,
                            struct ext4_dir_part *rest, struct ext4_block **block)
{
    *first = (struct ext4_dir_part){(const uint8_t *)dir->map + PARENT_SIZE, sizeof(dir->map) - PARENT_SIZE,
                                    PARENT_SIZE};
    *rest = (struct ext4_dir_part){.base = REST_CURSOR};
    return ext4_get_inline_rest(fs, dir, block, &rest->data, &rest->size);
}

enum error ext4_inline_lookup(struct ext4 *fs, const struct ext4_node *dir, const char *name, size_t length,
                              uint32_t *inode)
{
    if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'))) {
        *inode = length == 1 ? dir->inode : dir->map[0];
        return ERR_OK;
    }
    struct ext4_dir_part first, rest;
    struct ext4_block *block;
    enum error error = get_parts(fs, dir, &first, &rest, &block);
    if (error)
        return error;
    error = ext4_dir_search(fs, dir, &first, name, length, inode);
    if (error == ERR_NOT_FOUND)
        error = ext4_dir_search(fs, dir, &rest, name, length, inode);
    ext4_put_block(fs, block);
    return error;
}

static bool emit_dots(const struct ext4_node *dir, uint64_t *cursor,
                      bool (*emit)(void *, const struct ext4_entry *), void *context)
{
    struct ext4_entry dot = {dir->inode, EXT4_FT_DIR, 1, ".", DOTDOT_CURSOR};
    struct ext4_entry dotdot = {dir->map[0], EXT4_FT_DIR, 2, "..", PARENT_SIZE};
    if (*cursor <= DOT_CURSOR) {
        if (!emit(context, &dot))
            return false;
        *cursor = dot.next;
    }
    if (*cursor <= DOTDOT_CURSOR) {
        if (!emit(context, &dotdot))
            return false;
        *cursor = dotdot.next;
    }
    return true;
}

enum error ext4_inline_readdir(struct ext4 *fs, const struct ext4_node *dir, uint64_t *cursor,
                               bool (*emit)(void *, const struct ext4_entry *), void *context, bool *end)
{
    struct ext4_dir_part first, rest;
    struct ext4_block *block;
    enum error error = get_parts(fs, dir, &first, &rest, &block);
    if (error)
        return error;
    bool more = emit_dots(dir, cursor, emit, context);
    if (more && *cursor < REST_CURSOR)
        error = ext4_dir_emit(fs, dir, &first, cursor, emit, context, &more);
    if (!error && more)
        error = ext4_dir_emit(fs, dir, &rest, cursor, emit, context, &more);
    ext4_put_block(fs, block);
    *end = more && !error;
    return error;
}
