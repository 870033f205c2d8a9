/* SPDX-License-Identifier: MIT */
/* Threads and copied address spaces: see thread.h. */
#include "thread.h"

#include <string.h>

#define STACK_BASE   GUEST_MAP /* of thread n: 2 MiB further on, with a page that is not mapped below */
#define STACK_STRIDE 0x200000ull
#define SHARED_BASE  0x2400000000ull
#define COPY_PAGE    0x2500000000ull /* where a frame is filled */
#define MAX_SHARED   16

extern char __text_start[], __rodata_start[], __data_start[], __image_end[];

static unsigned stacks_made;
static cap_t shared[MAX_SHARED];
static unsigned shared_count;

void guest_context_set(cap_t context, unsigned hart, uint64_t budget, uint64_t period)
{
    const uint64_t time[3] = {context, rt_ticks_of_us(budget), rt_ticks_of_us(period)};

    must(kernel_call(BOOT_SCHED_CONTROL + hart, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0),
               "set a budget");
}

cap_t guest_context(unsigned hart, uint64_t budget, uint64_t period)
{
    cap_t context = make_object(OBJ_SCHED_CONTEXT, SCHED_CONTEXT_BITS);

    guest_context_set(context, hart, budget, period);
    return context;
}

struct msg_page *guest_thread_page(const struct guest_thread *thread)
{
    return (struct msg_page *)thread->stack;
}

void guest_thread_prepare(struct guest_thread *t)
{
    cap_t space = t->space ? t->space : BOOT_ADDRESS_SPACE;
    uint64_t base = STACK_BASE + stacks_made++ * STACK_STRIDE + PAGE_BYTES;

    for (uint64_t at = 0; at < GUEST_STACK; at += PAGE_BYTES)
        map_at(make_object(OBJ_FRAME, PAGE_BITS), space, base + at, RIGHT_READ | RIGHT_WRITE);
    t->stack = base + GUEST_STACK;
    if (t->with_page) {
        t->page_frame = make_object(OBJ_FRAME, PAGE_BITS);
        map_at(t->page_frame, space, t->stack, RIGHT_READ | RIGHT_WRITE);
    }
    t->untyped = make_object(OBJ_UNTYPED, PAGE_BITS);
    t->thread = slots_take(2);
    t->context = t->thread + 1;
}

void guest_thread_start(struct guest_thread *t)
{
    cap_t space = t->space ? t->space : BOOT_ADDRESS_SPACE;

    if (!t->stack)
        guest_thread_prepare(t);
    const uint64_t parts[4] = {BOOT_CNODE, space, t->page_frame, t->fault}, bound[1] = {t->context};
    const uint64_t priority[2] = {t->priority, t->priority};
    /* The lowest bytes of the stack hold the thread-local variables. */
    const uint64_t start[6] = {(uint64_t)guest_entry, t->stack, t->argument, (uint64_t)t->code, 0,
                               t->stack - GUEST_STACK};
    must(untyped_retype(t->untyped, OBJ_THREAD, 0, 0, t->thread, 1, 0), "make a thread");
    must(untyped_retype(t->untyped, OBJ_SCHED_CONTEXT, 0, 0, t->context, 1, 0),
               "make a scheduling context");
    guest_context_set(t->context, t->hart, t->budget, t->period);
    must(kernel_call(t->thread, OP_THREAD_CONFIGURE, parts, 4, NULL, 0), "configure a thread");
    must(kernel_call(t->thread, OP_THREAD_BIND_CONTEXT, bound, 1, NULL, 0), "give a thread time");
    must(kernel_call(t->thread, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set a priority");
    must(kernel_call(t->thread, OP_THREAD_START, start, 6, NULL, 0), "start a thread");
}

void guest_thread_end(struct guest_thread *thread)
{
    must(cnode_revoke(BOOT_CNODE, thread->untyped), "destroy a thread");
}

/* --- Address spaces --- */

/* Maps a frame with a copy of the page at `address` in `space`. */
static void clone_page(cap_t space, uint64_t address, uint64_t rights)
{
    cap_t frame = make_object(OBJ_FRAME, PAGE_BITS);

    map_at(frame, BOOT_ADDRESS_SPACE, COPY_PAGE, RIGHT_READ | RIGHT_WRITE);
    memcpy((void *)COPY_PAGE, (const void *)address, PAGE_BYTES);
    must(frame_unmap(frame), "unmap a page");
    map_at(frame, space, address, rights);
}

cap_t guest_space_clone(void)
{
    cap_t space = make_object(OBJ_ADDRESS_SPACE, PAGE_BITS);
    uint64_t end = ((uint64_t)__image_end + PAGE_BYTES - 1) & -PAGE_BYTES;

    for (uint64_t at = (uint64_t)__text_start & -PAGE_BYTES; at < end; at += PAGE_BYTES) {
        clone_page(space, at, at < (uint64_t)__rodata_start ? RIGHT_READ | RIGHT_EXEC
                              : at < (uint64_t)__data_start ? RIGHT_READ
                                                            : RIGHT_READ | RIGHT_WRITE);
    }
    for (unsigned i = 0; i < shared_count; i++) {
        cap_t copy = slots_take(1);
        must(cnode_copy(BOOT_CNODE, copy, 0, shared[i], RIGHTS_ALL), "copy a frame's capability");
        map_at(copy, space, SHARED_BASE + i * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE);
    }
    return space;
}

void *guest_shared_page(void)
{
    uint64_t address = SHARED_BASE + shared_count * PAGE_BYTES;

    check(shared_count < MAX_SHARED, "too many shared pages");
    shared[shared_count] = make_object(OBJ_FRAME, PAGE_BITS);
    map_at(shared[shared_count++], BOOT_ADDRESS_SPACE, address, RIGHT_READ | RIGHT_WRITE);
    return (void *)address;
}
