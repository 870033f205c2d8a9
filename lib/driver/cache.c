/* SPDX-License-Identifier: MIT */
/* Ranges of memory as blocks of caches. */
#include <base/checked.h>
#include <driver/cache.h>

void cache_each_block(const struct cache *cache, const volatile void *address, size_t length,
                      void (*each)(char *block))
{
    uint64_t first = align_down((uint64_t)address, cache->block), end = (uint64_t)address + length;

    cache->access->order();
    for (uint64_t block = first; length > 0 && block < end; block += cache->block)
        each((char *)block);
    cache->access->order();
}
