/* SPDX-License-Identifier: MIT */
/* The objects of a world, and which threads there are. */
#include "lanes.h"

#include <string.h>

#define WORLD_BITS     21
#define LONG_TIME      (1ull << 40) /* ticks: no budget ends, so that no timer interrupts */
#define PRIORITY_BEGIN 250
#define PRIORITY_IDLE  1
#define PRIORITY_HIGH  200
#define BADGE_SIGN     0x5a5a000000000000ull
#define ROUND_TRIPS    1000
#define DEEP           16 /* this link is called by one that may not pass on its time, and so is the next */

extern const char __image_start[], __data_start[]; /* from user.ld */

cap_t master_endpoint, master_notification, master_reply, master_thread, master_context, master_cnode,
    master_alarm, master_fault, master_page, world_memory;
static cap_t master_never, master_frame, spaces;

static const uint8_t variant_rights[4] = {RIGHTS_ALL, RIGHT_SEND, RIGHT_SEND | RIGHT_GRANT, RIGHT_RECV};
static const uint8_t notification_rights[3] = {RIGHTS_ALL, RIGHT_SIGNAL, RIGHT_WAIT};

cap_t space_of(unsigned number)
{
    return number == 0 ? BOOT_ADDRESS_SPACE : spaces + number - 1;
}

uint64_t badge_endpoint(uint64_t badge)
{
    return badge >> 48 == BADGE_SIGN >> 48 ? badge >> 16 & 0xff : ~0ull;
}

static uint64_t badge_make(unsigned endpoint, unsigned low)
{
    return BADGE_SIGN | (uint64_t)endpoint << 16 | low;
}

/* --- Once --- */

static void map_copy_at(cap_t frame, cap_t space, uint64_t address, uint64_t rights)
{
    map_at(copy_cap(frame, RIGHTS_ALL), space, address, rights);
}

static void invoke(cap_t cap, uint32_t operation, const uint64_t *argument, unsigned count, const char *what)
{
    must(kernel_call(cap, operation, argument, count, NULL, 0), what);
}

/* The program, readable and executable, in the other spaces. */
static void map_program(void)
{
    for (uint64_t at = (uint64_t)__image_start; at < (uint64_t)__data_start; at += PAGE_BYTES) {
        cap_t frame = make_object(OBJ_FRAME, PAGE_BITS);

        map_at(frame, BOOT_ADDRESS_SPACE, NO_PAGE, RIGHT_READ | RIGHT_WRITE);
        memcpy((void *)NO_PAGE, (const void *)at, PAGE_BYTES);
        must(frame_unmap(frame), "unmap a page");
        for (unsigned s = 1; s < SPACES; s++)
            map_copy_at(frame, space_of(s), at, RIGHT_READ | RIGHT_EXEC);
    }
}

static void map_everywhere(cap_t frame, uint64_t address)
{
    for (unsigned s = 0; s < SPACES; s++)
        map_copy_at(frame, space_of(s), address, RIGHT_READ | RIGHT_WRITE);
}

static void map_space_page(unsigned space)
{
    cap_t frame = make_object(OBJ_FRAME, PAGE_BITS);

    map_at(frame, BOOT_ADDRESS_SPACE, NO_PAGE, RIGHT_READ | RIGHT_WRITE);
    *(uint64_t *)NO_PAGE = space;
    must(frame_unmap(frame), "unmap a page");
    map_at(frame, space_of(space), SPACE_PAGE, RIGHT_READ);
}

static void long_time(cap_t context, unsigned hart)
{
    const uint64_t time[3] = {context, LONG_TIME, LONG_TIME};

    invoke(BOOT_SCHED_CONTROL + hart, OP_SCHED_CONTROL_CONFIGURE, time, 3, "set a budget");
}

static void set_priority(cap_t thread, uint64_t priority)
{
    const uint64_t argument[2] = {priority, thread == BOOT_THREAD ? 255 : 100};

    invoke(thread, OP_THREAD_SET_PRIORITY, argument, 2, "set a priority");
}

static void take_slots(void)
{
    master_endpoint = slots_take(ENDPOINTS);
    master_notification = slots_take(NOTIFICATIONS);
    master_reply = slots_take(REPLIES);
    master_thread = slots_take(THREADS);
    master_context = slots_take(THREADS);
    master_fault = slots_take(THREADS);
    master_cnode = slots_take(SPACES);
    master_alarm = slots_take(1);
    master_never = slots_take(1);
}

void world_init(void)
{
    spaces = make_object(OBJ_ADDRESS_SPACE, PAGE_BITS);
    make_object(OBJ_ADDRESS_SPACE, PAGE_BITS); /* in the next slot */
    map_program();
    map_everywhere(make_object(OBJ_FRAME, MEGAPAGE_BITS), SHARED_PAGE);
    master_page = slots_take(THREADS);
    master_frame = master_page;
    world_memory = make_object(OBJ_UNTYPED, WORLD_BITS);
    for (unsigned i = 0; i < THREADS; i++) {
        cap_t frame = i == BLOCK_MAIN ? BOOT_MSG_FRAME : make_object(OBJ_FRAME, PAGE_BITS);

        must(cnode_copy(BOOT_CNODE, master_page + i, 0, frame, RIGHTS_ALL), "copy a frame's capability");
        map_everywhere(frame, MESSAGE_PAGE + i * PAGE_BYTES);
    }
    for (unsigned s = 0; s < SPACES; s++)
        map_space_page(s);
    take_slots();
    long_time(BOOT_SCHED_CONTEXT, 0);
    for (uint64_t from = rt_ticks(); rt_ticks() - from < rt_ticks_of_us(12000);)
        continue; /* until the timer that main's first budget set has interrupted */
}

/* --- For each seed --- */

static void make(enum object_type type, unsigned size_bits, cap_t first, unsigned count)
{
    must(untyped_retype(world_memory, type, size_bits, 0, first, count, 0), "make objects");
}

void endpoint_give(unsigned number)
{
    for (unsigned s = 0; s < SPACES; s++)
        for (unsigned v = 0; v < 4; v++)
            cnode_mint(master_cnode + s, SLOT_ENDPOINT + number * 4 + v, 0, master_endpoint + number,
                       variant_rights[v], badge_make(number, s << 4 | v));
    for (unsigned i = 0; i < shared->workers; i++)
        if (shared->block[i].fault_endpoint == number)
            cnode_mint(BOOT_CNODE, master_fault + i, 0, master_endpoint + number, RIGHT_SEND,
                       badge_make(number, 0x100 + i));
}

static void give(unsigned space, uint64_t slot, cap_t source, uint64_t rights)
{
    must(cnode_copy(master_cnode + space, slot, 0, source, rights), "copy a capability");
}

static void fill_cnode(unsigned space)
{
    for (unsigned n = 0; n < NOTIFICATIONS; n++)
        for (unsigned v = 0; v < 3; v++)
            must(cnode_mint(master_cnode + space, SLOT_NOTIFICATION + n * 3 + v, 0, master_notification + n,
                            notification_rights[v], n == 1 ? 0 : 1ull << (n * 9 + space * 3 + v)),
                 "mint");
    for (unsigned i = 0; i < REPLIES; i++)
        give(space, SLOT_REPLY + i, master_reply + i, i == 3 ? RIGHT_CONTROL : RIGHTS_ALL);
    for (unsigned i = 0; i < shared->workers; i++)
        give(space, SLOT_THREAD + i, master_thread + i, RIGHTS_ALL);
    give(space, SLOT_CNODE, master_cnode + space, RIGHTS_ALL);
    give(space, SLOT_CONTEXT, master_context, RIGHT_INSPECT);
    give(space, SLOT_FRAME, master_frame, RIGHT_READ);
    give(space, SLOT_ALARM, master_alarm, RIGHT_SIGNAL);
    give(space, SLOT_NEVER, master_never, RIGHT_WAIT);
}

static void make_objects(void)
{
    make(OBJ_ENDPOINT, 0, master_endpoint, ENDPOINTS);
    make(OBJ_NOTIFICATION, 0, master_notification, NOTIFICATIONS);
    make(OBJ_NOTIFICATION, 0, master_alarm, 1);
    make(OBJ_NOTIFICATION, 0, master_never, 1);
    make(OBJ_REPLY, 0, master_reply, REPLIES);
    make(OBJ_THREAD, 0, master_thread, THREADS);
    make(OBJ_SCHED_CONTEXT, 0, master_context, THREADS);
    make(OBJ_CNODE, CNODE_BITS, master_cnode, SPACES);
    for (unsigned s = 0; s < SPACES; s++)
        fill_cnode(s);
    for (unsigned i = 0; i < ENDPOINTS; i++)
        endpoint_give(i);
}

/* Kinds of worlds. Servers serve the endpoints from 0 on, and begin again at `endpoints`. */
struct plan {
    uint8_t clients, servers, endpoints, links, drivers, passive_percent;
    bool equal; /* of the same priority */
    bool servers_above;
};
static const struct plan plans[] = {
    {4, 4, 3, 0, 1, 50, false, false}, {1, 0, 17, 18, 0, 100, false, false}, {4, 4, 4, 0, 0, 30, true, false},
    {3, 4, 4, 0, 3, 100, false, true}, {5, 3, 3, 1, 2, 70, false, true},
};

static void plan_thread(struct block *block, const struct plan *plan, struct block *random, unsigned number)
{
    bool client = number >= (unsigned)plan->servers + plan->links;
    bool driver = number >= (unsigned)plan->servers + plan->links + plan->clients;

    block->role = driver                   ? ROLE_DRIVER
                  : client                 ? ROLE_CLIENT
                  : number < plan->servers ? ROLE_SERVER
                                           : ROLE_LINK;
    block->endpoint = driver ? 1 + number % 2 : number % plan->endpoints;
    if (block->role == ROLE_LINK && number >= plan->endpoints)
        block->endpoint = plan->endpoints - 1;
    block->foreign = client && !driver && random_below(random, 5) == 0 ? FOREIGN_YES : NATIVE;
    block->fault_endpoint = random_below(random, plan->endpoints);
    block->passive = !client && random_below(random, 100) < (number <= DEEP ? plan->passive_percent : 0u);
    block->priority = plan->equal ? 30 : 10 + random_below(random, 5) * 10;
    if (plan->servers_above)
        block->priority = client ? 10 + random_below(random, 2) * 10 : 50;
    if (driver)
        block->priority = 60;
    block->space = random_below(random, SPACES);
    block->message_page = random_below(random, 4);
    block->fp = random_below(random, 3) ? 0 : random_next(random) | 1;
    block->hart = random_below(random, shared->harts);
}

static void plan_world(uint64_t seed)
{
    const struct plan *plan = &plans[seed % (sizeof(plans) / sizeof(plans[0]))];
    struct block *random = &shared->block[BLOCK_MAIN];

    memset(shared->block, 0, sizeof(shared->block));
    shared->workers = plan->clients + plan->servers + plan->links + plan->drivers;
    shared->endpoints = plan->endpoints;
    for (unsigned i = 0; i < THREADS; i++) {
        shared->block[i].index = i;
        shared->block[i].random = (seed + 1) * 0x9e3779b97f4a7c15 + (i + 1) * 0xd1342543de82ef95;
        shared->block[i].message_page = true;
        shared->block[i].fault_endpoint = ~0ull;
        memset(block_page(&shared->block[i]), 0, PAGE_BYTES);
        for (unsigned n = 0; n < MSG_MAX_CAPS; n++)
            block_page(&shared->block[i])->recv_cap[n] = SLOT_RECEIVED + i * 4 + n;
    }
    for (unsigned i = 0; i < shared->workers; i++)
        plan_thread(&shared->block[i], plan, random, i);
    shared->block[BLOCK_HIGH].priority = PRIORITY_HIGH;
}

static void thread_start(const struct block *block)
{
    const uint64_t context = master_context + block->index, foreign = 1;
    cap_t thread = master_thread + block->index;
    bool high = block->index == BLOCK_HIGH;
    const uint64_t parts[4] = {high ? BOOT_CNODE : master_cnode + block->space, space_of(block->space),
                               block->message_page ? master_page + block->index : 0,
                               high ? 0 : master_fault + block->index};
    const uint64_t start[3] = {(uint64_t)lanes_start, (uint64_t)(shared->stack + block->index + 1),
                               (uint64_t)block};

    long_time(context, block->hart);
    invoke(thread, OP_THREAD_CONFIGURE, parts, 4, "configure a thread");
    invoke(thread, OP_THREAD_BIND_CONTEXT, &context, 1, "give a thread time");
    set_priority(thread, block->priority);
    if (block->foreign)
        invoke(thread, OP_THREAD_SET_FOREIGN, &foreign, 1, "make a thread foreign");
    invoke(thread, OP_THREAD_START, start, 3, "start a thread");
}

/* The servers begin, below main, and wait; then those that are to be passive lose their time. */
static void start_servers(void)
{
    const uint64_t none = 0;

    set_priority(BOOT_THREAD, PRIORITY_IDLE);
    for (unsigned i = 0; i < shared->workers; i++) {
        struct block *block = &shared->block[i];

        block->has_context = !block->passive;
        if (block->role == ROLE_CLIENT || block->role == ROLE_DRIVER)
            continue;
        thread_start(block);
        for (uint64_t from = rt_ticks(); shared->harts > 1 && rt_ticks() - from < rt_start->timebase / 1000;)
            continue; /* it gets there on its hart */
        if (block->passive)
            invoke(master_thread + i, OP_THREAD_BIND_CONTEXT, &none, 1, "take a thread's time");
    }
}

static void bind_notifications(struct block *random)
{
    for (unsigned n = 0; n < 2; n++) {
        const uint64_t notification = master_notification + n;
        invoke(master_thread + random_below(random, shared->workers), OP_THREAD_BIND_NOTIFICATION,
               &notification, 1, "bind a notification");
    }
}

void world_begin(uint64_t seed)
{
    plan_world(seed);
    make_objects();
    bind_notifications(&shared->block[BLOCK_MAIN]);
    start_servers();
    set_priority(BOOT_THREAD, PRIORITY_BEGIN);
    for (unsigned i = 0; i < shared->workers; i++)
        if (shared->block[i].role == ROLE_CLIENT || shared->block[i].role == ROLE_DRIVER)
            thread_start(&shared->block[i]);
    thread_start(&shared->block[BLOCK_HIGH]);
    set_priority(BOOT_THREAD, PRIORITY_IDLE);
}

void world_end(void)
{
    set_priority(BOOT_THREAD, PRIORITY_BEGIN);
    must(cnode_revoke(BOOT_CNODE, world_memory), "destroy the world");
}

uint64_t world_round_trip(void)
{
    const uint64_t parts[4] = {BOOT_CNODE, space_of(1)}, none = 0;
    const uint64_t start[3] = {(uint64_t)lanes_echo, 0, master_endpoint}, context = master_context;
    uint64_t instructions;

    set_priority(BOOT_THREAD, PRIORITY_IDLE);
    make(OBJ_THREAD, 0, master_thread, 1);
    make(OBJ_SCHED_CONTEXT, 0, master_context, 1);
    make(OBJ_ENDPOINT, 0, master_endpoint, 1);
    long_time(master_context, 0);
    invoke(master_thread, OP_THREAD_CONFIGURE, parts, 4, "configure a thread");
    invoke(master_thread, OP_THREAD_BIND_CONTEXT, &context, 1, "give a thread time");
    set_priority(master_thread, 100);
    invoke(master_thread, OP_THREAD_START, start, 3, "start a thread");
    invoke(master_thread, OP_THREAD_BIND_CONTEXT, &none, 1, "take a thread's time");
    instructions = lanes_round_trips(master_endpoint, ROUND_TRIPS);
    must(cnode_revoke(BOOT_CNODE, world_memory), "destroy a thread");
    return instructions / ROUND_TRIPS;
}
