/* SPDX-License-Identifier: MIT */
/* Registers of advanced platform-level interrupt controllers (RISC-V Advanced Interrupt Architecture 1.0,
 * chapter 4), and what is done with one. */
#pragma once

#include "intc.h"

#define DOMAINCFG         0x0000
#define DOMAINCFG_ENABLE  0x100
#define DOMAINCFG_MSI     0x004
#define SOURCECFG         0x0000 /* plus 4 for each source, from 1 on; so is TARGET */
#define SOURCECFG_EDGE    4      /* and bit 0: active low */
#define SOURCECFG_LEVEL   6
#define SETIPNUM          0x1cdc
#define IN_CLRIP          0x1d00 /* read: which inputs are active */
#define SETIENUM          0x1edc
#define CLRIE             0x1f00
#define CLRIENUM          0x1fdc
#define TARGET            0x3000
#define TARGET_HART_SHIFT 18
#define TARGET_PRIORITY   0xff
#define IDC_DELIVERY      0x4000 /* these for each hart that is interrupted directly */
#define IDC_THRESHOLD     0x4008
#define IDC_CLAIM         0x401c
#define IDC_STRIDE        32
#define ID_SHIFT          16 /* in IDC_CLAIM and stopei */

/* What intc.c does with a source of an APLIC, delivered to `target`. */
void aplic_configure(const struct intc *aplic, uint32_t source, uint64_t trigger);
void aplic_enable(const struct intc *aplic, uint32_t source, uint32_t target);
void aplic_disable(const struct intc *aplic, uint32_t source);
void aplic_set_priority(const struct intc *aplic, uint32_t source, uint32_t priority);
uint32_t aplic_claim(uint32_t hart);
void aplic_complete(const struct intc *aplic, uint32_t source);
