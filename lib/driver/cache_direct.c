/* SPDX-License-Identifier: MIT */
/* Blocks of caches on the machine. */
#include <driver/barrier.h>
#include <driver/cache.h>

const struct cache_access cache_direct = {cache_block_clean, cache_block_flush, barrier_memory};
