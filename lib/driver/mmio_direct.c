/* SPDX-License-Identifier: MIT */
/* Register accesses on the machine. */
#include <driver/barrier.h>
#include <driver/mmio.h>

static uint64_t direct_read(void *context, uint64_t offset, unsigned bytes, enum mmio_order order)
{
    char *address = (char *)context + offset;
    uint64_t value;

    switch (bytes) {
    case 1: value = *(volatile uint8_t *)address; break;
    case 2: value = *(volatile uint16_t *)address; break;
    case 4: value = *(volatile uint32_t *)address; break;
    default: value = *(volatile uint64_t *)address; break;
    }
    if (order == MMIO_FENCED)
        barrier_input_before_memory();
    return value;
}

static void direct_write(void *context, uint64_t offset, unsigned bytes, uint64_t value,
                         enum mmio_order order)
{
    char *address = (char *)context + offset;

    if (order == MMIO_FENCED)
        barrier_memory_before_output();
    switch (bytes) {
    case 1: *(volatile uint8_t *)address = (uint8_t)value; break;
    case 2: *(volatile uint16_t *)address = (uint16_t)value; break;
    case 4: *(volatile uint32_t *)address = (uint32_t)value; break;
    default: *(volatile uint64_t *)address = value; break;
    }
    if (order == MMIO_FENCED)
        barrier_output_before_memory();
}

const struct mmio_access mmio_direct = {direct_read, direct_write};
