/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "csr.h"
#include "irq.h"
#include "lock.h"
#include "sched.h"
#include "stop.h"
#include "timer.h"
#include "trap.h"

void hart_interrupts(uint64_t pending)
{
    if (pending & IRQ_SOFTWARE) {
        csr_clear(sip, IRQ_SOFTWARE);
        hart_called();
        hart_stop_if_asked();
    }
    if (pending & IRQ_TIMER)
        kernel_timer();
    if (pending & IRQ_EXTERNAL)
        kernel_interrupt();
}

/* Waits for an interrupt, without the lock. It is not taken (interrupts stay off in the
 * kernel), only seen. */
static void idle(void)
{
    unlock();
    while (!(csr_read(sip) & csr_read(sie)))
        __asm__ volatile("wfi");
    lock_own();
    hart_interrupts(csr_read(sip) & csr_read(sie));
}

void hart_run(void)
{
    struct thread *next;
    uint64_t vector;

    while ((next = schedule()) == NULL)
        idle();
    vector = (uint64_t)(next->foreign ? trap_entry_foreign : trap_entry);
    if (csr_read(stvec) != vector)
        csr_write(stvec, vector);
    unlock();
    user_enter(next);
}
