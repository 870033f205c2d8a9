/* SPDX-License-Identifier: MIT */
/* What intc.c does with a source of an advanced platform-level interrupt controller. */
#pragma once

#include "intc.h"

void aplic_configure(const struct intc *aplic, uint32_t source, uint64_t trigger);
void aplic_enable(const struct intc *aplic, uint32_t source, uint32_t target);
void aplic_disable(const struct intc *aplic, uint32_t source);
void aplic_set_priority(const struct intc *aplic, uint32_t source, uint32_t priority);
uint32_t aplic_claim(uint32_t hart);
uint32_t imsic_claim(void); /* where the hart has one, which may have no identity left for calls */
void aplic_complete(const struct intc *aplic, uint32_t source);
