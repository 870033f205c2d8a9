/* SPDX-License-Identifier: MIT */
/* The objects that the bench works with, made of the untyped memory that the first process is given. */
#include "bench.h"

#include <string.h>

#define SLICE_US      10000   /* what init gives a process of which the description says nothing else */
#define LONG_SLICE_US 1000000 /* between harts, where the clock is the host's */

cap_t second_space;

static void map_in_both(cap_t frame, uint64_t address)
{
    map_at(frame, BOOT_ADDRESS_SPACE, address, RIGHT_READ | RIGHT_WRITE);
    map_at(copy_cap(frame, RIGHTS_ALL), second_space, address, RIGHT_READ | RIGHT_WRITE);
}

void map_device(uint64_t physical, uint64_t address)
{
    cap_t frame = slots_take(1);

    for (uint64_t i = 0; i < rt_boot->untyped_count; i++) {
        const struct boot_untyped *untyped = &rt_boot->untyped[i];
        if (untyped->device && physical - untyped->address < 1ull << untyped->size_bits) {
            must(
                untyped_retype(untyped->slot, OBJ_FRAME, PAGE_BITS, 0, frame, 1, physical - untyped->address),
                "make a frame of device registers");
            map_in_both(frame, address);
            return;
        }
    }
    check(false, "no such device registers");
}

/* The page of the stubs, copied, for the second address space. */
static void map_stubs(void)
{
    cap_t frame = make_object(OBJ_FRAME, PAGE_BITS);

    map_at(frame, BOOT_ADDRESS_SPACE, STUB_PAGE, RIGHT_READ | RIGHT_WRITE);
    memcpy((void *)STUB_PAGE, bench_page, PAGE_BYTES);
    must(frame_unmap(frame), "unmap a page");
    map_at(frame, second_space, STUB_PAGE, RIGHT_READ | RIGHT_EXEC);
}

void world_init(void)
{
    second_space = make_object(OBJ_ADDRESS_SPACE, PAGE_BITS);
    map_in_both(make_object(OBJ_FRAME, PAGE_BITS), SHARED_PAGE);
    map_stubs();
}

void peer_start(struct peer *peer)
{
    cap_t thread = slots_take(2), context = thread + 1;
    uint64_t slice = rt_ticks_of_us(rt_boot->hart_count > 1 ? LONG_SLICE_US : SLICE_US);
    uint64_t code = peer->space == BOOT_ADDRESS_SPACE ? (uint64_t)peer->code
                                                      : STUB_PAGE + (uint64_t)(peer->code - bench_page);
    const uint64_t time[3] = {context, slice, slice}, start[6] = {code, 0, peer->argument};
    const uint64_t parts[4] = {BOOT_CNODE, peer->space, peer->message_frame, peer->fault};
    const uint64_t bound[1] = {context}, priority[2] = {peer->priority, peer->priority};

    peer->untyped = make_object(OBJ_UNTYPED, PAGE_BITS);
    must(untyped_retype(peer->untyped, OBJ_THREAD, 0, 0, thread, 1, 0), "make a thread");
    must(untyped_retype(peer->untyped, OBJ_SCHED_CONTEXT, 0, 0, context, 1, 0), "make a scheduling context");
    must(kernel_call(BOOT_SCHED_CONTROL + peer->hart, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0),
         "set a budget");
    must(kernel_call(thread, OP_THREAD_CONFIGURE, parts, 4, NULL, 0), "configure a thread");
    must(kernel_call(thread, OP_THREAD_BIND_CONTEXT, bound, 1, NULL, 0), "give a thread time");
    must(kernel_call(thread, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set a priority");
    if (peer->notification) {
        const uint64_t notification[1] = {peer->notification};
        must(kernel_call(thread, OP_THREAD_BIND_NOTIFICATION, notification, 1, NULL, 0),
             "bind a notification");
    }
    if (peer->foreign) {
        const uint64_t yes[1] = {1};
        must(kernel_call(thread, OP_THREAD_SET_FOREIGN, yes, 1, NULL, 0), "make a thread foreign");
    }
    must(kernel_call(thread, OP_THREAD_START, start, 6, NULL, 0), "start a thread");
    if (peer->passive) {
        const uint64_t none[1] = {0};
        must(kernel_call(thread, OP_THREAD_BIND_CONTEXT, none, 1, NULL, 0), "take a thread's time");
    }
}

void peer_end(struct peer *peer)
{
    must(cnode_revoke(BOOT_CNODE, peer->untyped), "destroy a thread");
}
