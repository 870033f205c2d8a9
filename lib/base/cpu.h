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
