/* SPDX-License-Identifier: MIT */
/* The arithmetic of page tables, with the real sizes; the tables are proved in aspace.c, scaled down. */
#include "proof.h"

#include "kernel/aspace.c"

#include "sv39.h"

char *const arch_granule_base = NULL;

/*
 * proof table_entry: all addresses, all levels
 * options: --unwind 2
 * planted kernel/aspace.c: s/((1 << LEVEL_BITS) - 1)/(1 << LEVEL_BITS)/
 */
void prove_table_entry(void)
{
    static struct address_space space;
    uint64_t address = nondet_u64();
    unsigned bits = PAGE_BITS + LEVEL_BITS * any_below(3);
    uint64_t *entry = table_entry(&space, address, bits);

    CHECK(entry >= space.entry && entry < (uint64_t *)(&space + 1), "mapping: the entry is in the table");
    CHECK(bits != GIGAPAGE_BITS || address >= USER_END || entry < space.entry + ROOT_USER_ENTRIES,
          "mapping: the user's half only");
}

/*
 * proof pte_make: all physical addresses that Sv39 has, all bits
 * options: --unwind 2
 * planted lib/base/sv39.h: s/PAGE_BITS << 10 | bits;/PAGE_BITS << 9 | bits;/
 */
void prove_pte_make(void)
{
    uint64_t page = nondet_u64() & 0xfffffffffff, bits = nondet_u8(),
             entry = pte_make(page << PAGE_BITS, bits);

    CHECK(pte_physical(entry) == page << PAGE_BITS, "mapping: an entry names the page");
    CHECK((entry & 0xff) == bits, "rights: an entry has these and no others");
}

/*
 * proof possible_rights: all
 * options: --unwind 2
 * planted kernel/aspace.c: s/(1 << RIGHT_READ | 1 << (RIGHT_READ/(1 << 6 | 1 << (RIGHT_READ/
 */
void prove_possible_rights(void)
{
    unsigned rights = any_below(8);
    uint64_t bits = leaf_rights(rights);

    CHECK(!(POSSIBLE_RIGHTS >> rights & 1) ||
              (bits && (bits & (PTE_W | PTE_X)) != (PTE_W | PTE_X) && (!(bits & PTE_W) || bits & PTE_R)),
          "rights: no mapping is written and executed, or written and not read");
}
