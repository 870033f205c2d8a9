/* SPDX-License-Identifier: MIT */
/* Calls to the firmware (RISC-V Supervisor Binary Interface Specification 2.0). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SBI_BASE   0x10
#define SBI_TIME   0x54494d45
#define SBI_IPI    0x735049
#define SBI_RFENCE 0x52464e43
#define SBI_HSM    0x48534d
#define SBI_SRST   0x53525354
#define SBI_DBCN   0x4442434e

struct sbi_result {
    int64_t error; /* 0, or negative */
    uint64_t value;
};

/* What the firmware is, for the boot log. */
struct sbi_firmware {
    uint64_t implementation, version;
};

/* Makes a call with up to five arguments. */
struct sbi_result sbi_call(uint64_t extension, uint64_t function, const uint64_t argument[5]);
bool sbi_has(uint64_t extension); /* whether the firmware has it */
void sbi_console_init(void); /* finds out how to print; before this, nothing can be printed */
void sbi_firmware_read(struct sbi_firmware *firmware);
/* "OpenSBI", for example. */
const char *sbi_implementation_name(uint64_t implementation);

/* Starts a stopped hart at a physical address. */
struct sbi_result sbi_hart_start(uint64_t hart_id, uint64_t address);
void sbi_set_timer(uint64_t deadline);
void sbi_send_ipi(uint64_t hart_id);
/* Fences on other harts, a bit in `mask` per index: instruction fetches, all translations, or those of one page. */
enum sbi_fence { FENCE_INSTRUCTIONS, FENCE_TRANSLATIONS };
void sbi_remote_fence(enum sbi_fence function, uint64_t mask, uint64_t address, uint64_t size);
