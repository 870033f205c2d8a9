/* SPDX-License-Identifier: MIT */
/* Memory that drivers share with their devices: in one piece, at an address that is told. */
#pragma once

#include <rt/rt.h>

/* Makes zeroed memory for `client`; dev's own quota pays. */
enum error dma_make(uint64_t client, uint64_t length, const struct segment **segment);
/* Takes back what `client` has at `physical`; ERR_NOT_FOUND: it has none there. */
enum error dma_free(uint64_t client, uint64_t physical);
/* `client` is dead and its devices are stopped: takes back all it had. Zeroes it first, so that those who
 * share it see that it is over. */
void dma_release(uint64_t client);
