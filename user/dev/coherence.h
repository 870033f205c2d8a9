/* SPDX-License-Identifier: MIT */
/* Whether devices and processors see each other's writes to memory. Portable. */
#pragma once

#include <base/fdt.h>

/* Whether a device's DMA is coherent: `dma-coherent` or `dma-noncoherent` of its node or the nearest ancestor
 * that says (Devicetree Specification v0.4, section 2.3); without either it is, as everywhere on RISC-V. */
bool dma_is_coherent(const struct fdt *tree, int node);
/* Bytes of the blocks that user programs can clean and flush on all harts that run them:
 * `riscv,cbom-block-size` (Linux binding riscv/cpus.yaml), where each has the extension Zicbom. 0: they
 * cannot. */
uint64_t cache_block_bytes(const struct fdt *tree);
