/* SPDX-License-Identifier: MIT */
/*
 * A driver's way to its hardware: the devices that the device server (proto/dev.h) has for this process,
 * their registers, interrupt lines and memory for DMA. Needs the capability "dev". Every failure has been
 * logged.
 */
#pragma once

#include <driver/mmio.h>
#include <proto/dev.h>
#include <rt/rt.h>

struct device {
    uint64_t index; /* among those of this process */
    struct dev_info_reply info;
    cap_t irq; /* handler of the line that device_interrupt() bound; 0: none */
    uint64_t line;
};

/* How many devices this process drives. */
enum error device_count(uint64_t *count);
/* Asks what device number `index` is. */
enum error device_open(struct device *device, uint64_t index);
/* Maps the n-th range of registers. `region` refers to the name in `device`, which must live as long. */
enum error device_region(const struct device *device, uint64_t n, struct mmio *region);
/* Has the n-th interrupt line signal `notification` with `bits`, and lets the line interrupt. After each
 * interrupt the line stays silent until device_interrupt_done(). */
enum error device_interrupt(struct device *device, uint64_t n, cap_t notification, uint64_t bits);
void device_interrupt_done(const struct device *device);
/* Zeroed memory in one piece that devices can reach at segment->physical, mapped for the driver. */
enum error device_dma(struct segment *segment, size_t length);
/* Gives it back: unmaps it here; it is free when nobody else has it mapped either. */
void device_dma_free(struct segment *segment);
