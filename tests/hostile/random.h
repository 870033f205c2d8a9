/* SPDX-License-Identifier: MIT */
/* What main (random.c) and the threads in its sandbox (random_driver.c) share. */
#pragma once

#include "../guest/probe.h"

#define SANDBOX_SLOTS_BITS 10
#define SANDBOX_SLOTS      (1u << SANDBOX_SLOTS_BITS)
#define SANDBOX_FIRST_FREE 96                          /* slots below hold what the sandbox was given */
#define SANDBOX_PAGES      (GUEST_MAP + (32ull << 20)) /* of the drivers, in main's space and in theirs */
#define SANDBOX_PLAYGROUND (GUEST_MAP + (64ull << 20)) /* where they may map */
#define DRIVERS            12 /* the last are shared by threads that the sandbox makes itself */
#define DRIVERS_SHARED     3
#define DRIVER_STRIDE      (4 * PAGE_BYTES)
#define MAX_OPERATIONS     12

/* At the beginning of a driver's pages; its message page comes second, and its stack ends with the last. */
struct driver {
    uint64_t random;         /* state of its random numbers */
    volatile uint64_t calls; /* made so far */
    volatile uint64_t faults_tried;
    uint64_t shared; /* not 0: any number of threads may use it at once, and nothing they find counts */
    volatile uint64_t checked, words_wrong, fp_wrong;
    volatile uint32_t done[OBJ_TYPE_COUNT][MAX_OPERATIONS]; /* operations that succeeded */
    volatile uint32_t sys_done[16];                         /* system calls by number that did */
};

static inline struct driver *driver_at(unsigned n)
{
    return (struct driver *)(SANDBOX_PAGES + n * DRIVER_STRIDE);
}

static inline struct msg_page *driver_msg_page(struct driver *driver)
{
    return (struct msg_page *)((char *)driver + PAGE_BYTES);
}

/* Makes random calls for ever. Uses nothing that can be written but the driver's own pages. */
void driver_main(struct driver *driver) __attribute__((noreturn));
