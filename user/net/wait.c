/* SPDX-License-Identifier: MIT */
/* Calls that are answered later: see net.h. Those that end at some time are in a heap (base/heap.h), whose
 * nodes are known by their addresses. */
#include "net.h"

static uint32_t heap; /* the earliest */
/* Below all nodes. Known to others, so that the compiler takes it for memory that is somewhere. */
extern char *wait_heap_base;
char *wait_heap_base = (char *)HEAP_UNIT;

enum error wait_begin(struct wait *wait, struct call *call, uint64_t timeout,
                      void (*expired)(struct wait *wait))
{
    if (timeout == 0)
        return ERR_WOULD_BLOCK;
    if (wait->reply != 0)
        return ERR_BUSY;
    wait->reply = serve_defer(call);
    if (wait->reply == 0)
        return ERR_NO_MEMORY;
    wait->expired = expired;
    if (timeout == NET_FOREVER)
        return ERR_OK;
    uint64_t most = UINT64_MAX / 2 / rt_start->timebase * 1000000;
    uint64_t due = rt_ticks() + rt_ticks_of_us(timeout < most ? timeout : most);
    heap_insert(wait_heap_base, &heap, &wait->node, due);
    time_wake_at(due);
    return ERR_OK;
}

void wait_answer(struct wait *wait, enum error error, const void *reply, size_t size)
{
    cap_t to = wait->reply;

    if (to == 0)
        return;
    heap_remove(wait_heap_base, &heap, &wait->node);
    wait->reply = 0;
    serve_answer(to, error, reply, size);
}

uint64_t wait_expire(void)
{
    uint64_t now = rt_ticks();

    while (heap != 0) {
        struct wait *wait = (struct wait *)heap_node_at(wait_heap_base, heap);
        if (wait->node.deadline > now)
            return wait->node.deadline;
        if (wait->expired != NULL)
            wait->expired(wait);
        else
            wait_answer(wait, ERR_TIMED_OUT, NULL, 0);
    }
    return NEVER;
}
