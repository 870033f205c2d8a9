/* SPDX-License-Identifier: MIT */
/*
 * One page whose frame is changed all the time, by a mapper, while readers on all harts read it. Each frame
 * holds a number greater than that of all before it; a frame that was taken out holds 0 as soon as the kernel
 * has said so. The mapper tells the number when the new frame is in place. So whoever reads less than it was
 * told before it read, read through a translation that should have been forgotten. While no frame is mapped
 * readers fault, and a handler lets them try again.
 */
#include "harts.h"

#define PAGE       0x2700000000ull /* what is read; page tables of its own */
#define ALIAS      0x2800000000ull /* frame n, writable, n pages further on */
#define FRAMES     3
#define READ_BATCH 512

static struct actor mapper, handler, readers[MAX_HARTS];
static struct sleeper mapper_sleeper;
static cap_t frame[FRAMES], copy, table1, table0, fault_endpoint;
static volatile uint64_t told;

static volatile uint64_t *alias(unsigned n)
{
    return (volatile uint64_t *)(ALIAS + n * PAGE_BYTES);
}

static void place_table(cap_t table)
{
    const uint64_t where[2] = {BOOT_ADDRESS_SPACE, PAGE};

    must(kernel_call(table, OP_PAGE_TABLE_MAP, where, 2, NULL, 0), "map a page table");
}

static void take_table(cap_t table)
{
    must(kernel_call(table, OP_PAGE_TABLE_UNMAP, NULL, 0, NULL, 0), "unmap a page table");
}

/* Takes the frame in `copy` out, in one of the ways there are; all translations of it are void afterwards. */
static void take_out(unsigned way)
{
    switch (way) {
    case 0:
        must(frame_unmap(copy), "unmap a page");
        must(cnode_delete(BOOT_CNODE, copy), "delete a capability");
        break;
    case 1: /* with the capability */
        must(cnode_delete(BOOT_CNODE, copy), "delete a capability");
        break;
    case 2: /* with the table above it */
        take_table(table0);
        must(cnode_delete(BOOT_CNODE, copy), "delete a capability");
        place_table(table0);
        break;
    case 3: /* with the table above that */
        take_table(table1);
        take_table(table0);
        must(cnode_delete(BOOT_CNODE, copy), "delete a capability");
        place_table(table1);
        place_table(table0);
        break;
    default: /* with all that was derived from the frame */
        for (unsigned i = 0; i < FRAMES; i++)
            must(cnode_revoke(BOOT_CNODE, frame[i]), "revoke");
    }
}

static void put_in(unsigned n)
{
    must(cnode_copy(BOOT_CNODE, copy, 0, frame[n], RIGHTS_ALL), "copy a frame's capability");
    must(frame_map(copy, BOOT_ADDRESS_SPACE, PAGE, RIGHT_READ), "map a page");
}

static void map_again(uint64_t unused)
{
    uint64_t number = 1;

    (void)unused;
    for (;; number++) {
        unsigned now = number % FRAMES, before = (number - 1) % FRAMES;
        take_out(random_below(&mapper, 5));
        *alias(before) = 0;
        *alias(now) = number;
        put_in(now);
        __atomic_store_n(&told, number, __ATOMIC_SEQ_CST);
        count_add(COUNT_REMAPS, 1);
        mapper.progress++;
        if (random_below(&mapper, 2))
            sleeper_sleep(&mapper_sleeper, random_below(&mapper, 300));
    }
}

static void read_often(uint64_t number)
{
    for (;;) {
        for (unsigned i = 0; i < READ_BATCH; i++) {
            uint64_t least = __atomic_load_n(&told, __ATOMIC_SEQ_CST);
            uint64_t found = *(volatile uint64_t *)PAGE;
            check(found >= least, "read through a translation that should have been forgotten");
        }
        count_add(COUNT_READS, READ_BATCH);
        readers[number].progress++;
        yield();
    }
}

/* Lets who faulted try again. */
static void handle_faults(uint64_t unused)
{
    struct msg m = {0};

    (void)unused;
    sys_msg(SYS_RECV, fault_endpoint, &m);
    for (;;) {
        check(m.tag & TAG_FAULT && tag_label(m.tag) == 1 /* page fault */, "not a page fault");
        count_add(COUNT_FAULTS, 1);
        m.tag = 0;
        sys_msg(SYS_REPLY_RECV, fault_endpoint, &m);
    }
}

static void objects_make(void)
{
    fault_endpoint = make_object(OBJ_ENDPOINT, 0);
    table1 = make_object(OBJ_PAGE_TABLE, PAGE_BITS);
    table0 = make_object(OBJ_PAGE_TABLE, PAGE_BITS);
    copy = slots_take(1);
    for (unsigned i = 0; i < FRAMES; i++) {
        cap_t writable = slots_take(1);
        frame[i] = make_object(OBJ_FRAME, PAGE_BITS);
        /* Moved above `frame`, so that revoking that leaves it: the copy takes the place of the original. */
        must(cnode_move(BOOT_CNODE, writable, 0, frame[i]), "move a frame's capability");
        must(cnode_copy(BOOT_CNODE, frame[i], 0, writable, RIGHTS_ALL), "copy a frame's capability");
        map_at(writable, BOOT_ADDRESS_SPACE, (uint64_t)alias(i), RIGHT_READ | RIGHT_WRITE);
    }
    place_table(table1);
    place_table(table0);
    put_in(0);
}

void remap_make(unsigned harts)
{
    objects_make();
    mapper_sleeper = sleeper_make();
    mapper.thread.priority = PRIORITY_TROUBLE;
    actor_add(&mapper, "mapper", map_again, 0, 0);
    handler.thread.priority = PRIORITY_LOAD + 1;
    handler.progress_at = &mapper.progress; /* it has nothing to do while nobody faults */
    actor_add(&handler, "handler", handle_faults, 0, harts - 1);
    for (unsigned i = 0; i < harts; i++) {
        readers[i].thread.fault = fault_endpoint;
        readers[i].thread.priority = PRIORITY_BUSY;
        actor_add(&readers[i], "reader", read_often, i, i);
    }
}
