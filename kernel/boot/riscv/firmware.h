/* SPDX-License-Identifier: MIT */
/* What the boot asks the firmware (RISC-V Supervisor Binary Interface Specification 2.0, chapters 4, 9). */
#pragma once

#include "arch/riscv/sbi.h"

struct firmware {
    uint64_t implementation, version;
};

bool firmware_has(uint64_t extension);
void firmware_console_init(void); /* finds out how to print; before this, nothing can be printed */
void firmware_read(struct firmware *firmware);
/* "OpenSBI", for example. */
const char *firmware_name(uint64_t implementation);
/* Starts a stopped hart at a physical address. */
struct sbi_result firmware_start_hart(uint64_t hart_id, uint64_t address);
