/* SPDX-License-Identifier: MIT */
/* Calls to the firmware (RISC-V Supervisor Binary Interface Specification 2.0). */
#pragma once

#include <base/sbi.h>
#include <stdbool.h>
#include <stdint.h>

struct sbi_result {
    int64_t error; /* 0, or negative */
    uint64_t value;
};

/* Makes a call with up to five arguments. */
struct sbi_result sbi_call(uint64_t extension, uint64_t function, const uint64_t argument[5]);
#define sbi(extension, function, ...) sbi_call(extension, function, (const uint64_t[5]){__VA_ARGS__})

extern bool sbi_has_console; /* DBCN; the boot finds out */
/* Fences on other harts, a bit in `mask` per index: instruction fetches, all translations, or those of one
 * page. */
void sbi_remote_fence(enum sbi_rfence function, uint64_t mask, uint64_t address, uint64_t size);
