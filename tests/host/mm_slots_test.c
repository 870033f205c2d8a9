/* SPDX-License-Identifier: MIT */
/*
 * mm's own slots, which are fewer than what it holds: programs that together have more pages than there are
 * slots lose none of them and get them again, and memory that comes back does not stay in pieces.
 */
// sources: user/mm/*.c !user/mm/main.c !user/mm/receiver.c lib/rt/slots.c
// flags: -Iuser/mm
#include "mm_world.h"

#define WORLD_SLOTS  800
#define SCARCE       512 /* fewer free slots than that, and mm puts aside what it can */
#define WORLD_PAGES  4096
#define PAGES_EACH   700
#define FEW          4 /* pieces of memory more or less, as it comes from one end or the other */

static void map_pages(const struct client *c, unsigned count)
{
    struct mm_map_request q = {.address = FIXED, .length = count * PAGE_BYTES, .prot = MM_READ | MM_WRITE};
    cr_assert_eq(model_call(c->session, OP_mm_map, &q, 0).error, ERR_OK);
}

static void touch_pages(const struct client *c, unsigned count, const char *when)
{
    enum error error;
    for (unsigned i = 0; i < count; i++) {
        uint64_t *word = access_page(c, FIXED + i * PAGE_BYTES, RIGHT_WRITE, &error);
        cr_assert_eq(error, ERR_OK, "%s, page %u: error %d with %u slots free", when, i, error,
                     slot_count_free());
        cr_assert_eq(*word, 0, "%s, page %u is not clear", when, i);
        *word = i + 1;
    }
}

static void unmap_pages(const struct client *c, unsigned count)
{
    struct mm_range_request q = {.address = FIXED, .length = count * PAGE_BYTES};
    while (q.length > 0) {
        struct answer a = model_call(c->session, OP_mm_unmap, &q, 0);
        cr_assert_eq(a.error, ERR_OK);
        q.address += a.word[0];
        q.length -= a.word[0];
    }
}

static uint64_t held_by(const struct client *c)
{
    struct mm_space_request q = {.space = c->number};
    return model_call(MANAGE, OP_mm_space_stats, &q, 0).word[0];
}

/* Pages that were unmapped lie on shelves by then, and go back there when the others need slots. */
Test(mm_slots, pages_that_were_unmapped_are_found_again)
{
    world_start(WORLD_PAGES, WORLD_SLOTS);
    struct client c[] = {new_client(1 << 23), new_client(1 << 23), new_client(1 << 23)};
    uint64_t held[3];
    for (unsigned i = 0; i < 3; i++) {
        map_pages(&c[i], PAGES_EACH);
        touch_pages(&c[i], PAGES_EACH, "first");
        held[i] = held_by(&c[i]);
    }
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 3; i++) {
            unmap_pages(&c[i], PAGES_EACH);
            map_pages(&c[i], PAGES_EACH);
            touch_pages(&c[i], PAGES_EACH, "again");
            cr_assert_leq(held_by(&c[i]), held[i], "memory was lost");
        }
    cr_assert_gt(shelves_made, 0, "no shelf was needed");
    cr_assert_eq(complaints, 0, "%s", first_complaint);
}

/* Regions without pages take memory and slots as well, on the account of the space. */
Test(mm_slots, regions_leave_slots_to_others)
{
    world_start(WORLD_PAGES, WORLD_SLOTS);
    struct client many = new_client(1 << 22), other = new_client(1 << 22);
    struct mm_map_request q = {.address = FIXED, .length = PAGE_BYTES, .prot = MM_READ | MM_WRITE};
    enum error error = ERR_OK;
    for (; !error; q.address += 2 * PAGE_BYTES)
        error = model_call(many.session, OP_mm_map, &q, 0).error;
    cr_assert_eq(error, ERR_QUOTA, "error %d with %u slots free", error, slot_count_free());
    map_pages(&other, PAGES_EACH);
    touch_pages(&other, PAGES_EACH, "beside many regions");
    cr_assert_eq(complaints, 0, "%s", first_complaint);
}

#define SHOWN       6  /* segments */
#define SHOWN_PAGES 40 /* of each */

static void touch_shown(const struct client *c, unsigned page)
{
    enum error error;
    for (uint64_t i = 0; i < SHOWN; i++) {
        access_page(c, FIXED + (i * 2 * SHOWN_PAGES + page) * PAGE_BYTES, RIGHT_WRITE, &error);
        cr_assert_eq(error, ERR_OK, "segment %u, page %u: error %d with %u slots free", (unsigned)i, page,
                     error, slot_count_free());
    }
}

/* While a space ends step by step, others touch what they still see of it, and slots become scarce. */
Test(mm_slots, touches_go_on_while_a_space_ends)
{
    world_start(WORLD_PAGES, WORLD_SLOTS);
    struct client owner = new_client(1 << 22), viewer = new_client(1 << 22);
    for (uint64_t i = 0; i < SHOWN; i++) {
        struct mm_segment_create_request q = {.length = SHOWN_PAGES * PAGE_BYTES};
        struct answer a = model_call(owner.session, OP_mm_segment_create, &q, 0);
        struct mm_segment_map_request map = {
            .address = FIXED + i * 2 * SHOWN_PAGES * PAGE_BYTES,
            .length = q.length,
            .prot = MM_READ | MM_WRITE,
        };
        cr_assert_eq(model_call(viewer.session, OP_mm_segment_map, &map, a.cap[0]).error, ERR_OK);
        model_delete(a.cap[0]);
    }
    unsigned page = 0;
    while (slot_count_free() > SCARCE + 2 * SHOWN)
        touch_shown(&viewer, page++);
    struct mm_space_request q = {.space = owner.number};
    for (page = SHOWN_PAGES; model_call(MANAGE, OP_mm_space_destroy, &q, 0).error == ERR_BUSY;)
        touch_shown(&viewer, --page % SHOWN_PAGES);
    cr_assert_eq(complaints, 0, "%s", first_complaint);
}

static void end_client(const struct client *c)
{
    struct mm_space_request q = {.space = c->number};
    enum error error = ERR_BUSY;
    while (error == ERR_BUSY)
        error = model_call(MANAGE, OP_mm_space_destroy, &q, 0).error;
    cr_assert_eq(error, ERR_OK);
}

/* As a driver does: some neighbouring memory of each of several lengths, pages, and the end. */
static void run_driver(void)
{
    struct client c = new_client(1 << 22);
    static const unsigned pages[] = {33, 17, 64, 2, 9};
    for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct mm_segment_create_request q = {.length = pages[i] * PAGE_BYTES,
                                              .flags = MM_SEGMENT_CONTIGUOUS};
        struct answer a = model_call(c.session | MM_DMA, OP_mm_segment_create, &q, 0);
        cr_assert_eq(a.error, ERR_OK);
        model_delete(a.cap[0]);
    }
    map_pages(&c, 40);
    touch_pages(&c, 40, "driver");
    end_client(&c);
}

Test(mm_slots, memory_that_comes_back_is_joined)
{
    world_start(WORLD_PAGES, 4000);
    for (unsigned i = 0; i < 2; i++)
        run_driver();
    unsigned before = model_slots_full(1, CLIENT_SLOTS);
    for (unsigned i = 0; i < 40; i++)
        run_driver();
    unsigned after = model_slots_full(1, CLIENT_SLOTS);
    cr_assert_leq(after, before + FEW, "%u capabilities more", after - before);
    cr_assert_eq(complaints, 0, "%s", first_complaint);
}
