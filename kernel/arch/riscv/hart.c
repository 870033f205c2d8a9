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
        sbi(machine.has_sbi_time ? SBI_TIME : SBI_LEGACY_SET_TIMER, 0, deadline);
}

/* By a store to its IMSIC where it has one (RISC-V Advanced Interrupt Architecture 1.0, section 3.5). */
void arch_send_ipi(struct hart *hart)
{
    if (hart == hart_self())
        return;
    if (!hart->doorbell) {
        sbi(SBI_IPI, 0, 1, hart->id);
        return;
    }
    __asm__ volatile("fence w, o" : : : "memory");
    *hart->doorbell = machine.intcs.lines;
}

void arch_relax(void)
{
    hart_stop_if_asked();
    arch_pause();
}
