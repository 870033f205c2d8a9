/* SPDX-License-Identifier: MIT */
/* Memory for DMA. */
#include "dma.h"

#include <proto/mm.h>
#include <string.h>

#define MAX_DMA 128

static struct dma {
    uint64_t client;                      /* the owner; 0: none */
    uint64_t borrower[DMA_MAX_BORROWERS]; /* drivers whose devices may use it; 0: none */
    struct segment segment;
} dma[MAX_DMA];

static bool is_borrowed(const struct dma *place)
{
    bool borrowed = false;

    for (unsigned i = 0; i < DMA_MAX_BORROWERS; i++)
        borrowed |= place->borrower[i] != 0;
    return borrowed;
}

static struct dma *find_free(void)
{
    for (unsigned i = 0; i < MAX_DMA; i++) {
        if (dma[i].segment.cap == 0)
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

/* Frees it when it has neither an owner nor borrowers; `clear`: those who share it see zeros from here on. */
static void take_back(struct dma *place, bool clear)
{
    if (place->client != 0 || is_borrowed(place))
        return;
    if (clear)
        memset(place->segment.address, 0, place->segment.length);
    segment_drop(&place->segment);
}

static struct dma *find(uint64_t physical)
{
    for (unsigned i = 0; i < MAX_DMA; i++) {
        if (dma[i].segment.cap != 0 && dma[i].segment.physical == physical)
            return &dma[i];
    }
    return NULL;
}

enum error dma_free(uint64_t client, uint64_t physical)
{
    struct dma *place = find(physical);

    if (place == NULL || client == 0 || place->client != client)
        return ERR_NOT_FOUND;
    place->client = 0;
    take_back(place, false);
    return ERR_OK;
}

/* The memory that the capability stands for. */
static struct dma *find_cap(cap_t cap)
{
    struct cap_info info, own;

    for (unsigned i = 0; i < MAX_DMA; i++) {
        if (dma[i].segment.cap != 0 && !cnode_compare(START_CNODE, cap, dma[i].segment.cap, &info) &&
            info.same && !cnode_inspect(START_CNODE, dma[i].segment.cap, &own) && own.badge == info.badge) {
            return &dma[i];
        }
    }
    return NULL;
}

enum error dma_borrow(uint64_t client, cap_t cap, const struct segment **segment)
{
    struct dma *place = find_cap(cap);

    if (place == NULL || place->client == 0)
        return ERR_NOT_FOUND;
    for (unsigned i = 0; i < DMA_MAX_BORROWERS; i++) {
        if (place->borrower[i] == 0 || place->borrower[i] == client) {
            place->borrower[i] = client;
            *segment = &place->segment;
            return ERR_OK;
        }
    }
    return ERR_TOO_MANY;
}

static void end_borrowing(struct dma *place, uint64_t client)
{
    for (unsigned i = 0; i < DMA_MAX_BORROWERS; i++) {
        if (place->borrower[i] == client)
            place->borrower[i] = 0;
    }
}

enum error dma_return(uint64_t client, uint64_t physical)
{
    struct dma *place = find(physical);

    if (place == NULL)
        return ERR_NOT_FOUND;
    end_borrowing(place, client);
    take_back(place, false);
    return ERR_OK;
}

void dma_release(uint64_t client)
{
    for (unsigned i = 0; i < MAX_DMA && client != 0; i++) {
        if (dma[i].segment.cap == 0)
            continue;
        end_borrowing(&dma[i], client);
        if (dma[i].client == client)
            dma[i].client = 0;
        take_back(&dma[i], true);
    }
}
