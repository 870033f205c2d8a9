/* SPDX-License-Identifier: MIT */
/* Memory of the own process, asked of mm. */
#include "internal.h"

#include <proto/mm.h>

void *rt_map(size_t length, uint64_t prot)
{
    struct mm_map_request q = {.length = align_up(length, PAGE_BYTES), .prot = prot};
    struct mm_map_reply r;
    return !mm_map(rt_caps.mm, &q, &r) ? (void *)r.address : NULL;
}

typedef enum error range_call(cap_t mm, const struct mm_range_request *q, struct mm_range_reply *r);

/* Has mm do something with a range, in as many steps as it takes. */
static enum error in_steps(range_call *call, void *address, size_t length)
{
    struct mm_range_request q = {.address = (uint64_t)address, .length = length};
    struct mm_range_reply r = {0};
    enum error error = ERR_OK;
    for (; !error && q.length > 0; q.length -= r.length) {
        q.address += r.length;
        error = call(rt_caps.mm, &q, &r);
    }
    return error;
}

void rt_unmap(void *address, size_t length)
{
    in_steps(mm_unmap, address, align_up(length, PAGE_BYTES));
}

enum error rt_populate(void *address, size_t length)
{
    return in_steps(mm_populate, address, length);
}

enum error rt_discard(void *address, size_t length)
{
    return in_steps(mm_discard, address, length);
}

static enum error map_part(struct segment *segment, cap_t cap, uint64_t address, size_t length, uint64_t prot)
{
    length = align_up(length, PAGE_BYTES);
    struct mm_segment_map_request q = {.address = address, .length = length, .prot = prot};
    struct mm_map_reply r;
    enum error error = mm_segment_map(rt_caps.mm, &q, &r, cap);
    if (!error)
        *segment = (struct segment){.cap = cap, .address = (void *)r.address, .length = length};
    return error;
}

enum error segment_map_at(struct segment *segment, cap_t cap, uint64_t address, size_t length, uint64_t prot)
{
    enum error error = map_part(segment, cap, address, length, prot);
    if (error)
        return error;
    error = rt_populate(segment->address, segment->length);
    if (error)
        rt_unmap(segment->address, segment->length);
    return error;
}

enum error segment_map(struct segment *segment, cap_t cap, size_t length, uint64_t prot)
{
    return segment_map_at(segment, cap, 0, length, prot);
}

/* Tells mm that a segment made here is needed no longer. */
static void release_memory(cap_t cap)
{
    mm_segment_drop(rt_caps.mm, NULL, NULL, cap);
}

enum error segment_make(struct segment *segment, size_t length)
{
    return segment_make_flags(segment, length, 0);
}

enum error segment_make_flags(struct segment *segment, size_t length, uint64_t flags)
{
    struct mm_segment_create_request q = {.length = align_up(length, PAGE_BYTES), .flags = flags};
    struct mm_segment_create_reply r;
    cap_t cap;
    enum error error = mm_segment_create(rt_caps.mm, &q, &r, &cap);
    if (error)
        return error;
    error = map_part(segment, cap, 0, r.length, MM_READ | MM_WRITE);
    if (error) {
        release_memory(cap);
        slot_free(cap);
        return error;
    }
    segment->physical = r.physical;
    segment->made = true;
    return ERR_OK;
}

void segment_drop(struct segment *segment)
{
    if (segment->made)
        release_memory(segment->cap);
    if (segment->address != NULL)
        rt_unmap(segment->address, segment->length);
    slot_free(segment->cap);
    *segment = (struct segment){0};
}

enum error object_make(enum object_type type, unsigned size_bits, cap_t *cap)
{
    struct mm_object_request q = {.type = type, .size_bits = size_bits};
    return mm_object(rt_caps.mm, &q, NULL, cap);
}
