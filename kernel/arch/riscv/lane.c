/* SPDX-License-Identifier: MIT */
/* The fast lanes for faults that a waiting handler gets, FP registers, and interrupts that wake a driver: see
 * lane.S, whose rules hold here too. The registers of the current thread are all saved. A function returns
 * when it has changed nothing, and the general path is to deal with the event. */
#include "lane.h"

#include "aspace.h"
#include "ipc.h"
#include "irq.h"
#include "lock.h"
#include "run.h"
#include "trap.h"

#include <abi/fault.h>

static bool lane_lock(struct hart *hart)
{
    return !__atomic_exchange_n(&hart->lock, 1, __ATOMIC_ACQUIRE);
}

static void lane_unlock(struct hart *hart)
{
    __atomic_store_n(&hart->lock, 0, __ATOMIC_RELEASE);
}

/* `to` has time of its own and is to run instead of `from`: charges what the hart ran on. False, with nothing
 * changed, when a budget is used up, a period is over or the timer must be set. */
static inline bool switch_time(struct hart *hart, struct thread *from, const struct thread *to)
{
    struct sched_context *old = hart->context, *new = to->context;
    uint64_t now = arch_time(), spent = now - hart->slice_start;

    if (spent >= old->remaining || now - new->period_start >= new->period || !new->remaining ||
        now + new->remaining < hart->timer_deadline)
        return false;
    hart->slice_start = now;
    hart->context = new;
    old->remaining -= spent;
    old->consumed += spent;
    from->cpu_time += spent;
    return true;
}

/* As switch_space in lane.S: t5 and t3, for the code that may be called instead. */
static inline void write_satp(uint64_t satp)
{
    register uint64_t value __asm__("t5") = satp;

    __asm__ volatile("1: csrw satp, %0\n.pushsection satp_writes, \"a\"\n.dword 1b\n.popsection"
                     : : "r"(value) : "t3", "memory");
}

static inline void __attribute__((noreturn))
lane_end(struct hart *hart, struct thread *from, struct thread *to)
{
    hart->current = to;
    if (to->satp != from->satp)
        write_satp(to->satp);
    lane_unlock(hart);
    user_enter(to);
}

/* --- FP registers --- */

void lane_fp(struct thread *thread)
{
    struct hart *hart = hart_self();
    bool done;

    if (!lane_lock(hart))
        return;
    done = arch_fp_first_use(thread);
    lane_unlock(hart);
    if (done)
        user_enter(thread);
}

/* --- Interrupts --- */

/* The driver that waits for the line's interrupts and goes before `thread`, or NULL. */
static inline struct thread *waiting_driver(struct hart *hart, const struct thread *thread,
                                            const struct notification *notification)
{
    struct thread *driver;

    if (hart->closed & ~CLOSED_FP || hart->front || thread->foreign || !notification ||
        notification->lane != hart)
        return NULL;
    /* Another hart may have made ready somebody who goes before the current thread. */
    if (thread->priority < hart->ready_top)
        return NULL;
    driver = notification->queue.head;
    return driver && driver->priority > thread->priority && driver->context ? driver : NULL;
}

void lane_interrupt(struct thread *thread)
{
    struct hart *hart = hart_self();
    struct notification *notification;
    struct thread *driver;
    uint32_t line;

    if (!lane_lock(hart))
        return;
    line = arch_irq_claim();
    notification = irq_notification(line);
    driver = waiting_driver(hart, thread, notification);
    if (!driver || !switch_time(hart, thread, driver)) {
        lane_unlock(hart);
        if (!line)
            return;
        kernel_lock();
        if (hart->current != thread)
            hart->reschedule = true;
        irq_deliver(line);
        hart_run();
    }
    notification->queue.head = driver->next;
    driver->state = THREAD_READY;
    driver->reg[REG_A0] = irq_raise(line);
    driver->reg[REG_A0 + 1] = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < MSG_REGS; i++)
        driver->reg[word_register[i]] = 0;
    thread_clear_rest(driver);
    thread->queued = true;
    hart->front = thread;
    hart->ready_top = hart->lane_floor = thread->priority;
    if (hart->closed | driver->fp_eager) {
        arch_fp_leave();
        arch_fp_enter(driver);
    }
    lane_end(hart, thread, driver);
}
