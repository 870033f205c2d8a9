/* SPDX-License-Identifier: MIT */
/* Address spaces of this machine: the kernel's half, which all have in common. The boot makes it. */
#pragma once

#include "object.h"

#define TABLE_ENTRIES 512

extern uint64_t kernel_satp; /* for the kernel's own tables; 0 until they are made */
extern struct address_space *kernel_root;
/* Entries of the root that are in use, so that a new address space copies no more than these. */
extern uint16_t root_used[TABLE_ENTRIES - ROOT_USER_ENTRIES];
extern unsigned root_used_count;
