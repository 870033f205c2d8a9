/* SPDX-License-Identifier: MIT */
/* The kernel as mm sees it, as a model: one CNode with a derivation tree, untyped memory, frames with
 * one word of content, and mappings. Every call that a correct mm never makes is counted in
 * `complaints`. Calls can be made to fail for want of slots or memory only, as with the real kernel.
 * Included by the test programs of mm. */
#pragma once

#include "support.h"
#include <mm.h>
#include <rt/internal.h>
#include <sys/mman.h>

#define MODEL_SLOTS   8192 /* mm's CNode; half of them are for the capabilities that clients hold */
#define CLIENT_SLOTS  4096 /* first of those */
#define MODEL_SHELVES 128  /* further CNodes of 64 slots that can be there at once; their slots follow */
#define MODEL_TOTAL   (MODEL_SLOTS + MODEL_SHELVES * 64)
#define MODEL_PAGES   8192 /* physical memory: 32 MiB */
#define MODEL_OBJECTS 65536
#define MODEL_MAPS    65536
#define RECEIVERS     2

struct model_slot {
    uint32_t type, bits, parent; /* parent: slot it was derived from, 0: none */
    uint64_t object;             /* number of the object */
    uint64_t start, used;        /* untyped, frame: physical address; untyped: bytes used */
    uint64_t badge;
    uint32_t shelf;          /* CNode: which of the model's, from 1 on */
    uint64_t space, address; /* frame, table: object number of the space it is mapped in, 0: none */
    uint32_t level, rights;  /* table: what it covers; frame: rights of the mapping */
    bool device;
};

static struct model_slot model[MODEL_TOTAL];
static uint64_t content[MODEL_PAGES]; /* one word for each physical page */
static uint64_t next_object, own_space_object;
static bool shelf_used[MODEL_SHELVES + 1];
static unsigned shelves_made, complaints;
static char first_complaint[128], *own_memory;
static struct start_info model_start = {.name = "mm", .cnode_slots = MODEL_SLOTS};
const struct start_info *rt_start = &model_start;
struct rt_caps rt_caps = {.cnode = START_CNODE};

__attribute__((format(printf, 1, 2))) static enum error complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (complaints++ == 0)
        vsnprintf(first_complaint, sizeof(first_complaint), format, arguments);
    va_end(arguments);
    return ERR_BAD_ARG;
}

/* --- What is mapped where: a hash table of slots by (space, page, level) --- */

static uint32_t maps[MODEL_MAPS]; /* slots; UINT32_MAX: was one */

static uint64_t map_hash(uint64_t space, uint64_t part, unsigned level)
{
    return ((space * 31 + part) * 4 + level) * 0x9e3779b97f4a7c15ull >> 48;
}

static bool map_is(uint32_t slot, uint64_t space, uint64_t part, unsigned level)
{
    const struct model_slot *s = &model[slot];
    unsigned shift = s->type == OBJ_FRAME ? PAGE_BITS : PAGE_BITS + 9 * s->level;
    unsigned own_level = s->type == OBJ_FRAME ? 0 : s->level;
    return s->space == space && own_level == level && s->address >> shift == part;
}

/* Level 0: the frame at page `part`; 1 and 2: the table that covers it. 0: none. */
static uint32_t map_find(uint64_t space, uint64_t part, unsigned level)
{
    for (uint64_t i = map_hash(space, part, level);; i++) {
        uint32_t slot = maps[i % MODEL_MAPS];
        if (slot == 0)
            return 0;
        if (slot != UINT32_MAX && map_is(slot, space, part, level))
            return slot;
    }
}

static void map_enter(uint32_t slot, uint64_t part, unsigned level)
{
    uint64_t i = map_hash(model[slot].space, part, level);
    while (maps[i % MODEL_MAPS] != 0 && maps[i % MODEL_MAPS] != UINT32_MAX)
        i++;
    maps[i % MODEL_MAPS] = slot;
}

static void map_rebuild(void)
{
    memset(maps, 0, sizeof(maps));
    for (uint32_t slot = 1; slot < MODEL_TOTAL; slot++)
        if (model[slot].space != 0) {
            unsigned level = model[slot].type == OBJ_FRAME ? 0 : model[slot].level;
            map_enter(slot, model[slot].address >> (PAGE_BITS + 9 * level), level);
        }
}

static void model_unmap(uint32_t slot)
{
    static unsigned removed;
    if (model[slot].space == own_space_object && model[slot].type == OBJ_FRAME)
        cr_assert_eq(mprotect((void *)model[slot].address, PAGE_BYTES, PROT_NONE), 0);
    for (uint64_t i = 0; model[slot].space != 0 && i < MODEL_MAPS; i++) {
        unsigned level = model[slot].type == OBJ_FRAME ? 0 : model[slot].level;
        uint64_t at = map_hash(model[slot].space, model[slot].address >> (PAGE_BITS + 9 * level), level) + i;
        if (maps[at % MODEL_MAPS] == slot) {
            maps[at % MODEL_MAPS] = UINT32_MAX;
            model[slot].space = 0;
        }
    }
    if (++removed % 8192 == 0)
        map_rebuild();
}

/* --- The tree --- */

static bool model_below(uint32_t slot, uint32_t ancestor)
{
    for (slot = model[slot].parent; slot != 0; slot = model[slot].parent)
        if (slot == ancestor)
            return true;
    return false;
}

static void model_empty(uint32_t slot)
{
    uint64_t object = model[slot].object;
    bool is_space = model[slot].type == OBJ_ADDRESS_SPACE;
    uint32_t shelf = model[slot].shelf;
    model_unmap(slot);
    model[slot] = (struct model_slot){0};
    bool last = true;
    for (uint32_t s = 1; s < MODEL_TOTAL; s++)
        last = last && model[s].object != object;
    for (uint32_t s = 1; is_space && last && s < MODEL_TOTAL; s++)
        if (model[s].space == object)
            model_unmap(s);
    for (uint32_t s = 0; shelf != 0 && last && s < 64; s++)
        if (model[MODEL_SLOTS + (shelf - 1) * 64 + s].type != OBJ_NULL)
            model_empty(MODEL_SLOTS + (shelf - 1) * 64 + s);
    shelf_used[shelf] &= shelf == 0 || !last;
}

static void model_delete(uint32_t slot)
{
    for (uint32_t s = 1; s < MODEL_TOTAL; s++)
        if (model[s].parent == slot)
            model[s].parent = model[slot].parent;
    if (model[slot].type != OBJ_NULL)
        model_empty(slot);
}

/* Number of a slot in the model, by the CNode's capability (0: mm's own) and index; 0: there is none. */
static uint32_t model_at(cap_t cnode, uint64_t slot)
{
    if (cnode == 0 || cnode == START_CNODE)
        return slot < MODEL_SLOTS ? (uint32_t)slot : 0;
    if (model[cnode].type != OBJ_CNODE || model[cnode].shelf == 0 || slot == 0 || slot >= 64)
        return 0;
    return MODEL_SLOTS + (model[cnode].shelf - 1) * 64 + (uint32_t)slot;
}

enum error cnode_delete(cap_t cnode, uint64_t slot)
{
    uint32_t at = model_at(cnode, slot);
    if (at == 0)
        return complain("delete slot %llu", (unsigned long long)slot);
    model_delete(at);
    return ERR_OK;
}

enum error cnode_move(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source)
{
    uint32_t to = model_at(cnode, slot), from = model_at(source_cnode, source);
    if (to == 0 || from == 0 || model[to].type != OBJ_NULL || model[from].type == OBJ_NULL)
        return complain("move from slot %u to %u", from, to);
    struct model_slot moved = model[from];
    model_unmap(from);
    model[to] = moved;
    model[from] = (struct model_slot){0};
    for (uint32_t s = 1; s < MODEL_TOTAL; s++)
        if (model[s].parent == from)
            model[s].parent = to;
    if (moved.space != 0) {
        unsigned level = moved.type == OBJ_FRAME ? 0 : moved.level;
        map_enter(to, moved.address >> (PAGE_BITS + 9 * level), level);
        if (moved.space == own_space_object && moved.type == OBJ_FRAME)
            cr_assert_eq(mprotect((void *)moved.address, PAGE_BYTES, PROT_READ | PROT_WRITE), 0);
    }
    return ERR_OK;
}

enum error cnode_revoke(cap_t cnode, uint64_t slot)
{
    static bool below[MODEL_TOTAL];
    if (cnode != START_CNODE || slot >= MODEL_SLOTS || model[slot].type == OBJ_NULL)
        return complain("revoke slot %llu", (unsigned long long)slot);
    for (uint32_t s = 1; s < MODEL_TOTAL; s++)
        below[s] = model[s].type != OBJ_NULL && model_below(s, (uint32_t)slot);
    for (uint32_t s = 1; s < MODEL_TOTAL; s++)
        if (below[s])
            model_empty(s);
    return ERR_OK;
}

static enum error model_copy(uint64_t slot, uint64_t source, uint64_t badge)
{
    if (slot == 0 || model[slot].type != OBJ_NULL)
        return complain("copy to slot %llu", (unsigned long long)slot);
    if (source == 0 || model[source].type == OBJ_NULL || model[source].type == OBJ_UNTYPED)
        return complain("copy of slot %llu", (unsigned long long)source);
    model[slot] = model[source];
    model[slot].parent = (uint32_t)source;
    model[slot].space = 0;
    if (badge != 0)
        model[slot].badge = badge;
    return ERR_OK;
}

enum error cnode_copy(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights)
{
    (void)rights;
    return model_copy(model_at(cnode, slot), model_at(source_cnode, source), 0);
}

enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge)
{
    (void)cnode, (void)source_cnode, (void)rights;
    if (source < MODEL_SLOTS && model[source].badge != 0)
        return complain("mint of a badged capability");
    return model_copy(slot, source, badge);
}

enum error cnode_compare(cap_t cnode, uint64_t slot, cap_t other, struct cap_info *info)
{
    (void)cnode;
    const struct model_slot *s = &model[slot];
    *info = (struct cap_info){s->type, RIGHTS_ALL, s->badge, s->bits, s->object == model[other].object};
    return ERR_OK;
}

/* --- Untyped memory --- */

static unsigned model_bits(enum object_type type, unsigned bits)
{
    switch (type) {
    case OBJ_THREAD: return THREAD_BITS;
    case OBJ_SCHED_CONTEXT: return SCHED_CONTEXT_BITS;
    case OBJ_ENDPOINT:
    case OBJ_NOTIFICATION:
    case OBJ_REPLY:
    case OBJ_TIMER: return 6;
    default: return bits;
    }
}

static bool model_has_child(uint32_t slot)
{
    for (uint32_t s = 1; s < MODEL_TOTAL; s++)
        if (model[s].parent == slot)
            return true;
    return false;
}

/* A shelf that is not there; 0: too many. */
static uint32_t shelf_number(void)
{
    for (uint32_t shelf = 1; shelf <= MODEL_SHELVES; shelf++)
        if (!shelf_used[shelf]) {
            shelves_made++;
            shelf_used[shelf] = true;
            return shelf;
        }
    return 0;
}

enum error untyped_retype(cap_t untyped, enum object_type type, unsigned size_bits, cap_t cnode,
                          uint64_t first_slot, uint64_t count, uint64_t offset)
{
    struct model_slot *parent = &model[untyped];
    unsigned bits = model_bits(type, size_bits);
    if (cnode != 0 || parent->type != OBJ_UNTYPED || count == 0 || count > 64)
        return complain("retype of slot %u", untyped);
    if (!model_has_child(untyped))
        parent->used = 0;
    if (offset != 0 && (offset < parent->used || offset & ((1ull << bits) - 1)))
        return complain("retype at %llx, used %llx", (unsigned long long)offset,
                        (unsigned long long)parent->used);
    uint64_t start = offset != 0 ? offset : align_up(parent->used, 1ull << bits);
    if (!range_inside(start, count << bits, 1ull << parent->bits))
        return complain("retype beyond the end");
    for (uint64_t i = 0; i < count; i++)
        if (first_slot + i >= CLIENT_SLOTS || model[first_slot + i].type != OBJ_NULL)
            return complain("retype into slot %llu", (unsigned long long)(first_slot + i));
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = parent->start + start + (i << bits);
        model[first_slot + i] = (struct model_slot){
            .type = type, .bits = bits, .parent = untyped, .object = ++next_object, .start = at};
        if (type == OBJ_CNODE && bits == PAGE_BITS)
            model[first_slot + i].shelf = shelf_number();
        if (type == OBJ_FRAME)
            content[at / PAGE_BYTES] = 0;
    }
    parent->used = start + (count << bits);
    return ERR_OK;
}

/* --- Mappings --- */

enum error frame_map(cap_t frame, cap_t space, uint64_t address, uint64_t rights)
{
    struct model_slot *f = &model[frame], *s = &model[space];
    bool both = rights & RIGHT_WRITE && rights & RIGHT_EXEC;
    if (f->type != OBJ_FRAME || s->type != OBJ_ADDRESS_SPACE || f->space != 0 ||
        address % (1ull << f->bits) != 0 || both || rights == 0 ||
        (rights & RIGHT_WRITE && !(rights & RIGHT_READ)))
        return complain("map of slot %u (type %u) at %llx", frame, f->type, (unsigned long long)address);
    if (map_find(s->object, address >> 30, 2) == 0 || map_find(s->object, address >> 21, 1) == 0)
        return ERR_NO_TABLE;
    if (map_find(s->object, address >> PAGE_BITS, 0) != 0)
        return complain("%llx is mapped already", (unsigned long long)address);
    f->space = s->object;
    f->address = address;
    f->rights = (uint32_t)rights;
    map_enter(frame, address >> PAGE_BITS, 0);
    if (s->object == own_space_object)
        cr_assert_eq(mprotect((void *)address, PAGE_BYTES, PROT_READ | PROT_WRITE), 0);
    return ERR_OK;
}

enum error frame_unmap(cap_t frame)
{
    if (model[frame].type != OBJ_FRAME)
        return complain("unmap of slot %u", frame);
    model_unmap(frame);
    return ERR_OK;
}

static enum error table_map(uint32_t table, uint32_t space, uint64_t address)
{
    struct model_slot *t = &model[table], *s = &model[space];
    if (t->type != OBJ_PAGE_TABLE || t->space != 0 || s->type != OBJ_ADDRESS_SPACE)
        return complain("map of table in slot %u", table);
    unsigned level = map_find(s->object, address >> 30, 2) == 0 ? 2 : 1;
    if (level == 1 && map_find(s->object, address >> 21, 1) != 0)
        return complain("table at %llx exists", (unsigned long long)address);
    t->space = s->object;
    t->level = level;
    t->address = address;
    map_enter(table, address >> (PAGE_BITS + 9 * level), level);
    return ERR_OK;
}

enum error kernel_call(cap_t cap, uint32_t op, const uint64_t *argument, unsigned count, uint64_t *result,
                       unsigned result_count)
{
    uint64_t answer[4] = {0};
    (void)count;
    switch (op) {
    case OP_PAGE_TABLE_MAP: return table_map(cap, (uint32_t)argument[0], argument[1]);
    case OP_FRAME_CLEAR: content[model[cap].start / PAGE_BYTES] = 0; break;
    case OP_FRAME_INFO:
        answer[0] = model[cap].bits;
        answer[1] = model[cap].device;
        answer[3] = model[cap].start;
        break;
    case OP_UNTYPED_INFO:
        answer[0] = model[cap].bits;
        answer[1] = model_has_child(cap) ? model[cap].used : 0;
        break;
    default: return complain("operation %u", op);
    }
    for (unsigned i = 0; result != NULL && i < result_count; i++)
        result[i] = answer[i];
    return ERR_OK;
}

uint32_t sys_invoke(cap_t cap, uint64_t tag, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                    uint64_t word4, uint64_t word5)
{
    const uint64_t words[] = {word0, word1, word2, word3, word4, word5};
    return kernel_call(cap, tag_label(tag), words, tag_length(tag), NULL, 0);
}

static unsigned crash_signals;
enum error notification_signal(cap_t notification)
{
    (void)notification;
    crash_signals++;
    return ERR_OK;
}

uint64_t notification_wait(cap_t notification)
{
    (void)notification;
    return complain("one receiver alone waits for a lock"), 0;
}

static struct msg_page model_page;
struct msg_page *rt_msg_page(void)
{
    return &model_page;
}
