/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "boot/riscv/probe.h"

#include <base/granules.h>
#include <stdint.h>

#define JAL 0x6f

void text_jump(char *place, const char *to, unsigned link)
{
    uint32_t offset = (uint32_t)(to - place);
    uint32_t jump = JAL | link << 7 | (offset & 0xff000) | (offset >> 11 & 1) << 20 |
                    (offset >> 1 & 0x3ff) << 21 | (offset >> 20 & 1) << 31;

    __builtin_memcpy(place, &jump, sizeof(jump));
}

void text_changed(void)
{
    __asm__ volatile("fence.i" : : : "memory");
}

void clearing_probe(void)
{
    extern char blocks_clear[];
    static char block[64] __attribute__((aligned(64)));

    if (!probe_cbo_zero(block))
        return;
    text_jump((char *)granules_clear, blocks_clear, LINK_NONE);
    text_changed();
}
