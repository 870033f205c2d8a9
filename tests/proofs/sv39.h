/* SPDX-License-Identifier: MIT */
/* How the sizes of Sv39 hang together. Included after kernel/aspace.c, as it is and scaled down. */
#pragma once

#define ENTRIES (1 << LEVEL_BITS)
_Static_assert(SV39_PAGE_BITS == PAGE_BITS, "an entry names pages as an object does");
_Static_assert(PAGE_BITS == LEVEL_BITS + 3, "a table of 8-byte entries fills a page");
_Static_assert(MEGAPAGE_BITS == PAGE_BITS + LEVEL_BITS && GIGAPAGE_BITS == MEGAPAGE_BITS + LEVEL_BITS,
               "an entry maps what the table below it does");
_Static_assert(USER_END == 1ull << (GIGAPAGE_BITS + LEVEL_BITS - 1), "half of all addresses are the user's");
_Static_assert(ROOT_USER_ENTRIES == ENTRIES / 2, "and so are half of the root's entries");
_Static_assert(ROOT_NOTE_FIRST >= ROOT_USER_ENTRIES, "the kernel's notes are not among them");
