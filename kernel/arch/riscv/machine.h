/* SPDX-License-Identifier: MIT */
/* What the kernel knows of the machine, and what the files of arch/riscv share. */
#pragma once

#include "arch.h"

#include <base/fdt.h>

#define MAX_PLICS 4

/* A hart of the device tree that can run the kernel. */
struct machine_hart {
    uint32_t id;
    uint32_t intc; /* phandle of its interrupt controller node; 0: it has none */
};

/* A platform-level interrupt controller. */
struct plic {
    uint64_t base, size;        /* physical */
    uint32_t sources;           /* its interrupts are 1 .. sources */
    uint32_t first_line;        /* interrupt n of it is line first_line + n */
    int32_t context[MAX_HARTS]; /* per machine.hart[]: context for S-mode, -1 when there is none */
};

struct machine {
    struct machine_hart hart[MAX_HARTS]; /* the boot hart first */
    uint32_t hart_count;
    uint32_t harts_unused; /* beyond MAX_HARTS */
    struct plic plic[MAX_PLICS];
    uint32_t plic_count;
    uint64_t test_device;  /* QEMU's exit device, physical; 0: none */
    bool has_sstc, has_fp; /* on all harts */
    bool has_sbi_time;
    uint32_t asid_bits;
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
/* Makes a device reachable through the direct map before kernel_tables_make() did: for the end of a boot that
 * fails. */
void device_reach(uint64_t physical);
/* Unmaps the code that only the boot needs; its memory is free from then on. */
void kernel_boot_drop(void);
/* Asks the harts and the firmware what the tree does not tell. */
void machine_probe(void);
/* Finds out how many ASIDs there are. */
void space_probe(void);

/* Gives harts[index] its id and its stacks. */
void hart_prepare(uint32_t index, uint32_t id);
/* Sets up this hart's CSRs. */
void hart_init(void);
/* Starts the other harts of machine.hart[], which then sleep; sets hart_count. */
void harts_start(void);
/* Ends the boot, whose code is gone afterwards: all harts run threads. The caller holds the kernel lock. */
void harts_release(void) __attribute__((noreturn));
/* Has the other harts stop for good; false when another hart did so first, and this one is to stop. */
bool harts_stop_others(void);
/* Whether another hart did that. */
bool stop_requested(void);
/* Stops this hart for good. */
void hart_stop(void) __attribute__((noreturn));
/* Runs threads on this hart; the caller holds the kernel lock. */
void hart_run(void) __attribute__((noreturn));

/* Sets up the interrupt controllers; tells that machine.hart[candidate] became `hart`; sets up this hart's
 * contexts. */
void plic_init(void);
void plic_hart_is(const struct hart *hart, uint32_t candidate);
void plic_hart_init(void);

/* trap.S */
void trap_entry(void);
void secondary_start(void);
void user_enter(struct thread *thread) __attribute__((noreturn));
bool csr_probe_stimecmp(void);
void fp_save(struct thread *thread);
void fp_restore(const struct thread *thread);

/* Registers when the kernel itself trapped: pc, x1-x31. */
struct trap_frame {
    uint64_t reg[32];
};
/* Prints why, and ends the machine. */
void trap_from_kernel(const struct trap_frame *frame) __attribute__((noreturn));
