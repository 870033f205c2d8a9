/* SPDX-License-Identifier: MIT */
/*
 * Which blocks are free. What was freed is not used again before the transaction that freed it is
 * committed: until then a crash brings back whoever had it. A growing file reserves what follows it, in
 * memory alone, so that files that grow side by side stay in one piece each.
 */
#include "writer.h"

#include <base/crc32c.h>
#include <string.h>

#define FIRST_RESERVATION 16         /* blocks; each further one of a file is four times as large */
#define MOST_RESERVED     (8u << 20) /* bytes */

uint64_t ext4_group_first(const struct ext4 *fs, uint32_t group)
{
    return fs->first_data_block + (uint64_t)group * fs->blocks_per_group;
}

uint32_t ext4_group_blocks(const struct ext4 *fs, uint32_t group)
{
    uint64_t left = fs->block_count - ext4_group_first(fs, group);
    return left < fs->blocks_per_group ? (uint32_t)left : fs->blocks_per_group;
}

enum error ext4_get_group(struct ext4 *fs, uint32_t group, struct ext4_group_place *place)
{
    struct ext4_group_desc checked;
    uint32_t per_block = fs->block_size / fs->descriptor_size;
    enum error error = ext4_get_block(fs, ext4_descriptor_block(fs, group), &place->block);
    if (error)
        return error;
    error = ext4_read_group(fs, group, &checked); /* notes in the block, which is held, that it is sound */
    if (error) {
        ext4_put_block(fs, place->block);
        return error;
    }
    place->descriptor = (void *)(place->block->data + group % per_block * fs->descriptor_size);
    place->group = group;
    return ERR_OK;
}

enum error ext4_touch_group(struct ext4 *fs, const struct ext4_group_place *place)
{
    uint32_t per_block = fs->block_size / fs->descriptor_size;
    return ext4_touch(fs, place->block, EXT4_SEAL_GROUPS, place->group - place->group % per_block);
}

uint64_t ext4_bitmap_place(const struct ext4 *fs, const struct ext4_group_desc *descriptor,
                           enum ext4_kind kind)
{
    bool blocks = kind == EXT4_KIND_BLOCK_BITMAP, wide = fs->descriptor_size >= EXT4_MIN_DESC_SIZE_64BIT;
    uint64_t place = blocks ? descriptor->bg_block_bitmap_lo : descriptor->bg_inode_bitmap_lo;
    if (wide)
        place |= (uint64_t)(blocks ? descriptor->bg_block_bitmap_hi : descriptor->bg_inode_bitmap_hi) << 32;
    return place;
}

uint32_t ext4_bitmap_sum(const struct ext4 *fs, const uint8_t *bitmap, uint32_t bits)
{
    return crc32c(fs->checksum_seed, bitmap, bits / 8);
}

static bool bit_get(const uint8_t *bitmap, uint32_t bit)
{
    return bitmap[bit / 8] >> bit % 8 & 1;
}

/* The first bit of [from, end) that is set, or is not; `end` if there is none. */
static uint32_t next_bit(const uint8_t *bitmap, uint32_t from, uint32_t end, bool set)
{
    const uint64_t *words = (const void *)bitmap;
    while (from < end) {
        uint64_t word = (set ? words[from / 64] : ~words[from / 64]) >> from % 64;
        if (word) {
            from += (uint32_t)__builtin_ctzll(word);
            return from < end ? from : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}

static void set_bits(uint8_t *bitmap, uint32_t from, uint32_t count, bool value)
{
    for (uint32_t bit = from; bit < from + count; bit++)
        bitmap[bit / 8] = (uint8_t)((bitmap[bit / 8] & ~(1 << bit % 8)) | value << bit % 8);
}

static void claim(const struct ext4 *fs, uint32_t group, uint8_t *bitmap, uint64_t block, uint64_t count)
{
    uint64_t first = ext4_group_first(fs, group), blocks = ext4_group_blocks(fs, group);
    for (uint64_t n = block; n < block + count; n++)
        if (n - first < blocks)
            set_bits(bitmap, (uint32_t)(n - first), 1, true);
}

/* A group that nobody used yet has no bitmap: its own blocks are the only ones in use. */
static void init_bitmap(const struct ext4 *fs, const struct ext4_group_place *place, uint8_t *bitmap)
{
    const struct ext4_group_desc *descriptor = place->descriptor;
    bool wide = fs->descriptor_size >= EXT4_MIN_DESC_SIZE_64BIT;
    uint64_t table =
        descriptor->bg_inode_table_lo | (wide ? (uint64_t)descriptor->bg_inode_table_hi << 32 : 0);
    uint32_t blocks = ext4_group_blocks(fs, place->group), bits = fs->block_size * 8;
    uint64_t first = ext4_group_first(fs, place->group);
    memset(bitmap, 0, fs->block_size);
    claim(fs, place->group, bitmap, first, ext4_head_blocks(fs, place->group));
    claim(fs, place->group, bitmap, ext4_bitmap_place(fs, descriptor, EXT4_KIND_BLOCK_BITMAP), 1);
    claim(fs, place->group, bitmap, ext4_bitmap_place(fs, descriptor, EXT4_KIND_INODE_BITMAP), 1);
    claim(fs, place->group, bitmap, table,
          ((uint64_t)fs->inodes_per_group * fs->inode_size + fs->block_size - 1) >> fs->block_shift);
    set_bits(bitmap, blocks, bits - blocks, true);
}

static bool flags_count(const struct ext4 *fs)
{
    return fs->ro_compat & (EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_GDT_CSUM);
}

static enum error check_bitmap(struct ext4 *fs, const struct ext4_group_place *place,
                               struct ext4_block *bitmap)
{
    uint64_t key = ext4_checked_key(EXT4_KIND_BLOCK_BITMAP, place->group);
    bool wide = fs->descriptor_size >= EXT4_MIN_DESC_SIZE_64BIT;
    if (bitmap->checked_as == key || !ext4_has_metadata_csum(fs))
        return ERR_OK;
    uint32_t sum = ext4_bitmap_sum(fs, bitmap->data, fs->blocks_per_group),
             stored = place->descriptor->bg_block_bitmap_csum_lo;
    stored |= wide ? (uint32_t)place->descriptor->bg_block_bitmap_csum_hi << 16 : 0;
    sum &= wide ? UINT32_MAX : UINT16_MAX;
    if (sum != stored)
        return ext4_fail(fs, ERR_CORRUPT, "group %u: block bitmap: checksum %08x, computed %08x",
                         place->group, stored, sum);
    bitmap->checked_as = key;
    return ERR_OK;
}

/* Takes a reference to a group's bitmap of blocks, made where there is none yet. */
static enum error get_bitmap(struct ext4 *fs, const struct ext4_group_place *place,
                             struct ext4_block **bitmap)
{
    struct ext4_group_desc *descriptor = place->descriptor;
    uint64_t number = ext4_bitmap_place(fs, descriptor, EXT4_KIND_BLOCK_BITMAP);
    if (!ext4_blocks_ok(fs, number, 1))
        return ext4_fail(fs, ERR_CORRUPT, "group descriptor %u: block bitmap at block %lu", place->group,
                         number);
    if (!flags_count(fs) || !(descriptor->bg_flags & EXT4_BG_BLOCK_UNINIT)) {
        enum error error = ext4_get_block(fs, number, bitmap);
        if (!error && (error = check_bitmap(fs, place, *bitmap)))
            ext4_put_block(fs, *bitmap);
        return error;
    }
    enum error error = ext4_touch_group(fs, place);
    if (!error)
        error = ext4_fresh_block(fs, number, EXT4_SEAL_BLOCK_BITMAP, place->group,
                                 ext4_checked_key(EXT4_KIND_BLOCK_BITMAP, place->group), bitmap);
    if (error)
        return error;
    init_bitmap(fs, place, (*bitmap)->data);
    descriptor->bg_flags &= (uint16_t)~EXT4_BG_BLOCK_UNINIT;
    return ERR_OK;
}

static uint32_t free_count(const struct ext4 *fs, const struct ext4_group_desc *descriptor)
{
    bool wide = fs->descriptor_size >= EXT4_MIN_DESC_SIZE_64BIT;
    return descriptor->bg_free_blocks_count_lo |
           (wide ? (uint32_t)descriptor->bg_free_blocks_count_hi << 16 : 0);
}

static void set_free_count(const struct ext4 *fs, struct ext4_group_desc *descriptor, uint32_t count)
{
    descriptor->bg_free_blocks_count_lo = (uint16_t)count;
    if (fs->descriptor_size >= EXT4_MIN_DESC_SIZE_64BIT)
        descriptor->bg_free_blocks_count_hi = (uint16_t)(count >> 16);
}

/* --- What is free in a bitmap, but not to be taken --- */

/*
 * Whether `block` is to be left alone by `owner`, and where that changes: the first block from which on the
 * answer may be another one. `strict` also heeds what others reserved.
 */
static bool left_alone(const struct ext4_writer *writer, uint64_t block, uint32_t owner, bool strict,
                       uint64_t *until)
{
    *until = UINT64_MAX;
    for (uint32_t i = 0; i < writer->freed_count; i++) {
        const struct ext4_freed *freed = &writer->freed[i];
        if (block - freed->block < freed->count) {
            *until = freed->block + freed->count;
            return true;
        }
        if (freed->block > block && freed->block < *until)
            *until = freed->block;
    }
    for (uint32_t i = 0; strict && i < EXT4_RESERVATIONS; i++) {
        const struct ext4_reservation *other = &writer->reservation[i];
        if (other->inode == owner || other->count == 0)
            continue;
        if (block - other->block < other->count) {
            *until = other->block + other->count;
            return true;
        }
        if (other->block > block && other->block < *until)
            *until = other->block;
    }
    return false;
}

/* The first run of free blocks in [from, end) of a group, cut at `want`; *count 0: there is none. */
static uint32_t next_run(const struct ext4 *fs, uint32_t group, const uint8_t *bitmap, uint32_t from,
                         uint32_t end, const struct ext4_wish *wish, bool strict, uint32_t *count)
{
    uint64_t first = ext4_group_first(fs, group), until;
    *count = 0;
    while ((from = next_bit(bitmap, from, end, false)) < end) {
        if (!left_alone(fs->writer, first + from, wish->owner, strict, &until))
            break;
        from = until - first < end ? (uint32_t)(until - first) : end;
    }
    if (from >= end)
        return end;
    uint32_t limit = until - first < end ? (uint32_t)(until - first) : end;
    limit = limit - from < wish->want ? limit : from + wish->want;
    *count = next_bit(bitmap, from, limit, true) - from;
    return from;
}

/* The first run that is long enough, or the longest. */
static void best_run(const struct ext4 *fs, uint32_t group, const uint8_t *bitmap, uint32_t from,
                     const struct ext4_wish *wish, bool strict, struct ext4_run *best)
{
    uint32_t end = ext4_group_blocks(fs, group), count;
    for (uint32_t at = from; at < end && best->count < wish->want; at += count) {
        at = next_run(fs, group, bitmap, at, end, wish, strict, &count);
        if (count > best->count)
            *best = (struct ext4_run){ext4_group_first(fs, group) + at, count};
        if (count == 0)
            break;
    }
}

static enum error take_run(struct ext4 *fs, const struct ext4_group_place *place, struct ext4_block *bitmap,
                           const struct ext4_run *run)
{
    uint32_t count = free_count(fs, place->descriptor);
    if (count < run->count || fs->free_blocks < run->count)
        return ext4_fail(fs, ERR_CORRUPT, "group %u: %u free blocks, but its bitmap has more", place->group,
                         count);
    enum error error = ext4_touch_group(fs, place);
    if (!error)
        error = ext4_touch(fs, bitmap, EXT4_SEAL_BLOCK_BITMAP, place->group);
    if (error)
        return error;
    set_bits(bitmap->data, (uint32_t)(run->block - ext4_group_first(fs, place->group)), run->count, true);
    set_free_count(fs, place->descriptor, count - run->count);
    fs->free_blocks -= run->count;
    return ERR_OK;
}

/* Looks in one group, from the goal on if that lies there. *run: count 0 if it has nothing good enough. */
static enum error try_group(struct ext4 *fs, uint32_t group, const struct ext4_wish *wish, bool strict,
                            uint32_t least, uint32_t take, struct ext4_run *run, uint32_t *found)
{
    struct ext4_group_place place;
    struct ext4_block *bitmap;
    enum error error = ext4_get_group(fs, group, &place);
    if (error)
        return error;
    *run = (struct ext4_run){.count = 0};
    if (free_count(fs, place.descriptor) >= least) {
        uint64_t first = ext4_group_first(fs, group);
        uint32_t from =
            wish->goal - first < ext4_group_blocks(fs, group) ? (uint32_t)(wish->goal - first) : 0;
        error = get_bitmap(fs, &place, &bitmap);
        if (!error) {
            best_run(fs, group, bitmap->data, from, wish, strict, run);
            if (run->count < wish->want && from > 0)
                best_run(fs, group, bitmap->data, 0, wish, strict, run);
            if (run->count < least)
                run->count = 0;
            *found = run->count;
            run->count = run->count < take ? run->count : take;
            if (run->count > 0)
                error = take_run(fs, &place, bitmap, run);
            ext4_put_block(fs, bitmap);
        }
    }
    ext4_put_block(fs, place.block);
    return error;
}

/* --- Reservations --- */

static struct ext4_reservation *reservation_of(struct ext4_writer *writer, uint32_t inode)
{
    for (uint32_t i = 0; i < EXT4_RESERVATIONS; i++)
        if (writer->reservation[i].count && writer->reservation[i].inode == inode)
            return &writer->reservation[i];
    return NULL;
}

void ext4_forget_reservation(struct ext4 *fs, uint32_t inode)
{
    struct ext4_reservation *reservation = fs->writer ? reservation_of(fs->writer, inode) : NULL;
    if (reservation)
        reservation->count = 0;
}

/* How many blocks a growing file should find side by side: more than last time, once that was used up. */
static uint32_t window_of(struct ext4 *fs, const struct ext4_wish *wish)
{
    const struct ext4_reservation *reservation = reservation_of(fs->writer, wish->owner);
    uint64_t most = MOST_RESERVED >> fs->block_shift, count = FIRST_RESERVATION + 2ull * wish->want;
    if (!wish->grows || (reservation && wish->goal - reservation->block < reservation->count))
        return wish->want;
    if (reservation && count < 4 * reservation->size)
        count = 4 * reservation->size;
    count = count < most ? count : most;
    return count < wish->want ? wish->want : (uint32_t)count;
}

/* A growing file got the first blocks of `found` that lie side by side: the others are kept for it. */
static void reserve(struct ext4 *fs, uint32_t inode, const struct ext4_run *run, uint32_t found)
{
    struct ext4_writer *writer = fs->writer;
    struct ext4_reservation *reservation = reservation_of(writer, inode);
    uint64_t end = run->block + run->count;
    if (reservation && run->block - reservation->block < reservation->count) {
        uint64_t last = reservation->block + reservation->count;
        reservation->block = end < last ? end : last - 1; /* an empty one would be forgotten, and its size */
        reservation->count = end < last ? last - end : 1;
        return;
    }
    if (!reservation)
        reservation = &writer->reservation[writer->next_reservation++ % EXT4_RESERVATIONS];
    *reservation = (struct ext4_reservation){inode, end, found > run->count ? found - run->count : 1, found};
}

/* --- Taking and freeing --- */

/*
 * First only what is as long as wanted or fills a good part of it and nobody reserved; then whatever there
 * is.
 */
enum error ext4_take_blocks(struct ext4 *fs, const struct ext4_wish *wish, struct ext4_run *run)
{
    uint32_t start = 0;
    if (fs->free_blocks <= fs->writer->reserved_free)
        return ext4_fail(fs, ERR_NO_SPACE, "%lu blocks are free, and %u are kept for repairs",
                         fs->free_blocks, fs->writer->reserved_free);
    if (wish->goal >= fs->first_data_block && wish->goal < fs->block_count)
        start = (uint32_t)((wish->goal - fs->first_data_block) / fs->blocks_per_group);
    struct ext4_wish search = *wish;
    search.want = window_of(fs, wish);
    for (int pass = 0; pass < 3; pass++) {
        uint32_t least = pass == 0 ? search.want : pass == 1 ? (wish->want + 7) / 8 : 1, found = 0;
        for (uint32_t i = 0; i < fs->group_count; i++) {
            uint32_t group = (uint32_t)(((uint64_t)start + i) % fs->group_count);
            enum error error = try_group(fs, group, &search, pass < 2, least, wish->want, run, &found);
            if (error)
                return error;
            if (run->count == 0)
                continue;
            if (wish->grows)
                reserve(fs, wish->owner, run, found);
            return ERR_OK;
        }
    }
    return ext4_fail(fs, ERR_NO_SPACE, "no free block is left");
}

static enum error free_in_group(struct ext4 *fs, uint32_t group, uint64_t block, uint32_t count)
{
    struct ext4_group_place place;
    struct ext4_block *bitmap;
    uint32_t from = (uint32_t)(block - ext4_group_first(fs, group));
    enum error error = ext4_get_group(fs, group, &place);
    if (error)
        return error;
    error = get_bitmap(fs, &place, &bitmap);
    if (!error) {
        for (uint32_t bit = from; !error && bit < from + count; bit++)
            if (!bit_get(bitmap->data, bit))
                error =
                    ext4_fail(fs, ERR_CORRUPT, "block %lu: is to be freed, but is free", block + bit - from);
        if (!error)
            error = ext4_touch_group(fs, &place);
        if (!error)
            error = ext4_touch(fs, bitmap, EXT4_SEAL_BLOCK_BITMAP, group);
        if (!error) {
            set_bits(bitmap->data, from, count, false);
            set_free_count(fs, place.descriptor, free_count(fs, place.descriptor) + count);
            fs->free_blocks += count;
        }
        ext4_put_block(fs, bitmap);
    }
    ext4_put_block(fs, place.block);
    return error;
}

enum error ext4_free_blocks(struct ext4 *fs, uint64_t block, uint64_t count)
{
    struct ext4_writer *writer = fs->writer;
    if (!ext4_blocks_ok(fs, block, count))
        return ext4_fail(fs, ERR_CORRUPT, "blocks %lu + %lu are to be freed, of %lu", block, count,
                         fs->block_count);
    if (writer->freed_count == EXT4_MOST_FREED)
        return ext4_fail(fs, ERR_NO_MEMORY, "operation: frees more than %u runs", EXT4_MOST_FREED);
    writer->freed[writer->freed_count++] = (struct ext4_freed){block, count};
    enum error error = ERR_OK;
    while (!error && count > 0) {
        uint32_t group = (uint32_t)((block - fs->first_data_block) / fs->blocks_per_group);
        uint64_t left = ext4_group_first(fs, group) + ext4_group_blocks(fs, group) - block;
        uint32_t part = (uint32_t)(count < left ? count : left);
        error = free_in_group(fs, group, block, part);
        block += part;
        count -= part;
    }
    return error;
}
