/* SPDX-License-Identifier: MIT */
/* What the kernel knows of the machine, and what the files of arch/riscv share. */
#pragma once

#include "arch.h"

#include <base/cpu.h>
#include <base/intc.h>

struct machine {
    struct cpu_set cpus; /* that the device tree tells of */
    struct intc_set intcs;
    uint64_t test_device;  /* QEMU's exit device, physical; 0: none */
    bool has_sstc, has_sbi_time; /* timers that can be used on all harts */
    uint32_t asid_bits;
    uint32_t quirks;   /* that are worked around, a bit for each; what they change: */
    bool fences_whole; /* fences by address do not do it */
    uint64_t (*fetch_address)(uint64_t stval, uint64_t pc); /* where a fetch failed; NULL: stval says it */
};
extern struct machine machine;
/* Before the tree is read: all but the last two members come from there, and boot_state.kernel_devices. */
void machine_begin(uint32_t boot_hart);
/* Physical address of something in the kernel image. */
uint64_t image_physical(const void *virtual);
extern uint64_t image_offset; /* virtual minus physical; set by head.S */
extern uint64_t kernel_satp;  /* for the kernel's own tables */
/* Makes the kernel's final page tables from boot_state and machine, and uses them. */
void kernel_tables_make(void);
/* Makes a device reachable before kernel_tables_make() did: for the end of a boot that fails. */
void device_reach(uint64_t physical);
void kernel_boot_drop(void); /* unmaps the code that only the boot needs; its memory is free from then on */
/* Asks the hart and the firmware what the tree does not tell, before the kernel's final tables are made. */
void machine_probe(void);
void space_probe(void); /* finds out how many ASIDs there are, and fits the fast lanes to none */

/* Gives harts[index] its id and its stacks. */
void hart_prepare(uint32_t index, uint32_t id);
void hart_init(void); /* sets up this hart's CSRs */
void harts_start(void); /* the others of machine.cpus, which then sleep; sets hart_count */
/* Ends the boot, whose code is gone afterwards: all harts run threads. The caller holds the kernel lock. */
void harts_release(void) __attribute__((noreturn));
/* Has the other harts stop for good; false when another hart did so first, and this one is to stop. */
bool harts_stop_others(void);
bool stop_requested(void); /* whether another hart did that */
void hart_stop(void) __attribute__((noreturn)); /* stops this one for good */
/* Runs threads on this hart; the caller holds the kernel lock. */
void hart_run(void) __attribute__((noreturn));

/* intc.c: tells which hart machine.cpus.cpu[candidate] became; sets up the controllers for this hart. */
void intc_hart_is(const struct hart *hart, uint32_t candidate);
void intc_hart_init(void);
static inline volatile uint32_t *intc_register(const struct intc *intc, uint64_t offset)
{
    return arch_direct(intc->base + offset);
}
/* aplic.c: what intc.c does with a source of an APLIC, delivered to `target`. */
void aplic_hart_init(const struct intc *aplic, uint32_t target);
void aplic_configure(const struct intc *aplic, uint32_t source, uint64_t trigger);
void aplic_enable(const struct intc *aplic, uint32_t source, uint32_t target);
void aplic_disable(const struct intc *aplic, uint32_t source);
void aplic_set_priority(const struct intc *aplic, uint32_t source, uint32_t priority);
uint32_t aplic_claim(uint32_t hart);
void aplic_complete(const struct intc *aplic, uint32_t source);

/* trap.S */
void trap_entry(void);
void trap_entry_foreign(void);
/* A system call whose registers are saved; the hart has its own lock, or none. Returns when the same thread
 * goes on, with the results in its registers. */
void syscall_from_user(struct thread *thread, bool locked);
void trap_from_user(struct thread *thread) __attribute__((noreturn));
void secondary_start(void);
void user_enter(struct thread *thread) __attribute__((noreturn));
bool csr_probe_stimecmp(void);
void fp_save(struct thread *thread);
void fp_restore(const struct thread *thread);

/* Fast lanes in C (lane.c). Each returns only when it did nothing and leaves the event of `thread`, the current
 * one, whose registers are saved, to the general path. A page fault, if a handler waits for it; */
void lane_page_fault(struct thread *thread, uint64_t address, uint64_t access, uint64_t cause);
/* an ecall of a foreign thread, if a handler waits for it; */
void lane_foreign_call(struct thread *thread);
/* an illegal instruction, if it is one that needs the FP registers and the thread may have them; */
void lane_fp(struct thread *thread);
/* an external interrupt, if the driver that it is for waits for it. */
void lane_interrupt(struct thread *thread);

/* Registers when the kernel itself trapped: pc, x1-x31. */
struct trap_frame {
    uint64_t reg[32];
};
void trap_from_kernel(const struct trap_frame *frame) __attribute__((noreturn)); /* says why, and ends the machine */
