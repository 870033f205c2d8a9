/* SPDX-License-Identifier: MIT */
/* The time queue of a hart: timers that are set, and contexts whose budgets are used up. */
#pragma once

#include "hart.h"

void heap_insert(struct hart *hart, struct heap_node *node, uint64_t deadline);
/* Does nothing to what is in no queue. */
void heap_remove(struct heap_node *node);
/* The earliest; NULL: nothing is queued. */
struct heap_node *heap_first(const struct hart *hart);
