/* SPDX-License-Identifier: MIT */
/*
 * mm's own memory: pages for its tables, mapped into its own address space one by one and kept for good.
 * They come out of one chunk at a time. Taking a new chunk can itself need pages, so that is done while
 * some are left, and before a page is taken: not in the middle of that, when the pages that it needs could be
 * meant for the same address.
 */
#include "mm.h"

#define LOW_PAGES      8 /* left in the chunk: time for a new one */
#define TABLES_AT_MOST 2 /* that one page can need besides itself */

static struct {
    char *base;
    cap_t space;
    cap_t chunk;     /* untyped of CHUNK_BITS */
    uint64_t carved; /* bytes of it */
    uint64_t chunks; /* had so far */
    bool refilling;
} own;

void own_init(char *base, cap_t space, cap_t chunk)
{
    own.base = base;
    own.space = space;
    own.chunk = chunk;
    own.carved = 0;
    own.chunks = 1;
    own.refilling = false;
}

void *own_start(enum own_part part)
{
    return own.base + ((uint64_t)part << OWN_PART_BITS);
}

uint64_t own_bytes(void)
{
    return own.chunks << CHUNK_BITS;
}

static uint64_t pages_left(void)
{
    return ((1ull << CHUNK_BITS) - own.carved) / PAGE_BYTES;
}

void own_prepare(void)
{
    if (own.refilling || pages_left() > LOW_PAGES)
        return;
    own.refilling = true;
    enum error error;
    uint32_t block = block_take(CHUNK_BITS, &error);
    if (block != 0) {
        own.chunk = block_at(block)->slot;
        own.carved = 0;
        own.chunks++;
    }
    own.refilling = false;
}

/* An object of 2^bits bytes, at least a page, in a new slot; 0 when there is no memory. */
static cap_t own_object(enum object_type type, unsigned bits)
{
    uint64_t start = align_up(own.carved, 1ull << bits);
    cap_t slot = range_inside(start, 1ull << bits, 1ull << CHUNK_BITS) ? slots_take(1) : 0;
    if (slot == 0)
        return 0;
    if (untyped_retype(own.chunk, type, bits, 0, slot, 1, start)) {
        slot_release(slot);
        return 0;
    }
    own.carved = start + (1ull << bits);
    return slot;
}

cap_t own_notification(void)
{
    own_prepare();
    return own_object(OBJ_NOTIFICATION, NOTIFICATION_BITS);
}

static bool add_table(uint64_t address)
{
    cap_t table = own_object(OBJ_PAGE_TABLE, PAGE_BITS);
    const uint64_t where[2] = {own.space, address};
    if (table == 0)
        return false;
    if (!kernel_call(table, OP_PAGE_TABLE_MAP, where, 2, NULL, 0))
        return true;
    slot_free(table);
    return false;
}

/* Maps a frame, with the tables that are missing. */
static bool map_frame(cap_t frame, uint64_t address)
{
    enum error error = frame_map(frame, own.space, address, RIGHT_READ | RIGHT_WRITE);
    for (unsigned i = 0; error == ERR_NO_TABLE && i < TABLES_AT_MOST && add_table(address); i++)
        error = frame_map(frame, own.space, address, RIGHT_READ | RIGHT_WRITE);
    return !error;
}

static bool map_page(void *address)
{
    cap_t frame = own_object(OBJ_FRAME, PAGE_BITS);
    if (frame == 0)
        return false;
    if (map_frame(frame, (uint64_t)address))
        return true;
    slot_free(frame);
    return false;
}

bool own_map(cap_t frame, void *address)
{
    store_enter();
    own_prepare();
    bool mapped = map_frame(frame, (uint64_t)address);
    store_leave();
    return mapped;
}

bool own_page(void *address)
{
    store_enter();
    own_prepare();
    bool mapped = map_page(address);
    store_leave();
    return mapped;
}
