/* SPDX-License-Identifier: MIT */
/*
 * Caches between processors and devices. Where DMA is coherent, as on nearly all machines, a device sees what
 * was written and the other way round, and nothing here does anything. Where it is not, a driver says for
 * each piece of memory who uses it next:
 *
 * cache_clean()       the device reads what was written here cache_flush()       the device writes: nothing
 * kept here may come over it later cache_invalidate()  the device has written: nothing fetched before may be
 * taken for it
 *
 * What a device writes and what others write meanwhile must lie CACHE_BLOCK_MAX apart, or one undoes the
 * other.
 *
 * As with registers, how a block is reached is a table of functions, so that a test can put a model in its
 * place.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CACHE_BLOCK_MAX 256 /* bytes */

struct cache_access {
    void (*clean)(char *block); /* writes back what is only in the cache */
    void (*flush)(char *block); /* and forgets it */
    void (*order)(void); /* what comes before this, cleaning and flushing too, before what comes after */
};

/* The processor's instructions. */
extern const struct cache_access cache_direct;

struct cache {
    const struct cache_access *access;
    uint64_t block; /* bytes, a power of two; 0: coherent */
};

/* Calls `each` for all blocks that hold any of the bytes; ordered against memory before and after. */
void cache_each_block(const struct cache *cache, const volatile void *address, size_t length,
                      void (*each)(char *block));

static inline void cache_clean(const struct cache *cache, const volatile void *address, size_t length)
{
    if (cache->block != 0)
        cache_each_block(cache, address, length, cache->access->clean);
}

static inline void cache_flush(const struct cache *cache, const volatile void *address, size_t length)
{
    if (cache->block != 0)
        cache_each_block(cache, address, length, cache->access->flush);
}

/* Writes back as well, because throwing away what others have written is nothing that the kernel lets
 * processes do: it would bring to light what was in memory before. A driver has nothing to be written back
 * here, see above. */
static inline void cache_invalidate(const struct cache *cache, const volatile void *address, size_t length)
{
    cache_flush(cache, address, length);
}
