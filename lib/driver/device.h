/* SPDX-License-Identifier: MIT */
/*
 * A driver's way to its hardware: the devices that the device server (proto/dev.h) has for this process,
 * their registers, interrupt lines and memory for DMA. Needs the capability "dev". Every failure has been
 * logged.
 */
#pragma once

#include <driver/cache.h>
#include <driver/mmio.h>
#include <proto/dev.h>
#include <rt/rt.h>

/* An interrupt line of a device, bound to a notification. */
struct device_line {
    const char *device; /* its name, for messages */
    uint64_t number;
    cap_t handler; /* 0: not bound */
};

struct device {
    uint64_t index; /* among those of this process */
    struct dev_info_reply info;
    struct device_line line; /* that device_interrupt() bound */
};

/* How many devices this process drives. */
enum error device_count(uint64_t *count);
/* Asks what device number `index` is. */
enum error device_open(struct device *device, uint64_t index);
/* Copies a property of the device's node, or of its controller's, to `value`, at most `size` bytes of it.
 * Returns how many bytes it has, at most DEVICE_PROPERTY_BYTES; -1: there is no such property. */
#define DEVICE_PROPERTY_BYTES ((int)sizeof(((struct dev_property_reply *)0)->value))
int device_property(const struct device *device, enum dev_node node, const char *name, void *value,
                    size_t size);
/* n-th 32-bit cell of a property; `absent` where there is none. */
uint32_t device_cell(const struct device *device, enum dev_node node, const char *name, unsigned n,
                     uint32_t absent);
/* Maps registers of the n-th range: `length` bytes that begin `from` bytes from its beginning, or as many
 * as there are. `region` refers to the name in `device`, which must live as long. ERR_BAD_ARG: there is
 * none at `from`. */
enum error device_region(const struct device *device, uint64_t n, uint64_t from, uint64_t length,
                         struct mmio *region);
/* As a length: all that there are. */
#define DEVICE_ALL UINT64_MAX
/* Has the n-th interrupt line signal `notification` with `bits`, and lets the line interrupt. After each
 * interrupt the line stays silent until device_interrupt_done(). */
enum error device_interrupt(struct device *device, uint64_t n, cap_t notification, uint64_t bits);
void device_interrupt_done(const struct device *device);
/* The same for devices with several lines. `line` refers to the name in `device`, which must live as long. */
enum error device_line_bind(const struct device *device, uint64_t n, cap_t notification, uint64_t bits,
                            struct device_line *line);
void device_line_done(const struct device_line *line);
/* How what the device shares with the driver is kept apart from caches; `cache` is for the calls of cache.h.
 * ERR_UNSUPPORTED: its DMA is not coherent, and nothing can be done about that. */
enum error device_cache(const struct device *device, struct cache *cache);
/* Zeroed memory in one piece that devices can reach at segment->physical, mapped for the driver. */
enum error device_dma(struct segment *segment, size_t length);
/* Gives it back: unmaps it here; it is free when nobody else has it mapped either. */
void device_dma_free(struct segment *segment);
/* What a driver begins with whose device has one page of registers and one line: opens device number `index`,
 * has its line signal `notification` with `bits`, and takes memory for DMA. `parts` refers to the name in
 * `device`, which must live as long. */
struct device_parts {
    struct mmio regs;
    struct cache cache;
    struct segment memory;
};
enum error device_begin(struct device *device, uint64_t index, cap_t notification, uint64_t bits,
                        size_t dma_bytes, struct device_parts *parts);
/* Maps memory that a client lends (its capability `cap`, of the device server's dev_dma_lend) and asks for
 * its address; `cap` belongs to the segment when it succeeds. Not logged: the client may have given
 * anything. */
enum error device_dma_borrow(struct segment *segment, cap_t cap);
/* No device uses it any more. */
void device_dma_return(struct segment *segment);
