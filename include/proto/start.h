/* SPDX-License-Identifier: MIT */
/*
 * What init puts into the first page that a new process reads: its arguments and the names of its
 * capabilities. The process starts with a0 = address of this page (mapped read-only).
 */
#pragma once

#include <stdint.h>

#define START_MAGIC 0x7472617473ull

/* START_ENDPOINT: the one that the process serves itself. */
enum start_slot { START_NULL, START_CNODE, START_MM, START_PROC, START_LOG, START_THREAD, START_ENDPOINT,
                  START_FIRST_NAMED = 8 };

#define START_MAX_CAPS 24
struct start_cap {
    char name[24];     /* of the process that serves it ("virtio-blk"), or what it is ("log") */
    char protocol[16]; /* that it serves ("blk"); empty: it is no session with a server */
    uint32_t slot, reserved;
};

struct start_info {
    uint64_t magic;
    uint64_t process;           /* own number */
    uint64_t epoch;             /* how often this process of the description has been started, from 1 */
    uint64_t msg_page;          /* address of the message page of the first thread */
    uint64_t cnode_slots, first_free_slot;
    uint64_t stack_low, stack_high;
    uint64_t timebase;          /* ticks per second */
    uint64_t hart, hart_count;  /* that it starts on, counted from the one that booted; of the machine */
    char name[16];
    uint64_t cap_count;
    struct start_cap cap[START_MAX_CAPS];
    uint64_t arg_count;
    uint64_t args_length;
    char args[2048];            /* each terminated; NAME=VALUE of the environment behind them */
};
_Static_assert(sizeof(struct start_info) <= 4096, "one page");
