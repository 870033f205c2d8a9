/* SPDX-License-Identifier: MIT */
/* Extensions of supervisor firmware (RISC-V Supervisor Binary Interface Specification 2.0). */
#pragma once

#define SBI_BASE   0x10
#define SBI_TIME   0x54494d45
#define SBI_IPI    0x735049
#define SBI_RFENCE 0x52464e43
#define SBI_HSM    0x48534d
#define SBI_SRST   0x53525354
#define SBI_DBCN   0x4442434e

/* Functions. */
enum sbi_base { BASE_IMPLEMENTATION = 1, BASE_IMPLEMENTATION_VERSION, BASE_PROBE };
enum sbi_hsm { HSM_HART_START };
enum sbi_dbcn { DBCN_WRITE };
enum sbi_rfence { FENCE_INSTRUCTIONS, FENCE_TRANSLATIONS };

/* System reset: what is to happen, and why. */
enum srst_type { SRST_SHUTDOWN, SRST_COLD_REBOOT };
enum srst_reason { SRST_NO_REASON, SRST_SYSTEM_FAILURE };

/* Calls of the version before extensions. */
#define SBI_LEGACY_SET_TIMER 0
#define SBI_LEGACY_PUTCHAR   1
