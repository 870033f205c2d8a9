/* SPDX-License-Identifier: MIT */
/* Control and status registers (RISC-V Privileged Specification, chapter 4). */
#pragma once

#include <base/csr.h>
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
