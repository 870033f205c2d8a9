/* SPDX-License-Identifier: MIT */
/* Setting harts up, and starting them. */
#pragma once

#include "hart.h"

/* Gives harts[index] its id and its stacks. */
void hart_prepare(uint32_t index, uint32_t id);
void hart_init(void);   /* sets up this hart's CSRs and its part of the interrupt controllers */
void harts_start(void); /* the others of machine.cpus, which then sleep; sets hart_count */
/* head.S: where the firmware is to start a hart. */
void secondary_start(void);
