/* SPDX-License-Identifier: MIT */
/* What the kernel knows of the machine. The boot fills it in, from the device tree and from what hart and
 * firmware answer. */
#pragma once

#include "arch.h"

#include <base/cpu.h>
#include <base/intc.h>

struct machine {
    struct cpu_set cpus; /* that the device tree tells of */
    struct intc_set intcs;
    uint64_t test_device;  /* QEMU's exit device, physical; 0: none */
    bool off_after_failure; /* the command line has panic=poweroff */
    bool has_sstc, has_sbi_time; /* timers that can be used on all harts */
    uint32_t asid_bits;
    uint32_t quirks;   /* that are worked around, a bit for each; what they change: */
    bool fences_whole; /* fences by address do not do it */
    uint64_t (*fetch_address)(uint64_t stval, uint64_t pc); /* where a fetch failed; NULL: stval says it */
};
extern struct machine machine;
