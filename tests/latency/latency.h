/* SPDX-License-Identifier: MIT */
/* The parts of the latency test: main.c (the thread that is to be woken in time) and loads.c (what goes on
 * meanwhile). */
#pragma once

#include "../guest/thread.h"

/* What a thread of low priority does for ever. */
struct load {
    const char *name;
    void (*prepare)(void); /* in the first thread, with its objects */
    void (*round)(void);   /* one round, again and again, in the load's thread */
    uint64_t budget;       /* microseconds that it may run in LOAD_PERIOD */
    unsigned priority;
    volatile uint64_t rounds;
};
extern struct load loads[];
#define LOADS 6
#define LOAD_PERIOD 4000 /* microseconds */
/* Ends the machine when a load's operation fails. */
void load_must(enum error error, const char *what);
