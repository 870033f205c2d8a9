/* SPDX-License-Identifier: MIT */
/*
 * Looks for what somebody else left behind: in memory that was freed and given out again, whatever it was
 * before, and in message pages beyond what was sent.
 */
#include "../guest/probe.h"

#include <stdio.h>
#include <string.h>

#define VIEW   (GUEST_MAP + 0x400000)
#define BIG    (GUEST_MAP + (64ull << 20)) /* aligned to a megapage */
#define POOL   (MEGAPAGE_BITS + 1)
#define SECRET 0x5ec2e75ec2e75ec2ull

static cap_t pool, first; /* untyped memory, and 64 slots for what is made of it */

/* Words of a mapped range that are not zero. */
static unsigned remains(uint64_t address, uint64_t bytes)
{
    const volatile uint64_t *word = (const volatile uint64_t *)address;
    unsigned count = 0;

    for (uint64_t i = 0; i < bytes / 8; i++)
        count += word[i] != 0;
    return count;
}

static void fill(uint64_t address, uint64_t bytes)
{
    volatile uint64_t *word = (volatile uint64_t *)address;

    for (uint64_t i = 0; i < bytes / 8; i++)
        word[i] = SECRET;
}

/* Makes the whole pool dirty, through a megapage. */
static void soil_with_data(void)
{
    must(untyped_retype(pool, OBJ_FRAME, MEGAPAGE_BITS, 0, first, 2, 0), "make frames");
    for (unsigned i = 0; i < 2; i++) {
        must(frame_map(first + i, BOOT_ADDRESS_SPACE, BIG, RIGHT_READ | RIGHT_WRITE), "map a frame");
        fill(BIG, 1 << MEGAPAGE_BITS);
        must(frame_unmap(first + i), "unmap a frame");
    }
    must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");
}

/* Makes it dirty with capabilities: pointers of the kernel's. */
static void soil_with_capabilities(void)
{
    must(make_of(pool, OBJ_CNODE, 20, first), "make a CNode");
    for (unsigned i = 1; i < 1u << (20 - SLOT_BITS); i++)
        must(cnode_copy(first, i, 0, BOOT_DEBUG, RIGHTS_ALL), "copy a capability");
    must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");
}

/* With objects in use: threads that ran, notifications with bits, timers that are set, tables that map. */
static void soil_with_objects(void)
{
    static const enum object_type type[] = {OBJ_THREAD,        OBJ_SCHED_CONTEXT, OBJ_ENDPOINT,
                                            OBJ_NOTIFICATION,  OBJ_TIMER,         OBJ_REPLY,
                                            OBJ_ADDRESS_SPACE, OBJ_PAGE_TABLE};
    const uint64_t priority[2] = {77, 99}, name[2] = {SECRET, SECRET};

    for (unsigned i = 0; i < sizeof(type) / sizeof(type[0]); i++)
        must(untyped_retype(pool, type[i], PAGE_BITS, 0, first + 4 * i, 4, 0), "make objects");
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t where[2] = {first + 24 + i, VIEW};
        const uint64_t time[3] = {first + 4 + i, 1000000, 1000000};
        must(kernel_call(first + i, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set a priority");
        must(kernel_call(first + i, OP_THREAD_SET_NAME, name, 2, NULL, 0), "name a thread");
        must(kernel_call(BOOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0), "set a budget");
        must(notification_signal(first + 12 + i), "signal");
        must(timer_set(first + 16 + i, first + 12 + i, rt_ticks() + 1000000, 0), "set a timer");
        must(kernel_call(first + 28 + i, OP_PAGE_TABLE_MAP, where, 2, NULL, 0), "map a page table");
    }
    must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");
}

/* Everything that can be made of the pool starts out empty. Returns how many words or properties were not. */
static unsigned look(void)
{
    unsigned found = 0;
    struct cap_info info;
    struct thread_info thread;
    uint64_t words[4];

    must(untyped_retype(pool, OBJ_FRAME, MEGAPAGE_BITS, 0, first, 1, 0), "make a megapage");
    must(untyped_retype(pool, OBJ_FRAME, PAGE_BITS, 0, first + 1, 63, 0), "make frames");
    must(frame_map(first, BOOT_ADDRESS_SPACE, BIG, RIGHT_READ), "map a frame");
    found += remains(BIG, 1 << MEGAPAGE_BITS);
    for (unsigned i = 1; i < 64; i++) {
        must(frame_map(first + i, BOOT_ADDRESS_SPACE, VIEW, RIGHT_READ), "map a frame");
        found += remains(VIEW, PAGE_BYTES);
        must(frame_unmap(first + i), "unmap a frame");
    }
    must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");

    soil_with_data();
    must(make_of(pool, OBJ_CNODE, 20, first), "make a CNode");
    for (unsigned i = 1; i < 1u << (20 - SLOT_BITS); i++)
        found += cnode_inspect(first, i, &info) || info.type != OBJ_NULL;
    must(untyped_retype(pool, OBJ_THREAD, 0, 0, first + 1, 8, 0), "make threads");
    must(untyped_retype(pool, OBJ_SCHED_CONTEXT, 0, 0, first + 9, 8, 0), "make scheduling contexts");
    must(untyped_retype(pool, OBJ_NOTIFICATION, 0, 0, first + 17, 8, 0), "make notifications");
    must(untyped_retype(pool, OBJ_ADDRESS_SPACE, 0, 0, first + 25, 4, 0), "make address spaces");
    for (unsigned i = 0; i < 8; i++) {
        must(kernel_call(first + 1 + i, OP_THREAD_INFO, NULL, 0, (uint64_t *)&thread, 8), "ask a thread");
        found += thread.state || thread.priority || thread.ceiling || thread.cpu_time || thread.pc ||
                 thread.flags || thread.switches;
        must(kernel_call(first + 9 + i, OP_SCHED_CONTEXT_INFO, NULL, 0, words, 4),
             "ask a scheduling context");
        found += words[0] || words[1] || words[2] || words[3];
        found += notification_poll(first + 17 + i, NULL);
    }
    for (unsigned i = 0; i < 4; i++) {
        must(kernel_call(first + 25 + i, OP_ADDRESS_SPACE_INFO, NULL, 0, words, 1), "ask a space");
        found += words[0] != 0;
    }
    must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");
    return found;
}

static void memory(void)
{
    static const struct {
        void (*soil)(void);
        const char *name;
    } way[] = {{soil_with_data, "after_data"},
               {soil_with_capabilities, "after_capabilities"},
               {soil_with_objects, "after_objects"}};

    for (unsigned i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
        way[i].soil();
        unsigned found = look();
        verdict(found == 0, way[i].name, "%u words left", found);
    }
}

/* Memory that a retype cleared and then did not use, because the call was interrupted or failed, and parts
 * of it that somebody wrote since. */
static void cleared_before(void)
{
    unsigned found = 0;

    for (unsigned round = 0; round < 20; round++) {
        must(untyped_retype(pool, OBJ_FRAME, PAGE_BITS, 0, first, 4, 0), "make frames");
        for (unsigned i = 0; i < 4; i++) {
            must(frame_map(first + i, BOOT_ADDRESS_SPACE, VIEW, RIGHT_READ | RIGHT_WRITE), "map a frame");
            found += remains(VIEW, PAGE_BYTES);
            fill(VIEW, PAGE_BYTES);
            must(frame_unmap(first + i), "unmap a frame");
        }
        for (unsigned i = 0; i < 4; i++)
            if (i != round % 4)
                must(cnode_delete(BOOT_CNODE, first + i), "delete a frame");
        /* Goes on where it was: one child is left. Then with an offset, over memory that was cleared
         * already. */
        must(untyped_retype(pool, OBJ_FRAME, PAGE_BITS, 0, first + 8, 1, 16 * PAGE_BYTES), "make a frame");
        must(frame_map(first + 8, BOOT_ADDRESS_SPACE, VIEW + PAGE_BYTES, RIGHT_READ), "map a frame");
        found += remains(VIEW + PAGE_BYTES, PAGE_BYTES);
        must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");
    }
    verdict(found == 0, "cleared_before", "%u words left", found);
}

/* Many megapages take long to clear, and timers interrupt it all the time. */
static void interrupted_clearing(void)
{
    unsigned found = 0;
    cap_t frame = slots_take(16), big = 0, timer = make_object(OBJ_TIMER, 0),
          nobody = make_object(OBJ_NOTIFICATION, 0);

    for (uint64_t i = 0; i < rt_boot->untyped_count; i++)
        if (!rt_boot->untyped[i].device && rt_boot->untyped[i].size_bits == 26)
            big = rt_boot->untyped[i].slot;
    if (big == 0) {
        verdict(false, "interrupted_clearing", "no untyped memory of 64 MiB");
        return;
    }
    must(timer_set(timer, nobody, rt_ticks(), rt_ticks_of_us(20)), "set a timer");
    for (unsigned round = 0; round < 4; round++) {
        must(untyped_retype(big, OBJ_FRAME, MEGAPAGE_BITS, 0, frame, 1, round * (8ull << 20)),
             "make a frame");
        must(frame_map(frame, BOOT_ADDRESS_SPACE, BIG, RIGHT_READ | RIGHT_WRITE), "map a frame");
        found += remains(BIG, 1 << MEGAPAGE_BITS);
        fill(BIG, 1 << MEGAPAGE_BITS);
        must(cnode_revoke(BOOT_CNODE, big), "revoke memory");
        must(untyped_retype(big, OBJ_FRAME, MEGAPAGE_BITS, 0, frame, 16, 0), "make frames");
        must(frame_map(frame, BOOT_ADDRESS_SPACE, BIG, RIGHT_READ), "map a frame");
        found += remains(BIG, 1 << MEGAPAGE_BITS);
        must(cnode_revoke(BOOT_CNODE, big), "revoke memory");
    }
    must(timer_cancel(timer), "stop a timer");
    verdict(found == 0, "interrupted_clearing", "%u words left", found);
}

/* --- Message pages --- */

static cap_t endpoint;
static uint64_t reply_length;

/* Answers with `reply_length` words. */
static void serve_words(uint64_t page)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, endpoint, &m);
    for (;;) {
        for (unsigned i = 0; i < MSG_MAX_WORDS; i++)
            ((struct msg_page *)page)->word[i] = SECRET;
        for (unsigned i = 0; i < MSG_REGS; i++)
            m.word[i] = i < reply_length ? i + 1 : 0;
        m.tag = tag_make(0, (unsigned)reply_length, 0);
        sys_msg(SYS_REPLY_RECV, endpoint, &m);
    }
}

/* Each side gets as many words as were sent, and of its page nothing else changes; what is not sent, not
 * received. */
static void message_pages(void)
{
    struct worker server = {.message_frame = map_new(VIEW + 4 * PAGE_BYTES)};
    struct msg_page *own = rt_msg_page();
    uint8_t *bytes = (uint8_t *)own;
    unsigned wrong = 0;

    worker_make(&server);
    worker_run(&server, serve_words, VIEW + 4 * PAGE_BYTES);
    for (unsigned length = 0; length <= MSG_MAX_WORDS; length++) {
        reply_length = length;
        memset(bytes, 0, PAGE_BYTES);
        struct msg m = {.tag = tag_make(0, 0, 0)};
        wrong += sys_msg(SYS_CALL, endpoint, &m) || tag_length(m.tag) != length;
        for (unsigned i = 0; i < MSG_MAX_WORDS; i++)
            wrong += own->word[i] != (i >= MSG_REGS && i < length ? SECRET : 0);
        for (unsigned i = sizeof(own->word); i < PAGE_BYTES; i++)
            wrong += bytes[i] != 0;
        wrong += tag_caps(m.tag) != 0 || m.badge != 0;
    }
    worker_end(&server);
    verdict(wrong == 0, "message_pages", "%u wrong in %u messages", wrong, MSG_MAX_WORDS + 1);
}

/* A call to the kernel leaves the page alone, but for the registers of a thread. */
static void kernel_answers(void)
{
    struct msg_page *own = rt_msg_page();
    uint8_t *bytes = (uint8_t *)own;
    unsigned wrong = 0;
    uint64_t info[MSG_REGS];
    struct worker worker = {.priority = 1};

    worker_make(&worker);
    memset(bytes, 0x5a, PAGE_BYTES);
    kernel_call(worker.thread, OP_THREAD_INFO, NULL, 0, info, MSG_REGS);
    kernel_call(BOOT_DEBUG, OP_DEBUG_INFO, NULL, 0, info, MSG_REGS);
    kernel_call(worker.thread, OP_THREAD_CONFIGURE, info, 8, NULL, 0);
    for (unsigned i = 0; i < PAGE_BYTES; i++)
        wrong += bytes[i] != 0x5a;
    struct msg m = {.tag = tag_make(OP_THREAD_READ_REGISTERS, 0, 0)};
    wrong += sys_msg(SYS_CALL, worker.thread, &m);
    for (unsigned i = MSG_REGS; i < 32; i++)
        wrong += own->word[i] != 0;
    for (unsigned i = 32 * 8; i < PAGE_BYTES; i++)
        wrong += bytes[i] != 0x5a;
    worker_end(&worker);
    verdict(wrong == 0, "kernel_answers", "%u bytes wrong", wrong);
}

int main(void)
{
    guest_init("fresh");
    pool = make_object(OBJ_UNTYPED, POOL);
    first = slots_take(64);
    endpoint = make_object(OBJ_ENDPOINT, 0);
    map_at(make_object(OBJ_FRAME, PAGE_BITS), BOOT_ADDRESS_SPACE, VIEW + 8 * PAGE_BYTES, RIGHT_READ);
    cap_t table = make_object(OBJ_FRAME, MEGAPAGE_BITS);
    map_at(table, BOOT_ADDRESS_SPACE, BIG, RIGHT_READ); /* makes the tables above */
    must(frame_unmap(table), "unmap a frame");
    memory();
    cleared_before();
    interrupted_clearing();
    message_pages();
    kernel_answers();
    guest_finish();
}
