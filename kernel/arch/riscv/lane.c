/* SPDX-License-Identifier: MIT */
/* The fast lanes for faults that a waiting handler gets, FP registers, and interrupts that wake a driver: see
 * lane.S, whose rules hold here too. The registers of the current thread are all saved. A function returns
 * when it has changed nothing, and the general path is to deal with the event. */
#include "aspace.h"
#include "ipc.h"
#include "irq.h"
#include "kernel.h"
#include "machine.h"

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

/* --- Faults --- */

/* Who gets the fault, or NULL. It runs on time of its own, or on that of the thread that faulted. */
static inline struct thread *fault_handler(struct hart *hart, struct thread *thread)
{
    const struct slot *slot = &thread->slot[THREAD_FAULT];
    const struct endpoint *endpoint = slot->object;
    struct thread *handler;

    if (hart->closed || !endpoint || endpoint->lane != hart)
        return NULL;
    handler = endpoint->receivers.head;
    if (!handler || handler->priority < hart->ready_top || thread->depth >= DEPTH_FAULT_LIMIT)
        return NULL;
    return handler;
}

static inline bool give_time(struct hart *hart, struct thread *from, struct thread *to)
{
    if (to->context)
        return switch_time(hart, from, to);
    to->context = from->context;
    to->depth = from->depth + 1;
    to->context->thread = to;
    return true;
}

/* `thread` waits for the handler's answer. */
static inline void call_handler(struct thread *thread, struct thread *handler, uint64_t tag)
{
    const struct slot *slot = &thread->slot[THREAD_FAULT];

    ((struct endpoint *)slot->object)->receivers.head = handler->next;
    handler->state = THREAD_READY;
    handler->caller = thread;
    handler->reg[REG_A0] = slot->badge;
    handler->reg[REG_A0 + 1] = tag | TAG_FAULT;
    thread_clear_rest(handler);
    thread->state = THREAD_BLOCKED_REPLY;
    thread->blocked_on = handler;
    thread->blocked_on_reply = false;
    thread->fault_waits = true;
    thread->send_tag = tag;
    thread->lane = NULL;
}

/* Makes the fault a call of the handler, which is returned; or NULL, and nothing has changed. */
static inline struct thread *fault(struct hart *hart, struct thread *thread, uint64_t tag, bool spurious)
{
    struct thread *handler = fault_handler(hart, thread);

    if (spurious || !handler || !give_time(hart, thread, handler)) {
        lane_unlock(hart);
        return NULL;
    }
    call_handler(thread, handler, tag);
    return handler;
}

void lane_page_fault(struct thread *thread, uint64_t address, uint64_t access, uint64_t cause)
{
    struct hart *hart = hart_self();
    struct thread *handler;

    if (thread->foreign || !lane_lock(hart))
        return;
    handler = fault(hart, thread, tag_make(FAULT_PAGE, 6, 0),
                    space_allows(thread->slot[THREAD_SPACE].object, address, access));
    if (!handler)
        return;
    const uint64_t words[MSG_REGS] = {address, thread->reg[REG_PC], access, cause, thread->reg[REG_SP], thread->reg[REG_RA]};
#pragma GCC unroll 8
    for (unsigned i = 0; i < MSG_REGS; i++)
        handler->reg[word_register[i]] = words[i];
    lane_end(hart, thread, handler);
}

void lane_foreign_call(struct thread *thread)
{
    struct hart *hart = hart_self();
    struct thread *handler;

    if (!lane_lock(hart) || !(handler = fault(hart, thread, tag_make(FAULT_FOREIGN, MSG_REGS, 0), false)))
        return;
#pragma GCC unroll 8
    for (unsigned i = 0; i < MSG_REGS; i++)
        handler->reg[word_register[i]] = thread->reg[REG_A0 + i];
    csr_write(stvec, (uint64_t)trap_entry);
    lane_end(hart, thread, handler);
}

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

    if (hart->closed || hart->front || thread->foreign || !notification || notification->lane != hart)
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
    lane_end(hart, thread, driver);
}
