/* SPDX-License-Identifier: MIT */
/* What the kernel keeps for each hart. */
#pragma once

#include "object.h"

#include <abi/boot.h>

#define MAX_HARTS BOOT_MAX_HARTS
#define PRIORITIES 256

/* Why the fast lanes of a hart are closed. */
enum lane_closed {
    CLOSED_FP = 1,      /* the current thread has the FP registers */
    CLOSED_ROUNDS = 4,  /* ASIDs were handed out anew: a thread may have one of an old round */
    CLOSED_STALE = 8,   /* translations or instructions are stale: see arch_space_switch */
};

/* The assembly in arch/riscv knows the offsets of all up to `timer_deadline`. */
struct hart {
    uint64_t lock;                 /* 0: free */
    uint64_t stack_top;
    uint64_t emergency_stack_top;
    uint64_t scratch[2];           /* of the trap entry */
    struct thread *current;        /* in user mode or in the kernel for it; NULL: idle */
    int16_t lane_floor;            /* the fast lanes give the hart only to threads of at least this priority:
                                    * that of the first that is ready, LANES_CLOSED when they must not at
                                    * all */
    int16_t ready_top;             /* priority of the first that is ready, -1 when there is none */
    int16_t queue_top;             /* of the first in the ready queues */
    uint8_t closed;                /* enum lane_closed */
    uint32_t asid_round;           /* of which the hart has translations */
    struct thread *front;          /* is ready and goes before all in the ready queues; or NULL */
    struct sched_context *context; /* that is charged for the time since slice_start, or NULL */
    uint64_t slice_start;
    uint64_t timer_deadline;       /* what the hart's timer is programmed to */
    struct hart *partner;          /* whose lock it has besides its own; NULL: none, or all */
    bool has_all;                  /* locks */
    bool awake;                    /* waits for a lock, and looks at `reschedule` when it has it */
    bool called;                   /* was sent an interrupt, which it has not taken yet, for `reschedule` */
    unsigned steps;                /* of an operation that may be long, since it last let others in */
    volatile bool online;          /* has entered the kernel and is ready for threads */
    volatile uint8_t evict;        /* enum evict: what another hart asks for */
    bool reschedule;               /* something became ready that may have to run instead of `current` */
    bool step_back;                /* `current` goes behind its equals */
    uint64_t timer_rest;           /* no timer interrupt before: the last one had more to do than one may */
    uint32_t index;                /* 0 .. hart_count - 1, the number used everywhere but in SBI calls */
    uint32_t id;                   /* the hardware's hart id */
    volatile uint32_t *doorbell;   /* where others write to interrupt it; NULL: the firmware does that */
    struct thread *fp_owner;       /* whose FP registers the hart holds: that thread's fp_hart is this one; or
                                    * NULL */
    uint64_t ready_map[PRIORITIES / 64];
    struct thread_queue ready[PRIORITIES];
    granule heap;                  /* timers of this hart, earliest first */
    granule throttled;             /* and its contexts whose budgets are used up, which no number of timers
                                    * may delay */
    uint64_t interrupts, timer_interrupts, switches;
};
#define LANES_CLOSED PRIORITIES /* above all priorities, */
#define LEVEL_FP     (-2)       /* and below all, and below ready_top when nobody is ready */

/* What a hart that waits for its answer asks another one for. */
enum evict {
    EVICT_NOTHING,
    EVICT_FP,     /* to save the FP registers that it holds */
    EVICT_THREAD, /* the same, and to leave the address space of its current thread, whose registers are
                   * saved */
};

extern struct hart harts[MAX_HARTS];
extern uint32_t hart_count; /* that the device tree says are usable and that came online */

/* Harts that wait for a lock (lock.h): whoever does something long lets them in between two steps. */
extern uint32_t lock_waiters;

/* hart_self() is the hart that runs this code: see arch.h. */
