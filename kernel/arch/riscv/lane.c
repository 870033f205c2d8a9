/* SPDX-License-Identifier: MIT */
/* The fast lanes for FP registers, and for interrupts that wake a driver: see lane.S, whose rules hold here,
 * too. The registers of the current thread are all saved. A function returns when it has changed nothing, and
 * the general path is to deal with the event. */
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

/* --- FP registers (docs/LANES.md: fp-trap) --- */

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

/* --- Interrupts (interrupt) --- */

/* The queue in which a thread is the first that gets the notification's bits: it waits for them, or receives
 * and is bound to it; NULL: nobody, or the lanes must not look. */
static inline struct thread_queue *waiting_queue(const struct hart *hart, struct notification *notification)
{
    const struct thread *bound = notification->bound;
    struct endpoint *endpoint;

    if (notification->lane != hart)
        return NULL;
    if (notification->queue.head)
        return &notification->queue;
    if (!bound || bound->lane != hart || bound->state != THREAD_BLOCKED_RECV)
        return NULL;
    endpoint = bound->blocked_on;
    return endpoint->lane == hart && endpoint->receivers.head == bound ? &endpoint->receivers : NULL;
}

/* Where the driver waits that gets the line's interrupt and goes before `thread`, or NULL. */
static inline struct thread_queue *waiting_driver(const struct hart *hart, const struct thread *thread,
                                                  struct notification *notification)
{
    struct thread_queue *queue;

    if (hart->closed & ~CLOSED_FP || hart->front || thread->foreign || !notification)
        return NULL;
    /* Another hart may have made ready somebody who goes before the current thread. */
    if (thread->priority < hart->ready_top)
        return NULL;
    queue = waiting_queue(hart, notification);
    return queue && queue->head->priority > thread->priority && queue->head->context ? queue : NULL;
}

/* `thread` goes in front of all that are ready. */
static inline void step_aside(struct hart *hart, struct thread *thread, struct thread *driver)
{
    thread->queued = true;
    hart->front = thread;
    hart->ready_top = hart->lane_floor = thread->priority;
    if (hart->closed | driver->fp_eager) {
        arch_fp_leave();
        arch_fp_enter(driver);
    }
}

void lane_interrupt(struct thread *thread)
{
    struct hart *hart = hart_self();
    struct notification *notification;
    struct thread_queue *queue;
    struct thread *driver;
    uint32_t line;

    if (!lane_lock(hart))
        return;
    line = arch_irq_claim();
    notification = irq_notification(line);
    queue = waiting_driver(hart, thread, notification);
    if (!queue || !switch_time(hart, thread, queue->head)) {
        lane_unlock(hart);
        if (!line)
            return;
        lock_own();
        irq_deliver(line);
        hart_run();
    }
    driver = queue->head;
    queue->head = driver->next;
    driver->state = THREAD_READY;
    driver->reg[REG_A0] = irq_raise(line);
    driver->reg[REG_A0 + 1] = queue == &notification->queue ? 0 : TAG_SIGNAL;
#pragma GCC unroll 8
    for (unsigned i = 0; i < MSG_REGS; i++)
        driver->reg[word_register[i]] = 0;
    thread_clear_rest(driver);
    step_aside(hart, thread, driver);
    lane_end(hart, thread, driver);
}
