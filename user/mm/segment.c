/* SPDX-License-Identifier: MIT */
/*
 * Segments: memory that several spaces can map. What is noted of a segment is in its owner's ledger; what
 * is noted of a region that shows it, a view, in that of the region's space.
 */
#include "mm.h"

#define INDEX_BITS  10 /* of a segment's number: its owner's index */
#define SERIAL_BITS 36 /* with the index, what a badge has room for */
_Static_assert(MAX_SPACES <= 1u << INDEX_BITS, "an index has room");

/* What a region shows. */
struct view {
    uint32_t segment, region;
    uint32_t next, prev; /* of the same segment; 0 ends it */
    uint32_t space;      /* index */
};
_Static_assert(sizeof(struct view) <= CELL_BYTES, "one cell");

static uint64_t next_serial;

void segments_init(void)
{
    next_serial = 1;
}

struct segment_entry *segment_at(uint32_t segment)
{
    return ledger_at(segment);
}

struct segment_device *segment_device(const struct segment_entry *segment)
{
    return segment->device != 0 ? ledger_at(segment->device) : NULL;
}

struct space *segment_owner(const struct segment_entry *segment)
{
    return space_at(segment->owner);
}

uint64_t segment_number(uint32_t segment)
{
    return region_at(segment_at(segment)->node)->start << INDEX_BITS | segment_at(segment)->owner;
}

uint32_t segment_find(uint64_t number)
{
    const struct space *owner = space_at(number % (1u << INDEX_BITS));
    uint64_t serial = number >> INDEX_BITS;
    bool there = owner != NULL && owner->used && !owner->ending;
    uint32_t node = there ? tree_after(owner->segments, serial) : 0;
    return node != 0 && region_at(node)->start == serial ? region_at(node)->view : 0;
}

/* --- Made and freed --- */

static uint32_t entry_new(struct space *owner, uint64_t length, enum error *error)
{
    *error = ERR_TOO_MANY;
    if (next_serial >> SERIAL_BITS != 0 || !ledger_ready(owner, 2, error))
        return 0;
    uint32_t node = ledger_take(owner), segment = ledger_take(owner);
    *region_at(node) = (struct region){.start = next_serial, .end = next_serial + 1, .view = segment};
    next_serial++;
    tree_insert(&owner->segments, node);
    *segment_at(segment) = (struct segment_entry){
        .node = node,
        .owner = (uint16_t)owner->index,
        .length = length,
        .pages.height = pagemap_height(length / PAGE_BYTES),
    };
    return segment;
}

/* Takes a segment out of its owner's tree, which makes its number stale. */
static void entry_forget(uint32_t segment)
{
    const struct segment_entry *entry = segment_at(segment);
    struct space *owner = segment_owner(entry);
    const struct segment_device *device = segment_device(entry);
    for (unsigned i = 0; device != NULL && i < device->count; i++)
        slot_free(device->frame[i]);
    if (device != NULL)
        ledger_put(owner, entry->device);
    tree_remove(&owner->segments, entry->node);
    ledger_put(owner, entry->node);
    ledger_put(owner, segment);
}

/* Gives the memory of a segment that nobody maps back: to its owner, or for good if it has its own
 * chunks. */
static void segment_free(uint32_t segment)
{
    struct segment_entry *entry = segment_at(segment);
    struct space *owner = segment_owner(entry);
    uint64_t end = entry->length / PAGE_BYTES;
    bool own_chunks = entry->chunks != 0;
    uint32_t *at;
    chunks_give(owner, &entry->chunks);
    for (uint64_t page = 0; (at = pagemap_first(owner, &entry->pages, &page, end)) != NULL; *at = 0)
        if (own_chunks)
            place_release(*at);
        else
            frame_put(owner, *at);
    pagemap_end(owner, &entry->pages);
    entry_forget(segment);
}

static enum error frame_physical(cap_t frame, uint64_t *physical)
{
    uint64_t info[4];
    enum error error = kernel_call(frame, OP_FRAME_INFO, NULL, 0, info, 4);
    *physical = info[3];
    return error;
}

/* Makes the next frame out of the block into the page. */
static enum error carve_page(uint32_t segment, uint32_t block, uint64_t page)
{
    struct segment_entry *entry = segment_at(segment);
    struct space *owner = segment_owner(entry);
    enum error error;
    slots_prepare();
    uint32_t *at = pagemap_entry(owner, &entry->pages, page, &error);
    cap_t slot = at != NULL ? slots_for(owner, 1, &error) : 0;
    if (slot == 0)
        return error;
    error = block_carve(block, OBJ_FRAME, PAGE_BITS, slot, 1);
    if (error) {
        slot_release(slot);
        return error;
    }
    slot_own(owner, slot);
    slot_note(slot, segment, page);
    *at = slot;
    return ERR_OK;
}

/* Makes all pages of a segment out of neighbouring memory, and tells its address. */
static enum error fill_contiguous(uint32_t segment, uint64_t *physical)
{
    struct segment_entry *entry = segment_at(segment);
    uint64_t pages = entry->length / PAGE_BYTES, page = 0;
    enum error error = chunks_contiguous(segment_owner(entry), entry->length, &entry->chunks);
    for (uint32_t chunk = entry->chunks; chunk != 0; chunk = block_at(chunk)->next) {
        const struct block *block = block_at(chunk);
        while (!error && page < pages && block->carved < 1ull << block->bits) {
            error = carve_page(segment, chunk, page++);
            if (!error && page == 1)
                error = frame_physical(pagemap_get(&entry->pages, 0), physical);
        }
    }
    return error;
}

uint32_t segment_new(struct space *owner, uint64_t length, bool contiguous, uint64_t *physical,
                     enum error *error)
{
    *physical = 0;
    uint32_t segment = entry_new(owner, length, error);
    if (segment == 0)
        return 0;
    if (contiguous)
        *error = fill_contiguous(segment, physical);
    if (!*error)
        return segment;
    segment_free(segment);
    return 0;
}

/* Looks at the frames of a device; *total is what they cover. */
static enum error measure_device(const cap_t *frame, unsigned count, uint8_t *bits, uint64_t *total)
{
    *total = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t info[2];
        enum error error = kernel_call(frame[i], OP_FRAME_INFO, NULL, 0, info, 2);
        if (error)
            return error;
        if (!info[1])
            return ERR_WRONG_TYPE;
        bits[i] = (uint8_t)info[0];
        *total += 1ull << info[0];
    }
    return ERR_OK;
}

uint32_t segment_new_device(struct space *owner, uint64_t length, const cap_t *frame, unsigned count,
                            enum error *error)
{
    struct segment_device device = {.count = count};
    uint64_t total;
    *error = ERR_BAD_ARG;
    if (count == 0 || count > MSG_MAX_CAPS)
        return 0;
    *error = measure_device(frame, count, device.bits, &total);
    if (!*error && (length == 0 || length > total))
        *error = ERR_BAD_ARG;
    if (*error || !ledger_ready(owner, 3, error))
        return 0;
    uint32_t segment = entry_new(owner, total, error);
    if (segment == 0)
        return 0;
    for (unsigned i = 0; i < count; i++)
        device.frame[i] = frame[i];
    segment_at(segment)->device = ledger_take(owner);
    *segment_device(segment_at(segment)) = device;
    return segment;
}

uint32_t segment_page(uint32_t segment, uint64_t page, enum error *error)
{
    struct segment_entry *entry = segment_at(segment);
    struct space *owner = segment_owner(entry);
    *error = ERR_NO_MEMORY;
    uint32_t *at = entry->device == 0 ? pagemap_entry(owner, &entry->pages, page, error) : NULL;
    if (at == NULL)
        return 0;
    if (*at == 0) {
        *at = frame_get(owner, error);
        if (*at != 0)
            slot_note(*at, segment, page);
    }
    return *at;
}

/* --- Views --- */

static struct view *view_at(uint32_t cell)
{
    return ledger_at(cell);
}

uint32_t segment_of(const struct region *region)
{
    return region->view != 0 ? view_at(region->view)->segment : 0;
}

void view_enter(struct space *space, uint32_t region, uint32_t segment)
{
    struct segment_entry *entry = segment_at(segment);
    uint32_t cell = ledger_take(space);
    *view_at(cell) =
        (struct view){.segment = segment, .region = region, .next = entry->views, .space = space->index};
    if (entry->views != 0)
        view_at(entry->views)->prev = cell;
    entry->views = cell;
    region_at(region)->view = cell;
}

/* Takes the view of a region out of its segment's list. */
static void view_cut(struct space *space, uint32_t region)
{
    uint32_t cell = region_at(region)->view;
    const struct view *view = view_at(cell);
    if (view->prev != 0)
        view_at(view->prev)->next = view->next;
    else
        segment_at(view->segment)->views = view->next;
    if (view->next != 0)
        view_at(view->next)->prev = view->prev;
    region_at(region)->view = 0;
    ledger_put(space, cell);
}

void view_leave(struct space *space, uint32_t region)
{
    uint32_t segment = segment_of(region_at(region));
    view_cut(space, region);
    if (segment_at(segment)->views == 0 && segment_at(segment)->dropped)
        segment_free(segment);
}

void segment_drop_owner(uint32_t segment)
{
    segment_at(segment)->dropped = true;
    if (segment_at(segment)->views == 0)
        segment_free(segment);
}

/* --- When the owner ends --- */

/* Registers are gone for good: whoever touches them crashes. Memory is replaced by the space's own,
 * empty as it comes, so that a server does not crash because its client died. Returns whether the view
 * is gone. */
static bool view_lose(uint32_t cell, unsigned *steps)
{
    struct view *view = view_at(cell);
    struct space *space = space_at(view->space);
    uint32_t region = view->region;
    bool device = segment_at(view->segment)->device != 0;
    uint64_t start = region_at(region)->start, end = region_at(region)->end;
    if (drop_pages(space, region_at(region), start, end, steps) < end)
        return false;
    view_cut(space, region);
    region_at(region)->offset = 0;
    if (device)
        region_cut(space, start, end);
    return true;
}

bool segments_lose(struct space *space, unsigned *steps)
{
    for (; space->segments != 0; --*steps) {
        uint32_t segment = region_at(space->segments)->view;
        struct segment_entry *entry = segment_at(segment);
        while (entry->views != 0)
            if (!view_lose(entry->views, steps))
                return false;
        if (*steps == 0)
            return false;
        while (entry->chunks != 0) {
            uint32_t chunk = entry->chunks;
            block_unlink(&entry->chunks, chunk);
            block_link(&space->full, chunk);
        }
        entry_forget(segment);
    }
    return true;
}
