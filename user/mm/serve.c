/* SPDX-License-Identifier: MIT */
/* The operations of mm's protocol. */
#include "mm.h"

static cap_t endpoints[MAX_RECEIVERS]; /* the capabilities of segments lead to the first */

MM_OPS(PROTO_WRAP)

/* The table for the server loop: each under the own lock. */
#define LOCKED(protocol, n, name, ...)                                                                       \
    static enum error locked_##name(struct call *call, const void *q, void *r)                               \
    {                                                                                                        \
        lock_enter();                                                                                        \
        enum error error = wrap_mm_##name(call, q, r);                                                       \
        lock_leave();                                                                                        \
        return error;                                                                                        \
    }
#define LOCKED_ENTRY(protocol, n, name, ...) PROTO_ENTRY_OF(locked_##name, protocol, n, name, __VA_ARGS__)
MM_OPS(LOCKED)
PROTO_SERVER_BY(LOCKED_ENTRY, mm, MM_OPS)

/* The space that a request is about: 0 is the session's own, another one is for managers. Takes all locks
 * unless it is at home here. */
static enum error target(const struct call *call, uint64_t number, struct space **space)
{
    if (number != 0 && number != call->client && !(call->rights & PROTO_MANAGE))
        return ERR_DENIED;
    number = number != 0 ? number : call->client;
    *space = space_find(number);
    if (*space != NULL && (*space)->home == lock_self() && !(*space)->eager && !slots_scarce())
        return ERR_OK;
    lock_all();
    slots_prepare();
    *space = space_find(number);
    return *space != NULL ? ERR_OK : ERR_NOT_FOUND;
}

static enum error target_all(const struct call *call, uint64_t number, struct space **space)
{
    lock_all();
    return target(call, number, space);
}

/* A capability to one of mm's receivers with a badge in a new slot; 0 when there is no slot. */
static cap_t mint(unsigned receiver, enum badge_kind kind, uint64_t number, uint64_t rights)
{
    cap_t slot = slots_take(1);
    if (slot == 0)
        return 0;
    if (!cnode_mint(START_CNODE, slot, 0, endpoints[receiver], RIGHT_SEND | RIGHT_GRANT,
                   badge_make(kind, number) | rights))
        return slot;
    slot_release(slot);
    return 0;
}

/* The segment that the capability of the request stands for. */
static enum error received_segment(const struct call *call, uint32_t *index)
{
    struct cap_info info;
    enum error error = cnode_compare(START_CNODE, call->cap[0], endpoints[0], &info);
    if (error)
        return error;
    if (!info.same || badge_kind(info.badge) != BADGE_SEGMENT)
        return ERR_WRONG_TYPE;
    *index = segment_find(badge_number(info.badge));
    return *index != 0 ? ERR_OK : ERR_NOT_FOUND;
}

/* --- Mapping --- */

static enum error serve_mm_map(struct call *call, const struct mm_map_request *q, struct mm_map_reply *r)
{
    struct space *space;
    enum error error = target(call, q->space, &space);
    if (error)
        return error;
    r->address = q->address;
    return map_anonymous(space, &r->address, q->length, q->prot);
}

typedef enum error range_operation(struct space *space, uint64_t address, uint64_t *length);

/* Under the own lock if that suffices. */
static enum error on_range(struct call *call, const struct mm_range_request *q, struct mm_range_reply *r,
                           range_operation *operation)
{
    struct space *space;
    enum error error = target(call, q->space, &space);
    r->length = q->length;
    if (!error)
        error = operation(space, q->address, &r->length);
    if (error != ERR_WOULD_BLOCK)
        return error;
    error = target_all(call, q->space, &space);
    return error ? error : operation(space, q->address, &r->length);
}

static enum error serve_mm_unmap(struct call *call, const struct mm_range_request *q,
                                 struct mm_range_reply *r)
{
    return on_range(call, q, r, unmap);
}

static enum error serve_mm_populate(struct call *call, const struct mm_range_request *q,
                                    struct mm_range_reply *r)
{
    return on_range(call, q, r, populate);
}

static enum error serve_mm_discard(struct call *call, const struct mm_range_request *q,
                                   struct mm_range_reply *r)
{
    return on_range(call, q, r, discard);
}

static enum error serve_mm_segment_map(struct call *call, const struct mm_segment_map_request *q,
                                       struct mm_map_reply *r)
{
    struct space *space;
    uint32_t segment;
    enum error error = target_all(call, q->space, &space);
    if (!error)
        error = received_segment(call, &segment);
    if (error)
        return error;
    r->address = q->address;
    return map_segment(space, segment, &r->address, q->offset, q->length, q->prot);
}

/* --- Segments --- */

static enum error answer_segment(struct call *call, uint32_t index)
{
    cap_t cap = mint(0, BADGE_SEGMENT, segment_number(index), 0);
    if (cap == 0) {
        segment_drop_owner(index);
        return ERR_NO_MEMORY;
    }
    call_give(call, cap);
    return ERR_OK;
}

static enum error serve_mm_segment_create(struct call *call, const struct mm_segment_create_request *q,
                                          struct mm_segment_create_reply *r)
{
    struct space *space;
    enum error error = target_all(call, q->space, &space);
    if (error)
        return error;
    bool contiguous = q->flags & MM_SEGMENT_CONTIGUOUS;
    if (contiguous && !(call->rights & MM_DMA))
        return ERR_DENIED;
    if (q->length == 0 || q->length > SEGMENT_MAX_BYTES || q->flags & ~(uint64_t)MM_SEGMENT_CONTIGUOUS)
        return ERR_BAD_ARG;
    r->length = align_up(q->length, PAGE_BYTES);
    uint32_t index = segment_new(space, r->length, contiguous, &r->physical, &error);
    return index != 0 ? answer_segment(call, index) : error;
}

static enum error serve_mm_segment_device(struct call *call, const struct mm_segment_device_request *q,
                                          struct proto_empty *r)
{
    struct space *space;
    (void)r;
    enum error error = target_all(call, 0, &space);
    if (error)
        return error;
    uint32_t index = segment_new_device(space, q->length, call->cap, call->cap_count, &error);
    if (index == 0)
        return error;
    for (unsigned i = 0; i < call->cap_count; i++)
        call_keep(call, i);
    return answer_segment(call, index);
}

static enum error serve_mm_segment_drop(struct call *call, const struct proto_empty *q, struct proto_empty *r)
{
    uint32_t index;
    (void)q, (void)r;
    lock_all();
    enum error error = received_segment(call, &index);
    if (error)
        return error;
    struct space *owner = segment_owner(segment_at(index));
    if (owner != space_find(call->client) && !(call->rights & PROTO_MANAGE))
        return ERR_DENIED;
    if (segment_at(index)->dropped)
        return ERR_NOT_FOUND;
    segment_drop_owner(index);
    return ERR_OK;
}

/* --- Objects --- */

/* Size of an object that clients may ask for; 0: of no such type. */
static unsigned object_bits(uint64_t type, uint64_t size_bits)
{
    switch (type) {
    case OBJ_CNODE:
        return size_bits >= CNODE_MIN_BITS && size_bits <= CNODE_MAX_BITS ? (unsigned)size_bits : 0;
    case OBJ_THREAD: return THREAD_BITS;
    case OBJ_SCHED_CONTEXT: return SCHED_CONTEXT_BITS;
    case OBJ_ENDPOINT: return ENDPOINT_BITS;
    case OBJ_NOTIFICATION: return NOTIFICATION_BITS;
    case OBJ_REPLY: return REPLY_BITS;
    case OBJ_TIMER: return TIMER_BITS;
    default: return 0;
    }
}

static enum error serve_mm_object(struct call *call, const struct mm_object_request *q, struct proto_empty *r)
{
    struct space *space;
    cap_t cap;
    (void)r;
    enum error error = target(call, q->space, &space);
    if (error)
        return error;
    unsigned bits = object_bits(q->type, q->size_bits);
    if (bits == 0)
        return ERR_BAD_ARG;
    error = carve_object(space, q->type, bits, &cap);
    if (!error)
        call_give(call, cap);
    return error;
}

static enum error serve_mm_frame(struct call *call, const struct mm_frame_request *q, struct proto_empty *r)
{
    struct space *space;
    (void)r;
    enum error error = target_all(call, q->space, &space);
    if (!error)
        error = touch(space, q->address, MM_WRITE);
    if (error)
        return error;
    cap_t copy = slots_take(1);
    if (copy == 0)
        return ERR_NO_MEMORY;
    error = place_copy(copy, pagemap_get(&space->pages, q->address / PAGE_BYTES),
                       RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC);
    if (!error)
        call_give(call, copy);
    else
        slot_release(copy);
    return error;
}

/* --- Spaces --- */

/* Makes the capabilities of a new space: session, address space, fault endpoint. mm keeps the second. */
static enum error answer_space(struct call *call, const struct space *space, uint64_t rights)
{
    cap_t session = mint(space->home, BADGE_SESSION, space->number, rights);
    cap_t fault = mint(space->home, BADGE_FAULT, space->number, 0);
    if (session == 0 || fault == 0) {
        slot_free(session);
        slot_free(fault);
        return ERR_NO_MEMORY;
    }
    call_give(call, session);
    call_lend(call, space->address_space);
    call_give(call, fault);
    return ERR_OK;
}

static enum error serve_mm_space_create(struct call *call, const struct mm_space_create_request *q,
                                        struct mm_space_create_reply *r)
{
    char name[sizeof(q->name) + 1];
    if (q->rights > UINT16_MAX || q->hart >= locks_receivers())
        return ERR_BAD_ARG;
    for (unsigned i = 0; i < sizeof(q->name); i++)
        name[i] = q->name[i];
    name[sizeof(q->name)] = 0;
    lock_all();
    struct space *space = space_new(name, q->quota, (unsigned)q->hart);
    if (space == NULL)
        return ERR_NO_MEMORY;
    enum error error = space_make_address_space(space);
    if (!error)
        error = answer_space(call, space, q->rights);
    if (!error)
        r->space = space->number;
    while (error && !space_destroy(space))
        ;
    return error;
}

static enum error serve_mm_space_destroy(struct call *call, const struct mm_space_request *q,
                                         struct proto_empty *r)
{
    (void)call, (void)r;
    lock_all();
    struct space *space = space_to_end(q->space);
    if (space == NULL)
        return ERR_NOT_FOUND;
    return space_destroy(space) ? ERR_OK : ERR_BUSY;
}

static enum error serve_mm_space_stats(struct call *call, const struct mm_space_request *q,
                                       struct mm_space_stats_reply *r)
{
    struct space *space;
    enum error error = target_all(call, q->space, &space);
    if (!error)
        *r = (struct mm_space_stats_reply){space->held, space->quota, space->peak, space->faults};
    return error;
}

static enum error serve_mm_crash(struct call *call, const struct proto_empty *q, struct mm_crash_reply *r)
{
    (void)call, (void)q;
    lock_all();
    struct space *space = crash_next();
    if (space == NULL)
        return ERR_NOT_FOUND;
    struct crash *crash = &space->crash;
    *r = (struct mm_crash_reply){.space = space->number, .fault = crash->fault, .error = crash->error};
    for (unsigned i = 0; i < sizeof(r->word) / sizeof(r->word[0]); i++)
        r->word[i] = crash->word[i];
    crash->order = 0;
    return ERR_OK;
}

static enum error serve_mm_stats(struct call *call, const struct proto_empty *q, struct mm_stats_reply *r)
{
    struct space *own;
    (void)q;
    enum error error = target_all(call, 0, &own);
    if (error)
        return error;
    *r = (struct mm_stats_reply){
        .total = blocks_total(),
        .free = blocks_free(),
        .kernel = spaces_kernel_bytes(),
        .spaces = spaces_count(),
        .faults = faults_handled(),
        .used = own->held,
        .quota = own->quota,
        .peak = own->peak,
    };
    return ERR_OK;
}

void mm_serve_init(const cap_t endpoint[])
{
    for (unsigned i = 0; i < locks_receivers(); i++)
        endpoints[i] = endpoint[i];
}

const struct protocol *mm_serves(void)
{
    return &mm_protocol;
}
