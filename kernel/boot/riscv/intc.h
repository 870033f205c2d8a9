/* SPDX-License-Identifier: MIT */
/* Setting up the interrupt controllers. */
#pragma once

#include "hart.h"

/* Tells which hart machine.cpus.cpu[candidate] became. */
void intc_hart_is(const struct hart *hart, uint32_t candidate);
/* Sets the controllers up for this hart. */
void intc_hart_init(void);
