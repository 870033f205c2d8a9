/* SPDX-License-Identifier: MIT */
/* What the boot leaves behind for OP_DEBUG_INFO to tell. */
#pragma once

#include <stdint.h>

struct boot_facts {
    uint64_t boot_time;    /* ticks at kernel entry */
    uint64_t kernel_bytes; /* RAM that the kernel image and its tables keep */
};
extern struct boot_facts boot_facts;
