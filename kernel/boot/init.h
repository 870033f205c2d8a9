/* SPDX-License-Identifier: MIT */
/* How the first process is made. */
#pragma once

#include <stdint.h>

/* Makes init from the archive's file "init", hands it all that is left, and makes its thread ready. Fails the
 * boot with a line that names the cause when the archive or the program is no good or memory does not
 * suffice. */
void boot_make_init(void);
/* What all harts have, as enum boot_isa bits. */
uint64_t arch_isa(void);
