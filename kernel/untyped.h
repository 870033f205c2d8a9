/* SPDX-License-Identifier: MIT */
/* Memory that objects are made of. */
#pragma once

#include <stdint.h>

/* Fills memory of whole granules with zeros. */
void granules_clear(void *memory, uint64_t bytes);
