/* SPDX-License-Identifier: MIT */
/* Code points that a terminal does not show in one column: ranges in ascending order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct code_range {
    uint32_t first, last;
};

extern const struct code_range widths_none[], widths_two[];
extern const size_t widths_none_count, widths_two_count;
