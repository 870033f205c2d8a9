/* SPDX-License-Identifier: MIT */
/* Segments: memory that several spaces can map. */
#include "mm.h"

#define INDEX_BITS      20
#define INDEX_MASK      ((1u << INDEX_BITS) - 1)
#define GENERATION_MASK ((1u << 26) - 1) /* with the index, what a badge has room for */

static struct pool segments;

void segments_init(void)
{
    pool_init(&segments, OWN_SEGMENTS, sizeof(struct segment_entry));
    segments.limit = INDEX_MASK;
}

struct segment_entry *segment_at(uint32_t index)
{
    return pool_at(&segments, index);
}

uint64_t segment_number(uint32_t index)
{
    return (uint64_t)segment_at(index)->generation << INDEX_BITS | index;
}

bool segment_exists(uint32_t index)
{
    return index != 0 && index <= segments.count && segment_at(index)->owner != NULL;
}

uint32_t segment_find(uint64_t number)
{
    uint32_t index = number & INDEX_MASK;
    return segment_exists(index) && segment_number(index) == number ? index : 0;
}

static uint32_t entry_new(struct space *owner, uint64_t length)
{
    uint32_t index = pool_take(&segments);
    if (index == 0)
        return 0;
    struct segment_entry *segment = segment_at(index);
    *segment = (struct segment_entry){
        .next = owner->segments,
        .generation = segment->generation,
        .owner = owner,
        .index = index,
        .length = length,
        .pages.height = pagemap_height(length / PAGE_BYTES),
    };
    owner->segments = index;
    return index;
}

/* Takes a segment out of its owner's list and makes its number stale. */
static void entry_forget(uint32_t index)
{
    struct segment_entry *segment = segment_at(index);
    uint32_t *at = &segment->owner->segments;
    while (*at != index)
        at = &segment_at(*at)->next;
    *at = segment->next;
    segment->owner = NULL;
    segment->generation = (segment->generation + 1) & GENERATION_MASK;
    pool_put(&segments, index);
}

/* Gives the memory of a segment that nobody maps back: to its owner, or for good if it has chunks of its own.
 */
static void segment_free(uint32_t index)
{
    struct segment_entry *segment = segment_at(index);
    uint64_t end = segment->length / PAGE_BYTES;
    bool own_chunks = segment->chunks != 0;
    chunks_give(segment->owner, &segment->chunks);
    for (uint64_t page = pagemap_next(&segment->pages, 0, end); page < end;
         page = pagemap_next(&segment->pages, page + 1, end)) {
        uint32_t place = pagemap_clear(&segment->pages, page);
        if (own_chunks)
            place_release(place);
        else
            frame_put(segment->owner, place);
    }
    for (unsigned i = 0; i < segment->frame_count; i++)
        slot_free(segment->frame[i]);
    entry_forget(index);
}

static enum error frame_physical(cap_t frame, uint64_t *physical)
{
    uint64_t info[4];
    enum error error = kernel_call(frame, OP_FRAME_INFO, NULL, 0, info, 4);
    *physical = info[3];
    return error;
}

/* Notes the frame of a page; there is room for it. */
static void enter_page(struct segment_entry *segment, uint64_t page, cap_t frame)
{
    pagemap_set(&segment->pages, page, frame);
    slot_note(frame, OWNER_SEGMENT + segment->index, page);
}

/* Makes the next frame out of the block into the page. */
static enum error carve_page(struct segment_entry *segment, uint32_t block, uint64_t page)
{
    slots_prepare();
    if (!pagemap_ready(&segment->pages, page))
        return ERR_NO_MEMORY;
    cap_t slot = slots_take(1);
    enum error error = slot != 0 ? block_carve(block, OBJ_FRAME, PAGE_BITS, slot, 1) : ERR_NO_MEMORY;
    if (!error) {
        enter_page(segment, page, slot);
        return ERR_OK;
    }
    slot_release(slot);
    pagemap_unready(&segment->pages, page);
    return error;
}

/* Makes all pages of a segment out of neighbouring memory, and tells its address. */
static enum error fill_contiguous(struct segment_entry *segment, uint64_t *physical)
{
    uint64_t pages = segment->length / PAGE_BYTES, page = 0;
    enum error error = chunks_contiguous(segment->owner, segment->length, &segment->chunks);
    for (uint32_t chunk = segment->chunks; chunk != 0; chunk = block_at(chunk)->next) {
        const struct block *block = block_at(chunk);
        while (!error && page < pages && block->carved < 1ull << block->bits) {
            error = carve_page(segment, chunk, page++);
            if (!error && page == 1)
                error = frame_physical(pagemap_get(&segment->pages, 0), physical);
        }
    }
    return error;
}

uint32_t segment_new(struct space *owner, uint64_t length, bool contiguous, uint64_t *physical,
                     enum error *error)
{
    *error = ERR_NO_MEMORY;
    *physical = 0;
    uint32_t index = entry_new(owner, length);
    if (index == 0)
        return 0;
    *error = ERR_OK;
    if (contiguous)
        *error = fill_contiguous(segment_at(index), physical);
    if (!*error)
        return index;
    segment_free(index);
    return 0;
}

uint32_t segment_new_device(struct space *owner, uint64_t length, const cap_t *frame, unsigned count,
                            enum error *error)
{
    uint64_t total = 0;
    uint8_t bits[MSG_MAX_CAPS];
    *error = ERR_BAD_ARG;
    if (count == 0 || count > MSG_MAX_CAPS)
        return 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t info[2];
        *error = kernel_call(frame[i], OP_FRAME_INFO, NULL, 0, info, 2);
        if (*error)
            return 0;
        *error = ERR_WRONG_TYPE;
        if (!info[1])
            return 0;
        bits[i] = (uint8_t)info[0];
        total += 1ull << info[0];
    }
    *error = length == 0 || length > total ? ERR_BAD_ARG : ERR_NO_MEMORY;
    uint32_t index = *error == ERR_NO_MEMORY ? entry_new(owner, total) : 0;
    if (index == 0)
        return 0;
    struct segment_entry *segment = segment_at(index);
    segment->device = true;
    segment->frame_count = count;
    for (unsigned i = 0; i < count; i++) {
        segment->frame[i] = frame[i];
        segment->frame_bits[i] = bits[i];
    }
    *error = ERR_OK;
    return index;
}

uint32_t segment_page(struct segment_entry *segment, uint64_t page, enum error *error)
{
    uint32_t place = pagemap_get(&segment->pages, page);
    *error = ERR_OK;
    if (place != 0)
        return place;
    *error = ERR_NO_MEMORY;
    if (segment->device || !pagemap_ready(&segment->pages, page))
        return 0;
    cap_t frame = frame_get(segment->owner, error);
    if (frame != 0)
        enter_page(segment, page, frame);
    else
        pagemap_unready(&segment->pages, page);
    return frame;
}

void segment_unmapped(uint32_t index)
{
    struct segment_entry *segment = segment_at(index);
    if (--segment->mappings == 0 && segment->dropped)
        segment_free(index);
}

void segment_drop_owner(uint32_t index)
{
    struct segment_entry *segment = segment_at(index);
    segment->dropped = true;
    if (segment->mappings == 0)
        segment_free(index);
}

/* --- When the owner ends --- */

/* The pages of a region that showed a lost segment: the kernel has destroyed the capabilities of memory
 * already, but not those of device registers. */
static void forget_pages(struct space *space, const struct region *region, bool device)
{
    uint64_t end = region->end / PAGE_BYTES;
    for (uint64_t page = pagemap_next(&space->pages, region->start / PAGE_BYTES, end); page < end;
         page = pagemap_next(&space->pages, page + 1, end)) {
        uint32_t place = pagemap_clear(&space->pages, page);
        if (device)
            place_free(place);
        else
            place_release(place);
    }
}

/* Registers are gone for good: whoever touches them crashes. Memory is replaced by the space's own, empty as
 * it comes, so that a server does not crash because its client died. */
static void lose_in_space(struct space *space, uint32_t index)
{
    struct segment_entry *segment = segment_at(index);
    for (unsigned i = 0; i < space->region_count && segment->mappings > 0; i++) {
        struct region *region = &space->region[i];
        if (region->segment != index)
            continue;
        forget_pages(space, region, segment->device);
        region->segment = 0;
        region->offset = 0;
        segment->mappings--;
        if (segment->device) {
            region_cut(space, region->start, region->end);
            i--;
        }
    }
}

static void segment_lose(uint32_t index)
{
    struct segment_entry *segment = segment_at(index);
    struct space *space;
    chunks_give(segment->owner, &segment->chunks);
    for (unsigned i = 0; segment->mappings > 0 && (space = space_at(i)) != NULL; i++)
        if (space->used)
            lose_in_space(space, index);
    uint64_t end = segment->length / PAGE_BYTES;
    for (uint64_t page = pagemap_next(&segment->pages, 0, end); page < end;
         page = pagemap_next(&segment->pages, page + 1, end))
        place_release(pagemap_clear(&segment->pages, page));
    for (unsigned i = 0; i < segment->frame_count; i++)
        slot_free(segment->frame[i]);
    entry_forget(index);
}

void segments_lost(struct space *space)
{
    while (space->segments != 0)
        segment_lose(space->segments);
}
