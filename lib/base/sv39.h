/* SPDX-License-Identifier: MIT */
/* Page table entries of Sv39 (RISC-V Privileged Specification, section 4.4). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SV39_PAGE_BITS 12

/* Bits of an entry. */
#define PTE_V 0x01
#define PTE_R 0x02
#define PTE_W 0x04
#define PTE_X 0x08
#define PTE_U 0x10
#define PTE_G 0x20
#define PTE_A 0x40
#define PTE_D 0x80

static inline uint64_t pte_make(uint64_t physical, uint64_t bits)
{
    return physical >> SV39_PAGE_BITS << 10 | bits;
}

static inline uint64_t pte_physical(uint64_t pte)
{
    return (pte >> 10 & 0xfffffffffffull) << SV39_PAGE_BITS;
}

static inline bool pte_is_leaf(uint64_t pte)
{
    return pte & (PTE_R | PTE_W | PTE_X);
}

static inline bool pte_is_table(uint64_t pte)
{
    return (pte & (PTE_V | PTE_R | PTE_W | PTE_X)) == PTE_V;
}
