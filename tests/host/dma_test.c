/* SPDX-License-Identifier: MIT */
/* Memory for DMA of dev: who owns it, who borrows it, and when it is free. */
// sources: user/dev/dma.c
#include "../../user/dev/dma.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define OWNER  5
#define DRIVER 6
#define OTHER  7

/* --- mm and the kernel --- */

static unsigned held;

enum error segment_make_flags(struct segment *segment, size_t length, uint64_t flags)
{
    static cap_t next = 100;

    (void)flags;
    *segment = (struct segment){.cap = next++, .address = calloc(1, length), .length = length, .made = true};
    segment->physical = (uint64_t)segment->address;
    held++;
    return ERR_OK;
}

void segment_drop(struct segment *segment)
{
    held--;
    free(segment->address);
    *segment = (struct segment){0};
}

/* A copy has the number of its original, and 1000; all segments are capabilities to one endpoint. */
enum error cnode_compare(cap_t cnode, uint64_t slot, cap_t other, struct cap_info *info)
{
    (void)cnode;
    *info = (struct cap_info){.badge = slot % 1000, .same = slot < 2000 && other < 2000};
    return ERR_OK;
}

enum error cnode_inspect(cap_t cnode, uint64_t slot, struct cap_info *info)
{
    return cnode_compare(cnode, slot, 0, info);
}

/* --- Tests --- */

static const struct segment *make(uint64_t client)
{
    const struct segment *segment = NULL;

    held = 0;
    cr_assert_eq(dma_make(client, 8192, &segment), ERR_OK);
    return segment;
}

static uint64_t borrow(const struct segment *segment, uint64_t driver)
{
    const struct segment *found = NULL;

    cr_assert_eq(dma_borrow(driver, segment->cap + 1000, &found), ERR_OK);
    cr_assert_eq(found, segment);
    return segment->physical;
}

Test(dma, free_when_the_owner_gives_it_back)
{
    const struct segment *segment = make(OWNER);

    cr_assert_eq(dma_free(OTHER, segment->physical), ERR_NOT_FOUND);
    cr_assert_eq(held, 1);
    cr_assert_eq(dma_free(OWNER, segment->physical), ERR_OK);
    cr_assert_eq(held, 0);
}

Test(dma, what_is_borrowed_outlives_its_owner)
{
    const struct segment *segment = make(OWNER);
    uint64_t physical = borrow(segment, DRIVER);

    dma_release(OWNER);
    cr_assert_eq(held, 1);
    cr_assert_eq(dma_return(OTHER, physical), ERR_OK);
    cr_assert_eq(held, 1, "another's return is nobody's");
    cr_assert_eq(dma_return(DRIVER, physical), ERR_OK);
    cr_assert_eq(held, 0);
}

Test(dma, a_dead_driver_takes_nothing_away)
{
    const struct segment *segment = make(OWNER);

    borrow(segment, DRIVER);
    memset(segment->address, 7, segment->length);
    dma_release(DRIVER);
    cr_assert_eq(held, 1);
    cr_assert_eq(*(char *)segment->address, 7, "what the owner has there stays");
    dma_release(OWNER);
    cr_assert_eq(held, 0);
}

Test(dma, nobody_borrows_what_is_not_lent)
{
    const struct segment *segment = make(OWNER), *found = NULL;

    cr_assert_eq(dma_borrow(DRIVER, 3000, &found), ERR_NOT_FOUND);
    cr_assert_eq(dma_borrow(DRIVER, segment->cap + 1 + 1000, &found), ERR_NOT_FOUND);
    borrow(segment, DRIVER);
    dma_release(OWNER);
    cr_assert_eq(dma_borrow(OTHER, segment->cap + 1000, &found), ERR_NOT_FOUND, "its owner is dead");
    dma_release(DRIVER);
    cr_assert_eq(held, 0);
}

Test(dma, so_many_may_borrow)
{
    const struct segment *segment = make(OWNER), *found = NULL;

    for (uint64_t driver = 10; driver < 10 + DMA_MAX_BORROWERS; driver++)
        borrow(segment, driver);
    borrow(segment, 10); /* who has it has it */
    cr_assert_eq(dma_borrow(OTHER, segment->cap + 1000, &found), ERR_TOO_MANY);
    dma_release(OWNER);
    for (uint64_t driver = 10; driver < 10 + DMA_MAX_BORROWERS; driver++)
        dma_release(driver);
    cr_assert_eq(held, 0);
}
