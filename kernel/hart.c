/* SPDX-License-Identifier: MIT */
#include "hart.h"

struct hart harts[MAX_HARTS];
uint32_t hart_count;
