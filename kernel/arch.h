/* SPDX-License-Identifier: MIT */
/* What the portable part of the kernel needs from the machine. arch/riscv is the real one; arch/host lets the
 * core run as an ordinary program for tests. */
#pragma once

#include "hart.h"

/*
 * inline.h of the machine has what is an instruction or two there:
 *
 * arch_direct(physical), arch_physical(direct): direct map, kernel address of a physical address and back.
 * arch_granule_base: kernel address of granule number 0 (direct map address of physical 0 on RISC-V; the
 * arena's start on the host).
 * arch_time(): ticks of the timebase.
 * arch_interrupt_pending(): whether an interrupt waits for this hart, or a hart for a lock: long operations
 * stop between steps when it does.
 */
#ifdef __riscv
#include "arch/riscv/inline.h"
#else
#include "arch/host/inline.h"
#endif

extern uint64_t arch_timebase; /* ticks per second */
/* Programs this hart's timer; ~0 for never. */
void arch_set_timer(uint64_t deadline);
/* Interrupts another hart; it will look at hart->reschedule and hart->evict. */
void arch_send_ipi(struct hart *hart);
/* One turn of a busy-wait loop. */
void arch_relax(void);

/* Fills the kernel half of a root table whose memory is zero. */
void arch_space_init(struct address_space *space);
/* Makes this hart use the address space of `thread` (NULL: the kernel's own tables), handing out an ASID when
 * it has none that is good. */
void arch_space_switch(struct thread *thread);
/* Makes this hart use the kernel's own tables if it uses those of `space`. */
void arch_space_leave(const struct address_space *space);
/* Forgets what any hart may have cached of one page, or of all, of a space. */
/* Without all locks, no other hart is made to forget later what it may have now: it does so at once. */
void arch_space_flush_page(struct address_space *space, uint64_t address);
void arch_space_flush(struct address_space *space);
/* Whether harts other than this one may have anything cached of a space. */
bool arch_space_elsewhere(const struct address_space *space);
/* Forgets what this hart may have cached of one page. */
void arch_space_forget_page(uint64_t address);
/* After memory was written that may be executed in `space`. Needs all locks. */
void arch_instruction_fence(struct address_space *space);

/* FP registers: called when the current thread leaves this hart, and before `thread` is resumed on it; */
void arch_fp_leave(void);
void arch_fp_enter(struct thread *thread);
/* saves those that this hart holds in their thread. */
void arch_fp_save(void);
/* The thread used FP while FP is off: true when it may have FP now and should retry the instruction. */
bool arch_fp_first_use(struct thread *thread);

/* Interrupt controller. Lines are 1 .. IRQ_LINES - 1; a line is delivered to the hart it was enabled for. */
#define IRQ_LINES 1024
uint32_t arch_irq_lines(void);
/* Says what on a line is an interrupt (enum irq_trigger), before it is enabled; false: it reaches no hart. */
bool arch_irq_configure(uint32_t line, uint64_t trigger);
void arch_irq_enable(uint32_t line, struct hart *hart);
void arch_irq_disable(uint32_t line);
void arch_irq_set_priority(uint32_t line, uint32_t priority);
/* Next pending line for this hart, 0 when none, after calls by other harts were dealt with; and telling the
 * controller that the line was handled. */
uint32_t arch_irq_claim(void);
void arch_irq_complete(uint32_t line);

/* Kernel console of the firmware. */
void arch_putchar(char c);

/* Ends the machine; each returns only when the firmware cannot do it. */
void arch_poweroff(void);
void arch_reboot(void);
/* Ends it after a failure: halted, so that what is on the screen can be read; an emulator with a status
 * that is not 0; or switched off, where the command line has panic=poweroff. */
void arch_fail(void) __attribute__((noreturn));
