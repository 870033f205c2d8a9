/* SPDX-License-Identifier: MIT */
/*
 * Messages between harts: main on hart 0, the other side on hart 1. Each row is a span for the plugin of
 * spans.c, named by a line `bench span NUMBER NAME COUNT`, COUNT being the operations in it.
 */
#include "bench.h"

#include <stdio.h>

#define ROUNDS  1000
#define WARM_UP 100
#define PATTERN 0x1234567890abcdefull

static void row_call(void)
{
    cap_t endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    struct peer server = {.space = second_space,
                          .code = bench_server,
                          .argument = endpoint,
                          .priority = PRIORITY_PEER,
                          .hart = 1};
    uint64_t words[MSG_REGS], tag = tag_make(0, MSG_REGS, 0);

    for (unsigned i = 0; i < MSG_REGS; i++)
        words[i] = PATTERN + i;
    peer_start(&server);
    bench_call(endpoint, tag, WARM_UP, words);
    span_begin(1);
    struct sample sample = bench_call(endpoint, tag, ROUNDS, words);
    span_end();
    check(sample.tags == tag, "a call failed");
    for (unsigned i = 0; i < MSG_REGS; i++)
        check(words[i] == PATTERN + i, "a word came back changed");
    printf("bench span 1 ipc_rt_cross %u\n", ROUNDS);
    peer_end(&server);
}

/* A ball goes to and fro: two signals a round, each of which wakes who waits while the other falls asleep. */
static void row_signal(void)
{
    cap_t theirs = make_object(OBJ_NOTIFICATION, NOTIFICATION_BITS);
    cap_t own = make_object(OBJ_NOTIFICATION, NOTIFICATION_BITS);
    struct peer other = {
        .space = second_space, .code = bench_pong, .argument = theirs, .priority = PRIORITY_PEER, .hart = 1};

    check(own == theirs + 1, "two slots in a row are not");
    peer_start(&other);
    bench_ping(theirs, WARM_UP);
    span_begin(2);
    struct sample sample = bench_ping(theirs, ROUNDS);
    span_end();
    check(!tag_label(sample.tags), "a signal failed");
    printf("bench span 2 signal_cross %u\n", 2 * ROUNDS);
    peer_end(&other);
}

static void row_fault(void)
{
    cap_t endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    struct peer faulter = {.space = second_space,
                           .code = bench_faulter,
                           .argument = NO_PAGE,
                           .priority = PRIORITY_MAIN - 1,
                           .fault = endpoint,
                           .hart = 1};

    peer_start(&faulter);
    bench_handle_faults(endpoint, WARM_UP);
    peer_end(&faulter);
    peer_start(&faulter);
    span_begin(3);
    struct sample sample = bench_handle_faults(endpoint, ROUNDS);
    span_end();
    check(sample.tags & TAG_FAULT, "no fault came");
    printf("bench span 3 fault_rt_cross %u\n", ROUNDS);
    peer_end(&faulter);
}

void rows_cross(void)
{
    const uint64_t time[3] = {BOOT_SCHED_CONTEXT, rt_ticks_of_us(1000000), rt_ticks_of_us(1000000)};

    must(kernel_call(BOOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0), "set the own budget");
    row_call();
    row_signal();
    row_fault();
}
