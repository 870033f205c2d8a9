/* SPDX-License-Identifier: MIT */
/* mm started in the model of the kernel, and calls of its operations. Included by the test programs of mm. */
#pragma once

#include "mm_kernel.h"

/* --- The start of mm in this world --- */

enum {
    MODEL_ENDPOINT = START_FIRST_NAMED,
    MODEL_ENDPOINT_1,
    MODEL_OWN_SPACE,
    MODEL_INIT_SPACE,
    MODEL_CRASH,
    MODEL_FIRST_UNTYPED
};

static uint32_t client_next;

/* Puts a new object into a slot. */
static void model_give(uint32_t slot, enum object_type type, unsigned bits, uint64_t start)
{
    model[slot] = (struct model_slot){.type = type, .bits = bits, .object = ++next_object, .start = start};
}

/* Gives mm `pages` pages in blocks of the sizes that their addresses allow, and `slots` slots; the first
 * block becomes mm's own chunk. */
static void world_start(uint64_t pages, uint64_t slots)
{
    uint32_t slot = MODEL_FIRST_UNTYPED;
    memset(model, 0, sizeof(model));
    memset(maps, 0, sizeof(maps));
    memset(shelf_used, 0, sizeof(shelf_used));
    memset(content, 0xa5, sizeof(content));
    complaints = crash_signals = shelves_made = 0;
    client_next = CLIENT_SLOTS;
    model_give(MODEL_ENDPOINT, OBJ_ENDPOINT, ENDPOINT_BITS, 0);
    model_give(MODEL_ENDPOINT_1, OBJ_ENDPOINT, ENDPOINT_BITS, 0);
    model_give(MODEL_OWN_SPACE, OBJ_ADDRESS_SPACE, PAGE_BITS, 0);
    model_give(MODEL_INIT_SPACE, OBJ_ADDRESS_SPACE, PAGE_BITS, 0);
    model_give(MODEL_CRASH, OBJ_NOTIFICATION, NOTIFICATION_BITS, 0);
    own_space_object = model[MODEL_OWN_SPACE].object;
    model_give(slot++, OBJ_UNTYPED, CHUNK_BITS, 0);
    uint64_t at = 1ull << CHUNK_BITS, end = pages * PAGE_BYTES;
    while (at < end) {
        unsigned bits = (unsigned)__builtin_ctzll(at);
        while (at + (1ull << bits) > end)
            bits--;
        model_give(slot++, OBJ_UNTYPED, bits, at);
        at += 1ull << bits;
    }
    slots_init(slot, slots < CLIENT_SLOTS ? slots : CLIENT_SLOTS);

    size_t length = (size_t)OWN_PARTS << OWN_PART_BITS;
    if (own_memory != NULL)
        munmap(own_memory, length);
    own_memory = mmap(NULL, length + (1ull << OWN_PART_BITS), PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cr_assert_neq(own_memory, MAP_FAILED);
    own_init(own_memory, MODEL_OWN_SPACE, MODEL_FIRST_UNTYPED);
    blocks_init();
    lock_be(0);
    cr_assert(locks_init(RECEIVERS));
    places_init();
    ledgers_init();
    segments_init();
    spaces_init();
    for (uint32_t s = MODEL_FIRST_UNTYPED; s < slot; s++) {
        uint32_t block = block_add(s, model[s].bits);
        cr_assert_neq(block, 0);
        if (s == MODEL_FIRST_UNTYPED)
            block_note_used(block);
    }
    cr_assert(places_ready());
    cr_assert(space_adopt("init", MODEL_INIT_SPACE));
    fault_init(MODEL_CRASH);
    mm_serve_init((const cap_t[RECEIVERS]){MODEL_ENDPOINT, MODEL_ENDPOINT_1});
}

/* Slots in a part of the model that hold a capability. */
static unsigned model_slots_full(uint32_t from, uint32_t to)
{
    unsigned full = 0;
    for (uint32_t s = from; s < to; s++)
        full += model[s].type != OBJ_NULL;
    return full;
}

/* The word behind an address of a space as its program would see it; NULL: not mapped for that access. */
static uint64_t *model_memory(uint64_t space_object, uint64_t address, uint64_t access)
{
    uint32_t slot = map_find(space_object, address >> PAGE_BITS, 0);
    if (slot == 0 || (access & ~model[slot].rights) != 0)
        return NULL;
    return &content[model[slot].start / PAGE_BYTES];
}

/* --- Calls, as the server loop makes them --- */

/* An answer: the words, and where the capabilities of the answer are for the client. */
struct answer {
    enum error error;
    uint64_t word[MSG_MAX_WORDS];
    unsigned cap_count;
    uint32_t cap[MSG_MAX_CAPS];
};

/* Calls an operation with the session's badge; `give` is a client's capability, or 0. */
static struct answer model_call(uint64_t badge, uint32_t op, const void *request, uint32_t give)
{
    struct answer answer = {.error = ERR_BAD_OP};
    struct call call = {.badge = badge, .client = proto_client(badge), .rights = badge & 0xffff};
    cr_assert(op >> 8 == mm_serves()->number && (op & 0xff) < mm_serves()->count);
    const struct proto_handler *handler = &mm_serves()->handler[op & 0xff];
    cr_assert_not_null(handler->handle);
    if (!(call.rights & handler->op.right))
        return (struct answer){.error = ERR_DENIED};
    if (handler->op.in_least > (give != 0))
        return (struct answer){.error = ERR_NO_CAP};
    if (give != 0) {
        call.cap[0] = slot_alloc();
        if (call.cap[0] == 0)
            return (struct answer){.error = ERR_NO_MEMORY};
        call.cap_count = 1;
        model_copy(call.cap[0], give, 0);
    }
    uint32_t landed = call.cap[0];
    call.size = handler->op.size;
    answer.error = handler->handle(&call, request, answer.word);
    if (landed != 0 && !(call.kept & 1))
        slot_free(landed);
    cr_assert(!answer.error || call.reply_caps == 0);
    for (unsigned i = 0; i < call.reply_caps; i++) {
        do
            client_next = client_next + 1 < MODEL_SLOTS ? client_next + 1 : CLIENT_SLOTS;
        while (model[client_next].type != OBJ_NULL);
        model_copy(client_next, call.reply_cap[i], 0);
        answer.cap[answer.cap_count++] = client_next;
        if (call.given >> i & 1)
            slot_free(call.reply_cap[i]);
    }
    return answer;
}

/* --- Clients --- */

#define PAGES       64 /* of the part of each space where things are mapped at fixed addresses */
#define FIXED       0x40000000ull
#define MANAGE      proto_badge(0, PROTO_MANAGE | MM_USE | MM_DMA)

struct page {
    bool mapped;
    uint32_t prot;
    int segment; /* -1: anonymous */
    unsigned offset;
    uint64_t value;
};

struct client {
    bool used;
    unsigned home;
    uint64_t number, object, session;
    struct page page[PAGES];
};

/* Touches a page as the hardware and the kernel would: a fault message if it is not mapped. */
static uint64_t *access_page(const struct client *c, uint64_t address, uint64_t access, enum error *error)
{
    uint64_t *word = model_memory(c->object, address, access);
    *error = ERR_OK;
    if (word != NULL)
        return word;
    struct msg m = {
        .badge = badge_make(BADGE_FAULT, c->number),
        .tag = tag_make(FAULT_PAGE, 6, 0),
        .word = {address + 8, 0x1234, access},
    };
    cr_assert(fault_message(&m));
    *error = tag_label(m.tag);
    word = model_memory(c->object, address, access);
    cr_assert_eq(!*error, word != NULL);
    return word;
}

static struct client new_client(uint64_t quota)
{
    struct client c = {0};
    struct mm_space_create_request q = {.name = "client", .quota = quota, .rights = MM_USE};
    struct answer a = model_call(MANAGE, OP_mm_space_create, &q, 0);
    cr_assert_eq(a.error, ERR_OK);
    c.number = a.word[0];
    c.session = model[a.cap[0]].badge;
    c.object = model[a.cap[1]].object;
    return c;
}
