/* SPDX-License-Identifier: MIT */
/* Checks accesses to device registers before they are made. */
#include <base/checked.h>
#include <driver/mmio.h>
#include <rt/rt.h>

#define LOGGED_REFUSALS 8 /* a driver that gets it wrong in a loop must not drown the log */

/* What is wrong with an access, NULL: nothing. */
static const char *fault_of(const struct mmio *region, uint64_t offset, unsigned bytes)
{
    if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
        return "no such width";
    if (offset % bytes != 0)
        return "misaligned";
    return range_inside(offset, bytes, region->length) ? NULL : "outside the registers";
}

static bool allowed(struct mmio *region, uint64_t offset, unsigned bytes, const char *what)
{
    const char *fault = fault_of(region, offset, bytes);

    if (fault == NULL)
        return true;
    region->refused++;
    if (region->refused <= LOGGED_REFUSALS) {
        rt_log("%s: %s of %u bytes at offset 0x%llx refused: %s (registers: 0x%llx bytes)", region->name,
               what, bytes, (unsigned long long)offset, fault, (unsigned long long)region->length);
    }
    return false;
}

uint64_t mmio_read(struct mmio *region, uint64_t offset, unsigned bytes, enum mmio_order order)
{
    return allowed(region, offset, bytes, "read")
               ? region->access->read(region->context, offset, bytes, order)
               : ~0ull;
}

void mmio_write(struct mmio *region, uint64_t offset, unsigned bytes, uint64_t value, enum mmio_order order)
{
    if (allowed(region, offset, bytes, "write"))
        region->access->write(region->context, offset, bytes, value, order);
}
