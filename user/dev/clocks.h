/* SPDX-License-Identifier: MIT */
/*
 * How fast a device's clock runs: `clocks` of its node (Devicetree clock binding), followed up to the fixed
 * clocks it is made from. Clocks are read, never changed: the firmware has set them. Portable.
 */
#pragma once

#include <base/fdt.h>

/* Reads the register at `offset` of the clock controller at `node`; false: it cannot be reached. */
struct clock_reader {
    bool (*read)(void *context, int node, uint32_t offset, uint32_t *value);
    void *context;
};

/* Rate in Hz of the n-th clock of `clocks`; 0: there is none, or nobody here knows its controller. */
uint64_t clock_rate(const struct fdt *tree, int node, unsigned n, const struct clock_reader *reader);
