/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines. An interrupt signals the notification that its handler is bound to, and the line stays silent until
 * the driver acknowledges it.
 */
#include "invoke.h"
#include "kernel.h"

#include <string.h>

/* Lines that one trap delivers; more that are pending get the next. */
#define LINES_PER_TRAP 8

struct line {
    struct notification *notification; /* NULL: not bound */
    uint64_t bits;
    uint64_t raised_at; /* ticks; 0: not waiting for an acknowledgement */
    uint64_t count, acknowledged, missed;
    uint64_t total_latency, worst_latency; /* ticks from interrupt to acknowledgement */
    uint64_t deadline;  /* ticks; 0: none */
    struct hart *hart;
    bool taken;         /* a handler capability exists */
};

/* Most machines have far fewer lines, and clearing all would be a good part of the boot: irq_init() clears
 * those that exist. */
static struct line lines[IRQ_LINES] __attribute__((section(".noinit.lines")));

void irq_init(void)
{
    memset(lines, 0, arch_irq_lines() * sizeof(lines[0]));
}

static void line_acknowledge(uint64_t number)
{
    struct line *line = &lines[number];
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
    struct line *line = &lines[number];

    if (!line->notification)
        return;
    if (line->raised_at) {
        line->raised_at = 0;
        arch_irq_complete(number);
    }
    arch_irq_disable(number);
    line->notification->irq_count--;
    line->notification = NULL;
}

static void line_bind(uint64_t number, struct notification *notification, uint64_t bits)
{
    struct line *line = &lines[number];

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
    lines[number] = (struct line){0};
}

void irq_forget(struct notification *notification)
{
    for (uint32_t i = 1; i < arch_irq_lines() && notification->irq_count; i++)
        if (lines[i].notification == notification)
            line_unbind(i);
}

static void line_raise(uint32_t number)
{
    struct line *line = &lines[number];

    hart_self()->interrupts++;
    if (number >= IRQ_LINES || !line->notification) {
        arch_irq_complete(number);
        arch_irq_disable(number);
        return;
    }
    line->count++;
    line->raised_at = arch_time() | 1;
    notification_signal(line->notification, line->bits);
}

void kernel_interrupt(void)
{
    for (unsigned i = 0; i < LINES_PER_TRAP; i++) {
        uint32_t number = arch_irq_claim();

        if (!number)
            return;
        line_raise(number);
    }
}

static enum error handler_info(struct invocation *inv)
{
    const struct line *line = &lines[inv->slot->number];

    inv->result[0] = inv->slot->number;
    inv->result[1] = line->count;
    inv->result[2] = line->acknowledged;
    inv->result[3] = line->missed;
    inv->result[4] = line->total_latency;
    inv->result[5] = line->worst_latency;
    inv->result[6] = line->hart ? line->hart->index : 0;
    inv->result_count = 7;
    return ERR_OK;
}

enum error irq_handler_invoke(struct invocation *inv)
{
    uint64_t number = inv->slot->number;
    struct slot *slot;
    enum error error;

    switch (inv->op) {
    case OP_IRQ_HANDLER_BIND:
        slot = arg_cap(inv, 1, OBJ_NOTIFICATION, RIGHT_SIGNAL, &error);
        if (!slot)
            return error;
        line_bind(number, slot->object, slot->badge ? slot->badge : 1);
        return ERR_OK;
    case OP_IRQ_HANDLER_ACK:
        line_acknowledge(number);
        return ERR_OK;
    case OP_IRQ_HANDLER_UNBIND:
        line_unbind(number);
        return ERR_OK;
    case OP_IRQ_HANDLER_SET_PRIORITY:
        if (inv->arg[0] < 1 || inv->arg[0] > 7)
            return fail(inv, ERR_BAD_ARG, 1, 7);
        arch_irq_set_priority(number, inv->arg[0]);
        return ERR_OK;
    case OP_IRQ_HANDLER_SET_DEADLINE:
        lines[number].deadline = inv->arg[0];
        return ERR_OK;
    case OP_IRQ_HANDLER_INFO:
        return handler_info(inv);
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}

enum error irq_control_invoke(struct invocation *inv)
{
    uint64_t number = inv->arg[0];
    struct slot *slot;
    enum error error;

    if (inv->op != OP_IRQ_CONTROL_GET)
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    if (number == 0 || number >= arch_irq_lines() || number >= IRQ_LINES)
        return fail(inv, ERR_BAD_ARG, 1, arch_irq_lines());
    if (lines[number].taken)
        return fail(inv, ERR_IN_USE, 1, number);
    slot = arg_empty_slot(inv, 2, 3, &error);
    if (!slot)
        return error;
    slot_make_root(slot, OBJ_IRQ_HANDLER, NULL, 0, RIGHTS_ALL);
    slot->number = number;
    lines[number].taken = true;
    return ERR_OK;
}
