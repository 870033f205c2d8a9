/* SPDX-License-Identifier: MIT */
#include "stop.h"

#include "arch.h"
#include "csr.h"

static uint32_t stopper; /* index of the hart that stops all others, plus 1 */

void hart_stop(void)
{
    csr_write(sie, 0);
    for (;;)
        __asm__ volatile("wfi");
}

void hart_stop_if_asked(void)
{
    uint32_t first = __atomic_load_n(&stopper, __ATOMIC_RELAXED);

    if (first && first != hart_self()->index + 1)
        hart_stop();
}

bool harts_stop_others(void)
{
    struct hart *self = hart_self();
    uint32_t nobody = 0;

    if (!__atomic_compare_exchange_n(&stopper, &nobody, self->index + 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return nobody == self->index + 1;
    for (uint32_t i = 0; i < hart_count; i++)
        if (harts[i].online)
            arch_send_ipi(&harts[i]);
    return true;
}
