/* SPDX-License-Identifier: MIT */
/* Lists of capability slots: one link for each slot of the CNode, in memory that comes as far as slots are
 * used. */
#include "mm.h"

#define LINKS_PER_PAGE (PAGE_BYTES / sizeof(uint32_t))

static uint32_t *link;
static uint64_t links_mapped;

void links_init(void)
{
    link = own_start(OWN_LINKS);
    links_mapped = 0;
}

cap_t slots_take(unsigned count)
{
    cap_t first = count == 1 ? slot_alloc() : slot_alloc_group(count);
    if (first == 0)
        return 0;
    while (first + count > links_mapped) {
        if (!own_page(link + links_mapped)) {
            for (unsigned i = 0; i < count; i++)
                slot_release(first + i);
            return 0;
        }
        links_mapped += LINKS_PER_PAGE;
    }
    return first;
}

void slot_push(uint32_t *list, cap_t slot)
{
    link[slot] = *list;
    *list = slot;
}

cap_t slot_pop(uint32_t *list)
{
    cap_t slot = *list;
    if (slot != 0)
        *list = link[slot];
    return slot;
}

cap_t slot_next(cap_t slot)
{
    return link[slot];
}

void slot_cut_after(cap_t before)
{
    link[before] = link[link[before]];
}
