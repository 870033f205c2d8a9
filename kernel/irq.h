/* SPDX-License-Identifier: MIT */
/* Interrupt lines, and the notifications that they signal. */
#pragma once

#include "arch.h"

struct irq_line {
    struct notification *notification; /* NULL: not bound */
    uint64_t bits;
    uint64_t raised_at; /* ticks; 0: not waiting for an acknowledgement */
    uint64_t count, acknowledged, missed;
    uint64_t total_latency, worst_latency; /* ticks from interrupt to acknowledgement */
    uint64_t deadline;                     /* ticks; 0: none */
    struct hart *hart;
    bool taken; /* a handler capability exists */
};
/* Most machines have far fewer lines, and clearing all would be a good part of the boot: it clears those that
 * exist. */
extern struct irq_line irq_lines[IRQ_LINES];

/* External interrupts are pending for this hart: claims and delivers them. */
void kernel_interrupt(void);
/* What a line signals, or NULL. */
struct notification *irq_notification(uint32_t number);
/* Notes that the line was raised, and returns the bits that it signals. */
uint64_t irq_raise(uint32_t number);
/* Signals them, or silences the line when nobody wants it. */
void irq_deliver(uint32_t number);
/* A handler capability is gone: the line signals nothing and can be handed out again. */
void irq_release(uint64_t number);
/* Forgets the notification that lines signal. */
void irq_forget(struct notification *notification);
