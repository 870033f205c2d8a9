/* SPDX-License-Identifier: MIT */
/*
 * Device registers as memory: frames of the pages that hold registers, made when they are first asked for,
 * and segments of up to four of them. Two devices that share a page can reach each other's registers; memory
 * protection is no finer.
 */
#pragma once

#include "devices.h"

#include <driver/mmio.h>
#include <rt/rt.h>

/* A part of a range of registers, in a segment. */
struct registers {
    cap_t segment;
    uint64_t start, segment_length; /* physical, whole frames */
    uint64_t offset, length;        /* of the part that was asked for, in the segment */
};

/* Device memory to make frames from: `1 << bits` bytes at physical `address`. */
void registers_add_untyped(cap_t untyped, unsigned bits, uint64_t address);
/* Those of the registers at [address, address + size) that begin `from` bytes from there, as many as one
 * segment holds. ERR_BAD_ARG: there are none; ERR_BAD_ADDRESS: the kernel gave no such device memory;
 * ERR_TOO_MANY. */
enum error registers_part(const struct devices *devices, uint64_t address, uint64_t size, uint64_t from,
                          struct registers *part);
/* Maps the first of the registers for dev itself, to look what a device is: those of the first segment. */
enum error registers_map(const struct devices *devices, uint64_t address, uint64_t size, const char *name,
                         struct mmio *region);
