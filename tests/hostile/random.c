/* SPDX-License-Identifier: MIT */
/*
 * Random calls from inside: a sandbox with a CNode, an address space, untyped memory, objects of every type
 * and threads that do with all of it whatever their random numbers say, on every hart. They die, hang and
 * break what they have; main makes them anew, and every round the whole sandbox. Outside, watchdogs of high
 * priority must go on with their registers as they were, main's capabilities and memory must stay as they
 * are, a server must answer, and after each round all memory of the sandbox must be there again, and nobody
 * may write to it.
 *
 * On the kernel's command line: seconds=N, seed=N, round=N (the round to begin with).
 */
#include "random.h"

#include <abi/fault.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define POOL_BITS      23
#define POOL_VIEW      (GUEST_MAP + (128ull << 20)) /* where the pool's memory is looked at */
#define INNER_BITS     21                           /* untyped memory that the sandbox is given */
#define ROUND_MS       120
#define CHECK_US       500
#define PATIENCE_MS    8000 /* a watchdog may be this late, on a computer that has other things to do */
#define PRIORITY_WATCH 240
#define PRIORITY_SERVE 230

/* Known to random.S. */
struct watch {
    uint64_t in[32], out[32]; /* out[31]: how long to spin */
    uint64_t fp_in[32], fp_out[32];
    uint64_t sp;
};
_Static_assert(offsetof(struct watch, sp) == 1024, "known to random.S");
extern uint64_t watch_wait(struct watch *watch, cap_t notification);

extern const char __text_start[], __text_end[], __rodata_end[];

static uint64_t seed, round_number;
static cap_t pool, kept;
static cap_t sandbox_cnode, sandbox_space;
static cap_t fault_endpoint, service_endpoint;
static struct worker drivers[DRIVERS];
static unsigned driver_count;
static uint64_t total_calls, total_faults, total_checked, restarts, recycled;

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a + 1) * 0x9e3779b97f4a7c15ull ^ (b + 1) * 0xbf58476d1ce4e5b9ull;

    return (x ^ x >> 29) * 0x94d049bb133111ebull;
}

/* --- What stays outside --- */

static struct watch watches[BOOT_MAX_HARTS];
static struct worker watchdog[BOOT_MAX_HARTS], undertaker, servant;
static cap_t watch_timer[BOOT_MAX_HARTS], watch_notification[BOOT_MAX_HARTS];
static volatile uint64_t watched[BOOT_MAX_HARTS], watch_broken, served, buried;

/* Checks that the registers of floating point and those that a call keeps are as they were, each
 * millisecond. */
static void guard(uint64_t n)
{
    struct watch *watch = &watches[n];
    uint64_t period = rt_ticks_of_us(1000);

    timer_set(watch_timer[n], watch_notification[n], rt_ticks() + period, period);
    for (uint64_t turn = 0;; turn++) {
        for (unsigned i = 0; i < 32; i++) {
            watch->in[i] = mix(turn, i + n * 64);
            watch->fp_in[i] = mix(turn, 32 + i + n * 64);
        }
        watch->out[31] = 2000;
        uint64_t tag = watch_wait(watch, watch_notification[n]);
        bool right =
            !tag_label(tag) && memcmp(watch->fp_in, watch->fp_out, sizeof(watch->fp_in)) == 0;
        for (unsigned i = 3; i < 28; i++)
            right &= (i >= 5 && i <= 7) || (i >= 10 && i <= 17) || watch->in[i] == watch->out[i];
        if (!right)
            watch_broken++;
        watched[n]++;
    }
}

/* Takes the faults of the drivers: some are started again at once, and most stay as they are. */
static void bury(uint64_t unused)
{
    struct msg m = {.tag = 0};

    (void)unused;
    sys_msg(SYS_RECV, fault_endpoint, &m);
    for (;; buried++) {
        m.tag = tag_make(buried % 4 == 0 ? ERR_OK : ERR_DENIED, 0, 0);
        sys_msg(SYS_REPLY_RECV, fault_endpoint, &m);
    }
}

static void serve_anybody(uint64_t unused)
{
    struct msg m = {.tag = 0};

    (void)unused;
    sys_msg(SYS_RECV, service_endpoint, &m);
    for (;;) {
        served++;
        m.tag = tag_make(ERR_OK, MSG_REGS, 0);
        sys_msg(SYS_REPLY_RECV, service_endpoint, &m);
    }
}

static void start_outside(struct worker *worker, uint32_t hart, uint64_t priority, void (*run)(uint64_t),
                          uint64_t n)
{
    worker->hart = hart;
    worker->priority = priority;
    worker_make(worker);
    worker_run(worker, run, n);
}

static void make_outside(void)
{
    fault_endpoint = make_object(OBJ_ENDPOINT, 0);
    service_endpoint = make_object(OBJ_ENDPOINT, 0);
    for (unsigned i = 0; i < rt_boot->hart_count; i++) {
        watch_timer[i] = make_object(OBJ_TIMER, 0);
        watch_notification[i] = make_object(OBJ_NOTIFICATION, 0);
        start_outside(&watchdog[i], i, PRIORITY_WATCH, guard, i);
    }
    undertaker.message_frame = map_new(GUEST_MAP);
    servant.message_frame = map_new(GUEST_MAP + PAGE_BYTES);
    start_outside(&undertaker, 0, PRIORITY_SERVE, bury, 0);
    start_outside(&servant, rt_boot->hart_count - 1, PRIORITY_SERVE, serve_anybody, 0);
}

/* A number for main's capabilities and for the program's text and constants, which nothing may change. */
static uint64_t state(void)
{
    struct cap_info info;
    uint64_t hash = 0;

    for (cap_t slot = 1; slot < kept; slot++)
        if (!cnode_inspect(BOOT_CNODE, slot, &info))
            hash = mix(hash ^ info.type, info.rights) ^ mix(info.badge, info.size_bits) ^
                   mix(cnode_object_id(BOOT_CNODE, slot), slot);
    for (const char *at = __text_start; at + 8 <= __rodata_end; at += 8)
        hash = mix(hash, *(const uint64_t *)at);
    return hash;
}

/* --- The sandbox --- */

#define PROGRAM_PAGES 64

/* The program's own pages that the drivers need, text and constants, wherever the boot mapped them; and the
 * pages of the drivers. The copies are mapped in the sandbox of each round. */
static struct {
    cap_t copy;
    uint64_t address, rights;
} shared[PROGRAM_PAGES + DRIVERS * (DRIVER_STRIDE >> PAGE_BITS)];
static unsigned shared_count;
static cap_t driver_page[DRIVERS]; /* message page */

static void share(cap_t frame, uint64_t address, uint64_t rights)
{
    must(shared_count < sizeof(shared) / sizeof(shared[0]) ? ERR_OK : ERR_NO_MEMORY, "share a page");
    shared[shared_count].copy = copy_cap(frame, rights);
    shared[shared_count].address = address;
    shared[shared_count++].rights = rights;
}

static void find_program(void)
{
    struct cap_info info;
    uint64_t frame[4];

    for (cap_t slot = BOOT_FIRST_OBJECT; slot < rt_boot->first_free_slot; slot++) {
        must(cnode_inspect(BOOT_CNODE, slot, &info), "look at a capability");
        if (info.type != OBJ_FRAME)
            continue;
        must(kernel_call(slot, OP_FRAME_INFO, NULL, 0, frame, 4), "ask a frame");
        if (frame[2] >= (uint64_t)__text_start && frame[2] < (uint64_t)__rodata_end)
            share(slot, frame[2], frame[2] < (uint64_t)__text_end ? RIGHT_READ | RIGHT_EXEC : RIGHT_READ);
    }
    for (unsigned i = 0; i < DRIVERS; i++)
        for (uint64_t at = (uint64_t)driver_at(i); at < (uint64_t)driver_at(i + 1); at += PAGE_BYTES) {
            cap_t page = map_new(at);
            share(page, at, RIGHT_READ | RIGHT_WRITE);
            if (at == (uint64_t)driver_msg_page(driver_at(i)))
                driver_page[i] = page;
        }
}

/* What is made of the pool is in main's slots from `kept` on, and goes with the pool. */
static cap_t next;

static cap_t part(enum object_type type, unsigned size_bits)
{
    must(make_of(pool, type, size_bits, next), "make a part of the sandbox");
    return next++;
}

static uint64_t given; /* slots of the sandbox that are used */

static void give(cap_t cap, uint64_t rights)
{
    must(cnode_copy(sandbox_cnode, ++given, 0, cap, rights), "give a capability to the sandbox");
}

/* For what cannot be copied. */
static void give_away(cap_t cap)
{
    must(cnode_move(sandbox_cnode, ++given, 0, cap), "give a capability away");
}

static void map_shared(void)
{
    for (unsigned i = 0; i < shared_count; i++) {
        enum error error;
        while ((error = frame_map(shared[i].copy, sandbox_space, shared[i].address, shared[i].rights)) ==
               ERR_NO_TABLE) {
            const uint64_t where[2] = {sandbox_space, shared[i].address};
            must(kernel_call(part(OBJ_PAGE_TABLE, 0), OP_PAGE_TABLE_MAP, where, 2, NULL, 0), "map a table");
        }
        must(error, "map a page in the sandbox");
    }
}

/* Whatever the sandbox made of the driver, it runs again, where it is still there. */
static void driver_start(unsigned n)
{
    struct worker *worker = &drivers[n];
    uint64_t slice = rt_ticks_of_us(200), period = n % 3 == 2 ? 5 * slice : slice;
    const uint64_t time[3] = {worker->context, slice, period}, bound[1] = {worker->context};
    const uint64_t parts[4] = {sandbox_cnode, sandbox_space, driver_page[n], fault_endpoint};
    const uint64_t priority[2] = {60, 100};

    worker_suspend(worker);
    kernel_call(worker->thread, OP_THREAD_CONFIGURE, parts, 4, NULL, 0);
    kernel_call(worker->thread, OP_THREAD_SET_FOREIGN, (const uint64_t[1]){0}, 1, NULL, 0);
    kernel_call(BOOT_SCHED_CONTROL + worker->hart, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0);
    kernel_call(worker->thread, OP_THREAD_BIND_CONTEXT, bound, 1, NULL, 0);
    kernel_call(worker->thread, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0);
    driver_at(n)->random ^= mix(seed ^ rt_ticks(), n) | 1;
    if (driver_at(n)->random == 0)
        driver_at(n)->random = 1;
    worker_start(worker, (uint64_t)guest_entry, (uint64_t)driver_at(n + 1), (uint64_t)driver_at(n),
                 (uint64_t)driver_main);
}

static void give_objects(void)
{
    static const struct {
        enum object_type type;
        unsigned count, size_bits;
    } simple[] = {{OBJ_ENDPOINT, 8, 0},      {OBJ_NOTIFICATION, 8, 0},  {OBJ_REPLY, 4, 0},
                  {OBJ_TIMER, 4, 0},         {OBJ_SCHED_CONTEXT, 4, 0}, {OBJ_THREAD, 4, 0},
                  {OBJ_FRAME, 4, PAGE_BITS}, {OBJ_ADDRESS_SPACE, 1, 0}, {OBJ_CNODE, 1, 12}};

    give(sandbox_cnode, RIGHTS_ALL);
    give(sandbox_space, RIGHTS_ALL);
    for (unsigned i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
        for (unsigned n = 0; n < simple[i].count; n++)
            give(part(simple[i].type, simple[i].size_bits), RIGHTS_ALL);
    for (unsigned i = 0; i < 3; i++)
        give_away(part(OBJ_UNTYPED, i == 0 ? INNER_BITS : 18));
    give_away(part(OBJ_PAGE_TABLE, 0));
    give_away(part(OBJ_PAGE_TABLE, 0));
    give(service_endpoint, RIGHT_SEND | RIGHT_GRANT);
    give(BOOT_IRQ_CONTROL, RIGHTS_ALL);
    give(BOOT_DEBUG, RIGHT_LOGREAD);
    for (unsigned i = 0; i < rt_boot->hart_count; i++)
        give(BOOT_SCHED_CONTROL + i, RIGHTS_ALL);
}

static const char *wrong; /* what was found wrong first */

static void expect(bool right, const char *what)
{
    if (!right && !wrong)
        wrong = what;
}

/* --- Memory that is used again at once --- */

#define RECYCLED       16
#define RECYCLED_FIRST (SANDBOX_FIRST_FREE - RECYCLED) /* slots of the sandbox */

static cap_t recycle_untyped, recycle_first;
static uint64_t recycle_random;

static void recycle_make(void)
{
    recycle_untyped = part(OBJ_UNTYPED, 16);
    recycle_first = next;
    next += RECYCLED;
    recycle_random = mix(seed, round_number) | 1;
}

/* One object in the sandbox's hands, if there is memory for it. */
static void recycle_one(unsigned i)
{
    static const enum object_type type[] = {
        OBJ_ENDPOINT,      OBJ_NOTIFICATION, OBJ_TIMER,  OBJ_SCHED_CONTEXT, OBJ_THREAD,
        OBJ_REPLY,         OBJ_NOTIFICATION, OBJ_TIMER,  OBJ_CNODE,         OBJ_FRAME,
        OBJ_ADDRESS_SPACE, OBJ_PAGE_TABLE,   OBJ_UNTYPED};
    enum object_type which = type[recycle_random % (sizeof(type) / sizeof(type[0]))];
    unsigned bits = which == OBJ_FRAME ? PAGE_BITS : which == OBJ_CNODE ? 8 : 7;
    cap_t slot = recycle_first + i;

    if (make_of(recycle_untyped, which, bits, slot))
        return;
    if (which == OBJ_SCHED_CONTEXT) {
        const uint64_t time[3] = {slot, rt_ticks_of_us(50), rt_ticks_of_us(1000)};
        cap_t control = BOOT_SCHED_CONTROL + recycle_random / 64 % rt_boot->hart_count;
        kernel_call(control, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0);
    }
    if (which == OBJ_UNTYPED || which == OBJ_PAGE_TABLE)
        cnode_move(sandbox_cnode, RECYCLED_FIRST + i, 0, slot);
    else
        cnode_copy(sandbox_cnode, RECYCLED_FIRST + i, 0, slot, RIGHTS_ALL);
}

/* Destroys objects that the sandbox uses, and makes others of the same memory: what the kernel should have
 * forgotten of the old ones meets the new. */
static void recycle(void)
{
    expect(!cnode_revoke(BOOT_CNODE, recycle_untyped), "objects cannot be revoked");
    for (unsigned i = 0; i < RECYCLED; i++) {
        recycle_random = mix(recycle_random, i);
        recycle_one(i);
    }
    recycled++;
}

static void sandbox_make(void)
{
    next = kept;
    given = 0;
    sandbox_cnode = part(OBJ_CNODE, SANDBOX_SLOTS_BITS + SLOT_BITS);
    sandbox_space = part(OBJ_ADDRESS_SPACE, 0);
    map_shared();
    give_objects();
    for (unsigned i = 0; i < driver_count; i++) {
        drivers[i] = (struct worker){.hart = i % rt_boot->hart_count};
        drivers[i].thread = part(OBJ_THREAD, 0);
        drivers[i].context = part(OBJ_SCHED_CONTEXT, 0);
        give(drivers[i].thread, RIGHTS_ALL);
        give(driver_page[i], RIGHTS_ALL);
    }
    recycle_make();
    must(given < RECYCLED_FIRST ? ERR_OK : ERR_TOO_MANY, "give so much to the sandbox");
    for (unsigned i = 0; i < DRIVERS; i++) {
        driver_at(i)->random = mix(mix(seed, round_number), i) | 1;
        driver_at(i)->shared = i >= DRIVERS - DRIVERS_SHARED;
        driver_at(i)->checked = driver_at(i)->words_wrong = driver_at(i)->fp_wrong = 0;
    }
    for (unsigned i = 0; i < driver_count; i++)
        driver_start(i);
}

/* --- Rounds --- */

/* All watchdogs wake at least once more, in good time. */
static void expect_watchdogs(void)
{
    uint64_t before[BOOT_MAX_HARTS], waited = 0;
    bool all;

    for (unsigned i = 0; i < rt_boot->hart_count; i++)
        before[i] = watched[i];
    do {
        all = true;
        for (unsigned i = 0; i < rt_boot->hart_count; i++)
            all &= watched[i] != before[i];
        sleep_us(1000);
    } while (!all && ++waited < PATIENCE_MS);
    expect(all, "a watchdog does not run");
    expect(watch_broken == 0, "a watchdog's registers changed");
}

/* Those that wait, faulted or were stopped start again when they did nothing since the last look; those
 * that are ready, on whatever context they may have, after a while. */
static void restart_the_stuck(uint64_t *seen, unsigned *looks)
{
    for (unsigned i = 0; i < driver_count; i++) {
        struct thread_info info;
        bool here = !kernel_call(drivers[i].thread, OP_THREAD_INFO, NULL, 0, (uint64_t *)&info, 8);
        expect(here, "a thread is gone whose capability main holds");
        if (driver_at(i)->calls != seen[i])
            looks[i] = 0;
        else if (info.state != THREAD_READY || ++looks[i] > 10) {
            looks[i] = 0;
            restarts++;
            driver_start(i);
        }
        seen[i] = driver_at(i)->calls;
    }
}

static uint64_t words_not_zero(void)
{
    const volatile uint64_t *word = (const volatile uint64_t *)POOL_VIEW;
    uint64_t count = 0;

    for (uint64_t i = 0; i < (1ull << POOL_BITS) / 8; i++)
        count += word[i] != 0;
    return count;
}

/* The sandbox goes, with threads of it running and timers of it set, and all of its memory comes back: it
 * can be had in four pieces, and stays as it is. */
static void take_back(void)
{
    uint64_t info[2];

    expect(!cnode_revoke(BOOT_CNODE, pool), "the sandbox cannot be revoked");
    kernel_call(pool, OP_UNTYPED_INFO, NULL, 0, info, 2);
    expect(info[1] == 0, "memory of the sandbox is still in use");
    expect(!untyped_retype(pool, OBJ_FRAME, MEGAPAGE_BITS, 0, kept, 4, 0),
           "memory of the sandbox cannot be used again");
    for (unsigned i = 0; i < 4; i++)
        expect(!frame_map(kept + i, BOOT_ADDRESS_SPACE, POOL_VIEW + ((uint64_t)i << MEGAPAGE_BITS),
                         RIGHT_READ),
               "memory of the sandbox cannot be mapped");
    if (!wrong) {
        expect(words_not_zero() == 0, "memory of the sandbox is not cleared");
        sleep_us(2000);
        expect(words_not_zero() == 0, "somebody writes to memory that was taken back");
    }
    expect(!cnode_revoke(BOOT_CNODE, pool), "memory cannot be revoked");
}

static void play_round(uint64_t before)
{
    uint64_t seen[DRIVERS] = {0}, from = served;
    unsigned looks[DRIVERS] = {0};
    struct msg m = {.tag = 0};

    for (unsigned i = 0; i < DRIVERS; i++)
        driver_at(i)->calls = driver_at(i)->faults_tried = 0;
    sandbox_make();
    for (uint64_t end = rt_ticks() + rt_ticks_of_us(ROUND_MS * 1000); rt_ticks() < end;) {
        sleep_us(CHECK_US);
        restart_the_stuck(seen, looks);
        recycle();
    }
    expect_watchdogs();
    expect(!sys_msg(SYS_CALL, service_endpoint, &m) && served > from, "the server does not answer");
    take_back();
    expect_watchdogs();
    expect(state() == before, "main's capabilities or program changed");
    for (unsigned i = 0; i < DRIVERS; i++) {
        if (!driver_at(i)->shared) {
            expect(driver_at(i)->words_wrong == 0, "an answer was another's");
            expect(driver_at(i)->fp_wrong == 0, "registers of floating point changed in a call");
            total_checked += driver_at(i)->checked;
        }
        total_calls += driver_at(i)->calls;
        total_faults += driver_at(i)->faults_tried;
    }
}

/* --- What was reached --- */

static const struct {
    uint32_t op;
    const char *name;
} every_operation[] = {
#define OP(type, n, name, right) {OP_##type##_##name, #type "_" #name},
    OPERATION_LIST(OP)
#undef OP
};

/* All operations but those that the sandbox has no capability for, and all system calls, succeeded at some
 * time. */
static void expect_coverage(void)
{
    unsigned reached = 0, all = 0, calls = 0;

    for (unsigned n = 0; n < sizeof(every_operation) / sizeof(every_operation[0]); n++) {
        uint32_t op = every_operation[n].op, sum = 0;
        if (op >> 8 == OBJ_RESET || op == OP_DEBUG_LOG || op == OP_DEBUG_SET_ECHO)
            continue;
        for (unsigned i = 0; i < DRIVERS; i++)
            sum += driver_at(i)->done[op >> 8][op & 0xff];
        all++;
        reached += sum != 0;
        if (sum == 0)
            printf("random: never succeeded: %s\n", every_operation[n].name);
    }
    for (unsigned number = 0; number < 16; number++) {
        uint32_t sum = 0;
        for (unsigned i = 0; i < DRIVERS; i++)
            sum += driver_at(i)->sys_done[number];
        calls += sum != 0;
    }
    /* A computer with much else to do may get so far and no further. */
    bool early = total_calls < 40000;
    verdict(early || (reached * 10 >= all * 9 && calls >= 10), "reached",
            "%u of %u operations and %u of 10 system calls succeeded", reached, all, calls);
}

static void echo(uint64_t on)
{
    kernel_call(BOOT_DEBUG, OP_DEBUG_SET_ECHO, &on, 1, NULL, 0);
}

int main(void)
{
    uint64_t seconds, end, told, first;

    guest_init("random");
    seconds = guest_option("seconds", 15);
    seed = guest_option("seed", 1);
    round_number = first = guest_option("round", 0);
    driver_count = rt_boot->hart_count < 3 ? 6 : DRIVERS - DRIVERS_SHARED;
    make_outside();
    pool = make_object(OBJ_UNTYPED, POOL_BITS);
    cap_t table = make_object(OBJ_FRAME, MEGAPAGE_BITS);
    map_at(table, BOOT_ADDRESS_SPACE, POOL_VIEW, RIGHT_READ); /* makes the tables above */
    must(frame_unmap(table), "unmap a frame");
    find_program();
    kept = slots_take(256);
    uint64_t before = state();
    end = rt_ticks() + rt_ticks_of_us(seconds * 1000000);
    told = rt_ticks();
    printf("random: seed %lu, %lu seconds, %u threads\n", seed, seconds, driver_count);
    echo(0); /* threads without a fault endpoint fill the log */
    for (; rt_ticks() < end && !wrong; round_number++) {
        play_round(before);
        if (rt_ticks() - told > rt_ticks_of_us(20000000)) {
            told = rt_ticks();
            echo(1);
            printf("random: round %lu, %lu calls\n", round_number, total_calls);
            echo(0);
        }
    }
    echo(1);
    verdict(!wrong, "sandbox",
            "%s%s%lu rounds, seed %lu, %lu calls, %lu answers checked, %lu faults, %lu restarts, %lu served, "
            "%lu buried, %lu recycled",
            wrong ? wrong : "", wrong ? " in the last of " : "", round_number - first, seed, total_calls,
            total_checked, total_faults, restarts, served, buried, recycled);
    expect_coverage();
    guest_finish();
}
