/* SPDX-License-Identifier: MIT */
/*
 * Tries to use the kernel up: objects without number, trees of capabilities that are deep or wide or both,
 * CNodes in CNodes, chains of calls, crowds that wait, and all of it taken apart while it is in use.
 * Meanwhile a thread of higher priority wakes every millisecond and notes how late it is, a server answers,
 * and in the end all the memory is there again.
 */
#include "../guest/probe.h"

#include <stdio.h>
#include <string.h>

#define POOL_BITS   25 /* what the storms are made of */
#define CNODE_SLOTS 65536u
#define MANY        100000u
#define BEAT_US     1000
#define CROWD       400
#define DEEP        2000

static cap_t pool, objects; /* 4 slots */
static cap_t ping_endpoint;

/* --- The others in the system --- */

static cap_t beat_timer, beat_notification;
#define LEAST_BEATS 20
static volatile uint64_t beats, worst;

/* Wakes at each beat and notes how late. */
static void beat(uint64_t unused)
{
    uint64_t period = rt_ticks_of_us(BEAT_US), next = rt_ticks() + period;

    (void)unused;
    timer_set(beat_timer, beat_notification, next, period);
    for (;;) {
        notification_wait(beat_notification);
        uint64_t now = rt_ticks(), late = now > next ? now - next : 0;
        beats++;
        if (late > worst)
            worst = late;
        /* A timer that fell behind by a period goes on from where it is. */
        next = late < period ? next + period : now + period;
    }
}

static void answer(uint64_t endpoint)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, (cap_t)endpoint, &m);
    for (;;) {
        m.tag = tag_make(0, 1, 0);
        m.word[0]++;
        sys_msg(SYS_REPLY_RECV, (cap_t)endpoint, &m);
    }
}

static struct worker beater = {.priority = PRIORITY_MAIN + 20};
static struct worker server = {.priority = PRIORITY_MAIN + 10};
static uint64_t begun;

static void begin(void)
{
    begun = rt_ticks();
    beats = worst = 0;
}

/* Whether the system was and is well after a storm: it answers, beats came in time, and the memory comes
 * back. */
static void end(bool right, const char *name, uint64_t count)
{
    uint64_t ticks = rt_ticks() - begun, expected = ticks / rt_ticks_of_us(BEAT_US), got = beats,
             late = worst;
    uint64_t limit = guest_option("late", 0);
    struct msg m = {.tag = tag_make(0, 1, 0), .word = {41}};
    uint64_t info[2];

    bool answered = !sys_msg(SYS_CALL, ping_endpoint, &m) && m.word[0] == 42;
    must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");
    kernel_call(pool, OP_UNTYPED_INFO, NULL, 0, info, 2);
    bool back = info[1] == 0 && !make_of(pool, OBJ_UNTYPED, POOL_BITS, objects);
    must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");
    /* What is over before a beat is due shows nothing. */
    bool in_time = got && expected && (!limit || (got + 2 >= expected && late <= limit));
    verdict(right && answered && back && in_time, name,
            "%lu: %s, %s, memory %s, %lu beats of %lu, at most %lu ticks late", count,
            right ? "as expected" : "not as expected", answered ? "answers" : "no answer",
            back ? "back" : "lost", got, expected, late);
}

/* --- Objects --- */

/* As many as there is memory for, of every type, as fast as can be. */
static void retype_storm(void)
{
    static const enum object_type type[] = {OBJ_ENDPOINT,   OBJ_NOTIFICATION,  OBJ_REPLY,
                                            OBJ_TIMER,      OBJ_SCHED_CONTEXT, OBJ_THREAD,
                                            OBJ_PAGE_TABLE, OBJ_ADDRESS_SPACE, OBJ_FRAME};
    uint64_t made = 0;
    bool right = true;

    begin();
    must(make_of(pool, OBJ_CNODE, CNODE_MAX_BITS, objects), "make a CNode");
    must(make_of(pool, OBJ_UNTYPED, 21, objects + 1), "make untyped memory");
    for (unsigned i = 0; i < sizeof(type) / sizeof(type[0]); i++) {
        enum error error = ERR_OK;
        uint64_t slot = 1, count = type[i] == OBJ_ADDRESS_SPACE ? 4 : 64;
        while (!error) {
            error = untyped_retype(objects + 1, type[i], PAGE_BITS, objects, slot, count, 0);
            slot += !error ? count : 0;
        }
        made += slot - 1;
        right &= error == ERR_NO_MEMORY && slot > 1;
        must(cnode_revoke(BOOT_CNODE, objects + 1), "revoke memory");
    }
    end(right, "retype_storm", made);
}

/* Untyped memory in untyped memory in untyped memory. */
static bool nest(void)
{
    bool right = true;

    must(make_of(pool, OBJ_CNODE, 12, objects), "make a CNode");
    must(untyped_retype(pool, OBJ_UNTYPED, POOL_BITS - 1, objects, 1, 1, 0), "make untyped memory");
    for (unsigned i = 1; POOL_BITS - 1 - i >= UNTYPED_MIN_BITS; i++) {
        must(cnode_move(BOOT_CNODE, objects + 1, objects, i), "move a capability");
        right &= !untyped_retype(objects + 1, OBJ_UNTYPED, POOL_BITS - 1 - i, objects, i + 1, 1, 0);
        must(cnode_move(objects, i, 0, objects + 1), "move a capability");
    }
    must(cnode_revoke(BOOT_CNODE, pool), "revoke memory");
    return right;
}

/* Again and again, until that has lasted some beats. */
static void nested_untyped(void)
{
    bool right = true;
    uint64_t nests = 0;

    for (begin(); beats < LEAST_BEATS; nests++)
        right &= nest();
    end(right, "nested_untyped", nests * (POOL_BITS - UNTYPED_MIN_BITS));
}

/* --- Trees --- */

static cap_t cnode_of(uint64_t n)
{
    return objects + (cap_t)(n / (CNODE_SLOTS - 1));
}

static uint64_t slot_of(uint64_t n)
{
    return 1 + n % (CNODE_SLOTS - 1);
}

/* 100,000 copies of an endpoint's capability: in a row (each of the one before), beside each other, or in
 * between. */
static bool grow(unsigned span)
{
    must(untyped_retype(pool, OBJ_CNODE, CNODE_MAX_BITS, 0, objects, 2, 0), "make CNodes");
    must(make_of(pool, OBJ_ENDPOINT, 0, objects + 3), "make an endpoint");
    must(cnode_copy(cnode_of(0), slot_of(0), 0, objects + 3, RIGHTS_ALL), "copy a capability");
    for (uint64_t n = 1; n < MANY; n++) {
        uint64_t parent = span == 1 ? n - 1 : span == 0 ? 0 : n / span;
        if (cnode_copy(cnode_of(n), slot_of(n), cnode_of(parent), slot_of(parent), RIGHTS_ALL))
            return false;
    }
    return true;
}

static uint64_t capabilities_left(void)
{
    struct cap_info info;
    uint64_t left = 0;

    for (uint64_t n = 0; n < MANY; n++)
        left += !cnode_inspect(cnode_of(n), slot_of(n), &info) && info.type != OBJ_NULL;
    return left;
}

static void trees(void)
{
    static const struct {
        unsigned span;
        const char *name;
    } shape[] = {{1, "long_chain"}, {0, "wide_tree"}, {3, "bushy_tree"}};

    for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
        begin();
        bool right = grow(shape[i].span);
        right &= !cnode_revoke(BOOT_CNODE, objects + 3) && capabilities_left() == 0;
        end(right, shape[i].name, MANY);
    }
}

/* The first of each is deleted, which moves all its children up; and a capability with many children is
 * moved. */
static void parents_deleted(void)
{
    bool right;

    begin();
    right = grow(0);
    right &= cnode_move(BOOT_CNODE, objects + 2, cnode_of(0), slot_of(0)) == ERR_TOO_MANY;
    right &= !cnode_delete(cnode_of(0), slot_of(0)) && capabilities_left() == MANY - 1;
    right &= !cnode_delete(BOOT_CNODE, objects + 3) && capabilities_left() == MANY - 1;
    /* The CNodes go with all that is in them, and the endpoint with the last. */
    right &= !cnode_delete(BOOT_CNODE, objects) && !cnode_delete(BOOT_CNODE, objects + 1);
    end(right, "parents_deleted", MANY);
}

/* CNodes that hold the only capability to the next, and one that holds its own. */
static void cnodes_in_cnodes(void)
{
    bool right = true;

    begin();
    for (unsigned i = 0; i < DEEP; i++) {
        right &= !make_of(pool, OBJ_CNODE, CNODE_MIN_BITS, objects + 1);
        if (i > 0)
            right &= !cnode_move(objects + 1, 1, 0, objects);
        right &= !cnode_move(BOOT_CNODE, objects, 0, objects + 1);
    }
    right &= !cnode_delete(BOOT_CNODE, objects);
    must(make_of(pool, OBJ_CNODE, CNODE_MIN_BITS, objects), "make a CNode");
    right &= !cnode_move(objects, 1, 0, objects);
    end(right, "cnodes_in_cnodes", DEEP);
}

/* --- In use --- */

static volatile uint64_t used[3];

/* Calls, signals or copies through a capability that comes and goes; all that is known of the results is
 * that there are some. */
static void use(uint64_t way)
{
    for (;;) {
        struct msg m = {.tag = 0};
        if (way == 0)
            sys_msg(SYS_CALL, objects + 2, &m);
        else if (way == 1)
            cnode_copy(objects, 100, 0, objects + 2, RIGHTS_ALL), cnode_delete(objects, 100);
        else
            cnode_revoke(objects, 1), cnode_copy(objects, 1, 0, ping_endpoint, RIGHTS_ALL);
        used[way]++;
    }
}

static void revoked_in_use(void)
{
    static struct worker user[3];
    unsigned rounds = 0;
    bool right = true;

    begin();
    for (unsigned i = 0; i < 3; i++) {
        used[i] = 0;
        user[i].hart = i % rt_boot->hart_count;
        user[i].priority = PRIORITY_MAIN;
        user[i].budget = user[i].period = 100;
        worker_make(&user[i]);
        worker_run(&user[i], use, i);
    }
    for (; rounds < 3000 && (rounds < 200 || !used[0] || !used[1] || !used[2]); rounds++) {
        struct msg m = {.tag = 0};
        right &= !make_of(pool, OBJ_CNODE, 16, objects);
        for (unsigned i = 2; i < 40; i++)
            cnode_copy(objects, i, 0, ping_endpoint, RIGHTS_ALL);
        cnode_copy(BOOT_CNODE, objects + 2, objects, 2, RIGHTS_ALL);
        sys_msg(SYS_YIELD, 0, &m);
        right &= !cnode_revoke(BOOT_CNODE, pool);
        cnode_delete(BOOT_CNODE, objects + 2);
        sys_msg(SYS_YIELD, 0, &m);
    }
    for (unsigned i = 0; i < 3; i++) {
        right &= used[i] > 0;
        worker_end(&user[i]);
    }
    cnode_delete(BOOT_CNODE, objects + 2);
    end(right, "revoked_in_use", rounds);
}

/* Threads that take away what they run on: their CNode, address space, scheduling context or themselves. */
static void suicides(void)
{
    static struct worker thread = {.priority = PRIORITY_MAIN + 1};
    unsigned count = 0;
    bool right = true;

    begin();
    for (unsigned round = 0; round < 200; round++) {
        thread.hart = round % rt_boot->hart_count;
        worker_make(&thread);
        const cap_t victim[] = {thread.thread, thread.context, thread.untyped};
        const struct {
            uint32_t op;
            uint64_t slot;
        } way[] = {{OP_CNODE_DELETE, victim[round % 2]}, {OP_CNODE_REVOKE, victim[2]}};
        uint64_t which = round / 2 % 2;
        extern const char call_for_ever[];
        must(sys_invoke(thread.thread, tag_make(OP_THREAD_START, 6, 0), (uint64_t)call_for_ever,
                        way[which].slot, BOOT_CNODE, tag_make(way[which].op, 1, 0), 0, 0),
             "start a thread");
        sleep_us(50);
        cnode_revoke(BOOT_CNODE, thread.untyped);
        count++;
    }
    end(right, "suicides", count);
}

/* Calls handed on by one server to the next: at some depth the kernel refuses, and the answer comes back. */
static void forward(uint64_t first)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, (cap_t)first, &m);
    for (;;) {
        uint64_t error = sys_msg(SYS_CALL, (cap_t)first + 1, &m);
        m.tag = tag_make((uint32_t)error, 0, 0);
        sys_msg(SYS_REPLY_RECV, (cap_t)first, &m);
    }
}

static void chain_of_calls(void)
{
    static struct worker link[40];
    unsigned count = sizeof(link) / sizeof(link[0]);
    cap_t first = slots_take(count + 1);
    struct msg m = {.tag = 0};

    begin();
    for (unsigned i = 0; i <= count; i++)
        must(make_of(pool, OBJ_ENDPOINT, 0, first + i), "make an endpoint");
    for (unsigned i = 0; i < count; i++) {
        worker_make(&link[i]);
        worker_run(&link[i], forward, first + i);
        while (worker_info(&link[i]).state != THREAD_BLOCKED_RECV)
            sleep_us(50);
        kernel_call(link[i].thread, OP_THREAD_BIND_CONTEXT, (const uint64_t[1]){0}, 1, NULL, 0);
    }
    enum error error = sys_msg(SYS_CALL, first, &m);
    bool right = error == ERR_TOO_MANY;
    if (!right)
        printf("  the answer is %s\n", error_text(error));
    for (unsigned i = 0; i < count; i++)
        worker_end(&link[i]);
    end(right, "chain_of_calls", count);
}

/* Threads without number that wait for one endpoint, which is destroyed. */
static void crowd(void)
{
    cap_t threads = slots_take(CROWD), contexts = slots_take(CROWD);
    const uint64_t parts[4] = {BOOT_CNODE, BOOT_ADDRESS_SPACE}, priority[2] = {PRIORITY_MAIN - 1, 1};
    extern const char call_for_ever[];
    unsigned waiting = 0, gone = 0;
    struct thread_info info;

    begin();
    must(make_of(pool, OBJ_ENDPOINT, 0, objects), "make an endpoint");
    for (unsigned i = 0; i < CROWD; i++) {
        const uint64_t time[3] = {contexts + i, rt_ticks_of_us(100), rt_ticks_of_us(100)},
                       bound[1] = {contexts + i};
        must(make_of(pool, OBJ_THREAD, 0, threads + i), "make a thread");
        must(make_of(pool, OBJ_SCHED_CONTEXT, 0, contexts + i), "make a scheduling context");
        must(kernel_call(BOOT_SCHED_CONTROL + i % rt_boot->hart_count, OP_SCHED_CONTROL_CONFIGURE, time, 3,
                         NULL, 0),
             "set a budget");
        must(kernel_call(threads + i, OP_THREAD_CONFIGURE, parts, 4, NULL, 0), "configure a thread");
        must(kernel_call(threads + i, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set a priority");
        must(kernel_call(threads + i, OP_THREAD_BIND_CONTEXT, bound, 1, NULL, 0), "give a thread time");
        must(sys_invoke(threads + i, tag_make(OP_THREAD_START, 6, 0), (uint64_t)call_for_ever, 0, objects, 0,
                        0, 0),
             "start a thread");
    }
    for (unsigned tries = 0; tries < 200 && waiting < CROWD; tries++) {
        sleep_us(1000);
        waiting = 0;
        for (unsigned i = 0; i < CROWD; i++) {
            must(kernel_call(threads + i, OP_THREAD_INFO, NULL, 0, (uint64_t *)&info, 8), "ask a thread");
            waiting += info.state == THREAD_BLOCKED_SEND;
        }
    }
    must(cnode_delete(BOOT_CNODE, objects), "destroy an endpoint");
    for (unsigned i = 0; i < CROWD; i++) {
        must(kernel_call(threads + i, OP_THREAD_INFO, NULL, 0, (uint64_t *)&info, 8), "ask a thread");
        gone += info.state != THREAD_BLOCKED_SEND;
    }
    end(waiting == CROWD && gone == CROWD, "crowd", CROWD);
}

/* Threads that fault and have nobody to tell: the kernel notes each in its log. (On the firmware's console,
 * too, until somebody switches that off, as every system does before there are others: it takes long.) */
static void faults_to_nobody(void)
{
    static struct worker thread = {.priority = PRIORITY_MAIN + 1};
    const uint64_t off = 0, on = 1;
    unsigned count = 300, faulted = 0;
    extern const char probe_load[];

    fflush(stdout);
    kernel_call(BOOT_DEBUG, OP_DEBUG_SET_ECHO, &off, 1, NULL, 0);
    begin();
    worker_make(&thread);
    for (unsigned i = 0; i < count; i++) {
        must(worker_start(&thread, (uint64_t)probe_load, 0, 0, 0), "start a thread");
        faulted += worker_info(&thread).state == THREAD_FAULTED;
    }
    worker_end(&thread);
    kernel_call(BOOT_DEBUG, OP_DEBUG_SET_ECHO, &on, 1, NULL, 0);
    end(faulted == count, "faults_to_nobody", count);
}

int main(void)
{
    guest_init("exhaust");
    pool = make_object(OBJ_UNTYPED, POOL_BITS);
    objects = slots_take(4);
    ping_endpoint = make_object(OBJ_ENDPOINT, 0);
    beat_timer = make_object(OBJ_TIMER, 0);
    beat_notification = make_object(OBJ_NOTIFICATION, 0);
    worker_make(&beater);
    worker_run(&beater, beat, 0);
    worker_make(&server);
    worker_run(&server, answer, ping_endpoint);
    retype_storm();
    nested_untyped();
    trees();
    parents_deleted();
    cnodes_in_cnodes();
    revoked_in_use();
    suicides();
    chain_of_calls();
    crowd();
    faults_to_nobody();
    guest_finish();
}
