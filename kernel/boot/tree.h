/* SPDX-License-Identifier: MIT */
/* What the device tree tells every kernel: memory, what of it is taken, initrd and command line. */
#pragma once

#include <base/fdt.h>
#include <base/range.h>

/* Opens the device tree at a physical address and fills boot_state from it. Fails the boot when there is no
 * tree or no memory in it. boot_state.image must be set. */
void boot_read_tree(uint64_t physical);
/* Memory that is free before the boot is over, and addresses where there may be devices for processes. */
void boot_free_memory(struct range_set *free);
void boot_device_space(struct range_set *devices);

/* What the machine-dependent part reads from the tree: it is shown each node, and then the tree once more. */
void arch_read_node(const struct fdt *tree, const struct fdt_walk *walk);
void arch_read_end(const struct fdt *tree);
/* First physical address that the direct map does not reach. */
uint64_t arch_direct_end(void);
/* Lets arch_direct() reach memory or registers before the kernel's final tables are made, but nothing that
 * is more than 2 MiB from there: where firmware has protected a part of a page, some harts cannot reach
 * the rest of it either. */
void arch_reach(uint64_t physical, uint64_t size);
