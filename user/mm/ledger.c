/* SPDX-License-Identifier: MIT */
/*
 * What mm writes down about a space, in memory of that space: cells of 64 bytes in pages of its chunks,
 * which mm maps for itself. They count as the space's and end with it.
 */
#include "mm.h"

#define CELLS_PER_SHEET (PAGE_BYTES / CELL_BYTES)
#define SHEETS_MAX      ((1u << OWN_PART_BITS) / PAGE_BYTES)
#define SHEETS_PER_PAGE (PAGE_BYTES / sizeof(struct sheet))

/* A page of the range that ledgers are mapped in; they are numbered from 1 on. */
struct sheet {
    uint32_t next; /* in the list of its space, or of those that are not used */
};

char *ledger_base;
static struct sheet *sheets;
static uint32_t sheets_made; /* that have been in use */
static uint32_t sheets_free; /* list */

void ledgers_init(void)
{
    ledger_base = own_start(OWN_LEDGERS);
    sheets = own_start(OWN_SHEETS);
    sheets_made = sheets_free = 0;
}

/* A sheet that was never used; 0: no memory. */
static uint32_t sheet_new(void)
{
    uint32_t sheet = sheets_made + 1; /* number 0 stands for none */
    bool needs_page = sheet == 1 || sheet % SHEETS_PER_PAGE == 0;
    if (sheet == SHEETS_MAX ||
        (needs_page && !own_page((char *)sheets + sheet / SHEETS_PER_PAGE * PAGE_BYTES)))
        return 0;
    return sheets_made = sheet;
}

static uint32_t sheet_take(void)
{
    store_enter();
    uint32_t sheet = sheets_free;
    if (sheet != 0)
        sheets_free = sheets[sheet].next;
    else
        sheet = sheet_new();
    store_leave();
    return sheet;
}

static void sheet_give(uint32_t sheet)
{
    store_enter();
    sheets[sheet].next = sheets_free;
    sheets_free = sheet;
    store_leave();
}

/* Maps a page of the space's memory as that sheet. */
static enum error sheet_fill(struct space *space, uint32_t sheet)
{
    enum error error;
    uint32_t chunk = chunk_with_room(space, PAGE_BYTES, &error);
    cap_t slot = chunk != 0 ? slots_take(1) : 0;
    if (chunk == 0)
        return error;
    if (slot == 0) {
        chunk_unused(space, chunk);
        return ERR_NO_MEMORY;
    }
    error = carve(space, chunk, OBJ_FRAME, PAGE_BITS, slot, 1);
    if (error) {
        slot_release(slot);
        return error;
    }
    slot_own(space, slot);
    if (!own_map(slot, ledger_at((uint32_t)(sheet * CELLS_PER_SHEET)))) {
        frame_put(space, slot);
        return ERR_NO_MEMORY;
    }
    slot_park(slot);
    space->kernel += PAGE_BYTES;
    return ERR_OK;
}

static enum error sheet_add(struct space *space)
{
    struct ledger *ledger = &space->ledger;
    uint32_t sheet = sheet_take();
    if (sheet == 0)
        return ERR_NO_MEMORY;
    enum error error = sheet_fill(space, sheet);
    if (error) {
        sheet_give(sheet);
        return error;
    }
    sheets[sheet].next = ledger->sheets;
    ledger->sheets = sheet;
    for (uint32_t i = CELLS_PER_SHEET; i-- > 0;)
        ledger_put(space, (uint32_t)(sheet * CELLS_PER_SHEET) + i);
    return shelves_ready(space, 0); /* which needs some of these cells, but no further sheet */
}

bool ledger_ready(struct space *space, unsigned count, enum error *error)
{
    *error = ERR_OK;
    while (!*error && space->ledger.spare < count)
        *error = sheet_add(space);
    return !*error;
}

uint32_t ledger_take(struct space *space)
{
    uint32_t cell = space->ledger.free;
    space->ledger.free = *(uint32_t *)ledger_at(cell);
    space->ledger.spare--;
    return cell;
}

void ledger_put(struct space *space, uint32_t cell)
{
    *(uint32_t *)ledger_at(cell) = space->ledger.free;
    space->ledger.free = cell;
    space->ledger.spare++;
}

void ledger_end(struct space *space)
{
    uint32_t sheet = space->ledger.sheets;
    while (sheet != 0) {
        uint32_t next = sheets[sheet].next;
        sheet_give(sheet);
        sheet = next;
    }
    space->ledger = (struct ledger){0};
}
