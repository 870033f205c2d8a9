/* SPDX-License-Identifier: MIT */
/*
 * The kernel core as an ordinary program: an arena stands for physical memory, a counter for time, and a test
 * makes the system calls by filling in a thread's registers. One hart runs at a time; the test says which.
 */
#pragma once

#include "../../arch.h"

/* The controller that this line is wired to serves no hart. */
#define HOST_LINE_WITHOUT_HART 63

#define HOST_ARENA_BYTES (64ull << 20)

/* Empties the arena (all bytes 0xa5, as memory of a real machine is not clean), harts and time. */
void host_reset(uint32_t hart_count);
/* The harts alone. */
void host_harts_reset(uint32_t hart_count);
/* Physical memory: the arena's address. */
extern char *host_arena;
extern uint64_t host_time;
/* What the core asked the machine for. */
struct host_machine {
    uint32_t hart;              /* index of the hart that runs */
    bool interrupt_pending;     /* as arch_interrupt_pending says */
    uint64_t pending_after;     /* or: after so many more questions, 0: never */
    const struct address_space *space[MAX_HARTS]; /* whose tables each hart uses; NULL: the kernel's own */
    uint64_t timer;             /* this hart's programmed deadline */
    uint64_t ipis, flushes, switches, fences;
    uint32_t claim;             /* line that the next claim gives */
    bool claimed[IRQ_LINES];    /* and not completed */
    uint32_t enabled[IRQ_LINES], completed[IRQ_LINES], priority[IRQ_LINES], trigger[IRQ_LINES];
    bool stays_on;              /* it cannot be switched off or restarted */
    char log[4096];             /* the last lines */
    unsigned log_used;
    unsigned echo;              /* steps that it still takes */
};
extern struct host_machine host;
