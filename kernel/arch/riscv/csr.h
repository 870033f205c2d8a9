/* SPDX-License-Identifier: MIT */
/* Control and status registers (RISC-V Privileged Specification, chapter 4). */
#pragma once

#include <base/trap.h>
#include <stdint.h>

#define csr_read(name)                                                                                       \
    ({                                                                                                       \
        uint64_t csr_value;                                                                                  \
        __asm__ volatile("csrr %0, " #name : "=r"(csr_value) : : "memory");                                  \
        csr_value;                                                                                           \
    })
#define csr_write(name, value) __asm__ volatile("csrw " #name ", %0" : : "rK"((uint64_t)(value)) : "memory")
#define csr_set(name, bits)    __asm__ volatile("csrs " #name ", %0" : : "rK"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits)  __asm__ volatile("csrc " #name ", %0" : : "rK"((uint64_t)(bits)) : "memory")
/* Forgets all translations that this hart has. */
#define fence_translations()   __asm__ volatile("sfence.vma" : : : "memory")

/* Not known by name to every assembler. */
#define CSR_STIMECMP           0x14d

/* sie and sip. */
#define IRQ_SOFTWARE           0x002
#define IRQ_TIMER              0x020
#define IRQ_EXTERNAL           0x200
#define IRQ_ALL                (IRQ_SOFTWARE | IRQ_TIMER | IRQ_EXTERNAL)

/* scounteren. */
#define COUNTER_CYCLE          1
#define COUNTER_TIME           2
#define COUNTER_INSTRET        4

#define SATP_ASID_SHIFT        44

/* senvcfg: processes may clean and flush cache blocks, but not throw away what others wrote. */
#define ENVCFG_CBCFE           0x40

/* scause; <base/trap.h> has the exceptions. */
#define CAUSE_INTERRUPT        (1ull << 63)
#define CAUSE_SOFTWARE         (CAUSE_INTERRUPT | 1)
#define CAUSE_TIMER            (CAUSE_INTERRUPT | 5)
#define CAUSE_EXTERNAL         (CAUSE_INTERRUPT | 9)
