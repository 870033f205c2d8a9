/* SPDX-License-Identifier: MIT */
/* The kernel's own page tables, which are made once. */
#pragma once

#include <stdint.h>

/* Makes the kernel's final page tables from boot_state and machine, and uses them. */
void kernel_tables_make(void);
/* Makes a device reachable before that, for the end of a boot that fails. */
void device_reach(uint64_t physical);
