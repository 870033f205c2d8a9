/* SPDX-License-Identifier: MIT */
/* Registers of advanced platform-level interrupt controllers (RISC-V Advanced Interrupt Architecture 1.0,
 * chapter 4). */
#pragma once

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
