/* SPDX-License-Identifier: MIT */
/*
 * CIP-453: when a fetch fails (page fault, access fault), the upper bits of stval are zero where they should
 * repeat bit 38. SiFive, "FU740-C000 Errata", 2021-02-05; Linux mends it on harts with mimpid 0x20181004 to
 * 0x20191105 (arch/riscv/errata/sifive). Here: a fetch is near the pc, whose upper bits are right.
 */
#include "../../kernel/arch/riscv/machine.h"
#include "../../kernel/boot/riscv/quirk.h"

static uint64_t extend(uint64_t stval, uint64_t pc)
{
    return pc + (uint64_t)((int64_t)((stval - pc) << 25) >> 25); /* the 39 bits of Sv39 */
}

static void extend_addresses(void)
{
    machine.fetch_address = extend;
}

QUIRK(.name = "sifive-cip-453", .apply = extend_addresses,
      .compatible = {"sifive,fu740-c000", "sifive,bullet0"});
