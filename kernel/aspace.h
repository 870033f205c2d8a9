/* SPDX-License-Identifier: MIT */
/* Address spaces, page tables and mappings (RISC-V Privileged Specification, section 4.4: Sv39). */
#pragma once

#include "cap.h"

#include <base/sv39.h>

#define USER_END 0x4000000000ull /* first address above the user half of Sv39 */

/* Enters a 4 KiB frame that may have these rights, and whose slot names the space, in the entry for the
 * address, which is empty: for the boot, which maps many pages. */
void page_enter(struct slot *slot, struct address_space *space, uint64_t *entry, uint64_t address,
                uint64_t rights);
/* Enters the page table in `slot` at the first missing level for `address`; *level is the level of the table
 * that got the entry (2: the root). */
enum error table_map(struct slot *slot, struct address_space *space, uint64_t address, unsigned *level);
/* Takes a frame or page table out of the space that it is mapped in, if it is. */
void slot_unmap(struct slot *slot);
/* Keeps the list of mappings right when a mapped capability moves to another slot. */
void mapping_moved(struct slot *from, struct slot *to);
/* Empties the root of a dying space, which no hart uses any more, so that nothing leads into its tables. */
void space_unmap_all(struct address_space *space);
/* Then one bounded step of letting go of what was mapped in it; false when nothing is left. */
bool space_unmap_step(struct address_space *space);
/* Whether `address` is mapped for the access (RIGHT_READ...): a fault there was only a stale translation. */
bool space_allows(struct address_space *space, uint64_t address, uint64_t access);
