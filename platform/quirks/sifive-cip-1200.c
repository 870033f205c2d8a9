/* SPDX-License-Identifier: MIT */
/*
 * CIP-1200: the instruction TLB may keep a translation that a fence by address should have made it forget;
 * only `sfence.vma x0, x0` is sure. SiFive, "FU740-C000 Errata", 2021-02-05. OpenSBI fences neither the FU740
 * nor the FU540 by address (platform/generic/sifive); Linux no hart with marchid 1 or 0x8000000000000007 and
 * mimpid up to 0x200630 (arch/riscv/errata/sifive). Here, too, a page is forgotten together with all others.
 */
#include "../../kernel/arch/riscv/machine.h"
#include "../../kernel/boot/riscv/quirk.h"

static void fence_whole(void)
{
    machine.fences_whole = true;
}

QUIRK(.name = "sifive-cip-1200", .apply = fence_whole,
      .compatible = {"sifive,fu740-c000", "sifive,fu540-c000", "sifive,bullet0", "sifive,rocket0"});
