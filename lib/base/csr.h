/* SPDX-License-Identifier: MIT */
/* Bits of supervisor CSRs (RISC-V Privileged Specification, chapter 4), for C and assembly. */
#pragma once

#define SSTATUS_SPIE       0x20
#define SSTATUS_SPP        0x100
#define SSTATUS_FS         0x6000
#define SSTATUS_FS_INITIAL 0x2000
#define SSTATUS_FS_CLEAN   0x4000
#define SSTATUS_FS_DIRTY   0x6000
#define SSTATUS_SUM        0x40000
#define SSTATUS_MXR        0x80000

/* sie and sip. */
#define IRQ_SOFTWARE       0x002
#define IRQ_TIMER          0x020
#define IRQ_EXTERNAL       0x200
#define IRQ_ALL            (IRQ_SOFTWARE | IRQ_TIMER | IRQ_EXTERNAL)

#define SATP_SV39          0x8000000000000000
#define SATP_ASID_SHIFT    44

/* scounteren. */
#define COUNTER_CYCLE      1
#define COUNTER_TIME       2
#define COUNTER_INSTRET    4

/* senvcfg: processes may clean and flush cache blocks, but not throw away what others wrote. */
#define ENVCFG_CBCFE       0x40
