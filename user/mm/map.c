/* SPDX-License-Identifier: MIT */
/* Memory in a space: mapping, unmapping, and making pages present. */
#include "mm.h"

#define SHOW_AT_ONCE 64 /* pages that a segment has already are mapped with it, up to so many */

static bool prot_valid(uint64_t prot)
{
    bool write = prot & MM_WRITE, exec = prot & MM_EXEC;
    return prot != 0 && !(prot & ~(uint64_t)(MM_READ | MM_WRITE | MM_EXEC)) && !(write && exec);
}

/* Checks a range that a client named; no overflow after that. */
static enum error range_valid(uint64_t address, uint64_t length)
{
    if (address % PAGE_BYTES != 0 || length % PAGE_BYTES != 0)
        return ERR_BAD_ALIGN;
    if (length == 0 || !range_inside(address, length, USER_END))
        return ERR_BAD_ARG;
    return ERR_OK;
}

/* Checks what a client asks for, and finds the place for it when *address is 0. The range is then clear. */
static enum error place(const struct space *space, uint64_t *address, uint64_t length, uint64_t prot,
                        uint64_t alignment)
{
    enum error error = range_valid(*address, length);
    if (error)
        return error;
    if (!prot_valid(prot))
        return ERR_BAD_ARG;
    if (space->address_space == 0)
        return ERR_NOT_CONFIGURED;
    if (*address == 0) {
        *address = region_choose(space, length, alignment);
        return *address != 0 ? ERR_OK : ERR_NO_MEMORY;
    }
    if (*address < USER_LOW)
        return ERR_BAD_ADDRESS;
    if (*address % alignment != 0)
        return ERR_BAD_ALIGN;
    return region_is_clear(space, *address, *address + length) ? ERR_OK : ERR_MAPPED;
}

/* The kernel gives write access only together with read access. */
static uint32_t full_prot(uint64_t prot)
{
    return (uint32_t)(prot & MM_WRITE ? prot | MM_READ : prot);
}

/* --- Pages --- */

/* Notes the capability behind a page; there is room for it. */
static void enter_page(struct space *space, uint64_t page, cap_t frame)
{
    pagemap_set(&space->pages, page, frame);
    slot_note(frame, space->number % MAX_SPACES, page);
}

static enum error add_page(struct space *space, const struct region *region, uint64_t page)
{
    enum error error;
    if (!pagemap_ready(&space->pages, page))
        return ERR_NO_MEMORY;
    cap_t frame = frame_get(space, &error);
    if (frame != 0)
        error = space_map_frame(space, frame, page * PAGE_BYTES, region->prot);
    if (!error) {
        enter_page(space, page, frame);
        return ERR_OK;
    }
    if (frame != 0)
        frame_put(space, frame);
    pagemap_unready(&space->pages, page);
    return error;
}

/* Maps a copy of a frame capability, because a capability is for one mapping. */
static enum error show_frame(struct space *space, uint32_t frame, uint64_t address, uint64_t prot)
{
    uint64_t page = address / PAGE_BYTES;
    if (!pagemap_ready(&space->pages, page))
        return ERR_NO_MEMORY;
    cap_t copy = slots_take(1);
    enum error error =
        copy != 0 ? place_copy(copy, frame, RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC) : ERR_NO_MEMORY;
    if (!error)
        error = space_map_frame(space, copy, address, prot);
    if (!error) {
        enter_page(space, page, copy);
        return ERR_OK;
    }
    slot_free(copy);
    pagemap_unready(&space->pages, page);
    return error;
}

static uint64_t segment_page_of(const struct region *region, uint64_t page)
{
    return (page * PAGE_BYTES - region->start + region->offset) / PAGE_BYTES;
}

static enum error show_page(struct space *space, const struct region *region, uint64_t page)
{
    enum error error;
    uint32_t frame = segment_page(segment_at(region->segment), segment_page_of(region, page), &error);
    return frame != 0 ? show_frame(space, frame, page * PAGE_BYTES, region->prot) : error;
}

static enum error make_present(struct space *space, const struct region *region, uint64_t page)
{
    if (pagemap_get(&space->pages, page) != 0)
        return ERR_OK; /* another thread touched it first */
    return region->segment == 0 ? add_page(space, region, page) : show_page(space, region, page);
}

enum error touch(struct space *space, uint64_t address, uint64_t access)
{
    const struct region *region = region_find(space, address);
    if (region == NULL)
        return ERR_BAD_ADDRESS;
    if (access & ~(uint64_t)region->prot)
        return ERR_NO_RIGHT;
    if (region->segment != 0 && !lock_is_all())
        return ERR_WOULD_BLOCK;
    return make_present(space, region, address / PAGE_BYTES);
}

void drop_pages(struct space *space, uint64_t start, uint64_t end)
{
    const struct region *region = region_find(space, start);
    uint64_t last = end / PAGE_BYTES;
    for (uint64_t page = pagemap_next(&space->pages, start / PAGE_BYTES, last); page < last;
         page = pagemap_next(&space->pages, page + 1, last)) {
        uint32_t frame = pagemap_clear(&space->pages, page);
        if (region->segment != 0) {
            place_free(frame); /* the copy; deleting it unmaps it */
        } else {
            place_unmap(frame);
            frame_put(space, frame);
        }
    }
}

/* --- Map and unmap --- */

/* Makes all pages of a new region present. */
static enum error fill(struct space *space, uint64_t start, uint64_t length)
{
    for (uint64_t at = start; at < start + length; at += PAGE_BYTES) {
        slots_prepare();
        enum error error = make_present(space, region_find(space, at), at / PAGE_BYTES);
        if (error)
            return error;
    }
    return ERR_OK;
}

enum error map_anonymous(struct space *space, uint64_t *address, uint64_t length, uint64_t prot)
{
    uint64_t start = *address;
    enum error error = place(space, &start, length, prot, PAGE_BYTES);
    if (error)
        return error;
    struct region region = {.start = start, .end = start + length, .prot = full_prot(prot)};
    error = region_insert(space, &region);
    if (!error && space->eager) {
        error = fill(space, start, length);
        if (error)
            unmap(space, start, length);
    }
    if (!error)
        *address = start;
    return error;
}

/* Maps the frames of a device segment, all of them: their sizes differ and a part of one cannot be mapped. */
static enum error show_device(struct space *space, const struct segment_entry *segment, uint64_t start,
                              uint64_t prot)
{
    uint64_t at = start;
    for (unsigned i = 0; i < segment->frame_count; i++) {
        enum error error = show_frame(space, segment->frame[i], at, prot);
        if (error)
            return error;
        at += 1ull << segment->frame_bits[i];
    }
    return ERR_OK;
}

/* Maps what the segment has already, so that its pages need not be touched one by one. It does not matter if
 * that fails. */
static void show_present(struct space *space, const struct segment_entry *segment, uint64_t start)
{
    const struct region *region = region_find(space, start);
    uint64_t end = (region->offset + region->end - region->start) / PAGE_BYTES;
    unsigned count = 0;
    for (uint64_t page = pagemap_next(&segment->pages, region->offset / PAGE_BYTES, end);
         page < end && count < SHOW_AT_ONCE; page = pagemap_next(&segment->pages, page + 1, end), count++) {
        slots_prepare();
        uint64_t address = region->start + page * PAGE_BYTES - region->offset;
        if (show_frame(space, pagemap_get(&segment->pages, page), address, region->prot))
            return;
    }
}

static enum error show_segment(struct space *space, const struct segment_entry *segment, uint64_t start,
                               uint64_t length, uint64_t prot)
{
    if (segment->device)
        return show_device(space, segment, start, prot);
    if (space->eager)
        return fill(space, start, length);
    show_present(space, segment, start);
    return ERR_OK;
}

/* Alignment that the frames of a segment need, given that they are in ascending order without gaps. */
static uint64_t segment_alignment(const struct segment_entry *segment)
{
    unsigned bits = PAGE_BITS;
    for (unsigned i = 0; i < segment->frame_count; i++)
        if (segment->frame_bits[i] > bits)
            bits = segment->frame_bits[i];
    return 1ull << bits;
}

enum error map_segment(struct space *space, uint32_t index, uint64_t *address, uint64_t offset,
                       uint64_t length, uint64_t prot)
{
    struct segment_entry *segment = segment_at(index);
    uint64_t start = *address;
    enum error error = place(space, &start, length, prot, segment_alignment(segment));
    if (error)
        return error;
    if (offset % PAGE_BYTES != 0)
        return ERR_BAD_ALIGN;
    if (segment->dropped)
        return ERR_NOT_FOUND;
    if (!range_inside(offset, length, segment->length) ||
        (segment->device && (offset != 0 || length != segment->length || prot & MM_EXEC)))
        return ERR_BAD_ARG;
    struct region region = {
        .start = start,
        .end = start + length,
        .prot = full_prot(prot),
        .segment = index,
        .offset = offset,
    };
    error = region_insert(space, &region);
    if (error)
        return error;
    segment->mappings++;
    error = show_segment(space, segment, start, length, region.prot);
    if (error)
        unmap(space, start, length);
    else
        *address = start;
    return error;
}

/* Whether something in the range shows a segment. */
static bool shows_segment(const struct space *space, uint64_t start, uint64_t end)
{
    for (unsigned i = region_after(space, start); i < space->region_count && space->region[i].start < end;
         i++)
        if (space->region[i].segment != 0)
            return true;
    return false;
}

/* Whether the range takes only a part of a device segment's region. */
static bool breaks_device(const struct space *space, uint64_t start, uint64_t end)
{
    for (unsigned i = region_after(space, start); i < space->region_count && space->region[i].start < end;
         i++) {
        const struct region *region = &space->region[i];
        if (region->segment != 0 && segment_at(region->segment)->device &&
            (region->start < start || region->end > end))
            return true;
    }
    return false;
}

/* Cuts the part of one region out that lies in [start, end). */
static void unmap_part(struct space *space, const struct region *region, uint64_t start, uint64_t end)
{
    uint32_t segment = region->segment;
    uint64_t from = region->start > start ? region->start : start, to = region->end < end ? region->end : end;
    bool front = from > region->start, back = to < region->end;
    drop_pages(space, from, to);
    region_cut(space, from, to);
    if (segment == 0)
        return;
    if (front && back)
        segment_at(segment)->mappings++;
    else if (!front && !back)
        segment_unmapped(segment);
}

enum error unmap(struct space *space, uint64_t address, uint64_t length)
{
    enum error error = range_valid(address, length);
    if (error)
        return error;
    uint64_t end = address + length;
    if (region_is_clear(space, address, end))
        return ERR_NOT_MAPPED;
    if (shows_segment(space, address, end) && !lock_is_all())
        return ERR_WOULD_BLOCK;
    if (breaks_device(space, address, end))
        return ERR_BAD_ARG;
    error = region_can_cut(space, address, end);
    if (error)
        return error;
    for (;;) {
        unsigned i = region_after(space, address);
        if (i == space->region_count || space->region[i].start >= end)
            return ERR_OK;
        unmap_part(space, &space->region[i], address, end);
    }
}
