/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in the kernel's half of the address space, and offsets that the assembly needs. Included
 * by C, by assembly and by the linker script.
 *
 *   0xffffffc000000000  direct map: physical address p at DIRECT_BASE + p, root entries 256-499 (244 GiB)
 *   0xffffffff00000000  registers of interrupt controllers, 512 MiB for each, wherever they lie
 *   0xffffffff80200000  kernel image, linked here wherever it was loaded
 */
#pragma once

#include <base/csr.h>

#define DIRECT_BASE              0xffffffc000000000
#define DIRECT_SIZE              0x3d00000000 /* what 244 root entries reach */
#define DIRECT_ROOT_FIRST        256
#define WINDOW_BASE              0xffffffff00000000 /* of interrupt controllers: 508 and 509 */
#define WINDOW_STRIDE            0x20000000
#define IMAGE_BASE               0xffffffff80200000
#define IMAGE_MAX_SIZE           0x200000 /* the early page table maps so much */

/* Per hart, from low to high: guard page, stack, guard page, emergency stack. Guard pages are not mapped. */
#define GUARD_SIZE               0x1000
#define STACK_SIZE               0x4000
#define EMERGENCY_SIZE           0x2000
#define STACKS_STRIDE            (GUARD_SIZE + STACK_SIZE + GUARD_SIZE + EMERGENCY_SIZE)
#define STACK_TOP_OFFSET         (GUARD_SIZE + STACK_SIZE)
#define STACKS_HARTS             8

/* Registers of a trap from the kernel itself: pc, x1-x31, rounded up to the stack's alignment. */
#define FRAME_SIZE               256

/* The instruction `pause`: a fence that does nothing on older harts. */
#define PAUSE                    0x0100000f
