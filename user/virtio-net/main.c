/* SPDX-License-Identifier: MIT */
/* The virtio network driver: one process for all virtio network devices behind memory-mapped registers. */
#include "nic.h"

#include <driver/device.h>

static struct unit {
    struct device device;
    struct nic nic;
} units[ETH_MAX_UNITS];
static unsigned unit_count;

static void signalled(uint64_t bits)
{
    for (unsigned i = 0; i < unit_count; i++) {
        if (bits >> i & 1) {
            nic_interrupt(&units[i].nic);
            device_interrupt_done(&units[i].device);
        }
    }
}

/* Starts the interface at `index` of the devices; false after logging why not. */
static bool open_unit(struct unit *unit, uint64_t index, cap_t notification)
{
    struct device_parts parts;

    if (device_begin(&unit->device, index, notification, 1ull << (unit - units), nic_memory_bytes(), &parts))
        return false;
    if (nic_open(&unit->nic, unit->device.info.name, &parts.regs, &parts.cache, parts.memory.address,
                 parts.memory.physical)) {
        device_dma_free(&parts.memory);
        return false;
    }
    const uint8_t *a = unit->nic.unit.address;
    rt_log("interface %u: %s, %02x:%02x:%02x:%02x:%02x:%02x%s", (unsigned)(unit - units), unit->nic.unit.name,
           a[0], a[1], a[2], a[3], a[4], a[5], unit->nic.unit.link_up ? "" : ", link down");
    return eth_add_unit(&unit->nic.unit);
}

int main(void)
{
    uint64_t devices = 0;
    cap_t notification = eth_begin();

    device_count(&devices);
    for (uint64_t i = 0; i < devices && unit_count < ETH_MAX_UNITS; i++)
        unit_count += open_unit(&units[unit_count], i, notification);
    eth_serve(signalled);
}
