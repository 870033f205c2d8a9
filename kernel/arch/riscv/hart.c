/* SPDX-License-Identifier: MIT */
/* Harts: their clock, how they call each other, and the last of their start. */
#include "csr.h"
#include "image.h"
#include "ipc.h"
#include "machine.h"
#include "sbi.h"

uint32_t start_attempt[MAX_HARTS];
uint32_t start_id[MAX_HARTS];
struct hart *starting_hart;

static uint32_t stopper; /* index of the hart that stops all others, plus 1 */
static bool released;    /* the harts that were started may run threads */

void arch_set_timer(uint64_t deadline)
{
    if (machine.has_sstc)
        csr_write(0x14d, deadline);
    else
        sbi_set_timer(deadline);
}

void arch_send_ipi(struct hart *hart)
{
    if (hart != hart_self())
        sbi_send_ipi(hart->id);
}

void arch_relax(void)
{
    if (stop_requested())
        hart_stop();
    __asm__ volatile(".insn 0x0100000f" : : : "memory"); /* pause: a fence that does nothing on older harts */
}

void hart_stop(void)
{
    csr_write(sie, 0);
    for (;;)
        __asm__ volatile("wfi");
}

bool stop_requested(void)
{
    uint32_t first = __atomic_load_n(&stopper, __ATOMIC_RELAXED);

    return first && first != hart_self()->index + 1;
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

/* Spinning for the lock instead would slow the boot hart down where harts share a processor, as they do in an
 * emulator. */
void hart_join(void)
{
    __atomic_store_n(&hart_self()->online, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
        __asm__ volatile("wfi");
    fence_translations(); /* for image_drop_boot() */
    kernel_lock();
    hart_run();
}

void harts_release(void)
{
    image_drop_boot();
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
    for (uint32_t i = 1; i < hart_count; i++)
        arch_send_ipi(&harts[i]);
    hart_run();
}
