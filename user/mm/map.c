/* SPDX-License-Identifier: MIT */
/* Memory in a space: mapping, unmapping, and making pages present. */
#include "mm.h"

#define SHOW_AT_ONCE 16 /* pages that a segment has already are mapped with it, up to so many */

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
static enum error place(struct space *space, uint64_t *address, uint64_t length, uint64_t prot,
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

/* Maps a new frame of the space itself. */
static enum error add_page(struct space *space, const struct region *region, uint64_t page, uint32_t *entry)
{
    enum error error;
    cap_t frame = frame_get(space, &error);
    if (frame == 0)
        return error;
    error = space_map_frame(space, frame, page * PAGE_BYTES, region->prot);
    if (error) {
        frame_put(space, frame);
        return error;
    }
    slot_note(frame, 0, page);
    *entry = frame;
    return ERR_OK;
}

/* Maps a copy of a frame capability, because a capability is for one mapping. */
static enum error show_frame(struct space *space, uint32_t frame, uint64_t address, uint64_t prot)
{
    enum error error;
    uint64_t page = address / PAGE_BYTES;
    uint32_t *entry = pagemap_entry(space, &space->pages, page, &error);
    cap_t copy = entry != NULL ? slots_for(space, 1, &error) : 0;
    if (copy == 0)
        return error;
    error = place_copy(copy, frame, RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC);
    if (!error)
        error = space_map_frame(space, copy, address, prot);
    if (error) {
        slot_free(copy);
        return error;
    }
    slot_own(space, copy);
    slot_note(copy, 0, page);
    *entry = copy;
    return ERR_OK;
}

static uint64_t segment_page_of(const struct region *region, uint64_t page)
{
    return (page * PAGE_BYTES - region->start + region->offset) / PAGE_BYTES;
}

static enum error show_page(struct space *space, const struct region *region, uint64_t page)
{
    enum error error;
    uint32_t frame = segment_page(segment_of(region), segment_page_of(region, page), &error);
    return frame != 0 ? show_frame(space, frame, page * PAGE_BYTES, region->prot) : error;
}

static enum error make_present(struct space *space, const struct region *region, uint64_t page)
{
    enum error error;
    uint32_t *entry = pagemap_entry(space, &space->pages, page, &error);
    if (entry == NULL || *entry != 0)
        return error; /* if it is there, another thread touched it first */
    return region->view == 0 ? add_page(space, region, page, entry) : show_page(space, region, page);
}

enum error touch(struct space *space, uint64_t address, uint64_t access)
{
    const struct region *region = region_find(space, address);
    if (region == NULL)
        return ERR_BAD_ADDRESS;
    if (access & ~(uint64_t)region->prot)
        return ERR_NO_RIGHT;
    if (region->view != 0 && !lock_is_all())
        return ERR_WOULD_BLOCK;
    uint64_t page = address / PAGE_BYTES, last = region->end / PAGE_BYTES;
    space->ahead = page == space->expected ? space->ahead * 2 : 1;
    if (space->ahead > AHEAD_MAX)
        space->ahead = AHEAD_MAX;
    if (last > page + space->ahead)
        last = page + space->ahead;
    space->expected = last;
    enum error error = make_present(space, region, page);
    while (!error && ++page < last && !make_present(space, region, page))
        ;
    return error;
}

uint64_t drop_pages(struct space *space, const struct region *region, uint64_t start, uint64_t end,
                    unsigned *steps)
{
    uint64_t page = start / PAGE_BYTES, last = end / PAGE_BYTES;
    for (uint32_t *at; (at = pagemap_first(space, &space->pages, &page, last)) != NULL; *at = 0) {
        if (*steps == 0)
            return page * PAGE_BYTES;
        --*steps;
        if (region->view != 0)
            place_free(*at); /* the copy; deleting it unmaps it */
        else
            frame_drop(space, *at);
    }
    return end;
}

/* --- Map and unmap --- */

/* Makes all pages of a new region present. */
static enum error fill(struct space *space, uint64_t start, uint64_t length)
{
    for (uint64_t at = start; at < start + length; at += PAGE_BYTES) {
        if ((at - start) / PAGE_BYTES % STEP_PAGES == STEP_PAGES - 1)
            lock_pause();
        slots_prepare();
        enum error error = make_present(space, region_find(space, at), at / PAGE_BYTES);
        if (error)
            return error;
    }
    return ERR_OK;
}

/* Unmaps what was just mapped. */
static void unmap_all(struct space *space, uint64_t address, uint64_t length)
{
    uint64_t end = address + length;
    for (; address < end && !unmap(space, address, &length); length = end - address)
        address += length;
}

enum error map_anonymous(struct space *space, uint64_t *address, uint64_t length, uint64_t prot)
{
    uint64_t start = *address;
    if (start == 0 && prot_valid(prot) && !space->eager) {
        const struct region *again = region_again(space, length, full_prot(prot));
        if (again != NULL) {
            *address = again->start;
            return ERR_OK;
        }
    }
    enum error error = place(space, &start, length, prot, PAGE_BYTES);
    if (error)
        return error;
    struct region region = {.start = start, .end = start + length, .prot = (uint8_t)full_prot(prot)};
    error = region_insert(space, &region, 0);
    if (!error && space->eager) {
        error = fill(space, start, length);
        if (error)
            unmap_all(space, start, length);
    }
    if (!error)
        *address = start;
    return error;
}

/* Maps the frames of a device segment, all of them: their sizes differ and a part of one cannot be
 * mapped. */
static enum error show_device(struct space *space, const struct segment_entry *segment, uint64_t start,
                              uint64_t prot)
{
    uint64_t at = start;
    const struct segment_device *device = segment_device(segment);
    for (unsigned i = 0; i < device->count; i++) {
        enum error error = show_frame(space, device->frame[i], at, prot);
        if (error)
            return error;
        at += 1ull << device->bits[i];
    }
    return ERR_OK;
}

/* Maps what the segment has already, so that its pages need not be touched one by one. It does not
 * matter if that fails. */
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
    if (segment->device != 0)
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
    const struct segment_device *device = segment_device(segment);
    for (unsigned i = 0; device != NULL && i < device->count; i++)
        if (device->bits[i] > bits)
            bits = device->bits[i];
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
        (segment->device != 0 && (offset != 0 || length != segment->length || prot & MM_EXEC)))
        return ERR_BAD_ARG;
    struct region region = {
        .start = start,
        .end = start + length,
        .prot = (uint8_t)full_prot(prot),
        .offset = offset,
    };
    error = region_insert(space, &region, index);
    if (error)
        return error;
    error = show_segment(space, segment, start, length, region.prot);
    if (error)
        unmap_all(space, start, length);
    else
        *address = start;
    return error;
}

/* The first region with something in [address, end); NULL: none. */
static struct region *region_in(const struct space *space, uint64_t address, uint64_t end)
{
    struct region *region = region_after(space, address);
    return region != NULL && region->start < end ? region : NULL;
}

/* Whether something in the range shows a segment. */
static bool shows_segment(const struct space *space, uint64_t start, uint64_t end)
{
    const struct region *region;
    for (uint64_t at = start; (region = region_in(space, at, end)) != NULL; at = region->end)
        if (region->view != 0)
            return true;
    return false;
}

/* Whether the range takes only a part of a device segment's region. */
static bool breaks_device(const struct space *space, uint64_t start, uint64_t end)
{
    const struct region *region;
    for (uint64_t at = start; (region = region_in(space, at, end)) != NULL; at = region->end)
        if (region->view != 0 && segment_at(segment_of(region))->device != 0 &&
            (region->start < start || region->end > end))
            return true;
    return false;
}

enum error unmap(struct space *space, uint64_t address, uint64_t *length)
{
    unsigned steps = STEP_PAGES;
    enum error error = range_valid(address, *length);
    if (error)
        return error;
    uint64_t end = address + *length;
    struct region *region = region_find(space, address);
    if (region != NULL && region->start == address && region->end == end && region->view == 0 &&
        drop_pages(space, region, address, end, &steps) == end) {
        region_lay_aside(space, region);
        return ERR_OK;
    }
    region_bury(space);
    region = region_in(space, address, end);
    if (region == NULL)
        return ERR_NOT_MAPPED;
    if (shows_segment(space, address, end) && !lock_is_all())
        return ERR_WOULD_BLOCK;
    if (breaks_device(space, address, end))
        return ERR_BAD_ARG;
    error = region_can_cut(space, address, end);
    for (uint64_t at = address; !error && (region = region_in(space, at, end)) != NULL;) {
        uint64_t from = region->start > at ? region->start : at;
        uint64_t to = region->end < end ? region->end : end;
        at = drop_pages(space, region, from, to, &steps);
        if (at > from)
            region_cut(space, from, at);
        if (at < to) {
            *length = at - address;
            break;
        }
    }
    return error;
}

/* Whether a region shows device registers, which are mapped whole. */
static bool shows_device(const struct region *region)
{
    return region->view != 0 && segment_at(segment_of(region))->device != 0;
}

enum error populate(struct space *space, uint64_t address, uint64_t *length)
{
    enum error error = range_valid(address, *length);
    if (error)
        return error;
    uint64_t end = address + *length;
    for (unsigned i = 0; i < STEP_PAGES / 2 && address < end; i++, address += PAGE_BYTES) {
        const struct region *region = region_find(space, address);
        if (region == NULL)
            return ERR_BAD_ADDRESS;
        if (region->view != 0 && !lock_is_all())
            return ERR_WOULD_BLOCK;
        error = shows_device(region) ? ERR_OK : make_present(space, region, address / PAGE_BYTES);
        if (error)
            return error;
    }
    *length -= end - address;
    return ERR_OK;
}

enum error discard(struct space *space, uint64_t address, uint64_t *length)
{
    unsigned steps = STEP_PAGES;
    uint64_t at = address, end = address + *length;
    enum error error = range_valid(address, *length);
    while (!error && at < end) {
        const struct region *region = region_find(space, at);
        if (region == NULL)
            return ERR_BAD_ADDRESS;
        if (region->view != 0)
            return ERR_BAD_ARG;
        uint64_t to = region->end < end ? region->end : end;
        at = drop_pages(space, region, at, to, &steps);
        if (at < to)
            break;
    }
    *length = at - address;
    return error;
}
