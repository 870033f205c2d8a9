/* SPDX-License-Identifier: MIT */
/*
 * What makes the kernel busy for long: a tree of 10,000 capabilities revoked, frames of 1 GiB cleared,
 * processes that end in storms, memory run out, and operations at the limits of what one call may ask for.
 * Each load works with capability slots and memory of its own, and leaves no trace of a round.
 */
#include "latency.h"

#include <stdio.h>

static cap_t make(cap_t untyped, enum object_type type, unsigned size_bits, cap_t cnode, uint64_t slot,
                  uint64_t count)
{
    load_must(untyped_retype(untyped, type, size_bits, cnode, slot, count, 0), "make an object");
    return slot;
}

/* --- revoke: a tree of 10,000 capabilities, wide and deep in turn --- */

#define TREE       10000
#define TREE_CNODE 20 /* 16,384 slots */
static cap_t tree_cnode, tree_endpoint;

static void revoke_prepare(void)
{
    tree_cnode = make_object(OBJ_CNODE, TREE_CNODE);
    tree_endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
}

static void revoke_round(void)
{
    static unsigned kind;

    for (uint64_t i = 1; i <= TREE; i++) {
        /* All below one, a chain, a tree of fours. */
        uint64_t parent = kind == 0 ? 0 : kind == 1 ? i - 1 : i / 4;
        cap_t cnode = parent ? tree_cnode : 0, from = parent ? parent : tree_endpoint;
        load_must(cnode_copy(tree_cnode, i, cnode, from, RIGHTS_ALL), "copy a capability");
    }
    kind = (kind + 1) % 3;
    load_must(cnode_revoke(BOOT_CNODE, tree_endpoint), "revoke a tree");
}

/* --- clear: frames of 1 GiB --- */

static cap_t giga_untyped, giga_frame;

static void clear_prepare(void)
{
    giga_untyped = untyped_take(GIGAPAGE_BITS);
    check(giga_untyped != 0, "no memory for a frame of 1 GiB; QEMU needs -m 3G");
    giga_frame = slots_take(1);
}

static void clear_round(void)
{
    make(giga_untyped, OBJ_FRAME, GIGAPAGE_BITS, 0, giga_frame, 1);
    load_must(cnode_revoke(BOOT_CNODE, giga_untyped), "give a frame back");
}

/* --- storm: processes that are all ended at once --- */

#define PROCESSES     24
#define PROCESS_BITS  18
#define PROCESS_CNODE 14 /* 256 slots */
#define PROCESS_PAGES 16
#define NO_PAGE       0x2f00000000ull
enum { P_SPACE = 1, P_TABLE1, P_TABLE0, P_THREAD, P_CONTEXT, P_NOTIFICATION, P_TIMERS,
       P_FRAMES = P_TIMERS + 8, P_COPIES = P_FRAMES + PROCESS_PAGES, P_COPIES_END = 250 };
static cap_t storm_untyped, storm_slots, storm_endpoint;

static void storm_prepare(void)
{
    storm_untyped = make_object(OBJ_UNTYPED, PROCESS_BITS + 5);
    storm_slots = slots_take(2 * PROCESSES + 1 + P_FRAMES);
    storm_endpoint = storm_slots + 2 * PROCESSES;
}

/* Fills the process's CNode by way of the slots behind storm_endpoint. */
static void storm_memory(cap_t untyped, cap_t cnode, cap_t space)
{
    const uint64_t where[2] = {space, NO_PAGE};
    cap_t here = storm_endpoint + 1;

    make(untyped, OBJ_PAGE_TABLE, PAGE_BITS, 0, here + P_TABLE1, 2);
    load_must(kernel_call(here + P_TABLE1, OP_PAGE_TABLE_MAP, where, 2, NULL, 0), "map a table");
    load_must(kernel_call(here + P_TABLE0, OP_PAGE_TABLE_MAP, where, 2, NULL, 0), "map a table");
    for (unsigned i = 0; i < PROCESS_PAGES; i++) {
        make(untyped, OBJ_FRAME, PAGE_BITS, 0, here, 1);
        load_must(frame_map(here, space, NO_PAGE + (i + 1) * PAGE_BYTES, RIGHT_READ), "map a page");
        load_must(cnode_move(cnode, P_FRAMES + i, 0, here), "move a capability");
    }
    load_must(cnode_move(cnode, P_TABLE1, 0, here + P_TABLE1), "move a capability");
    load_must(cnode_move(cnode, P_TABLE0, 0, here + P_TABLE0), "move a capability");
}

static void storm_timers(cap_t untyped, cap_t cnode)
{
    cap_t here = storm_endpoint + 1;

    make(untyped, OBJ_NOTIFICATION, NOTIFICATION_BITS, 0, here + P_NOTIFICATION, 1);
    make(untyped, OBJ_TIMER, TIMER_BITS, 0, here + P_TIMERS, 8);
    for (unsigned i = 0; i < 8; i++) {
        load_must(timer_set(here + P_TIMERS + i, here + P_NOTIFICATION, ~0ull >> 3, 0), "set a timer");
        load_must(cnode_move(cnode, P_TIMERS + i, 0, here + P_TIMERS + i), "move a capability");
    }
    load_must(cnode_move(cnode, P_NOTIFICATION, 0, here + P_NOTIFICATION), "move a capability");
}

/* A thread whose first instruction faults: it waits at the endpoint that all share. */
static void storm_thread(cap_t untyped, cap_t cnode, cap_t space)
{
    cap_t here = storm_endpoint + 1, thread = here + P_THREAD, context = here + P_CONTEXT;
    const uint64_t time[3] = {context, rt_ticks_of_us(100), rt_ticks_of_us(100)}, start[6] = {NO_PAGE};
    const uint64_t parts[4] = {cnode, space, 0, storm_endpoint}, bound[1] = {context};
    const uint64_t priority[2] = {PRIORITY_LOAD, PRIORITY_LOAD};

    make(untyped, OBJ_THREAD, 0, 0, thread, 1);
    make(untyped, OBJ_SCHED_CONTEXT, 0, 0, context, 1);
    load_must(kernel_call(BOOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0), "set a budget");
    load_must(kernel_call(thread, OP_THREAD_CONFIGURE, parts, 4, NULL, 0), "configure a thread");
    load_must(kernel_call(thread, OP_THREAD_BIND_CONTEXT, bound, 1, NULL, 0), "give a thread time");
    load_must(kernel_call(thread, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set a priority");
    load_must(kernel_call(thread, OP_THREAD_START, start, 6, NULL, 0), "start a thread");
    load_must(cnode_move(cnode, P_THREAD, 0, thread), "move a capability");
    load_must(cnode_move(cnode, P_CONTEXT, 0, context), "move a capability");
}

static void storm_round(void)
{
    cap_t space = storm_endpoint + 1 + P_SPACE;

    make(storm_untyped, OBJ_ENDPOINT, 0, 0, storm_endpoint, 1);
    for (unsigned n = 0; n < PROCESSES; n++) {
        cap_t untyped = storm_slots + 2 * n, cnode = untyped + 1;

        make(storm_untyped, OBJ_UNTYPED, PROCESS_BITS, 0, untyped, 1);
        make(untyped, OBJ_CNODE, PROCESS_CNODE, 0, cnode, 1);
        make(untyped, OBJ_ADDRESS_SPACE, PAGE_BITS, 0, space, 1);
        storm_memory(untyped, cnode, space);
        storm_timers(untyped, cnode);
        storm_thread(untyped, cnode, space);
        load_must(cnode_move(cnode, P_SPACE, 0, space), "move a capability");
        for (uint64_t i = P_COPIES; i < P_COPIES_END; i++)
            load_must(cnode_copy(cnode, i, 0, storm_endpoint, RIGHTS_ALL), "copy a capability");
    }
    for (unsigned n = 0; n < PROCESSES; n++) { /* all of them come to wait at the endpoint */
        struct msg yield = {0};
        sys_msg(SYS_YIELD, 0, &yield);
    }
    load_must(cnode_revoke(BOOT_CNODE, storm_untyped), "end all processes");
}

/* --- exhaust: memory run out, in the largest calls that there are --- */

#define EXHAUST_BITS  24
#define EXHAUST_CNODE 20
static cap_t exhaust_untyped, exhaust_cnode;

static void exhaust_prepare(void)
{
    exhaust_untyped = make_object(OBJ_UNTYPED, EXHAUST_BITS);
    exhaust_cnode = make_object(OBJ_CNODE, EXHAUST_CNODE);
}

static void exhaust_round(void)
{
    static const struct {
        enum object_type type;
        unsigned bits, count;
    } kinds[] = {{OBJ_FRAME, PAGE_BITS, 64}, {OBJ_THREAD, 0, 64}, {OBJ_CNODE, 12, 64}, {OBJ_ENDPOINT, 0, 64},
                 {OBJ_PAGE_TABLE, 0, 64}, {OBJ_ADDRESS_SPACE, 0, 4}};
    unsigned full = 0;

    for (uint64_t slot = 1, i = 0; full < 6; i = (i + 1) % 6) {
        enum error error = untyped_retype(exhaust_untyped, kinds[i].type, kinds[i].bits, exhaust_cnode, slot,
                                          kinds[i].count, 0);
        if (error == ERR_NO_MEMORY) {
            full++;
            continue;
        }
        full = 0;
        load_must(error, "use all memory");
        slot += kinds[i].count;
    }
    load_must(cnode_revoke(BOOT_CNODE, exhaust_untyped), "give all memory back");
}

/* --- limits: one call at a time that asks for as much as it may --- */

#define CHILDREN 256
#define TIMERS   64
static cap_t limits_untyped, limits_cnode, limits_slots;

static void limits_prepare(void)
{
    limits_untyped = make_object(OBJ_UNTYPED, 16);
    limits_cnode = make_object(OBJ_CNODE, 16); /* 1024 slots */
    limits_slots = slots_take(1 + TIMERS);
}

/* A capability with as many children as one that is moved may have. */
static void move_with_children(void)
{
    make(limits_untyped, OBJ_ENDPOINT, 0, limits_cnode, 1, 1);
    for (uint64_t i = 0; i < CHILDREN; i++)
        load_must(cnode_copy(limits_cnode, 3 + i, limits_cnode, 1, RIGHTS_ALL), "copy a capability");
    load_must(cnode_move(limits_cnode, 2, limits_cnode, 1), "move a capability with children");
    load_must(cnode_delete(limits_cnode, 2), "delete a capability with children");
}

/* A notification that goes while timers would signal it. */
static void drop_timers(void)
{
    cap_t notification = limits_slots, timer = limits_slots + 1;

    make(limits_untyped, OBJ_NOTIFICATION, 0, 0, notification, 1);
    make(limits_untyped, OBJ_TIMER, 0, 0, timer, TIMERS);
    for (unsigned i = 0; i < TIMERS; i++)
        load_must(timer_set(timer + i, notification, ~0ull >> 3, 0), "set a timer");
    load_must(cnode_delete(BOOT_CNODE, notification), "delete a notification");
}

static void limits_round(void)
{
    move_with_children();
    drop_timers();
    load_must(cnode_revoke(BOOT_CNODE, limits_untyped), "give all memory back");
}

/* --- idle: what runs when all others have used up their budgets, so that the clock goes with the
 * instructions --- */

static void idle_prepare(void)
{
}

static void idle_round(void)
{
    for (volatile unsigned i = 0; i < 1000; i++) {
    }
}

struct load loads[LOADS] = {
    {"revoke", revoke_prepare, revoke_round, 500, PRIORITY_LOAD, 0},
    {"clear", clear_prepare, clear_round, 2000, PRIORITY_LOAD, 0},
    {"storm", storm_prepare, storm_round, 500, PRIORITY_LOAD, 0},
    {"exhaust", exhaust_prepare, exhaust_round, 500, PRIORITY_LOAD, 0},
    {"limits", limits_prepare, limits_round, 100, PRIORITY_LOAD, 0},
    {"idle", idle_prepare, idle_round, LOAD_PERIOD, PRIORITY_LOAD - 10, 0},
};
