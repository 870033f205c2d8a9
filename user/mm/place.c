/* SPDX-License-Identifier: MIT */
/*
 * Where capabilities lie. What mm holds for a space lies in slots of mm's own CNode, chained so that they
 * can be given back when the space ends. There are more pages than own slots, so what is not needed soon
 * is put on shelves when own slots become scarce: CNodes made of the space's own memory. A space may have
 * a few own slots; for each one more there is room on its shelves, so putting aside never fails. Only
 * what lies in an own slot can be invoked; from a shelf it is fetched, copied or deleted.
 */
#include "mm.h"

#define SHELF_BITS  6 /* log2 of the slots of a shelf: one page */
#define SHELF_SLOTS (1u << SHELF_BITS)
#define LINKS       (CELL_BYTES / sizeof(uint32_t)) /* in a cell */
#define SHELF_CELLS (1 + SHELF_SLOTS / LINKS)
#define SCARCE      512 /* fewer free own slots than that: time to put some aside */
#define AT_ONCE     64  /* so many of them */
#define FREE_SLOTS  32  /* of each space, without room on a shelf for them */

enum use {
    USE_NONE,
    USE_HELD,   /* somebody knows the slot */
    USE_PAGE,   /* the capability is behind a page */
    USE_DIRTY,  /* it is among the frames to clear */
    USE_PARKED, /* nobody needs it before the space ends */
};

/* What is known of an own slot. */
struct note {
    uint32_t next, prev; /* among those of its space; 0 ends it */
    uint32_t after, before; /* USE_DIRTY: among those */
    uint32_t segment; /* USE_PAGE: whose page it is; 0: the space's own */
    uint32_t page;
    uint16_t space; /* index */
    uint8_t use;    /* enum use */
};

struct shelf {
    uint32_t next; /* in the list of those with room */
    uint32_t space;
    cap_t cnode;
    uint32_t room; /* free slots */
    uint64_t used;
    uint32_t links[SHELF_CELLS - 1];
};
_Static_assert(sizeof(struct shelf) <= CELL_BYTES && SHELF_SLOTS == 64, "one cell, one word of bits");

static struct note *notes;
static uint64_t note_count;
static cap_t cursor; /* own slot that was looked at last */
bool slots_low;

void places_init(void)
{
    notes = own_start(OWN_NOTES);
    note_count = 0;
    cursor = 0;
    slots_low = false;
}

bool places_ready(void)
{
    uint64_t count = rt_start->cnode_slots, bytes = align_up(count * sizeof(struct note), PAGE_BYTES);
    for (uint64_t mapped = 0; mapped < bytes; mapped += PAGE_BYTES)
        if (!own_page((char *)notes + mapped))
            return false;
    note_count = count;
    return true;
}

/* --- Own slots --- */

cap_t slots_take(unsigned count)
{
    cap_t first = count == 1 ? slot_alloc() : slot_alloc_group(count);
    if (slot_count_free() < SCARCE)
        __atomic_store_n(&slots_low, true, __ATOMIC_RELAXED);
    return first;
}

void slot_own(struct space *space, cap_t slot)
{
    notes[slot] = (struct note){.next = space->slots, .space = (uint16_t)space->index, .use = USE_HELD};
    if (space->slots != 0)
        notes[space->slots].prev = slot;
    space->slots = slot;
    space->slot_count++;
}

static void slot_disown(cap_t slot)
{
    struct note *note = &notes[slot];
    struct space *space = space_at(note->space);
    if (note->use == USE_NONE)
        return;
    note->use = USE_NONE;
    if (note->prev != 0)
        notes[note->prev].next = note->next;
    else
        space->slots = note->next;
    if (note->next != 0)
        notes[note->next].prev = note->prev;
    space->slot_count--;
}

void slot_note(cap_t slot, uint32_t segment, uint64_t page)
{
    notes[slot].segment = segment;
    notes[slot].page = (uint32_t)page;
    notes[slot].use = USE_PAGE;
}

void slot_park(cap_t slot)
{
    notes[slot].use = USE_PARKED;
}

bool slots_end(struct space *space)
{
    for (unsigned i = 0; i < AT_ONCE && space->slots != 0; i++) {
        cap_t slot = space->slots;
        slot_disown(slot);
        slot_release(slot);
    }
    return space->slots == 0;
}

/* --- Shelves --- */

static unsigned index_of(uint32_t place)
{
    return place % SHELF_SLOTS;
}

static uint32_t cell_of(uint32_t place)
{
    return (place - PLACE_SHELF) / SHELF_SLOTS;
}

static struct shelf *shelf_of(uint32_t place)
{
    return ledger_at(cell_of(place));
}

static enum error shelf_new(struct space *space)
{
    enum error error;
    if (!ledger_ready(space, SHELF_CELLS, &error))
        return error;
    cap_t cnode = slots_take(1);
    if (cnode == 0)
        return ERR_NO_MEMORY;
    error = carve_large(space, OBJ_CNODE, SHELF_BITS + SLOT_BITS, cnode);
    if (error) {
        slot_release(cnode);
        return error;
    }
    slot_own(space, cnode);
    uint32_t cell = ledger_take(space);
    struct shelf *shelf = ledger_at(cell);
    /* Slot 0 is the kernel's. */
    *shelf = (struct shelf){
        .next = space->shelf, .space = space->index, .cnode = cnode, .room = SHELF_SLOTS - 1, .used = 1};
    for (unsigned i = 0; i < SHELF_CELLS - 1; i++)
        shelf->links[i] = ledger_take(space);
    space->shelf = cell;
    space->shelf_room += SHELF_SLOTS - 1;
    return ERR_OK;
}

enum error shelves_ready(struct space *space, unsigned count)
{
    enum error error = ERR_OK;
    while (!error && space->slot_count + count > FREE_SLOTS + space->shelf_room)
        error = shelf_new(space);
    return error;
}

cap_t slots_for(struct space *space, unsigned count, enum error *error)
{
    *error = shelves_ready(space, count);
    cap_t first = !*error ? slots_take(count) : 0;
    if (!*error && first == 0)
        *error = ERR_NO_MEMORY;
    return first;
}

/* An empty slot of a shelf of the space; 0 when it has none. */
static uint32_t shelf_take(struct space *space)
{
    uint32_t cell = space->shelf;
    if (cell == 0)
        return 0;
    struct shelf *shelf = ledger_at(cell);
    unsigned bit = (unsigned)__builtin_ctzll(~shelf->used);
    shelf->used |= 1ull << bit;
    space->shelf_room--;
    if (--shelf->room == 0)
        space->shelf = shelf->next;
    return PLACE_SHELF + cell * SHELF_SLOTS + bit;
}

static void shelf_release(uint32_t place)
{
    struct shelf *shelf = shelf_of(place);
    struct space *space = space_at(shelf->space);
    shelf->used &= ~(1ull << index_of(place));
    space->shelf_room++;
    if (shelf->room++ == 0) {
        shelf->next = space->shelf;
        space->shelf = cell_of(place);
    }
}

/* Moves the capability in an own slot to a shelf; returns where it is then: there, or where it was. */
static uint32_t shelve(cap_t slot)
{
    uint32_t place = shelf_take(space_at(notes[slot].space));
    if (place == 0)
        return slot;
    if (cnode_move(shelf_of(place)->cnode, index_of(place), 0, slot)) {
        shelf_release(place);
        return slot;
    }
    slot_disown(slot);
    slot_release(slot);
    return place;
}

/* --- Frames that are to be cleared before they are used again --- */

static uint32_t *link_of(uint32_t place)
{
    uint32_t *links = ledger_at(shelf_of(place)->links[index_of(place) / LINKS]);
    return &links[index_of(place) % LINKS];
}

static void dirty_push(struct space *space, cap_t slot)
{
    struct note *note = &notes[slot];
    note->use = USE_DIRTY;
    note->before = 0;
    note->after = space->dirty;
    if (space->dirty != 0)
        notes[space->dirty].before = slot;
    space->dirty = slot;
}

static void dirty_cut(struct space *space, cap_t slot)
{
    const struct note *note = &notes[slot];
    if (note->before != 0)
        notes[note->before].after = note->after;
    else
        space->dirty = note->after;
    if (note->after != 0)
        notes[note->after].before = note->before;
}

void dirty_put(struct space *space, uint32_t place)
{
    if (place < PLACE_SHELF) {
        dirty_push(space, place);
    } else {
        *link_of(place) = space->dirty_shelved;
        space->dirty_shelved = place;
    }
}

cap_t dirty_take(struct space *space)
{
    cap_t slot = space->dirty;
    if (slot != 0) {
        dirty_cut(space, slot);
        notes[slot].use = USE_HELD;
        return slot;
    }
    uint32_t place = space->dirty_shelved;
    if (place == 0)
        return 0;
    uint32_t next = *link_of(place);
    slot = place_fetch(place);
    if (slot != 0)
        space->dirty_shelved = next;
    return slot;
}

/* --- Putting aside --- */

/* Puts the capability in an own slot on a shelf, unless somebody knows the slot or its space is ending: then
 * what the note says may be gone. */
static void put_aside(cap_t slot)
{
    const struct note note = notes[slot];
    struct space *space = space_at(note.space);
    if (note.use <= USE_HELD || space->shelf == 0 || space->ending)
        return;
    if (note.use == USE_DIRTY)
        dirty_cut(space, slot);
    uint32_t place = shelve(slot);
    if (note.use == USE_DIRTY)
        dirty_put(space, place);
    else if (note.use == USE_PAGE)
        pagemap_replace(note.segment != 0 ? &segment_at(note.segment)->pages : &space->pages, note.page,
                        place);
}

void slots_prepare(void)
{
    if (!slots_scarce())
        return;
    slots_low = false; /* until the next that is taken */
    if (slot_count_free() >= SCARCE)
        return;
    unsigned before = slot_count_free();
    for (uint64_t i = 0; i < note_count && slot_count_free() < before + AT_ONCE; i++) {
        cursor = cursor + 1 < note_count ? cursor + 1 : 1;
        put_aside(cursor);
    }
}

/* --- Either --- */

cap_t place_fetch(uint32_t place)
{
    if (place < PLACE_SHELF)
        return place;
    const struct shelf *shelf = shelf_of(place);
    cap_t slot = slots_take(1);
    if (slot == 0)
        return 0;
    if (cnode_move(START_CNODE, slot, shelf->cnode, index_of(place))) {
        slot_release(slot);
        return 0;
    }
    slot_own(space_at(shelf->space), slot);
    shelf_release(place);
    return slot;
}

void place_release(uint32_t place)
{
    if (place >= PLACE_SHELF) {
        shelf_release(place);
        return;
    }
    slot_disown(place);
    slot_release(place);
}

void place_free(uint32_t place)
{
    if (place >= PLACE_SHELF)
        cnode_delete(shelf_of(place)->cnode, index_of(place));
    else
        cnode_delete(START_CNODE, place);
    place_release(place);
}

enum error place_copy(cap_t to, uint32_t from, uint64_t rights)
{
    if (from < PLACE_SHELF)
        return cnode_copy(START_CNODE, to, 0, from, rights);
    const struct shelf *shelf = shelf_of(from);
    return cnode_copy(START_CNODE, to, shelf->cnode, index_of(from), rights);
}
