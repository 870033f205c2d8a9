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

#include <abi/fault.h>

#define CAUSE_COUNT 16

struct fault_kind {
    uint8_t fault;
    uint8_t access;
};

static const struct fault_kind fault_kind[CAUSE_COUNT] = {
    [CAUSE_FETCH_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_EXEC},
    [CAUSE_FETCH_ACCESS] = {FAULT_ACCESS, RIGHT_EXEC},
    [CAUSE_LOAD_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_READ},
    [CAUSE_LOAD_ACCESS] = {FAULT_ACCESS, RIGHT_READ},
    [CAUSE_STORE_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_WRITE},
    [CAUSE_STORE_ACCESS] = {FAULT_ACCESS, RIGHT_WRITE},
    [CAUSE_FETCH_PAGE] = {FAULT_PAGE, RIGHT_EXEC},
    [CAUSE_LOAD_PAGE] = {FAULT_PAGE, RIGHT_READ},
    [CAUSE_STORE_PAGE] = {FAULT_PAGE, RIGHT_WRITE},
    [CAUSE_ILLEGAL] = {FAULT_ILLEGAL, 0},
    [CAUSE_BREAKPOINT] = {FAULT_BREAKPOINT, RIGHT_EXEC},
};

static inline __attribute__((always_inline)) uint64_t fault_address(const struct thread *in, uint64_t cause)
{
    uint64_t address = csr_read(stval);

    if ((cause == CAUSE_FETCH_PAGE || cause == CAUSE_FETCH_ACCESS) && machine.fetch_address)
        return machine.fetch_address(address, in->reg[REG_PC]);
    return address;
}

static struct fault_kind kind_of(uint64_t cause)
{
    if (cause < CAUSE_COUNT && fault_kind[cause].fault)
        return fault_kind[cause];
    return (struct fault_kind){FAULT_OTHER, 0};
}

/* Takes the own hart's lock for an event of `thread`, whose registers are saved in it. While this hart waited
 * the thread may have been taken off it and changed: then the event is void, and comes again when the thread
 * runs again. */
static bool lock_with(const struct thread *thread)
{
    lock_own();
    return hart_self()->current == thread;
}

/* A system call, or a fault, of `thread`; the hart has its lock. */
static void deal_with(struct thread *thread, uint64_t cause, struct fault_kind kind)
{
    if (cause == CAUSE_ILLEGAL && arch_fp_first_use(thread))
        return;
    if (cause == CAUSE_USER_ECALL) {
        if (lock_for_thread(reach_syscall, thread))
            kernel_syscall(thread);
    } else if (lock_for_thread(reach_fault, thread)) {
        kernel_fault(thread, kind.fault, fault_address(thread, cause), kind.access, cause);
    }
}

void __attribute__((noreturn)) trap_from_user(struct thread *thread)
{
    uint64_t cause = csr_read(scause);
    struct fault_kind kind = kind_of(cause);

    if (cause == CAUSE_EXTERNAL)
        lane_interrupt(thread);
    else if (cause == CAUSE_ILLEGAL)
        lane_fp(thread);
    if (!lock_with(thread))
        hart_run();
    if (cause & CAUSE_INTERRUPT)
        hart_interrupts(1ull << (cause & 63));
    else
        deal_with(thread, cause, kind);
    hart_run();
}

void syscall_from_user(struct thread *thread, bool locked)
{
    uint64_t behind = thread->reg[REG_PC] + 4;
    struct hart *hart = hart_self();

    if ((locked || lock_with(thread)) && lock_for_thread(reach_syscall, thread)) {
        kernel_syscall(thread);
        if (sched_stays(hart) && hart->current == thread && thread->reg[REG_PC] == behind) {
            unlock();
            return;
        }
    }
    hart_run();
}
