/* SPDX-License-Identifier: MIT */
/* What happens on a trap from user mode. */
#include "trap.h"

#include "csr.h"
#include "lane.h"
#include "lock.h"
#include "machine.h"
#include "reach.h"
#include "run.h"
#include "sched.h"
#include "syscall.h"

/* Takes the own hart's lock for an event of `thread`, whose registers are saved in it. While this hart waited
 * the thread may have been taken off it and changed: then the event is void, and comes again when the thread
 * runs again. */
static bool lock_with(const struct thread *thread)
{
    lock_own();
    return hart_self()->current == thread;
}

/* A system call, or a fault, of `thread`; the hart has its lock. */
static void deal_with(struct thread *thread, uint64_t cause)
{
    struct trap_fault kind = trap_fault(cause);
    uint64_t address = csr_read(stval);

    if (cause == CAUSE_ILLEGAL && arch_fp_first_use(thread))
        return;
    if (cause == CAUSE_USER_ECALL) {
        if (lock_for_thread(reach_syscall, thread))
            kernel_syscall(thread);
    } else if (lock_for_thread(reach_fault, thread)) {
        if ((cause == CAUSE_FETCH_PAGE || cause == CAUSE_FETCH_ACCESS) && machine.fetch_address)
            address = machine.fetch_address(address, thread->reg[REG_PC]);
        kernel_fault(thread, kind.fault, address, kind.access, cause);
    }
}

void __attribute__((noreturn)) trap_from_user(struct thread *thread)
{
    uint64_t cause = csr_read(scause);

    if (cause == CAUSE_EXTERNAL)
        lane_interrupt(thread);
    if (!lock_with(thread))
        hart_run();
    if (cause & CAUSE_INTERRUPT)
        hart_interrupts(1ull << (cause & 63));
    else
        deal_with(thread, cause);
    hart_run();
}

void syscall_from_user(struct thread *thread, bool locked)
{
    uint64_t behind = thread->reg[REG_PC] + 4;
    struct hart *hart = hart_self();

    if (locked)
        lane_system_call(thread);
    if ((locked || lock_with(thread)) && lock_for_thread(reach_syscall, thread)) {
        kernel_syscall(thread);
        if (sched_stays(hart) && hart->current == thread && thread->reg[REG_PC] == behind) {
            unlock();
            return;
        }
    }
    hart_run();
}
