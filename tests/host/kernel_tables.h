/* SPDX-License-Identifier: MIT */
/* Page tables as the hardware reads them. */
#pragma once

#include "kernel_calls.h"

/* A walk as the hardware makes it (Privileged Specification 4.3.2): the leaf for the address and its level,
 * or 0 for a page fault. */
static inline uint64_t walk(unsigned space, uint64_t address, unsigned *level)
{
    const uint64_t *table = w.slots[space].object;

    for (*level = 2;; (*level)--) {
        uint64_t entry = table[address >> (12 + 9 * *level) & 511];

        if (!(entry & PTE_V) || (!(entry & PTE_R) && entry & PTE_W))
            return 0;
        if (entry & (PTE_R | PTE_X)) {
            uint64_t misaligned = (1ull << 9 * *level) - 1;

            cr_assert_neq(entry & (PTE_W | PTE_X), PTE_W | PTE_X, "writable and executable at %lx", address);
            return entry >> 10 & misaligned ? 0 : entry;
        }
        if (*level == 0)
            return 0;
        cr_assert(!(entry & (PTE_U | PTE_A | PTE_D)), "reserved bits in a pointer to a table");
        table = arch_direct((entry >> 10) << 12);
    }
}

/* Bytes of user memory that a walk of the whole table reaches. */
static inline uint64_t reachable(const uint64_t *table, unsigned level)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < (level == 2 ? ROOT_USER_ENTRIES : 512); i++) {
        if (!(table[i] & PTE_V))
            continue;
        if (table[i] & (PTE_R | PTE_X))
            bytes += 1ull << (12 + 9 * level);
        else if (level > 0)
            bytes += reachable(arch_direct(table[i] >> 10 << 12), level - 1);
    }
    return bytes;
}
