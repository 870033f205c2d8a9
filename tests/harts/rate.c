/* SPDX-License-Identifier: MIT */
/*
 * Calls without words between address spaces, in rounds of some 100 ms: one pair on hart 0, then two pairs,
 * of processes that have nothing to do with each other, on harts 0 and 1, and so on in turn. Prints
 * `harts round PAIRS calls COUNT` for each round; the first one is for the emulator to translate everything.
 */
#include "harts.h"

#include <stdio.h>

#define PAIRS  2
#define ROUNDS 12
#define BATCH  256 /* calls between two looks at the clock */

/* In a page that all address spaces share. */
struct pair {
    volatile uint64_t begin, end; /* ticks: when to count */
    volatile uint64_t calls;
    cap_t endpoint, go;
    struct guest_thread server, client;
};

static struct pair *pairs;
static struct sleeper sleeper;

static void serve_all(uint64_t endpoint)
{
    struct msg m = {0};

    sys_msg(SYS_RECV, endpoint, &m);
    for (;;) {
        m.tag = 0;
        sys_msg(SYS_REPLY_RECV, endpoint, &m);
    }
}

/* In its own address space: `pairs` is a copy of the pointer from when the space was made. */
static void call_on(uint64_t number)
{
    struct pair *pair = &pairs[number];

    for (;;) {
        notification_wait(pair->go);
        uint64_t calls = 0;
        while (rt_ticks() < pair->begin) {
        }
        do {
            for (unsigned i = 0; i < BATCH; i++)
                sys_invoke(pair->endpoint, 0, 0, 0, 0, 0, 0, 0);
            calls += BATCH;
        } while (rt_ticks() < pair->end);
        pair->calls = calls;
    }
}

static void pair_make(unsigned number)
{
    struct pair *pair = &pairs[number];

    pair->endpoint = make_object(OBJ_ENDPOINT, 0);
    pair->go = make_object(OBJ_NOTIFICATION, 0);
    pair->server = (struct guest_thread){.code = serve_all, .argument = pair->endpoint, .hart = number,
                                         .priority = PRIORITY_LOAD + 1, .budget = 10000, .period = 10000,
                                         .space = guest_space_clone()};
    pair->client = (struct guest_thread){.code = call_on, .argument = number, .hart = number,
                                         .priority = PRIORITY_LOAD, .budget = 10000, .period = 10000,
                                         .space = guest_space_clone()};
    guest_thread_start(&pair->server);
    guest_thread_start(&pair->client);
}

/* Prints the calls that the first `count` pairs made together. */
static void one_round(unsigned count, uint64_t ms)
{
    uint64_t begin = rt_ticks() + rt_ticks_of_us(2000), total = 0;

    for (unsigned i = 0; i < count; i++) {
        pairs[i].begin = begin;
        pairs[i].end = begin + rt_ticks_of_us(1000 * ms);
        pairs[i].calls = 0;
        must(notification_signal(pairs[i].go), "start a round");
    }
    sleeper_sleep(&sleeper, 1000 * ms + 2000);
    for (unsigned i = 0; i < count; i++) {
        while (pairs[i].calls == 0)
            sleeper_sleep(&sleeper, 1000);
        total += pairs[i].calls;
    }
    printf("harts round %u calls %lu\n", count, total);
    fflush(stdout);
}

void rate_run(void)
{
    uint64_t ms = guest_option("ms", 100);

    check(rt_boot->hart_count >= PAIRS, "there must be two harts");
    pairs = guest_shared_page();
    sleeper = sleeper_make();
    for (unsigned i = 0; i < PAIRS; i++)
        pair_make(i);
    one_round(PAIRS, ms);
    one_round(1, ms);
    for (unsigned i = 0; i < ROUNDS; i++) {
        one_round(PAIRS, ms);
        one_round(1, ms);
    }
}
