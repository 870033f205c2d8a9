/* SPDX-License-Identifier: MIT */
/*
 * Device registers as memory: one frame per page that holds registers of any device, and segments made from
 * them. Two devices that share a page can reach each other's registers; memory protection is no finer.
 */
#pragma once

#include "devices.h"

#include <driver/mmio.h>
#include <rt/rt.h>

/* The largest range of registers that can be handed out: mm makes a segment of at most four frames. */
#define REGISTERS_MAX (MSG_MAX_CAPS * PAGE_BYTES)

/* Device memory to make frames from: `1 << bits` bytes at physical `address`. */
void registers_add_untyped(cap_t untyped, unsigned bits, uint64_t address);
/* Makes the frames for all devices, lowest address first: an untyped is used from its start on. */
void registers_setup(const struct devices *devices);
/* The segment with the registers at [address, address + size), made when first asked for; *offset is where in
 * it they begin. ERR_UNSUPPORTED: too large; ERR_BAD_ADDRESS: the kernel gave no such device memory. */
enum error registers_segment(uint64_t address, uint64_t size, cap_t *segment, uint64_t *offset,
                             uint64_t *length);
/* Maps the registers for dev itself, to look what a device is. */
enum error registers_map(uint64_t address, uint64_t size, const char *name, struct mmio *region);
