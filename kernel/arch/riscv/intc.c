/* SPDX-License-Identifier: MIT */
/* Interrupt lines on the controllers that they are wired to, each of which serves some of the harts: PLICs
 * (RISC-V Platform-Level Interrupt Controller Specification 1.0) here, APLICs in aplic.c. */
#include "machine.h"

#define PLIC_PRIORITY       0x000000
#define PLIC_ENABLE         0x002000
#define PLIC_ENABLE_STRIDE  0x80
#define PLIC_CONTEXT        0x200000
#define PLIC_CONTEXT_STRIDE 0x1000
#define PLIC_THRESHOLD      0x0
#define PLIC_CLAIM          0x4

/* Where each line is delivered, as its controller numbers harts, plus 1; 0: not enabled. */
static uint16_t line_target[IRQ_LINES];

static volatile uint32_t *enable_register(const struct intc *plic, uint32_t context, uint32_t source)
{
    return intc_register(plic, PLIC_ENABLE + context * PLIC_ENABLE_STRIDE + source / 32 * 4);
}

static volatile uint32_t *context_register(const struct intc *plic, uint32_t context, uint32_t offset)
{
    return intc_register(plic, PLIC_CONTEXT + context * PLIC_CONTEXT_STRIDE + offset);
}

void intc_hart_is(const struct hart *hart, uint32_t candidate)
{
    for (unsigned i = 0; i < machine.intcs.count; i++)
        machine.intcs.intc[i].target[hart->index] = machine.intcs.intc[i].target[candidate];
}

/* Also sources that the tree does not tell of: firmware may have left them enabled. */
static void plic_hart_init(const struct intc *plic, uint32_t context)
{
    for (uint32_t source = 0; source < IRQ_LINES; source += 32)
        *enable_register(plic, context, source) = 0;
    *context_register(plic, context, PLIC_THRESHOLD) = 0;
}

/* The hart does this itself: when the firmware starts it, it sets the thresholds of its contexts anew. */
void intc_hart_init(void)
{
    for (unsigned i = 0; i < machine.intcs.count; i++) {
        const struct intc *intc = &machine.intcs.intc[i];
        int32_t target = intc->target[hart_self()->index];
        if (target >= 0)
            (intc->kind == INTC_PLIC ? plic_hart_init : aplic_hart_init)(intc, target);
    }
}

/* Where the controller delivers interrupts for `hart`, or else for any other; -1 when it serves none. */
static int32_t target_for(const struct intc *intc, const struct hart *hart)
{
    int32_t target = intc->target[hart->index];

    for (uint32_t i = 0; target < 0 && i < hart_count; i++)
        target = intc->target[i];
    return target;
}

uint32_t arch_irq_lines(void)
{
    return machine.intcs.lines;
}

bool arch_irq_configure(uint32_t line, uint64_t trigger)
{
    uint32_t source;
    const struct intc *intc = intc_of_line(&machine.intcs, line, &source);

    if (!intc || target_for(intc, hart_self()) < 0)
        return false;
    if (intc->kind != INTC_PLIC)
        aplic_configure(intc, source, trigger);
    return true;
}

/* A PLIC's claim that is still open is closed first: afterwards it would not be accepted, and the line would
 * be dead for whoever gets it next. */
void arch_irq_disable(uint32_t line)
{
    uint32_t source;
    const struct intc *intc = intc_of_line(&machine.intcs, line, &source);

    if (!intc || !line_target[line])
        return;
    if (intc->kind == INTC_PLIC) {
        arch_irq_complete(line);
        *enable_register(intc, line_target[line] - 1, source) &= ~(1u << source % 32);
    } else {
        aplic_disable(intc, source);
    }
    line_target[line] = 0;
}

void arch_irq_enable(uint32_t line, struct hart *hart)
{
    uint32_t source;
    const struct intc *intc = intc_of_line(&machine.intcs, line, &source);
    uint32_t target = target_for(intc, hart);

    arch_irq_disable(line);
    line_target[line] = target + 1;
    if (intc->kind == INTC_PLIC) {
        *enable_register(intc, target, source) |= 1u << source % 32;
        /* QEMU looks for what is pending already when this is written, but not when the line is enabled. */
        *context_register(intc, target, PLIC_THRESHOLD) = 0;
    } else {
        aplic_enable(intc, source, target);
    }
}

void arch_irq_set_priority(uint32_t line, uint32_t priority)
{
    uint32_t source;
    const struct intc *intc = intc_of_line(&machine.intcs, line, &source);

    if (intc->kind == INTC_PLIC)
        *intc_register(intc, PLIC_PRIORITY + source * 4) = priority;
    else
        aplic_set_priority(intc, source, priority);
}

uint32_t arch_irq_claim(void)
{
    const struct intc *intc = machine.intcs.intc, *end = intc + machine.intcs.count;
    uint32_t hart = hart_self()->index, source;

    for (; intc < end; intc++)
        if (intc->kind == INTC_PLIC && intc->target[hart] >= 0 &&
            (source = *context_register(intc, intc->target[hart], PLIC_CLAIM)))
            return intc->first_line + source;
    return aplic_claim(hart);
}

/* Through the context that the line is enabled in, whichever hart this is: others are ignored by a PLIC. */
void arch_irq_complete(uint32_t line)
{
    uint32_t source;
    const struct intc *intc = intc_of_line(&machine.intcs, line, &source);

    if (!intc || !line_target[line])
        return;
    if (intc->kind == INTC_PLIC)
        *context_register(intc, line_target[line] - 1, PLIC_CLAIM) = source;
    else
        aplic_complete(intc, source);
}
