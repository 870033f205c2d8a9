/* SPDX-License-Identifier: MIT */
/*
 * Tries to execute what can be written and to write what can be executed: mappings of all kinds, data, and
 * pages that another hart still knows from before. What a page was to one address space it must not be to
 * another.
 */
#include "../guest/probe.h"

#include <abi/fault.h>
#include <stdio.h>
#include <string.h>

#define TRY    (GUEST_MAP + 0x400000) /* where code comes and goes */
#define DATA   (TRY + PAGE_BYTES)     /* beside it, which the code writes */
#define SEEN   (TRY + 8 * PAGE_BYTES) /* the page at DATA once more */
#define CODE   (TRY + 9 * PAGE_BYTES) /* the page at TRY once more, writable */
#define FAR    (TRY + (2 << 20))      /* a page table of its own */
#define SPACES 12
#define ROUNDS 60

#define RW     (RIGHT_READ | RIGHT_WRITE)
#define RX     (RIGHT_READ | RIGHT_EXEC)

/* Writes a count to the next page. */
static const uint32_t counting_code[] = {0x00001717, 0x00160613, 0x00c73023, 0x00008067};
/* auipc a4, 1; addi a2, a2, 1; sd a2, 0(a4); ret */
static const uint32_t return_code[] = {0x00008067};

extern const char probe_watch[], probe_watch_end[]; /* execute.S */

static struct worker worker;
static cap_t code_frame, data_frame; /* mapped at CODE and SEEN; copies come and go at TRY and DATA */

/* --- Rights --- */

/* Each set of rights that a capability can have, with each that can be asked for. */
static void rights(void)
{
    cap_t frame = make_object(OBJ_FRAME, PAGE_BITS), weak = slots_take(1);
    unsigned wrong = 0, mapped = 0;

    for (uint64_t has = 0; has < 16; has++) {
        must(cnode_copy(BOOT_CNODE, weak, 0, frame, has), "copy a capability");
        for (uint64_t want = 0; want < 32; want++) {
            bool sane = want == RIGHT_READ || want == RIGHT_EXEC || want == RW || want == RX;
            bool expected = sane && (want & ~has) == 0 && has & RIGHT_READ;
            bool got = !frame_map(weak, BOOT_ADDRESS_SPACE, TRY, want);
            if (got != expected && wrong++ == 0)
                printf("  rights %lx, mapped as %lx: %s\n", has, want, got ? "possible" : "refused");
            mapped += got;
            if (got)
                must(frame_unmap(weak), "unmap a page");
        }
        must(cnode_delete(BOOT_CNODE, weak), "delete a capability");
    }
    verdict(wrong == 0, "rights", "%u of 512 wrong, %u mapped", wrong, mapped);
}

/* --- Data --- */

static uint32_t data_page[1024] __attribute__((aligned(4096)));
static const uint32_t constants[1024] __attribute__((aligned(4096))) = {0x00008067};

static void data(void)
{
    uint32_t on_stack[1] = {0x00008067};
    const uint64_t place[] = {
        (uint64_t)data_page, (uint64_t)constants, (uint64_t)on_stack,   (uint64_t)rt_msg_page(),
        (uint64_t)rt_boot,   rt_boot->archive,    rt_boot->device_tree, SEEN};
    unsigned wrong = 0;

    data_page[0] = rt_msg_page()->word[0] = *(volatile uint32_t *)SEEN = return_code[0];
    for (unsigned i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
        struct outcome outcome = probe(&worker, probe_jump, place[i] & ~3ull);
        if (!probe_refused(&outcome, RIGHT_EXEC, place[i] & ~3ull) && wrong++ == 0)
            printf("  jump to %lx: %s\n", place[i], fault_name(&outcome));
    }
    verdict(wrong == 0, "data", "%u wrong", wrong);
}

static void code_is_not_written(void)
{
    const uint64_t place[] = {(uint64_t)must & ~7ull, (uint64_t)probe_jump & ~7ull, (uint64_t)constants,
                              (uint64_t)rt_boot, rt_boot->archive & ~7ull};
    unsigned wrong = 0;

    for (unsigned i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
        struct outcome outcome = probe(&worker, probe_store, place[i]);
        wrong += !probe_refused(&outcome, RIGHT_WRITE, place[i]);
    }
    verdict(wrong == 0, "code_is_not_written", "%u wrong", wrong);
}

/* --- What another hart still knows --- */

/* How a page is taken away. */
enum way { UNMAP, DELETE, TABLE, WAYS };

static void take_away(enum way way, cap_t frame, cap_t table)
{
    if (way == UNMAP)
        must(frame_unmap(frame), "unmap a page");
    else if (way == DELETE)
        must(cnode_delete(BOOT_CNODE, frame), "delete a capability");
    else
        must(kernel_call(table, OP_PAGE_TABLE_UNMAP, NULL, 0, NULL, 0), "unmap a page table");
}

/* The page is gone as soon as that was said, also for the hart that uses it: what it writes stays as it is
 * from then on, and the next use is a fault. Returns whether it was so. */
static bool gone_at_once(const char *spin, uint64_t address, cap_t frame, cap_t table, enum way way,
                         uint64_t access)
{
    volatile uint64_t *seen = (volatile uint64_t *)SEEN;
    uint64_t after, later;
    struct outcome outcome;

    *seen = 0;
    probe_go(&worker, spin, address);
    for (unsigned i = 0; *seen == 0 && i < 100000; i++)
        sleep_us(50);
    bool ran = *seen != 0;
    take_away(way, frame, table);
    after = *seen;
    bool ended = probe_poll(&worker, 5000000, &outcome);
    later = *seen;
    bool right = ran && ended && after == later && probe_refused(&outcome, access, outcome.word[0]) &&
                 outcome.word[0] - address < PAGE_BYTES;
    if (!right)
        printf("  %s, way %d: ran %d, ended %d (%s at %lx), count %lu, then %lu\n",
               access == RIGHT_EXEC ? "execute" : "write", way, ran, ended, ended ? fault_name(&outcome) : "",
               ended ? outcome.word[0] : 0, after, later);
    return right;
}

static enum error map_table(cap_t table, uint64_t address)
{
    const uint64_t where[2] = {BOOT_ADDRESS_SPACE, address};

    return kernel_call(table, OP_PAGE_TABLE_MAP, where, 2, NULL, 0);
}

static void stale_writes(void)
{
    cap_t table = make_object(OBJ_PAGE_TABLE, PAGE_BITS), copy = slots_take(1);
    unsigned wrong = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        enum way way = round % WAYS;
        must(cnode_copy(BOOT_CNODE, copy, 0, data_frame, RIGHTS_ALL), "copy a capability");
        must(map_table(table, FAR), "map a page table");
        must(frame_map(copy, BOOT_ADDRESS_SPACE, FAR, RW), "map a page");
        wrong += !gone_at_once(spin_store, FAR, copy, table, way, RIGHT_WRITE);
        /* Mapped again but only to be read, it is not written. */
        if (way == UNMAP) {
            must(frame_map(copy, BOOT_ADDRESS_SPACE, FAR, RIGHT_READ), "map a page");
            struct outcome outcome = probe(&worker, probe_store, FAR);
            wrong += !probe_refused(&outcome, RIGHT_WRITE, FAR);
        }
        cnode_delete(BOOT_CNODE, copy);
        if (way != TABLE)
            must(kernel_call(table, OP_PAGE_TABLE_UNMAP, NULL, 0, NULL, 0), "unmap a page table");
    }
    verdict(wrong == 0, "stale_writes", "%u wrong in %u rounds", wrong, ROUNDS);
}

/* Code that runs on one hart becomes data on another. */
static void written_after_executed(void)
{
    cap_t code = slots_take(1), count = copy_cap(data_frame, RIGHTS_ALL);
    unsigned wrong = 0;

    memcpy((void *)CODE, counting_code, sizeof(counting_code));
    map_at(count, BOOT_ADDRESS_SPACE, DATA, RW);
    for (unsigned round = 0; round < ROUNDS; round++) {
        must(cnode_copy(BOOT_CNODE, code, 0, code_frame, RIGHTS_ALL), "copy a capability");
        must(frame_map(code, BOOT_ADDRESS_SPACE, TRY, RX), "map code");
        wrong += !gone_at_once(spin_call, TRY, code, 0, UNMAP, RIGHT_EXEC);
        must(frame_map(code, BOOT_ADDRESS_SPACE, TRY, RW), "map a page");
        *(volatile uint32_t *)TRY = counting_code[0];
        struct outcome outcome = probe(&worker, probe_jump, TRY);
        wrong += !probe_refused(&outcome, RIGHT_EXEC, TRY);
        must(cnode_delete(BOOT_CNODE, code), "delete a capability");
    }
    must(frame_unmap(count), "unmap a page");
    verdict(wrong == 0, "written_after_executed", "%u wrong in %u rounds", wrong, ROUNDS);
}

/* --- Other address spaces --- */

static cap_t spaces[SPACES];

/* A space with the watcher's code at TRY and a page of its own, with its number in it, at FAR. */
static void make_space(unsigned number, cap_t code)
{
    cap_t frame = make_object(OBJ_FRAME, PAGE_BITS);

    spaces[number] = make_object(OBJ_ADDRESS_SPACE, PAGE_BITS);
    map_at(copy_cap(code, RIGHTS_ALL), spaces[number], TRY, RX);
    map_at(frame, spaces[number], FAR, RW);
    cap_t view = copy_cap(frame, RIGHTS_ALL);
    map_at(view, BOOT_ADDRESS_SPACE, TRY + 20 * PAGE_BYTES, RW);
    *(volatile uint64_t *)(TRY + 20 * PAGE_BYTES) = number + 1;
    must(frame_unmap(view), "unmap a page");
}

/* More spaces than a hart may have identifiers for, all at once: each sees its own page only. */
static void spaces_are_apart(void)
{
    static struct worker watcher[SPACES];
    cap_t endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS), code = make_object(OBJ_FRAME, PAGE_BITS);
    unsigned wrong = 0, rounds = 20;

    map_at(code, BOOT_ADDRESS_SPACE, TRY + 20 * PAGE_BYTES, RW);
    memcpy((void *)(TRY + 20 * PAGE_BYTES), probe_watch, (size_t)(probe_watch_end - probe_watch));
    must(frame_unmap(code), "unmap a page");
    for (unsigned i = 0; i < SPACES; i++) {
        cap_t badged = slots_take(1);
        make_space(i, code);
        must(cnode_mint(BOOT_CNODE, badged, 0, endpoint, RIGHTS_ALL, i + 1), "mint a capability");
        watcher[i] = (struct worker){
            .space = spaces[i], .fault = badged, .hart = i % rt_boot->hart_count, .budget = 50, .period = 50};
        worker_make(&watcher[i]);
        watcher[i].argument = badged;
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < SPACES; i++)
            must(worker_start(&watcher[i], TRY, 0, FAR, watcher[i].argument), "start a thread");
        for (unsigned i = 0; i < SPACES; i++) {
            struct msg m = {.tag = 0};
            sys_msg(SYS_RECV, endpoint, &m);
            wrong += m.tag & TAG_FAULT || m.badge - 1 >= SPACES || m.word[0] != m.badge;
            worker_suspend(&watcher[(m.badge - 1) % SPACES]);
        }
    }
    verdict(wrong == 0, "spaces_are_apart", "%u wrong in %u rounds", wrong, rounds);
}

int main(void)
{
    guest_init("execute");
    code_frame = map_new(CODE);
    data_frame = map_new(SEEN);
    probe_make(&worker, rt_boot->hart_count - 1);
    rights();
    data();
    code_is_not_written();
    stale_writes();
    written_after_executed();
    spaces_are_apart();
    guest_finish();
}
