/* SPDX-License-Identifier: MIT */
/* Timer objects, and the hart's timer interrupt. */
#include "invoke.h"
#include "kernel.h"

/* Timers that one interrupt handles; more that are due get the next, so that interrupts are never off for long. */
#define TIMERS_PER_INTERRUPT 16

static void list_insert(struct timer *timer, struct notification *notification)
{
    struct timer *first = granule_to(notification->timers);

    timer->notification = notification;
    timer->prev = 0;
    timer->next = notification->timers;
    if (first)
        first->prev = granule_of(timer);
    notification->timers = granule_of(timer);
}

static void list_remove(struct timer *timer)
{
    struct timer *next = granule_to(timer->next), *prev = granule_to(timer->prev);

    if (prev)
        prev->next = timer->next;
    else
        timer->notification->timers = timer->next;
    if (next)
        next->prev = timer->prev;
    timer->notification = NULL;
}

void timer_stop(struct timer *timer)
{
    heap_remove(&timer->node);
    if (timer->notification)
        list_remove(timer);
}

static void timer_start(struct timer *timer, struct notification *notification, uint64_t bits, uint64_t deadline,
                        uint64_t period)
{
    timer_stop(timer);
    timer->bits = bits;
    timer->period = period;
    timer->node.kind = HEAP_TIMER;
    list_insert(timer, notification);
    heap_insert(hart_self(), &timer->node, deadline);
}

/* A periodic timer that fell behind skips what it missed. */
static void timer_expired(struct timer *timer, uint64_t now)
{
    struct notification *notification = timer->notification;
    uint64_t next = timer->node.deadline + timer->period;

    if (timer->period)
        heap_insert(hart_self(), &timer->node, next > now ? next : now + timer->period);
    else
        list_remove(timer);
    notification_signal(notification, timer->bits);
}

void kernel_timer(void)
{
    struct hart *hart = hart_self();
    uint64_t now = arch_time();

    hart->timer_interrupts++;
    hart->reschedule = true; /* the current thread's budget may be what ended */
    hart->timer_deadline = ~0ull;
    arch_set_timer(~0ull);
    for (unsigned i = 0; i < TIMERS_PER_INTERRUPT; i++) {
        struct heap_node *node = heap_first(hart);

        if (!node || node->deadline > now)
            break;
        heap_remove(node);
        if (node->kind == HEAP_TIMER)
            timer_expired((struct timer *)node, now);
        else
            context_replenish((struct sched_context *)node);
    }
}

enum error timer_invoke(struct invocation *inv)
{
    struct slot *slot;
    enum error error;

    switch (inv->op) {
    case OP_TIMER_SET:
        slot = arg_cap(inv, 1, OBJ_NOTIFICATION, RIGHT_SIGNAL, &error);
        if (!slot)
            return error;
        if (inv->arg[1] >> 62)
            return fail(inv, ERR_BAD_ARG, 2, 1ull << 62);
        if (inv->arg[2] >> 62 || (inv->arg[2] && inv->arg[2] < arch_timebase / 100000))
            return fail(inv, ERR_BAD_ARG, 3, arch_timebase / 100000);
        timer_start(inv->slot->object, slot->object, slot->badge ? slot->badge : 1, inv->arg[1], inv->arg[2]);
        return ERR_OK;
    case OP_TIMER_CANCEL:
        timer_stop(inv->slot->object);
        return ERR_OK;
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}
