/* SPDX-License-Identifier: MIT */
/* What happens on a trap from user mode, and how a hart without work waits. */
#include "kernel.h"
#include "csr.h"
#include "layout.h"
#include "machine.h"

#include <abi/fault.h>

_Static_assert(offsetof(struct thread, fp) == THREAD_FP, "known to trap.S");
_Static_assert(offsetof(struct thread, fcsr) == THREAD_FCSR, "known to trap.S");
_Static_assert(offsetof(struct thread, hart) == THREAD_HART, "known to trap.S");
_Static_assert(offsetof(struct hart, stack_top) == HART_STACK_TOP, "known to trap.S");
_Static_assert(offsetof(struct hart, emergency_stack_top) == HART_EMERGENCY_STACK_TOP, "known to trap.S");

#define CAUSE_COUNT 16

struct fault_kind {
    uint8_t fault;
    uint8_t access;
};

static const struct fault_kind fault_kind[CAUSE_COUNT] = {
    [CAUSE_FETCH_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_EXEC},
    [CAUSE_FETCH_ACCESS] = {FAULT_ACCESS, RIGHT_EXEC},
    [CAUSE_ILLEGAL] = {FAULT_ILLEGAL, 0},
    [CAUSE_BREAKPOINT] = {FAULT_BREAKPOINT, RIGHT_EXEC},
    [CAUSE_LOAD_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_READ},
    [CAUSE_LOAD_ACCESS] = {FAULT_ACCESS, RIGHT_READ},
    [CAUSE_STORE_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_WRITE},
    [CAUSE_STORE_ACCESS] = {FAULT_ACCESS, RIGHT_WRITE},
    [CAUSE_FETCH_PAGE] = {FAULT_PAGE, RIGHT_EXEC},
    [CAUSE_LOAD_PAGE] = {FAULT_PAGE, RIGHT_READ},
    [CAUSE_STORE_PAGE] = {FAULT_PAGE, RIGHT_WRITE},
};

/* Some SiFive harts do not sign-extend the address of a fetch that failed (CIP-453). */
static uint64_t fetch_address(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 25) >> 25);
}

static void dispatch_fault(struct thread *thread, uint64_t cause)
{
    struct fault_kind kind = {FAULT_OTHER, 0};
    uint64_t address = csr_read(stval);

    if (cause < CAUSE_COUNT && fault_kind[cause].fault) {
        kind = fault_kind[cause];
    }
    if (cause == CAUSE_ILLEGAL && arch_fp_first_use(thread)) {
        return;
    }
    if (cause == CAUSE_FETCH_PAGE || cause == CAUSE_FETCH_ACCESS) {
        address = fetch_address(address);
    }
    kernel_fault(thread, kind.fault, address, kind.access, cause);
}

/* An interrupt that came, or that a hart without work saw waiting. */
static void dispatch_interrupts(uint64_t pending)
{
    if (pending & IRQ_SOFTWARE) {
        csr_clear(sip, IRQ_SOFTWARE);
        hart_self()->reschedule = true;
        if (stop_requested()) {
            hart_stop();
        }
    }
    if (pending & IRQ_TIMER) {
        kernel_timer();
    }
    if (pending & IRQ_EXTERNAL) {
        kernel_interrupt();
    }
}

/* Waits for an interrupt, without the lock. It is not taken (interrupts stay off in the
 * kernel), only seen. */
static void idle(void)
{
    kernel_unlock();
    while (!arch_interrupt_pending()) {
        __asm__ volatile("wfi");
    }
    kernel_lock();
    dispatch_interrupts(csr_read(sip) & csr_read(sie));
}

void hart_run(void)
{
    struct thread *next;

    while ((next = schedule()) == NULL) {
        idle();
    }
    kernel_unlock();
    user_enter(next);
}

/* The thread's registers are saved in it. While this hart waited for the lock the thread may have been taken
 * off it and changed: then this event is void, and comes again when the thread runs again. */
void __attribute__((noreturn)) trap_from_user(struct thread *thread)
{
    uint64_t cause = csr_read(scause);

    kernel_lock();
    if (cause & CAUSE_INTERRUPT) {
        dispatch_interrupts(1ull << (cause & 63));
    } else if (hart_self()->current != thread) {
        hart_self()->reschedule = true;
    } else if (cause == CAUSE_USER_ECALL) {
        if (!kernel_fast(thread)) {
            kernel_syscall(thread);
        }
    } else {
        dispatch_fault(thread, cause);
    }
    hart_run();
}
