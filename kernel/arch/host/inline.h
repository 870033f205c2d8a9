/* SPDX-License-Identifier: MIT */
/* The parts of arch.h that are an instruction or two on a real machine: functions here, which tests can look
 * into. */
#pragma once

struct hart *hart_self(void);
void *arch_direct(uint64_t physical);
uint64_t arch_physical(const void *direct);
uint64_t arch_time(void);
bool arch_interrupt_pending(void);
static inline void arch_pause(void)
{
}
extern char *const arch_granule_base;
