/* SPDX-License-Identifier: MIT */
/* The kernel's own page tables, which are made once. */
#pragma once

#include <stdint.h>

/* Makes the kernel's final page tables from boot_state and machine, and uses them. */
void kernel_tables_make(void);
