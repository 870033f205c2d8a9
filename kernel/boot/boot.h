/* SPDX-License-Identifier: MIT */
/* What the boot finds out, and how it ends when something is wrong. All that is in kernel/boot runs once:
 * the memory of its code, constants and variables goes to init with the rest. */
#pragma once

#include <base/range.h>
#include <base/words.h>

#include <stdbool.h>
#include <stdint.h>

#define GIVEN_BACK 2 /* stretches of the kernel's image: code and constants, variables */

struct boot_state {
    struct range_set memory;         /* RAM */
    struct range_set reserved;       /* not to be handed out: firmware, kernel, device tree, initrd */
    struct range_set hidden;         /* not to be touched at all: what /reserved-memory names */
    struct range_set kernel_devices; /* registers that kernel or firmware use: never handed out */
    struct range image;              /* where the kernel lies */
    struct range given_back[GIVEN_BACK];    /* parts of it that init gets after all */
    struct range initrd;                    /* empty when there is none */
    uint64_t device_tree, device_tree_size; /* physical */
    uint64_t scattered;                     /* bytes of RAM that are in too many pieces to be used */
    bool beyond_reach;                      /* there is RAM above arch_direct_end(), which is not used */
    char command_line[256];
};

extern struct boot_state boot_state;

/* Ends the boot with one line that says why. */
void boot_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Whether the command line has the word. */
#define boot_option(word) words_have(boot_state.command_line, word)
/* The decimal number after "NAME=" on the command line; `otherwise` when it is not there. */
#define boot_option_number(name, otherwise) words_number(boot_state.command_line, name, otherwise)
