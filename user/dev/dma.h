/* SPDX-License-Identifier: MIT */
/* Memory that drivers share with their devices: in one piece, at an address that is told. */
#pragma once

#include <rt/rt.h>

#define DMA_MAX_BORROWERS 4 /* drivers that use the same memory at once */

/* Makes zeroed memory for `client`; dev's own quota pays. */
enum error dma_make(uint64_t client, uint64_t length, const struct segment **segment);
/* Takes back what `client` has at `physical`; ERR_NOT_FOUND: it has none there. */
enum error dma_free(uint64_t client, uint64_t physical);
/* The driver `client` was given this segment by its owner, who lends it: finds it, and keeps it until the
 * driver returns it. ERR_NOT_FOUND: it is none of dev's; ERR_TOO_MANY drivers have it. */
enum error dma_borrow(uint64_t client, cap_t cap, const struct segment **segment);
enum error dma_return(uint64_t client, uint64_t physical);
/* `client` is dead and its devices are stopped: takes back all it had that nobody borrows, and what it had
 * borrowed of dead owners. Zeroes it first, so that those who share it see that it is over. */
void dma_release(uint64_t client);
