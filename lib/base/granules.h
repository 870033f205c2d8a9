/* SPDX-License-Identifier: MIT */
/* Memory in units of 64 bytes, which are a cache block on most harts. */
#pragma once

#include <stdint.h>

/* Fills whole granules, aligned, with zeros. */
void granules_clear(void *memory, uint64_t bytes);
