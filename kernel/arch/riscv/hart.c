/* SPDX-License-Identifier: MIT */
/* Harts: their clock, and how they call each other. */
#include "csr.h"
#include "machine.h"
#include "sbi.h"
#include "stop.h"

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
    __asm__ volatile(".insn %0" : : "i"(PAUSE) : "memory");
}
