/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "csr.h"
#include "irq.h"
#include "lane.h"
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

/* Waits for an interrupt, which is not taken (they stay off in the kernel), only seen; takes the lock. Does
 * not return if all that there is to do is to run a thread. */
static void idle(void)
{
    uint64_t pending;

    while (!(pending = csr_read(sip) & csr_read(sie)))
        __asm__ volatile("wfi");
    lock_own();
    hart_interrupts(pending);
    lane_resume(hart_self());
}

void hart_run_and_call(struct hart *call)
{
    struct thread *next = lane_rest(hart_self()) ? NULL : schedule();

    while (!next) {
        unlock();
        if (call)
            arch_send_ipi(call);
        call = NULL;
        idle();
        next = schedule();
    }
    csr_write(stvec, next->foreign ? trap_entry_foreign : trap_entry);
    unlock();
    if (call)
        arch_send_ipi(call);
    user_enter(next);
}

void hart_run(void)
{
    hart_run_and_call(NULL);
}
