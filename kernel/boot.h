/* SPDX-License-Identifier: MIT */
/* What the device tree tells the kernel, and how the first process is made from it. */
#pragma once

#include "arch.h"

#include <base/fdt.h>
#include <base/range.h>
#include <base/words.h>

struct boot_state {
    struct range_set memory;   /* RAM */
    struct range_set reserved; /* not to be handed out: firmware, kernel, device tree, initrd */
    struct range_set hidden;   /* not to be touched at all: what /reserved-memory names */
    struct range_set
        kernel_devices;     /* registers that the kernel or the firmware itself uses: never handed out */
    struct range image;     /* where the kernel lies, without: */
    struct range boot_code; /* what of it only the boot needs */
    struct range initrd;    /* empty when there is none */
    uint64_t device_tree, device_tree_size; /* physical */
    uint64_t boot_time;                     /* ticks at kernel entry */
    uint64_t kernel_bytes;                  /* RAM that the kernel image and its tables keep */
    uint64_t scattered;                     /* bytes of RAM that are in too many pieces to be used */
    bool beyond_reach;                      /* there is RAM above arch_direct_end(), which is not used */
    char command_line[256];
    const char *reading; /* what of somebody else's is being read, for a panic to tell */
};

extern struct boot_state boot_state;

/* First physical address that the direct map does not reach. */
uint64_t arch_direct_end(void);

/* What all harts have, as enum boot_isa bits. */
uint64_t arch_isa(void);

/* Ends the boot with one line that says why. */
void boot_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Whether the command line has the word. */
#define boot_option(word) words_have(boot_state.command_line, word)
/* The decimal number after "NAME=" on the command line; `otherwise` when it is not there. */
#define boot_option_number(name, otherwise) words_number(boot_state.command_line, name, otherwise)

/* Opens the device tree at a physical address and fills boot_state from it. Fails the boot when there is no
 * tree or no memory in it. boot_state.image must be set. */
void boot_read_tree(uint64_t physical);
/* Memory that is free once the boot is over, and addresses where there may be devices for processes. */
void boot_free_memory(struct range_set *free);
void boot_device_space(struct range_set *devices);
/* What the machine-dependent part reads from the tree: it is shown each node, and then the tree once more. */
void arch_read_node(const struct fdt *tree, const struct fdt_walk *walk);
void arch_read_end(const struct fdt *tree);

/* Makes init from the archive's file "init", hands it all that is left, and makes its thread ready. Fails the
 * boot with a line that names the cause when the archive or the program is no good or memory does not
 * suffice. */
void boot_make_init(void);

/* tests/selftest: runs the kernel's own tests, prints one line for each, and powers off. */
void selftest_run(void) __attribute__((noreturn));
/* Fails in the way that the command line asks for with "selftest=fault", overflow, text, data or panic, if it
 * does. */
void selftest_crash(void);
