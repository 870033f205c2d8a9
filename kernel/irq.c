/* SPDX-License-Identifier: MIT */
/* Interrupt lines. An interrupt signals the notification that its handler is bound to, and the line stays
 * silent until the driver acknowledges it. */
#include "irq.h"

#include "invoke.h"
#include "lock.h"
#include "notification.h"
#include "reach.h"

/* Lines that one trap delivers; more that are pending get the next. */
#define LINES_PER_TRAP 8

/* A line has the first until its driver sets another. */
#define FIRST_PRIORITY 1
#define LAST_PRIORITY  7

struct irq_line irq_lines[IRQ_LINES] __attribute__((section(".noinit.lines")));

static void line_acknowledge(uint64_t number)
{
    struct irq_line *line = &irq_lines[number];
    uint64_t now = arch_time(), latency = now > line->raised_at ? now - line->raised_at : 0;

    if (!line->raised_at)
        return;
    line->raised_at = 0;
    line->acknowledged++;
    line->total_latency += latency;
    if (latency > line->worst_latency)
        line->worst_latency = latency;
    if (line->deadline && latency > line->deadline)
        line->missed++;
    arch_irq_complete(number);
}

static void line_unbind(uint64_t number)
{
    struct irq_line *line = &irq_lines[number];

    if (!line->notification)
        return;
    line->raised_at = 0;
    arch_irq_disable(number);
    line->notification->irq_count--;
    line->notification = NULL;
}

static void line_bind(uint64_t number, struct notification *notification, uint64_t bits)
{
    struct irq_line *line = &irq_lines[number];

    line_unbind(number);
    line->notification = notification;
    line->bits = bits;
    line->hart = hart_self();
    notification->irq_count++;
    arch_irq_enable(number, line->hart);
}

void irq_release(uint64_t number)
{
    line_unbind(number);
    irq_lines[number] = (struct irq_line){0};
}

void irq_forget(struct notification *notification)
{
    for (uint32_t i = 1; i < arch_irq_lines() && notification->irq_count; i++)
        if (irq_lines[i].notification == notification)
            line_unbind(i);
}

struct notification *irq_notification(uint32_t number)
{
    return number < IRQ_LINES ? irq_lines[number].notification : NULL;
}

uint64_t irq_raise(uint32_t number)
{
    struct irq_line *line = &irq_lines[number];

    hart_self()->interrupts++;
    line->count++;
    line->raised_at = arch_time() | 1;
    return line->bits;
}

/* A line may have been bound anew, and so to another hart, since this one claimed its interrupt. */
static bool reach_line(struct reach *reach, void *event)
{
    uint32_t number = *(const uint32_t *)event;
    struct notification *notification = irq_notification(number);

    if (!notification)
        return reach_all(reach);
    return reach_hart(reach, irq_lines[number].hart) && reach_signal(reach, notification);
}

void irq_deliver(uint32_t number)
{
    struct notification *notification;

    lock_for(reach_line, &number);
    notification = irq_notification(number);
    if (notification) {
        notification_signal(notification, irq_raise(number));
        return;
    }
    hart_self()->interrupts++;
    arch_irq_disable(number);
}

void kernel_interrupt(void)
{
    for (unsigned i = 0; i < LINES_PER_TRAP; i++) {
        uint32_t number = arch_irq_claim();

        if (!number)
            return;
        irq_deliver(number);
    }
}

OPERATION(IRQ_HANDLER_BIND)
{
    int error;
    const struct slot *slot = arg_cap(by, 1, OBJ_NOTIFICATION, RIGHT_SIGNAL, &error);

    if (!slot)
        return error;
    line_bind(cap->number, slot->object, slot->badge ? slot->badge : 1);
    return 0;
}

OPERATION(IRQ_HANDLER_ACK)
{
    line_acknowledge(cap->number);
    return 0;
}

OPERATION(IRQ_HANDLER_UNBIND)
{
    line_unbind(cap->number);
    return 0;
}

OPERATION(IRQ_HANDLER_SET_PRIORITY)
{
    if (arg(by, 1) < FIRST_PRIORITY || arg(by, 1) > LAST_PRIORITY)
        return fail(by, ERR_BAD_ARG, 1, LAST_PRIORITY);
    arch_irq_set_priority(cap->number, arg(by, 1));
    return 0;
}

OPERATION(IRQ_HANDLER_SET_DEADLINE)
{
    irq_lines[cap->number].deadline = arg(by, 1);
    return 0;
}

OPERATION(IRQ_HANDLER_INFO)
{
    const struct irq_line *line = &irq_lines[cap->number];

    return ANSWER(by, cap->number, line->count, line->acknowledged, line->missed, line->total_latency,
                  line->worst_latency, line->hart ? line->hart->index : 0);
}

OPERATION(IRQ_CONTROL_GET)
{
    uint64_t number = arg(by, 1), trigger = arg(by, 4);
    struct slot *slot;
    int error;

    if (number == 0 || number >= arch_irq_lines() || number >= IRQ_LINES)
        return fail(by, ERR_BAD_ARG, 1, arch_irq_lines());
    if (irq_lines[number].taken)
        return fail(by, ERR_IN_USE, 1, number);
    slot = arg_empty_slot(by, 2, 3, &error);
    if (!slot)
        return error;
    if (trigger > IRQ_TRIGGER_LOW || (trigger & (trigger - 1)))
        return fail(by, ERR_BAD_ARG, 4, trigger);
    if (!arch_irq_configure(number, trigger))
        return fail(by, ERR_UNSUPPORTED, 1, number);
    arch_irq_set_priority(number, FIRST_PRIORITY);
    slot_make_root(slot, OBJ_IRQ_HANDLER, NULL, 0, RIGHTS_ALL);
    slot->number = number;
    irq_lines[number].taken = true;
    return 0;
}
