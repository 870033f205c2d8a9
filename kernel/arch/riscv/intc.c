/* SPDX-License-Identifier: MIT */
/* Interrupt lines on the controllers that they are wired to, each of which serves some of the harts: PLICs
 * (RISC-V Platform-Level Interrupt Controller Specification 1.0) here, APLICs in aplic.c. A PLIC keeps a
 * line silent from its claim to its completion, and some (T-Head's, Andes') lose an edge that comes
 * meanwhile. So an edge is completed as soon as it is claimed, and its line is disabled until its driver
 * acknowledges it. */
#include "intc.h"

#include "aplic.h"

#include <base/plic.h>

/* Where each line is delivered, as its controller numbers harts, plus 1; 0: not enabled. */
static uint16_t line_target[IRQ_LINES];
static bool line_is_edge[IRQ_LINES]; /* of PLICs whose interrupts have a second cell, which tells */

static void plic_enable(const struct intc *plic, uint32_t context, uint32_t source, bool enabled)
{
    uint32_t word = intc_get(plic, plic_enable_word(context, source)), bit = 1u << source % 32;

    intc_put(plic, plic_enable_word(context, source), enabled ? word | bit : word & ~bit);
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
    if (intc->kind == INTC_PLIC)
        line_is_edge[line] = trigger == IRQ_TRIGGER_RISING || trigger == IRQ_TRIGGER_FALLING;
    else
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
        plic_enable(intc, line_target[line] - 1, source, false);
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
        plic_enable(intc, target, source, true);
        /* QEMU looks for what is pending already when this is written, but not when the line is enabled. */
        intc_put(intc, plic_context_register(target, PLIC_THRESHOLD), 0);
    } else {
        aplic_enable(intc, source, target);
    }
}

void arch_irq_set_priority(uint32_t line, uint32_t priority)
{
    uint32_t source;
    const struct intc *intc = intc_of_line(&machine.intcs, line, &source);

    if (intc->kind == INTC_PLIC)
        intc_put(intc, PLIC_PRIORITY + source * 4, priority);
    else
        aplic_set_priority(intc, source, priority);
}

/* The line of a source that was claimed in the context, and may be an edge. */
static uint32_t __attribute__((noinline)) claimed(const struct intc *plic, uint32_t context, uint32_t source)
{
    if (line_is_edge[plic->first_line + source]) {
        intc_put(plic, plic_context_register(context, PLIC_CLAIM), source);
        plic_enable(plic, context, source, false);
    }
    return plic->first_line + source;
}

uint32_t arch_irq_claim(void)
{
    const struct intc *intc = machine.intcs.intc, *end = intc + machine.intcs.count;
    uint32_t hart = hart_self()->index, source;

    if (hart_self()->doorbell)
        return imsic_claim();
    for (; intc < end; intc++)
        if (intc->kind == INTC_PLIC && intc->target[hart] >= 0 &&
            (source = intc_get(intc, plic_context_register(intc->target[hart], PLIC_CLAIM))))
            return intc->cells == 1 ? intc->first_line + source : claimed(intc, intc->target[hart], source);
    return aplic_claim(hart);
}

/* Through the context that the line is enabled in, whichever hart this is: others are ignored by a PLIC. */
void arch_irq_complete(uint32_t line)
{
    uint32_t source;
    const struct intc *intc = intc_of_line(&machine.intcs, line, &source);

    if (!intc || !line_target[line])
        return;
    if (intc->kind != INTC_PLIC)
        aplic_complete(intc, source);
    else if (line_is_edge[line])
        plic_enable(intc, line_target[line] - 1, source, true);
    else
        intc_put(intc, plic_context_register(line_target[line] - 1, PLIC_CLAIM), source);
}
