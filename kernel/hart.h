/* SPDX-License-Identifier: MIT */
/* Per-hart state, the kernel lock, and stopping a thread that runs on another hart. */
#pragma once

#include "object.h"

#include <abi/boot.h>

#define MAX_HARTS BOOT_MAX_HARTS
#define PRIORITIES 256

/* The assembly in arch/riscv knows the offsets of the first three members. */
struct hart {
    uint64_t stack_top;
    uint64_t emergency_stack_top;
    struct thread *current;        /* in user mode or in the kernel for it; NULL: idle */
    uint32_t index;                /* 0 .. hart_count - 1, the number used everywhere but in SBI calls */
    uint32_t id;                   /* the hardware's hart id */
    volatile bool online;          /* has entered the kernel and is ready for threads */
    volatile bool evict;           /* asks the hart to say that it has saved its current thread; see hart_evict */
    bool reschedule;               /* something became ready that may have to run instead of `current` */
    uint64_t slice_start;          /* when `current` was last charged for its time */
    uint64_t timer_deadline;       /* what the hart's timer is programmed to */
    struct address_space *space;   /* whose tables the hart uses; NULL: the kernel's own */
    uint64_t ready_map[PRIORITIES / 64];
    struct thread_queue ready[PRIORITIES];
    granule heap;                  /* timers and throttled scheduling contexts of this hart, earliest first */
    uint64_t interrupts, timer_interrupts, switches;
};

extern struct hart harts[MAX_HARTS];
extern uint32_t hart_count; /* that the device tree says are usable and that came online */

/* The hart that runs this code. */
struct hart *hart_self(void);

/* Takes or gives back the one kernel lock. Everything below kernel/ other than boot and the trap entry runs under
 * it. While waiting for it, a hart answers evict requests. */
void kernel_lock(void);
void kernel_unlock(void);

/*
 * Makes sure that `thread` is on no hart: if another hart runs it, interrupts that hart and waits until its registers
 * are saved and the hart uses neither the thread nor its address space any more. On the own hart only clears
 * `current`. The thread may be changed or destroyed afterwards; a trap that it was in starts over when it runs again.
 */
void hart_evict(struct thread *thread);
/* Like hart_evict for whoever uses the tables of `space`, and moves idle harts off it. */
void hart_leave_space(struct address_space *space);
