/* SPDX-License-Identifier: MIT */
/* Memory for DMA. */
#include "dma.h"

#include <proto/mm.h>
#include <string.h>

#define MAX_DMA 128

static struct dma {
    uint64_t client; /* 0: not in use */
    struct segment segment;
} dma[MAX_DMA];

static struct dma *find_free(void)
{
    for (unsigned i = 0; i < MAX_DMA; i++) {
        if (dma[i].client == 0)
            return &dma[i];
    }
    return NULL;
}

enum error dma_make(uint64_t client, uint64_t length, const struct segment **segment)
{
    struct dma *place = find_free();

    if (length == 0)
        return ERR_BAD_ARG;
    if (place == NULL)
        return ERR_TOO_MANY;
    enum error error = segment_make_flags(&place->segment, length, MM_SEGMENT_CONTIGUOUS);
    if (!error) {
        place->client = client;
        *segment = &place->segment;
    }
    return error;
}

static void take_back(struct dma *place)
{
    segment_drop(&place->segment);
    place->client = 0;
}

enum error dma_free(uint64_t client, uint64_t physical)
{
    for (unsigned i = 0; i < MAX_DMA; i++) {
        if (client != 0 && dma[i].client == client && dma[i].segment.physical == physical) {
            take_back(&dma[i]);
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

void dma_release(uint64_t client)
{
    for (unsigned i = 0; i < MAX_DMA; i++) {
        if (client != 0 && dma[i].client == client) {
            memset(dma[i].segment.address, 0, dma[i].segment.length);
            take_back(&dma[i]);
        }
    }
}
