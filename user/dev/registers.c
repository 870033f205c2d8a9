/* SPDX-License-Identifier: MIT */
/* Frames and segments of device registers. */
#include "registers.h"

#include <base/checked.h>
#include <proto/mm.h>
#include <string.h>

#define MAX_UNTYPED 128
#define MAX_PAGES   256
#define MAX_RANGES  256

static struct untyped {
    cap_t slot;
    unsigned bits;
    uint64_t address;
} untyped[MAX_UNTYPED];
static unsigned untyped_count;

static uint64_t page_address[MAX_PAGES]; /* ascending */
static cap_t page_frame[MAX_PAGES];      /* 0: could not be made */
static unsigned page_count;

/* What was handed out, or mapped here, before. */
static struct range {
    uint64_t address, size;
    cap_t segment;
    void *mapped; /* the segment's first page */
} ranges[MAX_RANGES];
static unsigned range_count;

void registers_add_untyped(cap_t slot, unsigned bits, uint64_t address)
{
    if (untyped_count < MAX_UNTYPED) {
        untyped[untyped_count++] = (struct untyped){slot, bits, address};
    } else {
        rt_log("device memory at 0x%llx is left out: more than %u pieces", (unsigned long long)address,
               MAX_UNTYPED);
    }
}

static const struct untyped *untyped_of(uint64_t page)
{
    for (unsigned i = 0; i < untyped_count; i++) {
        if (page >= untyped[i].address &&
            range_inside(page - untyped[i].address, PAGE_BYTES, 1ull << untyped[i].bits)) {
            return &untyped[i];
        }
    }
    return NULL;
}

/* The frame of a page, 0 when there is none to be had: memory, or registers that the kernel keeps. */
static cap_t make_frame(uint64_t page)
{
    const struct untyped *from = untyped_of(page);
    cap_t slot = from == NULL ? 0 : slot_alloc();

    if (slot == 0)
        return 0;
    enum error error = untyped_retype(from->slot, OBJ_FRAME, PAGE_BITS, 0, slot, 1, page - from->address);
    if (error) {
        rt_log("registers at 0x%llx: no frame: %s", (unsigned long long)page, error_text(error));
        slot_release(slot);
        return 0;
    }
    return slot;
}

void registers_setup(const struct devices *devices)
{
    page_count = devices_pages(devices, REGISTERS_MAX, page_address, MAX_PAGES);
    for (unsigned i = 0; i < page_count; i++)
        page_frame[i] = make_frame(page_address[i]);
    if (page_count == MAX_PAGES)
        rt_log("more than %u pages of registers: some devices have none", MAX_PAGES);
}

static cap_t frame_at(uint64_t page)
{
    for (unsigned i = 0; i < page_count; i++) {
        if (page_address[i] == page)
            return page_frame[i];
    }
    return 0;
}

/* A copy of the frame that can be read and written, but not executed from and not told the address of. */
static cap_t weaken(cap_t frame)
{
    cap_t slot = slot_alloc();

    if (slot != 0 && cnode_copy(START_CNODE, slot, 0, frame, RIGHT_READ | RIGHT_WRITE)) {
        slot_free(slot);
        return 0;
    }
    return slot;
}

/* Has mm make a segment of `count` pages from `page` on. */
static enum error make_segment(uint64_t page, unsigned count, cap_t *segment)
{
    struct mm_segment_device_request request = {.length = count * PAGE_BYTES};
    cap_t frame[MSG_MAX_CAPS] = {0}, slot = slot_alloc();
    unsigned taken = 0;
    enum error error = slot == 0 ? ERR_TOO_MANY : ERR_OK;

    for (unsigned i = 0; i < count && !error; i++) {
        cap_t original = frame_at(page + i * PAGE_BYTES);
        frame[i] = original == 0 ? 0 : weaken(original);
        error = original == 0 ? ERR_BAD_ADDRESS : frame[i] == 0 ? ERR_TOO_MANY : ERR_OK;
    }
    if (!error) {
        error = proto_call(START_MM, OP_mm_segment_device, &request, sizeof(request), NULL, 0, frame, count,
                           &slot, 1, &taken);
    }
    if (!error && taken != 1)
        error = ERR_NO_CAP;
    for (unsigned i = 0; i < count; i++)
        slot_free(frame[i]);
    if (error) {
        slot_free(slot);
        return error;
    }
    *segment = slot;
    return ERR_OK;
}

static uint64_t pages_of(uint64_t address, uint64_t size)
{
    return (align_up(address + size, PAGE_BYTES) - align_down(address, PAGE_BYTES)) / PAGE_BYTES;
}

static enum error find_range(uint64_t address, uint64_t size, struct range **found)
{
    for (unsigned i = 0; i < range_count; i++) {
        if (ranges[i].address == address && ranges[i].size == size) {
            *found = &ranges[i];
            return ERR_OK;
        }
    }
    if (size == 0 || size > REGISTERS_MAX || pages_of(address, size) > MSG_MAX_CAPS)
        return ERR_UNSUPPORTED;
    if (range_count == MAX_RANGES)
        return ERR_TOO_MANY;
    struct range range = {.address = address, .size = size};
    enum error error =
        make_segment(align_down(address, PAGE_BYTES), (unsigned)pages_of(address, size), &range.segment);
    if (!error) {
        ranges[range_count] = range;
        *found = &ranges[range_count++];
    }
    return error;
}

enum error registers_segment(uint64_t address, uint64_t size, cap_t *segment, uint64_t *offset,
                             uint64_t *length)
{
    struct range *range;
    enum error error = find_range(address, size, &range);

    if (!error) {
        *segment = range->segment;
        *offset = address % PAGE_BYTES;
        *length = pages_of(address, size) * PAGE_BYTES;
    }
    return error;
}

enum error registers_map(uint64_t address, uint64_t size, const char *name, struct mmio *region)
{
    struct range *range;
    struct segment segment;
    enum error error = find_range(address, size, &range);

    if (!error && range->mapped == NULL) {
        error =
            segment_map(&segment, range->segment, pages_of(address, size) * PAGE_BYTES, MM_READ | MM_WRITE);
        range->mapped = !error ? segment.address : NULL;
    }
    if (error)
        return error;
    *region = (struct mmio){&mmio_direct, (char *)range->mapped + address % PAGE_BYTES, size, name, 0};
    return ERR_OK;
}
