/* SPDX-License-Identifier: MIT */
/* Frames and segments of device registers. */
#include "registers.h"

#include <base/checked.h>
#include <proto/mm.h>
#include <string.h>

#define MAX_UNTYPED  512
#define MAX_FRAMES   512
#define MAX_SEGMENTS 256
#define ADDRESS_END  (1ull << 56) /* of physical addresses in Sv39 */

/* Device memory, used up from the start on. What an object leaves free before itself is in pieces of their
 * own, so the first piece that has an address free is the only one. */
static struct untyped {
    cap_t slot;
    unsigned bits;
    uint64_t address, next; /* free from `next` on */
} untyped[MAX_UNTYPED];
static unsigned untyped_count;

static struct frame {
    uint64_t address;
    cap_t slot;
} frames[MAX_FRAMES];
static unsigned frame_count;

static struct segment_of {
    uint64_t start, length;
    cap_t segment;
    void *mapped; /* here; NULL: it is not */
} segments[MAX_SEGMENTS];
static unsigned segment_count;

/* --- Frames --- */

static bool add_untyped(cap_t slot, unsigned bits, uint64_t address)
{
    if (untyped_count == MAX_UNTYPED)
        return false;
    untyped[untyped_count++] = (struct untyped){slot, bits, address, address};
    return true;
}

void registers_add_untyped(cap_t slot, unsigned bits, uint64_t address)
{
    if (!add_untyped(slot, bits, address)) {
        rt_log("device memory at 0x%llx is left out: more than %u pieces", (unsigned long long)address,
               MAX_UNTYPED);
    }
}

static uint64_t end_of(const struct untyped *piece)
{
    return piece->address + (1ull << piece->bits);
}

/* NULL: memory, or registers that the kernel keeps. */
static struct untyped *untyped_with(uint64_t address, unsigned bits)
{
    for (unsigned i = 0; i < untyped_count; i++) {
        if (address >= untyped[i].next && address < end_of(&untyped[i]))
            return bits <= untyped[i].bits ? &untyped[i] : NULL;
    }
    return NULL;
}

/* Makes an object of the first `1 << bits` bytes that are free. */
static enum error take(struct untyped *piece, enum object_type type, unsigned bits, cap_t *slot)
{
    *slot = slot_alloc();
    if (*slot == 0)
        return ERR_TOO_MANY;
    enum error error = untyped_retype(piece->slot, type, bits, 0, *slot, 1, piece->next - piece->address);
    if (error)
        slot_release(*slot);
    else
        piece->next += 1ull << bits;
    return error;
}

/* Makes pieces of what is free before `address`, each as large as its place allows. */
static enum error split(struct untyped *piece, uint64_t address)
{
    cap_t slot;

    while (piece->next < address) {
        unsigned bits = (unsigned)__builtin_ctzll(piece->next | 1ull << 63), room = 63;
        room -= (unsigned)__builtin_clzll(address - piece->next);
        bits = bits < room ? bits : room;
        if (untyped_count == MAX_UNTYPED)
            return ERR_TOO_MANY;
        uint64_t at = piece->next;
        enum error error = take(piece, OBJ_UNTYPED, bits, &slot);
        if (error)
            return error;
        add_untyped(slot, bits, at);
    }
    return ERR_OK;
}

static enum error frame_at(uint64_t address, unsigned bits, cap_t *frame)
{
    for (unsigned i = 0; i < frame_count; i++) {
        if (frames[i].address == address) {
            *frame = frames[i].slot;
            return ERR_OK;
        }
    }
    if (frame_count == MAX_FRAMES)
        return ERR_TOO_MANY;
    struct untyped *piece = untyped_with(address, bits);
    if (piece == NULL)
        return ERR_BAD_ADDRESS;
    enum error error = split(piece, address);
    if (!error)
        error = take(piece, OBJ_FRAME, bits, frame);
    if (!error)
        frames[frame_count++] = (struct frame){address, *frame};
    return error;
}

/* --- Segments --- */

/* A copy of the frame that can be read and written, but not executed from and not told the address of; 0:
 * there is no slot for it. */
static cap_t weaken(cap_t frame)
{
    cap_t slot = slot_alloc();

    if (slot != 0 && cnode_copy(START_CNODE, slot, 0, frame, RIGHT_READ | RIGHT_WRITE)) {
        slot_free(slot);
        return 0;
    }
    return slot;
}

/* Has mm make a segment of [start, end), which are at most four frames of that size. */
static enum error make_segment(uint64_t start, uint64_t end, unsigned bits, cap_t *segment)
{
    struct mm_segment_device_request request = {.length = end - start};
    cap_t copy[MSG_MAX_CAPS] = {0}, original;
    unsigned count = 0;
    enum error error = ERR_OK;

    for (uint64_t at = start; at < end && !error; at += 1ull << bits) {
        error = frame_at(at, bits, &original);
        copy[count] = error ? 0 : weaken(original);
        error = error ? error : copy[count] == 0 ? ERR_TOO_MANY : ERR_OK;
        count++;
    }
    if (!error)
        error = mm_segment_device(START_MM, &request, NULL, copy[0], copy[1], copy[2], copy[3], segment);
    for (unsigned i = 0; i < count; i++)
        slot_free(copy[i]);
    return error;
}

static enum error segment_of(uint64_t start, uint64_t end, unsigned bits, struct segment_of **found)
{
    for (unsigned i = 0; i < segment_count; i++) {
        if (segments[i].start == start && segments[i].length == end - start) {
            *found = &segments[i];
            return ERR_OK;
        }
    }
    if (segment_count == MAX_SEGMENTS)
        return ERR_TOO_MANY;
    struct segment_of segment = {.start = start, .length = end - start};
    enum error error = make_segment(start, end, bits, &segment.segment);
    if (!error) {
        segments[segment_count] = segment;
        *found = &segments[segment_count++];
    }
    return error;
}

/* The segment of a range of registers that has the page at `at`. The frames in it are those of one size
 * that lie side by side, and in the same aligned four; so each page is in one segment, whichever was asked
 * for. */
static enum error segment_around(const struct devices *devices, uint64_t address, uint64_t size, uint64_t at,
                                 struct segment_of **found)
{
    unsigned bits = devices_frame_bits(devices, address, size, at);
    uint64_t frame = 1ull << bits, low = align_down(at, MSG_MAX_CAPS * frame);
    uint64_t high = low + MSG_MAX_CAPS * frame, first = align_down(address, PAGE_BYTES);
    uint64_t start = align_down(at, frame), end = start + frame, last = align_up(address + size, PAGE_BYTES);

    while (start > low && start > first && devices_frame_bits(devices, address, size, start - frame) == bits)
        start -= frame;
    while (end < high && end < last && devices_frame_bits(devices, address, size, end) == bits)
        end += frame;
    return segment_of(start, end, bits, found);
}

static void fill_part(const struct segment_of *segment, uint64_t address, uint64_t end,
                      struct registers *part)
{
    uint64_t segment_end = segment->start + segment->length;

    *part = (struct registers){
        .segment = segment->segment,
        .start = segment->start,
        .segment_length = segment->length,
        .offset = address - segment->start,
        .length = (end < segment_end ? end : segment_end) - address,
    };
}

enum error registers_part(const struct devices *devices, uint64_t address, uint64_t size, uint64_t from,
                          struct registers *part)
{
    struct segment_of *segment;

    if (from >= size || !range_inside(address, size, ADDRESS_END))
        return ERR_BAD_ARG;
    enum error error = segment_around(devices, address, size, address + from, &segment);
    if (!error)
        fill_part(segment, address + from, address + size, part);
    return error;
}

enum error registers_map(const struct devices *devices, uint64_t address, uint64_t size, const char *name,
                         struct mmio *region)
{
    struct segment_of *segment;
    struct segment mapped;
    struct registers part;

    if (size == 0 || !range_inside(address, size, ADDRESS_END))
        return ERR_BAD_ARG;
    enum error error = segment_around(devices, address, size, address, &segment);
    if (!error && segment->mapped == NULL) {
        error = segment_map(&mapped, segment->segment, segment->length, MM_READ | MM_WRITE);
        segment->mapped = error ? NULL : mapped.address;
    }
    if (error)
        return error;
    fill_part(segment, address, address + size, &part);
    *region = (struct mmio){&mmio_direct, (char *)segment->mapped + part.offset, part.length, name, 0};
    return ERR_OK;
}
