/* SPDX-License-Identifier: MIT */
/* Spaces: who they are, and the chunks that their memory and kernel objects come from. */
#include "mm.h"

#include <string.h>

#define GROWTH_SHIFT   4 /* a new chunk is about a sixteenth of what the space holds */
#define CHUNK_MAX_BITS 20      /* destroying one is a step */
#define CHUNKS_AT_ONCE 0x40000 /* bytes; so are as many as have more than that together */

static struct space *spaces;
static unsigned spaces_made; /* entries that there is memory for */
static unsigned in_use;

void spaces_init(void)
{
    spaces = own_start(OWN_SPACES);
    spaces_made = in_use = 0;
}

struct space *space_at(unsigned index)
{
    return index < spaces_made ? &spaces[index] : NULL;
}

struct space *space_find(uint64_t number)
{
    if (number == 0)
        number = SPACE_INIT;
    struct space *space = space_at(number % MAX_SPACES);
    return space != NULL && space->used && !space->ending && space->number == number ? space : NULL;
}

struct space *space_to_end(uint64_t number)
{
    struct space *space = space_at(number % MAX_SPACES);
    return number > SPACE_INIT && space != NULL && space->used && space->number == number ? space : NULL;
}

unsigned spaces_count(void)
{
    return in_use;
}

uint64_t spaces_kernel_bytes(void)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < spaces_made; i++)
        if (spaces[i].used)
            bytes += spaces[i].kernel;
    return bytes;
}

/* Makes sure that there is memory for the entry. */
static bool entry_ready(unsigned index)
{
    while (spaces_made <= index) {
        uint64_t mapped = align_up(spaces_made * sizeof(*spaces), PAGE_BYTES);
        if ((spaces_made + 1) * sizeof(*spaces) > mapped && !own_page((char *)spaces + mapped))
            return false;
        spaces_made++;
    }
    return true;
}

static void entry_start(unsigned index, const char *name, uint64_t quota, unsigned home)
{
    struct space *space = &spaces[index];
    *space = (struct space){
        .number = space->generation * (uint64_t)MAX_SPACES + index,
        .index = index,
        .used = true,
        .home = (uint8_t)home,
        .quota = quota,
        .pages.height = pagemap_height(USER_END / PAGE_BYTES),
        .generation = space->generation,
    };
    strncpy(space->name, name, sizeof(space->name) - 1);
    in_use++;
}

struct space *space_new(const char *name, uint64_t quota, unsigned home)
{
    unsigned index = SPACE_FIRST;
    while (index < MAX_SPACES && index < spaces_made && spaces[index].used)
        index++;
    if (index == MAX_SPACES || !entry_ready(index))
        return NULL;
    entry_start(index, name, quota, home);
    return &spaces[index];
}

bool space_adopt(const char *name, cap_t address_space)
{
    if (!entry_ready(SPACE_INIT))
        return false;
    entry_start(SPACE_INIT, name, UINT64_MAX, 0);
    spaces[SPACE_INIT].address_space = address_space;
    spaces[SPACE_INIT].eager = true;
    return true;
}

enum error space_make_address_space(struct space *space)
{
    enum error error = carve_object(space, OBJ_ADDRESS_SPACE, PAGE_BITS, &space->address_space);
    if (!error)
        slot_own(space, space->address_space);
    return error;
}

/* --- Chunks --- */

static unsigned bits_for(uint64_t bytes)
{
    return bytes <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(bytes - 1);
}

static bool within_quota(const struct space *space, uint64_t bytes)
{
    return range_inside(space->held, bytes, space->quota);
}

/* Size of the next chunk when `needed` is the least: small ones for small spaces, so that little lies idle;
 * larger ones for large spaces, so that few are needed. */
static unsigned growth_bits(const struct space *space, unsigned needed)
{
    uint64_t step = space->held >> GROWTH_SHIFT;
    unsigned bits = step > 0 ? 63 - (unsigned)__builtin_clzll(step) : 0;
    if (bits > CHUNK_MAX_BITS)
        bits = CHUNK_MAX_BITS;
    bits = bits < needed ? needed : bits;
    return within_quota(space, 1ull << bits) ? bits : needed;
}

static void chunk_link(struct space *space, uint32_t *list, uint32_t chunk)
{
    block_link(list, chunk);
    space->held += 1ull << block_at(chunk)->bits;
    if (space->held > space->peak)
        space->peak = space->held;
}

static uint32_t chunk_add(struct space *space, uint64_t bytes, enum error *error)
{
    unsigned needed = bits_for(bytes) > CHUNK_BITS ? bits_for(bytes) : CHUNK_BITS;
    unsigned bits = growth_bits(space, needed);
    *error = ERR_QUOTA;
    if (!within_quota(space, 1ull << bits))
        return 0;
    uint32_t chunk = block_take(bits, error);
    if (chunk == 0 && bits > needed)
        chunk = block_take(needed, error);
    if (chunk != 0)
        chunk_link(space, &space->open, chunk);
    return chunk;
}

static uint64_t room(const struct block *block)
{
    return (1ull << block->bits) - block->carved;
}

uint32_t chunk_with_room(struct space *space, uint64_t bytes, enum error *error)
{
    for (uint32_t chunk = space->open; chunk != 0; chunk = block_at(chunk)->next)
        if (room(block_at(chunk)) >= bytes) {
            *error = ERR_OK;
            return chunk;
        }
    return chunk_add(space, bytes, error);
}

#define MAX_PARTS UNTYPED_MAX_BITS

/* Gives back the end of a new block that is larger than `bytes`: halves it as often as it takes.
 * Returns how many chunks remain. When there are no slots for halves, more remains than is needed. */
static unsigned trim(uint32_t block, uint64_t bytes, uint32_t chunk[MAX_PARTS])
{
    unsigned count = 0;
    for (;;) {
        unsigned bits = block_at(block)->bits;
        uint32_t half = bytes < 1ull << bits && bits > CHUNK_BITS ? block_halve(block) : 0;
        if (half == 0) {
            chunk[count++] = block;
            return count;
        }
        if (bytes <= 1ull << (bits - 1)) {
            block_give(half + 1);
            block = half;
        } else {
            chunk[count++] = half;
            bytes -= 1ull << (bits - 1);
            block = half + 1;
        }
    }
}

enum error chunks_contiguous(struct space *space, uint64_t bytes, uint32_t *list)
{
    enum error error;
    uint32_t chunk[MAX_PARTS];
    bytes = align_up(bytes, 1ull << CHUNK_BITS);
    if (!within_quota(space, bytes))
        return ERR_QUOTA;
    uint32_t block = block_take(bits_for(bytes), &error);
    if (block == 0)
        return error;
    /* From the last to the first, because the newest in a list is at its head. */
    for (unsigned i = trim(block, bytes, chunk); i-- > 0;)
        chunk_link(space, list, chunk[i]);
    if (space->held <= space->quota)
        return ERR_OK;
    chunks_give(space, list);
    return ERR_QUOTA;
}

void chunks_give(struct space *space, uint32_t *list)
{
    while (*list != 0) {
        uint32_t chunk = *list;
        space->held -= 1ull << block_at(chunk)->bits;
        block_unlink(list, chunk);
        block_give(chunk);
    }
}

void chunk_unused(struct space *space, uint32_t chunk)
{
    if (block_at(chunk)->carved != 0 || block_at(chunk)->state != BLOCK_USED)
        return;
    space->held -= 1ull << block_at(chunk)->bits;
    block_unlink(&space->open, chunk);
    block_give(chunk);
}

enum error carve(struct space *space, uint32_t chunk, enum object_type type, unsigned bits, cap_t first,
                 unsigned count)
{
    enum error error = block_carve(chunk, type, bits, first, count);
    if (error) {
        chunk_unused(space, chunk);
        return error;
    }
    if (type != OBJ_FRAME)
        space->kernel += (uint64_t)count << bits;
    if (room(block_at(chunk)) == 0) {
        block_unlink(&space->open, chunk);
        block_link(&space->full, chunk);
    }
    return ERR_OK;
}

/* --- Kernel objects --- */

enum error carve_large(struct space *space, enum object_type type, unsigned bits, cap_t slot)
{
    enum error error;
    /* Room is enough whatever the alignment: chunks are multiples of what fits them. */
    uint32_t chunk = chunk_with_room(space, 1ull << bits, &error);
    return chunk != 0 ? carve(space, chunk, type, bits, slot, 1) : error;
}

/* Makes a page of small objects current all of whose objects are gone, if there is one. */
static bool small_reuse(struct space *space)
{
    for (unsigned i = 0; i < SMALL_PAGES && space->small[i] != 0; i++) {
        uint64_t info[2];
        if (!kernel_call(space->small[i], OP_UNTYPED_INFO, NULL, 0, info, 2) && info[1] == 0) {
            space->small_current = i;
            space->small_used = 0;
            return true;
        }
    }
    return false;
}

/* Makes a page with room for small objects the current one. */
static enum error small_ready(struct space *space, unsigned bits)
{
    enum error error;
    uint64_t start = align_up(space->small_used, 1ull << bits);
    if (space->small[space->small_current] != 0 && range_inside(start, 1ull << bits, PAGE_BYTES))
        return ERR_OK;
    if (small_reuse(space))
        return ERR_OK;
    cap_t slot = slots_for(space, 1, &error);
    if (slot == 0)
        return error;
    error = carve_large(space, OBJ_UNTYPED, PAGE_BITS, slot);
    if (error) {
        slot_release(slot);
        return error;
    }
    slot_own(space, slot);
    space->small_current = (space->small_current + 1) % SMALL_PAGES;
    if (space->small[space->small_current] != 0)
        slot_park(space->small[space->small_current]);
    space->small[space->small_current] = slot;
    space->small_used = 0;
    return ERR_OK;
}

static enum error carve_small(struct space *space, enum object_type type, unsigned bits, cap_t slot)
{
    enum error error = small_ready(space, bits);
    if (error)
        return error;
    uint64_t start = align_up(space->small_used, 1ull << bits);
    error = untyped_retype(space->small[space->small_current], type, bits, 0, slot, 1, start);
    if (!error)
        space->small_used = (uint32_t)(start + (1u << bits));
    return error;
}

enum error carve_object(struct space *space, enum object_type type, unsigned bits, cap_t *cap)
{
    enum error error;
    cap_t slot = slots_for(space, 1, &error);
    if (slot == 0)
        return error;
    error =
        bits < PAGE_BITS ? carve_small(space, type, bits, slot) : carve_large(space, type, bits, slot);
    if (error) {
        slot_release(slot);
        return error;
    }
    *cap = slot;
    return ERR_OK;
}

/* --- Frames --- */

/* Makes a few frames at once, which costs little more than making one; returns one and keeps the others. */
static cap_t frame_batch(struct space *space, enum error *error)
{
    /* Before room is looked for: shelves are made of the same chunks. */
    if (shelves_ready(space, BATCH))
        *error = shelves_ready(space, 1);
    uint32_t chunk = !*error ? chunk_with_room(space, PAGE_BYTES, error) : 0;
    if (chunk == 0)
        return 0;
    unsigned count = room(block_at(chunk)) >= BATCH * PAGE_BYTES ? BATCH : 1;
    cap_t first = slots_for(space, count, error);
    if (first == 0 && count > 1) {
        count = 1;
        first = slots_for(space, 1, error);
    }
    if (first == 0) {
        chunk_unused(space, chunk);
        return 0;
    }
    *error = carve(space, chunk, OBJ_FRAME, PAGE_BITS, first, count);
    for (unsigned i = 0; i < count; i++)
        if (*error)
            slot_release(first + i);
        else
            slot_own(space, first + i);
    if (*error)
        return 0;
    /* Handed out in order of their addresses. */
    for (unsigned i = count - 1; i > 0; i--)
        space->fresh[space->fresh_count++] = first + i;
    return first;
}

cap_t frame_get(struct space *space, enum error *error)
{
    *error = ERR_OK;
    if (space->fresh_count > 0)
        return space->fresh[--space->fresh_count];
    if (space->dirty == 0 && space->dirty_shelved == 0)
        return frame_batch(space, error);
    cap_t frame = dirty_take(space);
    *error = frame != 0 ? sys_invoke(frame, tag_make(OP_FRAME_CLEAR, 0, 0), 0, 0, 0, 0, 0, 0) : ERR_NO_MEMORY;
    if (!*error)
        return frame;
    if (frame != 0)
        dirty_put(space, frame);
    return 0;
}

void frame_put(struct space *space, uint32_t place)
{
    dirty_put(space, place);
}

void frame_drop(struct space *space, uint32_t place)
{
    cap_t frame = place_fetch(place);
    if (frame == 0) {
        place_free(place); /* no slot to unmap it from: its memory comes back when the space ends */
        return;
    }
    frame_unmap(frame);
    dirty_put(space, frame);
}

static enum error add_table(struct space *space, uint64_t address)
{
    cap_t table;
    enum error error = carve_object(space, OBJ_PAGE_TABLE, PAGE_BITS, &table);
    if (error)
        return error;
    const uint64_t where[2] = {space->address_space, address};
    error = kernel_call(table, OP_PAGE_TABLE_MAP, where, 2, NULL, 0);
    slot_own(space, table);
    slot_park(table);
    return error;
}

enum error space_map_frame(struct space *space, cap_t frame, uint64_t address, uint64_t prot)
{
    for (;;) {
        enum error error = frame_map(frame, space->address_space, address, prot);
        if (error != ERR_NO_TABLE)
            return error;
        error = add_table(space, address);
        if (error)
            return error;
    }
}

/* --- The end --- */

/* Takes the copies of others' segments out of the space, which are not destroyed with its memory.
 * Returns whether all are out. */
static bool views_leave(struct space *space, unsigned *steps)
{
    for (uint32_t cell; (cell = tree_after(space->regions, space->ended)) != 0; --*steps) {
        struct region *region = region_at(cell);
        if (*steps == 0 ||
            (region->view != 0 && drop_pages(space, region, region->start, region->end, steps) < region->end))
            return false;
        space->ended = region->end;
        if (region->view != 0)
            view_leave(space, cell);
        if (*steps == 0)
            return false;
    }
    return true;
}

/* Destroys chunks of the space, a few small ones or one; returns whether none is left. */
static bool chunks_leave(struct space *space)
{
    for (uint64_t bytes = 0; bytes < CHUNKS_AT_ONCE;) {
        uint32_t *list = space->open != 0 ? &space->open : &space->full;
        uint32_t chunk = *list;
        if (chunk == 0)
            return true;
        bytes += 1ull << block_at(chunk)->bits;
        space->held -= 1ull << block_at(chunk)->bits;
        block_unlink(list, chunk);
        block_give(chunk);
    }
    return false;
}

bool space_destroy(struct space *space)
{
    unsigned steps = STEP_PAGES;
    space->ending = true;
    space->crash.order = 0;
    if (!views_leave(space, &steps) || !segments_lose(space, &steps))
        return false;
    /* From here on cells are gone, and nobody may look at them. */
    space->regions = space->shelf = 0;
    if (!chunks_leave(space) || !slots_end(space))
        return false;
    ledger_end(space);
    space->used = false;
    space->generation++;
    in_use--;
    return true;
}
