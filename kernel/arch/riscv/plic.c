/* SPDX-License-Identifier: MIT */
/* Platform-level interrupt controllers (RISC-V Platform-Level Interrupt Controller Specification 1.0). A
 * machine can have several, each serving some of the harts. */
#include "log.h"
#include "machine.h"

#define PLIC_PRIORITY       0x000000
#define PLIC_ENABLE         0x002000
#define PLIC_ENABLE_STRIDE  0x80
#define PLIC_CONTEXT        0x200000
#define PLIC_CONTEXT_STRIDE 0x1000
#define PLIC_THRESHOLD      0x0
#define PLIC_CLAIM          0x4

/* harts[] index -> machine.hart[] index, by which the contexts are kept. */
static uint32_t candidate_of[MAX_HARTS];
/* Context through which each line is delivered; plus 1, 0: not enabled. */
static uint16_t line_context[IRQ_LINES];

static volatile uint32_t *plic_register(const struct intc *plic, uint64_t offset)
{
    return arch_direct(plic->base + offset);
}

static volatile uint32_t *enable_register(const struct intc *plic, uint32_t context, uint32_t source)
{
    return plic_register(plic, PLIC_ENABLE + context * PLIC_ENABLE_STRIDE + source / 32 * 4);
}

static volatile uint32_t *context_register(const struct intc *plic, uint32_t context, uint32_t offset)
{
    return plic_register(plic, PLIC_CONTEXT + context * PLIC_CONTEXT_STRIDE + offset);
}

static const struct intc *plic_of(uint32_t line, uint32_t *source)
{
    for (unsigned i = 0; i < machine.intcs.count; i++) {
        *source = line - machine.intcs.intc[i].first_line;
        if (*source >= 1 && *source <= machine.intcs.intc[i].sources)
            return machine.intcs.intc[i].kind ? &machine.intcs.intc[i] : NULL;
    }
    return NULL;
}

/* The controller's context for a hart, -1 when it does not serve that one. */
static int32_t context_of(const struct intc *plic, uint32_t hart)
{
    return machine.target[plic - machine.intcs.intc][candidate_of[hart]];
}

void plic_init(void)
{
    for (unsigned i = 0; i < machine.intcs.count; i++) {
        const struct intc *plic = &machine.intcs.intc[i];
        for (uint32_t source = 1; plic->kind && source <= plic->sources; source++)
            *plic_register(plic, PLIC_PRIORITY + source * 4) = 1;
    }
}

void plic_hart_is(const struct hart *hart, uint32_t candidate)
{
    candidate_of[hart->index] = candidate;
}

/* The hart does this itself: when the firmware starts it, it sets the thresholds of its contexts anew. */
void plic_hart_init(void)
{
    for (unsigned i = 0; i < machine.intcs.count; i++) {
        const struct intc *plic = &machine.intcs.intc[i];
        int32_t context = context_of(plic, hart_self()->index);
        if (context < 0)
            continue;
        for (uint32_t source = 0; source <= plic->sources; source += 32)
            *enable_register(plic, context, source) = 0;
        *context_register(plic, context, PLIC_THRESHOLD) = 0;
    }
}

uint32_t arch_irq_lines(void)
{
    return machine.intcs.lines;
}

/* The controller's context for `hart`, or for any other when it does not serve that one; -1 when it serves
 * none. */
static int32_t context_for(const struct intc *plic, const struct hart *hart)
{
    int32_t context = context_of(plic, hart->index);

    for (uint32_t i = 0; context < 0 && i < hart_count; i++)
        context = context_of(plic, i);
    return context;
}

/* A claim that is still open is closed first: afterwards the controller would not accept it, and the line
 * would be dead for whoever gets it next. */
void arch_irq_disable(uint32_t line)
{
    uint32_t source;
    const struct intc *plic = plic_of(line, &source);

    if (plic && line_context[line]) {
        arch_irq_complete(line);
        *enable_register(plic, line_context[line] - 1, source) &= ~(1u << source % 32);
        line_context[line] = 0;
    }
}

void arch_irq_enable(uint32_t line, struct hart *hart)
{
    uint32_t source;
    const struct intc *plic = plic_of(line, &source);
    int32_t context = plic ? context_for(plic, hart) : -1;

    if (context < 0) {
        log_line("interrupt line %u reaches no hart", line);
        return;
    }
    arch_irq_disable(line);
    *enable_register(plic, context, source) |= 1u << source % 32;
    line_context[line] = context + 1;
    /* QEMU looks for what is pending already when this is written, but not when the line is enabled. */
    *context_register(plic, context, PLIC_THRESHOLD) = 0;
}

void arch_irq_set_priority(uint32_t line, uint32_t priority)
{
    uint32_t source;
    const struct intc *plic = plic_of(line, &source);

    if (plic)
        *plic_register(plic, PLIC_PRIORITY + source * 4) = priority;
}

uint32_t arch_irq_claim(void)
{
    uint32_t candidate = candidate_of[hart_self()->index];

    for (unsigned i = 0; i < machine.intcs.count; i++) {
        const struct intc *plic = &machine.intcs.intc[i];
        int32_t context = machine.target[i][candidate];
        if (context < 0)
            continue;
        uint32_t source = *context_register(plic, context, PLIC_CLAIM);
        if (source)
            return plic->first_line + source;
    }
    return 0;
}

/* Through the context that the line is enabled in, whichever hart this is: others are ignored by the
 * controller. */
void arch_irq_complete(uint32_t line)
{
    uint32_t source;
    const struct intc *plic = plic_of(line, &source);

    if (plic && line_context[line])
        *context_register(plic, line_context[line] - 1, PLIC_CLAIM) = source;
}
