/* SPDX-License-Identifier: MIT */
/*
 * The memory manager against a model of the kernel: clients map, touch, share, and end at random, and each
 * page must hold what was written to it last and nothing of anybody else, whatever runs out.
 */
// sources: user/mm/*.c !user/mm/main.c !user/mm/receiver.c lib/rt/slots.c
// flags: -Iuser/mm
#include "mm_world.h"

#define CLIENTS     5
#define SEGMENTS    8
#define MAX_SEGMENT 40 /* pages */

/* --- What should be there --- */

struct shared {
    bool used, dropped;
    int owner;
    unsigned pages;
    uint32_t cap;
    uint64_t value[MAX_SEGMENT];
};

struct world {
    uint64_t random;
    struct client client[CLIENTS];
    struct shared shared[SEGMENTS];
    unsigned done[16], failed[16]; /* per kind of step */
};

static uint64_t pick(struct world *w, uint64_t bound)
{
    return random_below(&w->random, bound);
}

/* --- Accesses of programs --- */

static uint64_t *expected_word(struct world *w, struct page *page)
{
    return page->segment < 0 ? &page->value : &w->shared[page->segment].value[page->offset];
}

static bool ran_out(enum error error)
{
    return error == ERR_QUOTA || error == ERR_NO_MEMORY;
}

static void step_access(struct world *w, struct client *c)
{
    unsigned n = (unsigned)pick(w, PAGES);
    struct page *page = &c->page[n];
    bool write = pick(w, 2);
    uint64_t access = write ? RIGHT_WRITE : RIGHT_READ;
    enum error error;
    uint64_t *word = access_page(c, FIXED + n * PAGE_BYTES, access, &error);
    if (!page->mapped) {
        cr_assert_eq(error, ERR_BAD_ADDRESS);
    } else if (access & ~page->prot) {
        cr_assert_eq(error, ERR_NO_RIGHT);
    } else if (error) {
        cr_assert(ran_out(error), "error %d", error);
    } else {
        cr_assert_eq(*word, *expected_word(w, page), "page %u", n);
        if (write)
            *word = *expected_word(w, page) = random_next(&w->random);
    }
    w->done[0] += !error;
    w->failed[0] += ran_out(error);
}

/* --- Mapping --- */

static bool range_free(const struct client *c, unsigned first, unsigned count)
{
    for (unsigned n = first; n < first + count; n++)
        if (c->page[n].mapped)
            return false;
    return true;
}

static uint32_t random_prot(struct world *w)
{
    static const uint32_t prot[] = {MM_READ, MM_READ | MM_WRITE, MM_READ | MM_WRITE, MM_READ | MM_EXEC};
    return prot[pick(w, 4)];
}

static void note_mapped(struct client *c, unsigned first, unsigned count, uint32_t prot, int segment,
                        unsigned offset)
{
    for (unsigned n = 0; n < count; n++)
        c->page[first + n] =
            (struct page){.mapped = true, .prot = prot, .segment = segment, .offset = offset + n};
}

static void step_map(struct world *w, struct client *c)
{
    unsigned first = (unsigned)pick(w, PAGES),
             count = 1 + (unsigned)pick(w, PAGES - first < 10 ? PAGES - first : 10);
    struct mm_map_request q = {
        .address = FIXED + first * PAGE_BYTES, .length = count * PAGE_BYTES, .prot = random_prot(w)};
    struct answer a = model_call(c->session, OP_mm_map, &q, 0);
    if (!range_free(c, first, count))
        cr_assert_eq(a.error, ERR_MAPPED);
    else if (a.error)
        cr_assert(ran_out(a.error) || a.error == ERR_TOO_MANY, "error %d", a.error);
    else
        note_mapped(c, first, count, (uint32_t)q.prot, -1, 0);
    w->done[1] += !a.error;
}

static void step_unmap(struct world *w, struct client *c)
{
    unsigned first = (unsigned)pick(w, PAGES),
             count = 1 + (unsigned)pick(w, PAGES - first < 20 ? PAGES - first : 20);
    struct mm_range_request q = {.address = FIXED + first * PAGE_BYTES, .length = count * PAGE_BYTES};
    struct answer a = model_call(c->session, OP_mm_unmap, &q, 0);
    if (range_free(c, first, count)) {
        cr_assert_eq(a.error, ERR_NOT_MAPPED);
        return;
    }
    if (a.error) {
        cr_assert(a.error == ERR_NO_MEMORY || a.error == ERR_TOO_MANY);
        return;
    }
    /* It may be done in part only. */
    cr_assert(a.word[0] > 0 && a.word[0] <= q.length && a.word[0] % PAGE_BYTES == 0);
    for (unsigned n = first; n < first + a.word[0] / PAGE_BYTES; n++) {
        c->page[n].mapped = false;
        cr_assert_null(model_memory(c->object, FIXED + n * PAGE_BYTES, 0), "page %u is still mapped", n);
    }
    w->done[2]++;
}

/* --- Segments --- */

static void step_segment_make(struct world *w, struct client *c)
{
    int s = (int)pick(w, SEGMENTS);
    if (w->shared[s].used)
        return;
    unsigned pages = 1 + (unsigned)pick(w, MAX_SEGMENT);
    bool contiguous = pick(w, 3) == 0;
    struct mm_segment_create_request q = {.length = pages * PAGE_BYTES - pick(w, PAGE_BYTES),
                                          .flags = contiguous ? MM_SEGMENT_CONTIGUOUS : 0};
    struct answer a = model_call(c->session, OP_mm_segment_create, &q, 0);
    w->failed[3] += a.error;
    if (a.error) {
        cr_assert(ran_out(a.error), "error %d", a.error);
        return;
    }
    cr_assert_eq(a.word[0], pages * PAGE_BYTES);
    cr_assert_eq(a.word[1] % PAGE_BYTES, 0);
    w->shared[s] =
        (struct shared){.used = true, .owner = (int)(c - w->client), .pages = pages, .cap = a.cap[0]};
    w->done[3]++;
}

static bool is_shown(const struct world *w, int s)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        for (unsigned n = 0; w->client[i].used && n < PAGES; n++)
            if (w->client[i].page[n].mapped && w->client[i].page[n].segment == s)
                return true;
    return false;
}

static void step_segment_map(struct world *w, struct client *c)
{
    int s = (int)pick(w, SEGMENTS);
    struct shared *shared = &w->shared[s];
    if (!shared->used)
        return;
    unsigned first = (unsigned)pick(w, PAGES - MAX_SEGMENT), offset = (unsigned)pick(w, shared->pages);
    unsigned count = 1 + (unsigned)pick(w, shared->pages - offset);
    struct mm_segment_map_request q = {
        .address = FIXED + first * PAGE_BYTES,
        .offset = offset * PAGE_BYTES,
        .length = count * PAGE_BYTES,
        .prot = random_prot(w),
    };
    struct answer a = model_call(c->session, OP_mm_segment_map, &q, shared->cap);
    if (shared->dropped)
        cr_assert(a.error == ERR_NOT_FOUND || a.error == ERR_MAPPED || ran_out(a.error));
    else if (!range_free(c, first, count))
        cr_assert(a.error == ERR_MAPPED || ran_out(a.error), "error %d", a.error);
    else if (a.error)
        cr_assert(ran_out(a.error) || a.error == ERR_TOO_MANY, "error %d", a.error);
    else
        note_mapped(c, first, count, (uint32_t)q.prot, s, offset);
    w->done[4] += !a.error;
}

static void forget_segment(struct shared *shared)
{
    model_delete(shared->cap);
    *shared = (struct shared){0};
}

static void step_segment_drop(struct world *w, struct client *c)
{
    int s = (int)pick(w, SEGMENTS);
    struct shared *shared = &w->shared[s];
    if (!shared->used)
        return;
    struct answer a = model_call(c->session, OP_mm_segment_drop, NULL, shared->cap);
    if (ran_out(a.error))
        return;
    if (shared->dropped)
        cr_assert(a.error == ERR_NOT_FOUND || a.error == ERR_DENIED);
    else if (shared->owner != c - w->client)
        cr_assert_eq(a.error, ERR_DENIED);
    else
        cr_assert_eq(a.error, ERR_OK);
    if (!a.error)
        shared->dropped = true;
    if (shared->dropped && !is_shown(w, s))
        forget_segment(shared);
    w->done[5] += !a.error;
}

/* A server makes what it was given present: then no touch of it fails. */
static void step_populate(struct world *w, struct client *c)
{
    unsigned n = (unsigned)pick(w, PAGES);
    struct mm_range_request q = {.address = FIXED + n * PAGE_BYTES, .length = PAGE_BYTES};
    struct answer a = model_call(c->session, OP_mm_populate, &q, 0);
    if (!c->page[n].mapped)
        cr_assert_eq(a.error, ERR_BAD_ADDRESS);
    else if (a.error)
        cr_assert(ran_out(a.error), "error %d", a.error);
    else
        cr_assert_not_null(model_memory(c->object, q.address, 0));
    w->done[10] += !a.error;
}

/* What a page held is gone, and its memory comes back. */
static void step_discard(struct world *w, struct client *c)
{
    unsigned first = (unsigned)pick(w, PAGES),
             count = 1 + (unsigned)pick(w, PAGES - first < 20 ? PAGES - first : 20);
    struct mm_range_request q = {.address = FIXED + first * PAGE_BYTES, .length = count * PAGE_BYTES};
    struct answer a = model_call(c->session, OP_mm_discard, &q, 0);
    unsigned n = 0;
    while (n < count && c->page[first + n].mapped && c->page[first + n].segment < 0)
        n++;
    if (a.error) {
        cr_assert_lt(n, count);
        cr_assert_eq(a.error, c->page[first + n].mapped ? ERR_BAD_ARG : ERR_BAD_ADDRESS);
    } else {
        cr_assert_leq(a.word[0], n * PAGE_BYTES);
        cr_assert(a.word[0] == count * PAGE_BYTES || a.word[0] >= 16 * PAGE_BYTES);
    }
    /* Those before a page for which it was refused are discarded, too. */
    for (unsigned i = first; i < first + (a.error ? n : a.word[0] / PAGE_BYTES); i++) {
        cr_assert_null(model_memory(c->object, FIXED + i * PAGE_BYTES, 0));
        c->page[i].value = 0;
    }
    w->done[11] += !a.error;
}

/* --- Objects, frames --- */

static void step_object(struct world *w, struct client *c)
{
    static const enum object_type type[] = {OBJ_THREAD, OBJ_ENDPOINT, OBJ_NOTIFICATION,
                                            OBJ_CNODE,  OBJ_TIMER,    OBJ_REPLY};
    struct mm_object_request q = {.type = type[pick(w, 6)], .size_bits = 7 + pick(w, 7)};
    struct answer a = model_call(c->session, OP_mm_object, &q, 0);
    w->done[6] += !a.error;
    if (a.error) {
        cr_assert(ran_out(a.error), "error %d", a.error);
        return;
    }
    cr_assert_eq(model[a.cap[0]].type, q.type);
    if (pick(w, 2))
        model_delete(a.cap[0]);
}

static void step_frame(struct world *w, struct client *c)
{
    unsigned n = (unsigned)pick(w, PAGES);
    struct mm_frame_request q = {.space = c->number, .address = FIXED + n * PAGE_BYTES};
    cr_assert_eq(model_call(c->session, OP_mm_frame, &q, 0).error, ERR_DENIED);
    struct answer a = model_call(MANAGE, OP_mm_frame, &q, 0);
    if (!c->page[n].mapped)
        cr_assert_eq(a.error, ERR_BAD_ADDRESS);
    else if (!(c->page[n].prot & MM_WRITE))
        cr_assert_eq(a.error, ERR_NO_RIGHT);
    else if (!a.error)
        cr_assert_eq(content[model[a.cap[0]].start / PAGE_BYTES], *expected_word(w, &c->page[n]));
    else
        cr_assert(ran_out(a.error), "error %d", a.error);
    if (!a.error)
        model_delete(a.cap[0]);
    w->done[7] += !a.error;
}

/* --- Spaces come and go --- */

static void step_space_make(struct world *w, struct client *c)
{
    struct mm_space_create_request q = {
        .name = "client",
        .quota = (2 + pick(w, 7)) << CHUNK_BITS,
        .rights = MM_USE | MM_DMA,
        .hart = pick(w, RECEIVERS),
    };
    struct answer a = model_call(MANAGE, OP_mm_space_create, &q, 0);
    w->failed[8] += a.error;
    if (a.error) {
        cr_assert(ran_out(a.error), "error %d", a.error);
        return;
    }
    cr_assert_eq(a.cap_count, 3);
    *c = (struct client){
        .used = true,
        .home = (unsigned)q.hart,
        .number = a.word[0],
        .session = model[a.cap[0]].badge,
        .object = model[a.cap[1]].object,
    };
    cr_assert_eq(c->session, proto_badge(c->number, MM_USE | MM_DMA));
    cr_assert_eq(model[a.cap[2]].badge, badge_make(BADGE_FAULT, c->number));
    w->done[8]++;
}

/* What remains when a space has ended: mappings that others have of its segments are anonymous and empty. */
static void expect_loss(struct world *w, int owner)
{
    for (unsigned s = 0; s < SEGMENTS; s++) {
        if (!w->shared[s].used || w->shared[s].owner != owner)
            continue;
        for (unsigned i = 0; i < CLIENTS; i++)
            for (unsigned n = 0; n < PAGES; n++)
                if (w->client[i].page[n].segment == (int)s)
                    w->client[i].page[n].segment = -1;
        forget_segment(&w->shared[s]);
    }
    for (unsigned s = 0; s < SEGMENTS; s++)
        if (w->shared[s].used && w->shared[s].dropped && !is_shown(w, (int)s))
            forget_segment(&w->shared[s]);
}

/* The others go on while a space ends. */
static void look_around(struct world *w, const struct client *ending)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        enum error error;
        if (w->client[i].used && &w->client[i] != ending)
            access_page(&w->client[i], FIXED + pick(w, PAGES) * PAGE_BYTES, RIGHT_READ, &error);
    }
}

static void step_space_end(struct world *w, struct client *c)
{
    struct mm_space_request q = {.space = c->number};
    cr_assert_eq(model_call(c->session, OP_mm_space_destroy, &q, 0).error, ERR_DENIED);
    enum error error = ERR_BUSY;
    while (error == ERR_BUSY) {
        error = model_call(MANAGE, OP_mm_space_destroy, &q, 0).error;
        look_around(w, c);
    }
    cr_assert_eq(error, ERR_OK);
    for (uint32_t s = CLIENT_SLOTS; s < MODEL_SLOTS; s++)
        cr_assert_neq(model[s].object, c->object, "the address space is still there");
    c->used = false;
    expect_loss(w, (int)(c - w->client));
    struct mm_map_request map = {.length = PAGE_BYTES, .prot = MM_READ};
    cr_assert_eq(model_call(c->session, OP_mm_map, &map, 0).error, ERR_NOT_FOUND);
    w->done[9]++;
}

/* --- All together --- */

typedef void step_function(struct world *w, struct client *c);

/* Order, balance, and what nodes say of those below them. Returns the height. */
static unsigned check_tree(uint32_t cell)
{
    if (cell == 0)
        return 0;
    const struct region *node = region_at(cell);
    const struct region *left = region_at(node->left), *right = region_at(node->right);
    unsigned below[2] = {check_tree(node->left), check_tree(node->right)};
    uint64_t gap = 0;
    if (node->left != 0) {
        cr_assert(left->high <= node->start);
        gap = left->gap > node->start - left->high ? left->gap : node->start - left->high;
    }
    if (node->right != 0) {
        cr_assert(node->end <= right->low);
        gap = right->gap > gap ? right->gap : gap;
        gap = right->low - node->end > gap ? right->low - node->end : gap;
    }
    cr_assert_eq(node->gap, gap);
    cr_assert_eq(node->low, node->left != 0 ? left->low : node->start);
    cr_assert_eq(node->high, node->right != 0 ? right->high : node->end);
    cr_assert(below[0] <= below[1] + 1 && below[1] <= below[0] + 1);
    cr_assert_eq(node->height, 1 + (below[0] > below[1] ? below[0] : below[1]));
    return node->height;
}

static void check_sums(uint64_t total)
{
    uint64_t held = 0;
    for (unsigned i = SPACE_INIT; space_at(i) != NULL; i++) {
        const struct space *space = space_at(i);
        if (!space->used)
            continue;
        held += space->held;
        cr_assert(space->held <= space->quota);
        check_tree(space->regions);
    }
    cr_assert_eq(blocks_total(), total);
    cr_assert_eq(held + own_bytes() + blocks_free(), total);
    cr_assert_eq(complaints, 0, "%u, first: %s", complaints, first_complaint);
}

static void random_steps(struct world *w, unsigned count)
{
    static step_function *const steps[] = {
        step_access,       step_access, step_access,       step_access,      step_map,
        step_map,          step_unmap,  step_segment_make, step_segment_map, step_segment_map,
        step_segment_drop, step_object, step_frame,        step_populate,     step_discard,
    };
    uint64_t total = blocks_total();
    for (unsigned i = 0; i < count; i++) {
        struct client *c = &w->client[pick(w, CLIENTS)];
        /* Most come to the receiver of their own hart. */
        lock_be(pick(w, 8) != 0 ? c->home : (unsigned)pick(w, RECEIVERS));
        if (!c->used)
            step_space_make(w, c);
        else if (pick(w, 400) == 0)
            step_space_end(w, c);
        else
            steps[pick(w, sizeof(steps) / sizeof(steps[0]))](w, c);
        if (i % 16 == 0)
            check_sums(total);
    }
    check_sums(total);
}

static void end_all(struct world *w)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        if (w->client[i].used)
            step_space_end(w, &w->client[i]);
}

/* Runs a world to its end, after which nothing may be missing: neither memory nor slots. */
static void run_world(struct world *w, uint64_t pages, uint64_t slots, unsigned steps)
{
    world_start(pages, slots);
    random_steps(w, steps);
    end_all(w);
    cr_assert_eq(blocks_free() + own_bytes(), blocks_total());
    unsigned full = model_slots_full(1, CLIENT_SLOTS);
    cr_assert_eq(full + slot_count_free(), slots - START_FIRST_NAMED, "%u slots full, %u free", full,
                 slot_count_free());
    unsigned free = 0;
    while (slot_alloc() != 0)
        free++;
    cr_assert_eq(full + free, slots - START_FIRST_NAMED, "%u slots full, %u free", full, free);
    cr_assert_eq(model_slots_full(MODEL_SLOTS, MODEL_TOTAL), 0, "something is left on a shelf");
}

Test(mm, random_with_plenty)
{
    struct world w = {.random = 1};
    run_world(&w, 2048, 4000, 100000);
    for (unsigned i = 0; i < 12; i++)
        cr_assert_gt(w.done[i], 50, "step %u was done %u times", i, w.done[i]);
    cr_assert_gt(w.failed[0] + w.failed[3], 50, "quotas were met %u times", w.failed[0] + w.failed[3]);
}

Test(mm, random_with_little_memory)
{
    struct world w = {.random = 2};
    run_world(&w, 192, 4000, 60000);
    cr_assert_gt(w.failed[8], 50, "spaces could not be made %u times", w.failed[8]);
    cr_assert_gt(w.failed[0], 50, "pages could not be made %u times", w.failed[0]);
}

Test(mm, random_with_few_slots)
{
    struct world w = {.random = 3};
    run_world(&w, 2048, 220, 30000);
    cr_assert_gt(shelves_made, 0, "no shelf was needed");
    for (unsigned i = 0; i < 11; i++)
        cr_assert_gt(w.done[i], 20, "step %u was done %u times", i, w.done[i]);
}

Test(mm, random_with_too_few_slots)
{
    struct world w = {.random = 4};
    run_world(&w, 2048, 120, 30000);
    cr_assert_gt(w.failed[0] + w.failed[3] + w.failed[8], 50, "slots ran out %u times",
                 w.failed[0] + w.failed[3] + w.failed[8]);
}

/* --- One thing at a time --- */

Test(mm, chosen_addresses_have_guards)
{
    world_start(2048, 4000);
    struct client c = new_client(1 << 24);
    uint64_t below = CHOOSE_END + PAGE_BYTES;
    for (unsigned i = 0; i < 40; i++) {
        struct mm_map_request q = {.length = (1 + i % 5) * PAGE_BYTES, .prot = MM_READ | MM_WRITE};
        struct answer a = model_call(c.session, OP_mm_map, &q, 0);
        cr_assert_eq(a.error, ERR_OK);
        cr_assert_eq(a.word[0], below - PAGE_BYTES - q.length, "mapping %u", i);
        below = a.word[0];
    }
    /* A hole is used again, but only by what fits it with its guards. */
    struct mm_range_request hole = {.address = CHOOSE_END - 4 * PAGE_BYTES, .length = 2 * PAGE_BYTES};
    struct mm_map_request two = {.length = 2 * PAGE_BYTES, .prot = MM_READ};
    cr_assert_eq(model_call(c.session, OP_mm_unmap, &hole, 0).error, ERR_OK);
    cr_assert_eq(model_call(c.session, OP_mm_map, &two, 0).word[0], hole.address);
    cr_assert_eq(complaints, 0, "%s", first_complaint);
}

Test(mm, refuses_bad_requests)
{
    world_start(2048, 4000);
    struct client c = new_client(1 << 24), other = new_client(1 << 24);
    static const struct {
        uint64_t address, length, prot;
        enum error error;
    } bad[] = {
        {FIXED + 1, PAGE_BYTES, MM_READ, ERR_BAD_ALIGN},
        {FIXED, PAGE_BYTES + 1, MM_READ, ERR_BAD_ALIGN},
        {FIXED, 0, MM_READ, ERR_BAD_ARG},
        {FIXED, PAGE_BYTES, 0, ERR_BAD_ARG},
        {FIXED, PAGE_BYTES, 8, ERR_BAD_ARG},
        {FIXED, PAGE_BYTES, MM_READ | MM_WRITE | MM_EXEC, ERR_BAD_ARG},
        {USER_END - PAGE_BYTES, 2 * PAGE_BYTES, MM_READ, ERR_BAD_ARG},
        {USER_END, PAGE_BYTES, MM_READ, ERR_BAD_ARG},
        {~0xfffull, PAGE_BYTES, MM_READ, ERR_BAD_ARG},
        {PAGE_BYTES, PAGE_BYTES, MM_READ, ERR_BAD_ADDRESS},
        {0, ~0xfffull, MM_READ, ERR_BAD_ARG},
        {0, USER_END, MM_READ, ERR_NO_MEMORY},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_map_request q = {.address = bad[i].address, .length = bad[i].length, .prot = bad[i].prot};
        cr_assert_eq(model_call(c.session, OP_mm_map, &q, 0).error, bad[i].error, "case %u", i);
    }
    struct mm_map_request elsewhere = {.space = other.number, .length = PAGE_BYTES, .prot = MM_READ};
    cr_assert_eq(model_call(c.session, OP_mm_map, &elsewhere, 0).error, ERR_DENIED);
    struct mm_segment_create_request contiguous = {.length = PAGE_BYTES, .flags = MM_SEGMENT_CONTIGUOUS};
    cr_assert_eq(model_call(c.session, OP_mm_segment_create, &contiguous, 0).error, ERR_DENIED);
    struct mm_segment_map_request map = {.length = PAGE_BYTES, .prot = MM_READ};
    cr_assert_eq(model_call(c.session, OP_mm_segment_map, &map, 0).error, ERR_NO_CAP);
    cr_assert_eq(model_call(c.session, OP_mm_segment_map, &map, MODEL_ENDPOINT).error, ERR_WRONG_TYPE);
    cr_assert_eq(model_call(c.session, OP_mm_segment_map, &map, MODEL_CRASH).error, ERR_WRONG_TYPE);
    struct mm_space_request init = {.space = SPACE_INIT};
    cr_assert_eq(model_call(MANAGE, OP_mm_space_destroy, &init, 0).error, ERR_NOT_FOUND);
}

Test(mm, contiguous_memory_is)
{
    world_start(2048, 4000);
    for (unsigned pages = 1; pages < 400; pages = pages * 3 / 2 + 1) {
        struct mm_segment_create_request q = {.length = pages * PAGE_BYTES, .flags = MM_SEGMENT_CONTIGUOUS};
        struct answer a = model_call(MANAGE, OP_mm_segment_create, &q, 0);
        cr_assert_eq(a.error, ERR_OK);
        struct mm_segment_map_request map = {.length = q.length, .prot = MM_READ | MM_WRITE};
        struct answer at = model_call(MANAGE, OP_mm_segment_map, &map, a.cap[0]);
        cr_assert_eq(at.error, ERR_OK);
        for (unsigned i = 0; i < pages; i++) {
            uint64_t *word =
                model_memory(model[MODEL_INIT_SPACE].object, at.word[0] + i * PAGE_BYTES, RIGHT_WRITE);
            cr_assert_eq(word, &content[a.word[1] / PAGE_BYTES + i]);
        }
    }
    cr_assert_eq(complaints, 0, "%s", first_complaint);
}

Test(mm, contiguous_memory_comes_back)
{
    world_start(2048, 4000);
    struct client c = new_client(20 << CHUNK_BITS);
    for (unsigned i = 0; i < 100; i++) {
        struct mm_segment_create_request q = {.length = 17 << CHUNK_BITS, .flags = MM_SEGMENT_CONTIGUOUS};
        struct answer a = model_call(c.session | MM_DMA, OP_mm_segment_create, &q, 0);
        cr_assert_eq(a.error, ERR_OK, "time %u", i);
        cr_assert_eq(model_call(c.session | MM_DMA, OP_mm_segment_create, &q, 0).error, ERR_QUOTA);
        cr_assert_eq(model_call(c.session, OP_mm_segment_drop, NULL, a.cap[0]).error, ERR_OK);
    }
    cr_assert_eq(complaints, 0, "%s", first_complaint);
}

Test(mm, device_segments_end_with_their_owner)
{
    world_start(2048, 4000);
    struct client dev = new_client(1 << 20), driver = new_client(1 << 20);
    uint64_t session = dev.session | MM_DMA;
    uint32_t frame = CLIENT_SLOTS;
    model_give(frame, OBJ_FRAME, PAGE_BITS, 0);
    struct mm_segment_device_request q = {.length = PAGE_BYTES};
    cr_assert_eq(model_call(session, OP_mm_segment_device, &q, frame).error, ERR_WRONG_TYPE, "it is memory");
    model[frame].device = true;
    struct answer a = model_call(session, OP_mm_segment_device, &q, frame);
    cr_assert_eq(a.error, ERR_OK);
    struct mm_segment_map_request map = {.address = FIXED, .length = PAGE_BYTES, .prot = MM_READ | MM_WRITE};
    cr_assert_eq(model_call(driver.session, OP_mm_segment_map, &map, a.cap[0]).error, ERR_OK);
    cr_assert_not_null(model_memory(driver.object, FIXED, RIGHT_WRITE));
    struct mm_space_request end = {.space = dev.number};
    enum error error = ERR_BUSY;
    while (error == ERR_BUSY)
        error = model_call(MANAGE, OP_mm_space_destroy, &end, 0).error;
    cr_assert_eq(error, ERR_OK);
    cr_assert_null(model_memory(driver.object, FIXED, 0));
    cr_assert_null(access_page(&driver, FIXED, RIGHT_READ, &error));
    cr_assert_eq(error, ERR_BAD_ADDRESS);
    cr_assert_eq(complaints, 0, "%s", first_complaint);
}

Test(mm, crashes_are_told_once_in_order)
{
    world_start(2048, 4000);
    struct client a = new_client(1 << 20), b = new_client(1 << 20);
    enum error error;
    cr_assert_eq(model_call(MANAGE, OP_mm_crash, NULL, 0).error, ERR_NOT_FOUND);
    access_page(&b, 0x5000, RIGHT_READ, &error);
    access_page(&a, 0x6000, RIGHT_WRITE, &error);
    access_page(&b, 0x7000, RIGHT_EXEC, &error);
    cr_assert_eq(crash_signals, 3);
    struct answer first = model_call(MANAGE, OP_mm_crash, NULL, 0),
                  second = model_call(MANAGE, OP_mm_crash, NULL, 0);
    const struct mm_crash_reply *told = (const struct mm_crash_reply *)first.word;
    cr_assert_eq(told->space, b.number);
    cr_assert_eq(told->fault, FAULT_PAGE);
    cr_assert_eq(told->word[0], 0x7008, "the newest of that space");
    cr_assert_eq(told->error, ERR_BAD_ADDRESS);
    told = (const struct mm_crash_reply *)second.word;
    cr_assert_eq(told->space, a.number);
    cr_assert_eq(told->word[2], RIGHT_WRITE);
    cr_assert_eq(model_call(MANAGE, OP_mm_crash, NULL, 0).error, ERR_NOT_FOUND);
}
