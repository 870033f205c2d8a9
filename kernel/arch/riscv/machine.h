/* SPDX-License-Identifier: MIT */
/* What the kernel knows of the machine, and what the files of arch/riscv share. */
#pragma once

#include "arch.h"

#include <base/cpu.h>
#include <base/intc.h>

struct machine {
    struct cpu_set cpus; /* that the device tree tells of */
    struct intc_set intcs;
    uint64_t test_device;  /* QEMU's exit device, physical; 0: none */
    bool off_after_failure; /* the command line has panic=poweroff */
    bool has_sstc, has_sbi_time; /* timers that can be used on all harts */
    uint32_t asid_bits;
    uint32_t quirks;   /* that are worked around, a bit for each; what they change: */
    bool fences_whole; /* fences by address do not do it */
    uint64_t (*fetch_address)(uint64_t stval, uint64_t pc); /* where a fetch failed; NULL: stval says it */
};
extern struct machine machine;
/* What head.S finds when a hart comes that was started: an attempt for each, which is ATTEMPT_WELCOME until
 * the hart takes it or its time is over; the id of the hart that it is for; and which hart it becomes. */
enum attempt { ATTEMPT_OVER, ATTEMPT_WELCOME, ATTEMPT_TAKEN };
extern uint32_t start_attempt[MAX_HARTS], start_id[MAX_HARTS];
extern struct hart *starting_hart;
/* This hart is set up: it sleeps until the boot is over, then runs threads. */
void hart_join(void) __attribute__((noreturn));
/* Ends the boot, whose code is gone afterwards: all harts run threads. The caller holds the kernel lock. */
void harts_release(void) __attribute__((noreturn));
/* Has the other harts stop for good; false when another hart did so first, and this one is to stop. */
bool harts_stop_others(void);
bool stop_requested(void); /* whether another hart did that */
void hart_stop(void) __attribute__((noreturn)); /* stops this one for good */
/* Runs threads on this hart; the caller holds the kernel lock. */
void hart_run(void) __attribute__((noreturn));

static inline volatile uint32_t *intc_register(const struct intc *intc, uint64_t offset)
{
    return arch_direct(intc->base + offset);
}
static inline uint32_t intc_get(const struct intc *intc, uint64_t offset)
{
    return *intc_register(intc, offset);
}
static inline void intc_put(const struct intc *intc, uint64_t offset, uint32_t value)
{
    *intc_register(intc, offset) = value;
}
/* trap.S */
void trap_entry(void);
void trap_entry_foreign(void);
/* A system call whose registers are saved; the hart has its own lock, or none. Returns when the same thread
 * goes on, with the results in its registers. */
void syscall_from_user(struct thread *thread, bool locked);
void trap_from_user(struct thread *thread) __attribute__((noreturn));
void user_enter(struct thread *thread) __attribute__((noreturn));
void fp_save(struct thread *thread);
void fp_restore(const struct thread *thread);

/* Fast lanes in C (lane.c). Each returns only when it did nothing and leaves the event of `thread`, the current
 * one, whose registers are saved, to the general path. An illegal instruction, if it is one that needs the FP registers and the thread may have them; */
void lane_fp(struct thread *thread);
/* an external interrupt, if the driver that it is for waits for it. */
void lane_interrupt(struct thread *thread);

/* Registers when the kernel itself trapped: pc, x1-x31. */
struct trap_frame {
    uint64_t reg[32];
};
void trap_from_kernel(const struct trap_frame *frame) __attribute__((noreturn)); /* says why, and ends the machine */
