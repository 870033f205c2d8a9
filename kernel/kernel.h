/* SPDX-License-Identifier: MIT */
/* Entry points of the portable kernel, called by arch/ with the kernel lock held. */
#pragma once

#include "arch.h"

/* `thread`, which is this hart's current thread, made a system call; its registers are saved in it. */
void kernel_syscall(struct thread *thread);
/* It made SYS_CALL on this slot, which is not that of an endpoint; pc is behind it already. */
void kernel_invoke(struct thread *thread, struct slot *slot);
/* It faulted: makes the fault message. `fault` is an enum fault, the rest as in struct fault_message. */
void kernel_fault(struct thread *thread, uint32_t fault, uint64_t address, uint64_t access, uint64_t cause);
/* This hart's timer fired: wakes what is due, charges and throttles the current thread. */
void kernel_timer(void);
/* External interrupts are pending for this hart: claims and delivers them. */
void kernel_interrupt(void);

/* Chooses what this hart runs next and makes it hart->current: charges the thread that ran, saves and
 * restores FP state, switches address spaces, programs the timer. Returns NULL when there is nothing to run
 * (the hart then uses the kernel's own tables and waits for an interrupt). */
struct thread *schedule(void);
/* Whether schedule() has nothing to do: this hart goes on with its current thread as it is. */
static inline bool sched_stays(const struct hart *hart)
{
    const struct thread *thread = hart->current;

    return thread && !hart->reschedule && thread->state == THREAD_READY && thread->context == hart->context &&
           hart->context && hart->context->thread == thread;
}
