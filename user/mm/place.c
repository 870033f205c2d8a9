/* SPDX-License-Identifier: MIT */
/*
 * Where capabilities lie. There are more pages than the own CNode has slots, so capabilities that are not
 * needed soon are put on shelves: further CNodes, made when own slots become scarce. Only what lies in an own
 * slot can be invoked; from a shelf it is fetched, copied or deleted.
 */
#include "mm.h"

#define SHELF_BITS  8 /* log2 of the slots of a shelf */
#define SHELF_SLOTS (1u << SHELF_BITS)
#define SCARCE      512 /* fewer free own slots than that: time to put some aside */
#define AT_ONCE     64  /* so many of them */

/* What is known of an own slot. */
struct note {
    uint32_t link;  /* next place in its list */
    uint32_t owner; /* enum of mm.h: whose page the capability is behind, if it is still there; 0: nobody's */
    uint32_t page;
};

struct shelf {
    uint32_t next; /* in the list of shelves with room */
    cap_t cnode;
    uint32_t room; /* free slots */
    uint64_t used[SHELF_SLOTS / 64];
    uint32_t link[SHELF_SLOTS];
};

static struct note *notes;
static uint64_t note_count;
static struct pool shelves;
static uint32_t shelf_with_room; /* list */
/* Of each receiver, for a capability that is taken from a shelf and put back at once. */
static cap_t work[MAX_RECEIVERS];
static cap_t cursor;             /* own slot that was looked at last */

bool places_init(void)
{
    notes = own_start(OWN_NOTES);
    note_count = 0;
    pool_init(&shelves, OWN_SHELVES, sizeof(struct shelf));
    shelf_with_room = 0;
    cursor = 0;
    bool ready = true;
    for (unsigned i = 0; i < locks_receivers(); i++) {
        work[i] = slot_alloc();
        ready &= work[i] != 0;
    }
    return ready;
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
    return count == 1 ? slot_alloc() : slot_alloc_group(count);
}

bool slots_scarce(void)
{
    return slot_count_free() < SCARCE;
}

void slot_note(cap_t slot, uint32_t owner, uint64_t page)
{
    notes[slot].owner = owner;
    notes[slot].page = (uint32_t)page;
}

/* --- Shelves --- */

static unsigned index_of(uint32_t place)
{
    return place % SHELF_SLOTS;
}

static struct shelf *shelf_of(uint32_t place)
{
    return pool_at(&shelves, (place - PLACE_SHELF) / SHELF_SLOTS);
}

static uint32_t shelf_new(void)
{
    if (!pool_ready(&shelves, 1))
        return 0;
    cap_t cnode = own_cnode(SHELF_BITS + SLOT_BITS);
    if (cnode == 0)
        return 0;
    uint32_t number = pool_take(&shelves);
    struct shelf *shelf = pool_at(&shelves, number);
    *shelf =
        (struct shelf){.cnode = cnode, .room = SHELF_SLOTS - 1, .used = {1}}; /* slot 0 is the kernel's */
    return number;
}

/* An empty slot of a shelf; 0 when there is no memory. */
static uint32_t take_from_shelf(void)
{
    if (shelf_with_room == 0)
        shelf_with_room = shelf_new();
    if (shelf_with_room == 0)
        return 0;
    uint32_t number = shelf_with_room;
    struct shelf *shelf = pool_at(&shelves, number);
    unsigned word = 0;
    while (shelf->used[word] == ~0ull)
        word++;
    unsigned bit = (unsigned)__builtin_ctzll(~shelf->used[word]);
    shelf->used[word] |= 1ull << bit;
    if (--shelf->room == 0)
        shelf_with_room = shelf->next;
    return PLACE_SHELF + number * SHELF_SLOTS + word * 64 + bit;
}

static uint32_t shelf_take(void)
{
    store_enter();
    uint32_t place = take_from_shelf();
    store_leave();
    return place;
}

static void shelf_release(uint32_t place)
{
    store_enter();
    struct shelf *shelf = shelf_of(place);
    unsigned index = index_of(place);
    shelf->used[index / 64] &= ~(1ull << index % 64);
    if (shelf->room++ == 0) {
        shelf->next = shelf_with_room;
        shelf_with_room = (place - PLACE_SHELF) / SHELF_SLOTS;
    }
    store_leave();
}

uint32_t place_shelve(cap_t slot)
{
    uint32_t place = shelf_take();
    if (place == 0)
        return 0;
    const struct shelf *shelf = shelf_of(place);
    if (cnode_move(shelf->cnode, index_of(place), 0, slot)) {
        shelf_release(place);
        return 0;
    }
    slot_release(slot);
    return place;
}

uint32_t place_settle(cap_t slot)
{
    uint32_t place = slots_scarce() ? place_shelve(slot) : 0;
    return place != 0 ? place : slot;
}

/* Where a page's capability is noted down; NULL when its owner is gone. */
static struct pagemap *owner_map(uint32_t owner)
{
    if (owner >= OWNER_SEGMENT)
        return segment_exists(owner - OWNER_SEGMENT) ? &segment_at(owner - OWNER_SEGMENT)->pages : NULL;
    struct space *space = space_at(owner);
    return space != NULL && space->used ? &space->pages : NULL;
}

/* Puts the capability in an own slot on a shelf if it is one behind a page. False: no memory for shelves. */
static bool put_aside(cap_t slot)
{
    struct note *note = &notes[slot];
    struct pagemap *map = note->owner != 0 ? owner_map(note->owner) : NULL;
    note->owner = 0;
    if (map == NULL || pagemap_get(map, note->page) != slot)
        return true; /* the slot is used for something else by now */
    uint32_t place = place_shelve(slot);
    if (place != 0)
        pagemap_set(map, note->page, place);
    return place != 0;
}

void slots_prepare(void)
{
    if (!slots_scarce())
        return;
    unsigned before = slot_count_free();
    for (uint64_t i = 0; i < note_count && slot_count_free() < before + AT_ONCE; i++) {
        cursor = cursor + 1 < note_count ? cursor + 1 : 1;
        if (notes[cursor].owner != 0 && !put_aside(cursor))
            return;
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
    shelf_release(place);
    return slot;
}

void place_release(uint32_t place)
{
    if (place < PLACE_SHELF)
        slot_release(place);
    else
        shelf_release(place);
}

void place_free(uint32_t place)
{
    if (place < PLACE_SHELF) {
        slot_free(place);
        return;
    }
    cnode_delete(shelf_of(place)->cnode, index_of(place));
    shelf_release(place);
}

enum error place_copy(cap_t to, uint32_t from, uint64_t rights)
{
    if (from < PLACE_SHELF)
        return cnode_copy(START_CNODE, to, 0, from, rights);
    const struct shelf *shelf = shelf_of(from);
    return cnode_copy(START_CNODE, to, shelf->cnode, index_of(from), rights);
}

void place_unmap(uint32_t place)
{
    if (place < PLACE_SHELF) {
        frame_unmap(place);
        return;
    }
    const struct shelf *shelf = shelf_of(place);
    cap_t slot = work[lock_self()];
    cnode_move(START_CNODE, slot, shelf->cnode, index_of(place));
    frame_unmap(slot);
    cnode_move(shelf->cnode, index_of(place), 0, slot);
}

static uint32_t *link_of(uint32_t place)
{
    return place < PLACE_SHELF ? &notes[place].link : &shelf_of(place)->link[index_of(place)];
}

void place_push(uint32_t *list, uint32_t place)
{
    *link_of(place) = *list;
    *list = place;
}

uint32_t place_pop(uint32_t *list)
{
    uint32_t place = *list;
    if (place != 0)
        *list = *link_of(place);
    return place;
}

uint32_t place_next(uint32_t place)
{
    return *link_of(place);
}

void place_cut_after(uint32_t before)
{
    *link_of(before) = *link_of(*link_of(before));
}
