/* SPDX-License-Identifier: MIT */
/* Tables that grow in mm's own memory. */
#include "mm.h"

void pool_init(struct pool *pool, enum own_part part, uint32_t size)
{
    uint64_t elements = (1ull << OWN_PART_BITS) / size - 1;
    *pool = (struct pool){
        .base = own_start(part),
        .size = size,
        .limit = elements < UINT32_MAX / 2 ? (uint32_t)elements : UINT32_MAX / 2,
    };
}

/* Adds one page and the elements that end in it to the free ones. */
static bool pool_grow(struct pool *pool)
{
    own_prepare(); /* before the place of the new page is fixed: it can make this same pool grow */
    if (pool->count == pool->limit || !own_page(pool->base + pool->mapped))
        return false;
    pool->mapped += PAGE_BYTES;
    while (pool->count < pool->limit && (uint64_t)pool->size * (pool->count + 2) <= pool->mapped)
        pool_put(pool, ++pool->count);
    return true;
}

bool pool_ready(struct pool *pool, uint32_t count)
{
    bool ready = true;
    store_enter();
    while (ready && pool->spare < count)
        ready = pool_grow(pool);
    store_leave();
    return ready;
}

uint32_t pool_take(struct pool *pool)
{
    uint32_t index = 0;
    store_enter();
    if (pool_ready(pool, 1)) {
        index = pool->free;
        pool->free = *(uint32_t *)pool_at(pool, index);
        pool->spare--;
    }
    store_leave();
    return index;
}

void pool_put(struct pool *pool, uint32_t index)
{
    store_enter();
    *(uint32_t *)pool_at(pool, index) = pool->free;
    pool->free = index;
    pool->spare++;
    store_leave();
}
