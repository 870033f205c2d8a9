/* SPDX-License-Identifier: MIT */
/* Traps, as scause and fault messages name them (RISC-V Privileged Specification, section 4.1.8). */
#pragma once

#include <stdint.h>

#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS     1
#define CAUSE_ILLEGAL          2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_MISALIGNED  4
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS     7
#define CAUSE_USER_ECALL       8
#define CAUSE_FETCH_PAGE       12
#define CAUSE_LOAD_PAGE        13
#define CAUSE_STORE_PAGE       15
#define CAUSE_INTERRUPT        (1ull << 63)
#define CAUSE_SOFTWARE         (CAUSE_INTERRUPT | 1)
#define CAUSE_TIMER            (CAUSE_INTERRUPT | 5)
#define CAUSE_EXTERNAL         (CAUSE_INTERRUPT | 9)

/* In words; "unexpected trap" for what is none of them. */
const char *trap_cause_text(uint64_t cause);

/* The fault that a process is told to have made (abi/fault.h), and the right that it lacked, 0: none. */
struct trap_fault {
    uint8_t fault, access;
};
struct trap_fault trap_fault(uint64_t cause);
