/* SPDX-License-Identifier: MIT */
/* The fast lanes for interrupts that wake a driver, and between two harts: see lane.S, whose rules hold here,
 * too. The registers of the current thread are all saved. A function returns when it has
 * changed nothing, and the general path is to deal with the event. */
#include "lane.h"

#include "aspace.h"
#include "csr.h"
#include "ipc.h"
#include "irq.h"
#include "lock.h"
#include "machine.h"
#include "run.h"
#include "sched.h"
#include "space.h"
#include "trap.h"

#include <abi/fault.h>

/* Whether what a context stands for may begin now: its period is not over, and the timer is set early
 * enough. */
static inline bool may_begin(const struct hart *hart, const struct sched_context *context, uint64_t now)
{
    return now - context->period_start < context->period && context->remaining &&
           now + context->remaining >= hart->timer_deadline;
}

/* Charges the hart's current thread, and what it runs on, for its time. False, with nothing changed, when
 * that uses the budget up. */
static inline bool charge(struct hart *hart, struct thread *thread, uint64_t now)
{
    struct sched_context *context = hart->context;
    uint64_t spent = now - hart->slice_start;

    if (spent >= context->remaining)
        return false;
    hart->slice_start = now;
    context->remaining -= spent;
    context->consumed += spent;
    thread->cpu_time += spent;
    return true;
}

/* `to` has time of its own and is to run instead of `from`: charges what the hart ran on. False, with nothing
 * changed, when a budget is used up, a period is over or the timer must be set. */
static inline bool switch_time(struct hart *hart, struct thread *from, const struct thread *to)
{
    uint64_t now = arch_time();

    if (!may_begin(hart, to->context, now) || !charge(hart, from, now))
        return false;
    hart->context = to->context;
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
lane_end(struct hart *hart, uint64_t satp, struct thread *to)
{
    hart->current = to;
    if (to->satp != satp)
        write_satp(to->satp);
    lock_give_back(hart);
    user_enter(to);
}

/* --- Interrupts (docs/LANES.md: interrupt) --- */

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

/* A badge, a tag, and the words of `from`, or none. */
static inline void give(struct thread *to, uint64_t badge, uint64_t tag, const struct thread *from)
{
    to->reg[REG_A0] = badge;
    to->reg[REG_A0 + 1] = tag;
#pragma GCC unroll 8
    for (unsigned i = 0; i < MSG_REGS; i++)
        to->reg[word_register[i]] = from ? from->reg[word_register[i]] : 0;
    thread_clear_rest(to);
}

/* The first in that queue, who gets the bits. */
static inline struct thread *
take_waiter(struct thread_queue *queue, const struct notification *notification, uint64_t bits)
{
    struct thread *thread = queue->head;

    queue->head = thread->next;
    thread->state = THREAD_READY;
    give(thread, bits, queue == &notification->queue ? 0 : TAG_SIGNAL, NULL);
    return thread;
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

    if (!lock_try(hart))
        return;
    line = arch_irq_claim();
    notification = irq_notification(line);
    queue = waiting_driver(hart, thread, notification);
    if (!queue || !switch_time(hart, thread, queue->head)) {
        lock_give_back(hart);
        if (!line)
            return;
        lock_own();
        irq_deliver(line);
        hart_run();
    }
    driver = take_waiter(queue, notification, irq_raise(line));
    step_aside(hart, thread, driver);
    lane_end(hart, thread->satp, driver);
}

/* --- Between two harts (docs/LANES.md: call-across and the rows below it) --- */

/* Whether `thread`, which waits, would be the first on its hart when it is made ready. */
static inline bool may_wake(const struct hart *hart, const struct thread *thread)
{
    const struct sched_context *context = thread->context;

    return context && context->thread == thread && context->remaining && !hart->front &&
           thread->priority > hart->ready_top &&
           (!hart->current || thread->priority > hart->current->priority);
}

/* Makes it so, and gives that hart's lock back. Returns the hart if it has to be called then, or NULL. It may
 * answer at once, so it is called when no lock is held. */
static inline struct hart *wake(struct hart *hart, struct thread *thread)
{
    struct hart *call = hart_call_due(hart) ? hart : NULL;

    thread->state = THREAD_READY;
    thread->queued = true;
    hart->front = thread;
    set_ready_top(hart, thread->priority);
    if (hart->current)
        hart->reschedule = true;
    lock_give_back(hart);
    return call;
}

bool lane_rest(struct hart *hart)
{
    struct thread *thread = hart->current;

    if (!thread || thread->state == THREAD_READY || hart->lane_floor >= 0 || hart->reschedule ||
        !hart->context || !charge(hart, thread, arch_time()))
        return false;
    hart->current = NULL;
    hart->context = NULL;
    write_satp(kernel_satp);
    return true;
}

void lane_resume(struct hart *hart)
{
    struct thread *to = hart->front;
    uint64_t now = arch_time();

    if (!to || to->lane != hart || to->lane_level < hart->lane_floor || hart->reschedule || to->zeroed ||
        !may_begin(hart, to->context, now))
        return;
    hart->front = NULL;
    to->queued = false;
    set_ready_top(hart, hart->queue_top);
    to->switches++;
    hart->switches++;
    hart->slice_start = now;
    hart->context = to->context;
    csr_write(stvec, trap_entry);
    lane_end(hart, kernel_satp, to);
}

static void call_across(struct hart *hart, struct thread *thread, const struct slot *slot)
{
    struct endpoint *endpoint = slot->object;
    struct hart *other = endpoint->lane;
    struct thread *to;

    if (!other || other == hart || thread->depth >= -1 || !lock_try(other))
        return;
    to = endpoint->receivers.head;
    if (endpoint->lane != other || !to || !may_wake(other, to))
        return lock_give_back(other);
    give(to, slot->badge, thread->reg[REG_A0 + 1], thread);
    endpoint->receivers.head = to->next;
    to->caller = thread;
    thread->state = THREAD_BLOCKED_REPLY;
    thread->blocked_on = to;
    thread->reg[REG_PC] += 4;
    hart_run_and_call(wake(other, to));
}

/* Whether `caller`, which has time of its own, waits for nothing but such an answer. */
static inline bool may_answer(const struct hart *other, const struct thread *caller, uint64_t tag)
{
    if (caller->fault_waits ? caller->hart != other || caller->foreign || tag_label(tag)
                            : caller->lane != other)
        return false;
    return may_wake(other, caller);
}

static void answer_across(struct hart *hart, struct thread *thread, struct endpoint *endpoint)
{
    struct thread *caller = thread->caller;
    struct hart *other;

    if (!caller || !caller->context || thread->context->owner != thread || endpoint->lane != hart ||
        endpoint->receivers.head)
        return;
    other = &harts[caller->context->hart];
    if (other == hart || !lock_try(other))
        return;
    if (!may_answer(other, caller, thread->reg[REG_A0 + 1]))
        return lock_give_back(other);
    if (!caller->fault_waits)
        give(caller, 0, thread->reg[REG_A0 + 1], thread);
    caller->fault_waits = false;
    caller->lane = other;
    thread->caller = NULL;
    thread->state = THREAD_BLOCKED_RECV;
    thread->blocked_on = endpoint;
    thread->next = NULL;
    endpoint->receivers.head = thread;
    thread->reg[REG_PC] += 4;
    hart_run_and_call(wake(other, caller));
}

void lane_system_call(struct thread *thread)
{
    const struct slot *slot = (struct slot *)thread->slot[THREAD_CSPACE].object + thread->reg[REG_A0];
    uint64_t number = thread->reg[REG_A7];

    if (thread->reg[REG_A0] >= thread->lane_slots || (uint32_t)thread->reg[REG_A0 + 1] > MSG_REGS)
        return;
    if (number == SYS_CALL && slot->flags & SLOT_LANE_SEND)
        call_across(hart_self(), thread, slot);
    else if (number == SYS_REPLY_RECV && slot->flags & SLOT_LANE_RECV)
        answer_across(hart_self(), thread, slot->object);
}

bool lane_signal(struct notification *notification, uint64_t bits)
{
    struct hart *other = notification->lane;
    struct thread_queue *queue;

    if (!other || !lock_try(other))
        return false;
    queue = waiting_queue(other, notification);
    if (queue && may_wake(other, queue->head)) {
        other = wake(other, take_waiter(queue, notification, bits ? bits : 1));
        lock_give_back(hart_self());
        if (other)
            arch_send_ipi(other);
        return true;
    }
    lock_give_back(other);
    return false;
}
