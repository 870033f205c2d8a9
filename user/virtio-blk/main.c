/* SPDX-License-Identifier: MIT */
/* The virtio block driver: one process for all virtio disks behind memory-mapped registers. */
#include "disk.h"

#include <driver/device.h>

static struct unit {
    struct device device;
    struct disk disk;
} units[BLK_MAX_UNITS];
static unsigned unit_count;

static void signalled(uint64_t bits)
{
    for (unsigned i = 0; i < unit_count; i++) {
        if (bits >> i & 1) {
            disk_interrupt(&units[i].disk);
            device_interrupt_done(&units[i].device);
        }
    }
    blk_run();
}

/* Starts the disk at `index` of the devices; false after logging why not. */
static bool open_unit(struct unit *unit, uint64_t index, cap_t notification)
{
    struct device_parts parts;

    if (device_begin(&unit->device, index, notification, 1ull << (unit - units), disk_memory_bytes(), &parts))
        return false;
    if (disk_open(&unit->disk, unit->device.info.name, &parts.regs, &parts.cache, parts.memory.address,
                  parts.memory.physical)) {
        device_dma_free(&parts.memory);
        return false;
    }
    rt_log("disk %u: %s, %llu sectors%s", (unsigned)(unit - units), unit->disk.unit.name,
           (unsigned long long)unit->disk.unit.sectors, unit->disk.unit.read_only ? ", read-only" : "");
    return blk_add_unit(&unit->disk.unit);
}

int main(void)
{
    uint64_t devices = 0;
    cap_t notification = blk_begin();

    device_count(&devices);
    for (uint64_t i = 0; i < devices && unit_count < BLK_MAX_UNITS; i++)
        unit_count += open_unit(&units[unit_count], i, notification);
    if (unit_count == 0)
        rt_log("no disk");
    blk_serve(signalled);
}
