/* SPDX-License-Identifier: MIT */
/* Timer objects, and the hart's timer interrupt. */
#include "timer.h"

#include "context.h"
#include "invoke.h"
#include "lock.h"
#include "notification.h"
#include "reach.h"

/* Timers that one interrupt handles; more that are due get the next, so that interrupts are never off for
 * long. */
#define TIMERS_PER_INTERRUPT 16
/* After an interrupt the hart does other work for so many times as long as it took. */
#define TIMER_REST           4

/* --- The time queue of a hart --- */

_Static_assert(HEAP_UNIT == 1 << SLOT_BITS, "a granule is a reference to a node");

static granule *heap_of(struct hart *hart, const struct heap_node *node)
{
    return node->kind == HEAP_CONTEXT ? &hart->throttled : &hart->heap;
}

struct heap_node *time_queue_first(const struct hart *hart)
{
    struct heap_node *timer = granule_to(hart->heap), *context = granule_to(hart->throttled);

    return !timer || (context && context->deadline <= timer->deadline) ? context : timer;
}

void time_queue_insert(struct hart *hart, struct heap_node *node, uint64_t deadline)
{
    node->hart = hart->index;
    heap_insert(arch_granule_base, heap_of(hart, node), node, deadline);
    if (time_queue_first(hart) == node)
        hart->reschedule = true; /* which programs the timer */
}

void time_queue_remove(struct heap_node *node)
{
    if (node->queued)
        heap_remove(arch_granule_base, heap_of(&harts[node->hart], node), node);
}

/* --- Timers --- */

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
    time_queue_remove(&timer->node);
    if (timer->notification)
        list_remove(timer);
}

static void timer_start(struct timer *timer, struct notification *notification, uint64_t bits,
                        uint64_t deadline, uint64_t period)
{
    timer_stop(timer);
    timer->home = hart_self();
    timer->bits = bits;
    timer->period = period;
    timer->node.kind = HEAP_TIMER;
    list_insert(timer, notification);
    time_queue_insert(hart_self(), &timer->node, deadline);
}

/* A periodic timer that fell behind skips what it missed. */
static void timer_expired(struct timer *timer, uint64_t now)
{
    struct notification *notification = timer->notification;
    uint64_t next = timer->node.deadline + timer->period;

    if (timer->period)
        time_queue_insert(hart_self(), &timer->node, next > now ? next : now + timer->period);
    else
        list_remove(timer);
    notification_signal(notification, timer->bits);
}

/* What is due and may be handled: contexts first, as they are the time that others were promised. */
static struct heap_node *first_due(const struct hart *hart, uint64_t now)
{
    struct heap_node *context = granule_to(hart->throttled), *timer = granule_to(hart->heap);

    if (context && context->deadline <= now)
        return context;
    return timer && timer->deadline <= now && hart->timer_rest <= now ? timer : NULL;
}

/* What handling the first that is due reaches. A timer may leave the notification's list. */
static bool reach_due(struct reach *reach, void *now)
{
    const struct heap_node *node = first_due(reach->self, *(const uint64_t *)now);

    return !node || node->kind != HEAP_TIMER ||
           reach_signal(reach, ((const struct timer *)node)->notification);
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
        struct heap_node *node;

        lock_for(reach_due, &now);
        node = first_due(hart, now);
        if (!node)
            break;
        time_queue_remove(node);
        if (node->kind == HEAP_TIMER)
            timer_expired((struct timer *)node, now);
        else
            context_replenish((struct sched_context *)node);
    }
    now += (arch_time() - now) * (TIMER_REST + 1);
    hart->timer_rest = now;
}

/* Shorter periods would keep the hart busy with the timer alone. */
static uint64_t minimum_period(void)
{
    return arch_timebase / 100000;
}

OPERATION(TIMER_SET)
{
    uint64_t deadline = arg(by, 2), period = arg(by, 3);
    int error;
    const struct slot *slot = arg_cap(by, 1, OBJ_NOTIFICATION, RIGHT_SIGNAL, &error);

    if (!slot)
        return error;
    if (deadline >> 62)
        return fail(by, ERR_BAD_ARG, 2, 1ull << 62);
    if (period >> 62 || (period && period < minimum_period()))
        return fail(by, ERR_BAD_ARG, 3, minimum_period());
    timer_start(cap->object, slot->object, slot->badge ? slot->badge : 1, deadline, period);
    return 0;
}

OPERATION(TIMER_CANCEL)
{
    timer_stop(cap->object);
    return 0;
}
