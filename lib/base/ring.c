/* SPDX-License-Identifier: MIT */
/*
 * The shared rings. Each of the two queues is an array and one free-running index that only its producer
 * writes; how far the consumer got it keeps to itself, because a request is over only when its completion is
 * there. A request thus holds its place in both queues from submission to completion, and neither can
 * overflow.
 *
 * Publishing and going to sleep are the two sides of one handshake: "store index, load flag" against "store
 * flag, load index". All four are sequentially consistent, so at least one side sees what the other wrote,
 * and no wake-up is lost.
 *
 * Entries are read and written field by field and atomically: the other side may write to them at any moment,
 * and what was copied once must not be looked at again.
 */
#include <base/ring.h>
#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct ring_request) == 32, "shared layout");
_Static_assert(sizeof(struct ring_completion) == 16, "shared layout");
_Static_assert(sizeof(struct ring) == 192 && offsetof(struct ring, request) == 192, "shared layout");

uint64_t ring_bytes(uint32_t entries)
{
    return sizeof(struct ring) + entries * (sizeof(struct ring_request) + sizeof(struct ring_completion));
}

static void open_side(struct ring_side *side, void *memory, uint32_t entries)
{
    struct ring *shared = memory;

    *side = (struct ring_side){
        .shared = shared,
        .request = shared->request,
        .completion = (struct ring_completion *)(shared->request + entries),
        .entries = entries,
    };
}

void ring_server_init(struct ring_side *side, void *memory, uint32_t entries)
{
    memset(memory, 0, ring_bytes(entries));
    open_side(side, memory, entries);
    side->shared->entries = entries;
}

void ring_client_init(struct ring_side *side, void *memory, uint32_t entries)
{
    open_side(side, memory, entries);
}

/* Shows the other side everything made so far; true when it sleeps and must be signalled. */
static bool publish(struct ring_side *side, uint32_t *head, const uint32_t *other_sleeps)
{
    if (side->published == side->made)
        return false;
    __atomic_store_n(head, side->made, __ATOMIC_SEQ_CST);
    side->published = side->made;
    return __atomic_load_n(other_sleeps, __ATOMIC_SEQ_CST) != 0;
}

bool ring_submit(struct ring_side *side, const struct ring_request *request)
{
    if (side->made - side->taken >= side->entries)
        return false;
    struct ring_request *to = &side->request[side->made & (side->entries - 1)];
    __atomic_store_n(&to->op, request->op, __ATOMIC_RELAXED);
    __atomic_store_n(&to->length, request->length, __ATOMIC_RELAXED);
    __atomic_store_n(&to->offset, request->offset, __ATOMIC_RELAXED);
    __atomic_store_n(&to->position, request->position, __ATOMIC_RELAXED);
    __atomic_store_n(&to->cookie, request->cookie, __ATOMIC_RELAXED);
    side->made++;
    return true;
}

bool ring_submit_publish(struct ring_side *side)
{
    return publish(side, &side->shared->submit_head, &side->shared->server_sleeping);
}

/* Whether `head` says that there are completions. More than there are requests that the server was shown is a
 * lie, and a client that took it for news would look for it for ever. */
static bool completions_wait(const struct ring_side *side, uint32_t head)
{
    uint32_t waiting = head - side->taken;

    return waiting != 0 && waiting <= side->published - side->taken;
}

bool ring_take_completion(struct ring_side *side, struct ring_completion *completion)
{
    if (!completions_wait(side, __atomic_load_n(&side->shared->complete_head, __ATOMIC_ACQUIRE)))
        return false;
    const struct ring_completion *from = &side->completion[side->taken & (side->entries - 1)];
    completion->cookie = __atomic_load_n(&from->cookie, __ATOMIC_RELAXED);
    completion->status = __atomic_load_n(&from->status, __ATOMIC_RELAXED);
    completion->length = __atomic_load_n(&from->length, __ATOMIC_RELAXED);
    side->taken++;
    return true;
}

bool ring_take_request(struct ring_side *side, struct ring_request *request, bool *broken)
{
    uint32_t head = __atomic_load_n(&side->shared->submit_head, __ATOMIC_ACQUIRE);
    uint32_t waiting = head - side->taken;
    uint32_t under_way = side->taken - side->made;

    if (waiting == 0)
        return false;
    if (waiting > side->entries - under_way) {
        *broken = true;
        return false;
    }
    const struct ring_request *from = &side->request[side->taken & (side->entries - 1)];
    request->op = __atomic_load_n(&from->op, __ATOMIC_RELAXED);
    request->length = __atomic_load_n(&from->length, __ATOMIC_RELAXED);
    request->offset = __atomic_load_n(&from->offset, __ATOMIC_RELAXED);
    request->position = __atomic_load_n(&from->position, __ATOMIC_RELAXED);
    request->cookie = __atomic_load_n(&from->cookie, __ATOMIC_RELAXED);
    side->taken++;
    return true;
}

void ring_complete(struct ring_side *side, const struct ring_completion *completion)
{
    struct ring_completion *to = &side->completion[side->made & (side->entries - 1)];
    __atomic_store_n(&to->cookie, completion->cookie, __ATOMIC_RELAXED);
    __atomic_store_n(&to->status, completion->status, __ATOMIC_RELAXED);
    __atomic_store_n(&to->length, completion->length, __ATOMIC_RELAXED);
    side->made++;
}

bool ring_complete_publish(struct ring_side *side)
{
    return publish(side, &side->shared->complete_head, &side->shared->client_sleeping);
}

bool ring_client_sleep(struct ring_side *side)
{
    __atomic_store_n(&side->shared->client_sleeping, 1, __ATOMIC_SEQ_CST);
    if (!completions_wait(side, __atomic_load_n(&side->shared->complete_head, __ATOMIC_SEQ_CST)))
        return false;
    ring_client_wake(side);
    return true;
}

bool ring_server_sleep(struct ring_side *side)
{
    __atomic_store_n(&side->shared->server_sleeping, 1, __ATOMIC_SEQ_CST);
    /* An index that makes no sense is something to do as well: ring_take_request will say so. */
    if (__atomic_load_n(&side->shared->submit_head, __ATOMIC_SEQ_CST) == side->taken)
        return false;
    ring_server_wake(side);
    return true;
}

void ring_client_wake(struct ring_side *side)
{
    __atomic_store_n(&side->shared->client_sleeping, 0, __ATOMIC_RELAXED);
}

void ring_server_wake(struct ring_side *side)
{
    __atomic_store_n(&side->shared->server_sleeping, 0, __ATOMIC_RELAXED);
}
