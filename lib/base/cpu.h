/* SPDX-License-Identifier: MIT */
/* The harts of a device tree (Devicetree Specification v0.4, section 3.8, and the Linux binding
 * riscv/cpus.yaml). */
#pragma once

#include <base/fdt.h>

/* What a hart can do: a list of extensions or, in older trees, an ISA string. Points into the tree. */
struct cpu_isa {
    const char *list, *end;
    const char *string;
};

#define CPU_MAX 8 /* harts that are used */

/* The harts of a machine that can run an operating system. */
struct cpu_set {
    unsigned count;      /* of cpu[] */
    unsigned unused;     /* beyond CPU_MAX */
    uint64_t timebase;   /* ticks a second; 0: the tree does not say */
    bool boot_found;     /* the boot hart is among them; it has the first place */
    bool has_sstc, has_fp, has_zicbom, has_zicboz; /* all of them */
    int node;            /* /cpus, once it was met */
    struct {
        uint32_t id;
        uint32_t intc; /* cpu_intc() */
        bool has_sstc, has_fp, has_zicbom, has_zicboz; /* the last: with blocks of 64 bytes */
    } cpu[CPU_MAX];
    unsigned lesser; /* that have no FP, though the boot hart has */
    uint32_t first_lesser;
};

/* Begins with the hart that reads the tree, by its id. */
void cpu_set_begin(struct cpu_set *set, uint32_t boot);
/* Reads the node that a walk is at, if it is /cpus or in there: true then. */
bool cpu_set_read(struct cpu_set *set, const struct fdt *tree, const struct fdt_walk *walk);
/* When all were read: takes those out that have no FP though the boot hart has. They are monitor cores,
 * which some trees give an MMU and some firmware cannot start (VisionFive2 issue 33), and programs could
 * not run there. */
void cpu_set_end(struct cpu_set *set);

/* Whether the node that a walk is at, a child of /cpus, is a hart that can run an operating system. Firmware
 * marks those that cannot in one of two ways: status, or no MMU. */
bool cpu_is_usable(const struct fdt *tree, const struct fdt_walk *walk);
/* The extensions of a hart; has none when the tree does not say or what it says makes no sense. */
struct cpu_isa cpu_isa(const struct fdt *tree, int cpu);
/* `extension` is in lower case: a letter, or a name of more letters ("sstc"). */
bool cpu_isa_has(const struct cpu_isa *isa, const char *extension);
/* Phandle of the hart's own interrupt controller, by which other controllers name the hart; 0: it has none.
 * */
uint32_t cpu_intc(const struct fdt *tree, int cpu);
