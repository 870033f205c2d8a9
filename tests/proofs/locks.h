/* SPDX-License-Identifier: MIT */
/* The own hart, which has its own lock or all. What is guarded for a moment is free when a call begins. */
#pragma once

#include "kernel/lock.h"

static struct hart own_hart;

struct hart *hart_self(void)
{
    return &own_hart;
}

static inline void any_locks(void)
{
    own_hart.has_all = nondet_bool();
}

static inline void check_given_back(uint64_t lock)
{
    CHECK(!lock, "locks: what is taken for a moment is given back");
}
