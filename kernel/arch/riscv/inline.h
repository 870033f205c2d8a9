/* SPDX-License-Identifier: MIT */
/* The parts of arch.h that are an instruction or two. */
#pragma once

#include "csr.h"
#include "layout.h"

register struct hart *hart_register __asm__("tp");

static inline struct hart *hart_self(void)
{
    return hart_register;
}

static inline void *arch_direct(uint64_t physical)
{
    return (void *)(DIRECT_BASE + physical);
}

static inline uint64_t arch_physical(const void *direct)
{
    return (uint64_t)direct - DIRECT_BASE;
}

static inline uint64_t arch_time(void)
{
    return csr_read(time);
}

/* An interrupt waits for this hart, or another hart for a lock of this one. */
static inline bool arch_interrupt_pending(void)
{
    return (csr_read(sip) & csr_read(sie)) || __atomic_load_n(&lock_waiters, __ATOMIC_RELAXED);
}

/* One turn of waiting for somebody who is about to be done. */
static inline void arch_pause(void)
{
    __asm__ volatile(".insn %0" : : "i"(PAUSE) : "memory");
}

#define arch_granule_base ((char *)DIRECT_BASE)
