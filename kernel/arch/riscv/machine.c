/* SPDX-License-Identifier: MIT */
#include "machine.h"

struct machine machine;
uint64_t arch_timebase;
