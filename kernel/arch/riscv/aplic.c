/* SPDX-License-Identifier: MIT */
/* Advanced platform-level interrupt controllers, which interrupt harts or send messages to their incoming MSI
 * controllers (RISC-V Advanced Interrupt Architecture 1.0, chapters 4 and 3), with the line as identity; the
 * first identity after the lines is that of calls by other harts. From its claim to its completion a source
 * is disabled; an edge in between stays pending. */
#include "aplic.h"

#include "csr.h"
#include "lock.h"
#include "stop.h"

#include <base/aplic.h>

#define LOWEST_PRIORITY   8 /* more than any that a line has; here less comes first */

void aplic_configure(const struct intc *aplic, uint32_t source, uint64_t trigger)
{
    bool edge = trigger == IRQ_TRIGGER_RISING || trigger == IRQ_TRIGGER_FALLING;
    bool low = trigger == IRQ_TRIGGER_FALLING || trigger == IRQ_TRIGGER_LOW;

    *intc_register(aplic, SOURCECFG + 4 * source) = (edge ? SOURCECFG_EDGE : SOURCECFG_LEVEL) | low;
}

/* Whether the source is a level, and is active or not. */
static bool is_level(const struct intc *aplic, uint32_t source, bool active)
{
    uint32_t inputs = *intc_register(aplic, IN_CLRIP + source / 32 * 4);

    return (*intc_register(aplic, SOURCECFG + 4 * source) & SOURCECFG_LEVEL) == SOURCECFG_LEVEL &&
           (inputs >> source % 32 & 1) == active;
}

/* A message was sent when the level became active: that it still is must be looked at again (section 4.9.2).
 * QEMU before 9.0 would send one in any case. */
void aplic_complete(const struct intc *aplic, uint32_t source)
{
    *intc_register(aplic, SETIENUM) = source;
    if (aplic->kind == INTC_APLIC_MSI && is_level(aplic, source, true))
        *intc_register(aplic, SETIPNUM) = source;
}

void aplic_disable(const struct intc *aplic, uint32_t source)
{
    *intc_register(aplic, CLRIENUM) = source;
}

void aplic_enable(const struct intc *aplic, uint32_t source, uint32_t target)
{
    volatile uint32_t *cell = intc_register(aplic, TARGET + 4 * source);
    uint32_t low = aplic->kind == INTC_APLIC_MSI ? aplic->first_line + source : *cell & TARGET_PRIORITY;

    *cell = target << TARGET_HART_SHIFT | low;
    aplic_complete(aplic, source);
}

/* Among messages it is the identity that decides, and the lowest comes first. */
void aplic_set_priority(const struct intc *aplic, uint32_t source, uint32_t priority)
{
    volatile uint32_t *cell = intc_register(aplic, TARGET + 4 * source);

    if (aplic->kind == INTC_APLIC)
        *cell = (*cell & ~TARGET_PRIORITY) | (LOWEST_PRIORITY - priority);
}

/* The first message, which may be a call by another hart. */
uint32_t imsic_claim(void)
{
    uint64_t line;
    uint32_t source;
    const struct intc *aplic;

    __asm__ volatile("csrrw %0, 0x15c, zero" : "=r"(line) : : "memory"); /* stopei */
    line >>= ID_SHIFT;
    if (line == machine.intcs.lines) {
        hart_called();
        hart_stop_if_asked();
        return 0;
    }
    aplic = intc_of_line(&machine.intcs, line, &source);
    if (aplic)
        aplic_disable(aplic, source);
    return line;
}

/* QEMU does not forget a level that was active while its source was disabled; if it is no more, it is no
 * interrupt. */
static uint32_t claim(const struct intc *aplic, uint32_t target)
{
    uint32_t source = *intc_register(aplic, IDC_CLAIM + target * IDC_STRIDE) >> ID_SHIFT;

    if (!source || is_level(aplic, source, false))
        return 0;
    aplic_disable(aplic, source);
    return aplic->first_line + source;
}

uint32_t aplic_claim(uint32_t hart)
{
    const struct intc *intc = machine.intcs.intc, *end = intc + machine.intcs.count;
    uint32_t line = 0;

    for (; intc < end && !line; intc++)
        if (intc->kind != INTC_PLIC && intc->target[hart] >= 0)
            line = intc->kind == INTC_APLIC_MSI ? imsic_claim() : claim(intc, intc->target[hart]);
    return line;
}
