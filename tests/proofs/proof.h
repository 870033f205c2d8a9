/* SPDX-License-Identifier: MIT */
/*
 * What all proofs use. A proof is a function prove_NAME; the comment before it says what it shows, for which
 * worlds, and which bug is planted to see that it can fail. docs/PROOFS.md explains how to write one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Must hold in every world: `text` names the property. */
#define CHECK(condition, text) __CPROVER_assert(condition, text)
/* Only worlds where this holds are looked at. */
#define ASSUME(condition)      __CPROVER_assume(condition)

/* Any value at all. */
bool nondet_bool(void);
char nondet_char(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);

/* Any value below `limit`. */
static inline unsigned any_below(unsigned limit)
{
    unsigned value = nondet_u32();

    ASSUME(value < limit);
    return value;
}
