/* SPDX-License-Identifier: MIT */
/* Coherence of DMA, as the device tree tells it. */
#include "coherence.h"

#include <base/cpu.h>

bool dma_is_coherent(const struct fdt *tree, int node)
{
    for (; node != FDT_NONE; node = fdt_parent(tree, node)) {
        if (fdt_prop(tree, node, "dma-coherent", NULL) != NULL)
            return true;
        if (fdt_prop(tree, node, "dma-noncoherent", NULL) != NULL)
            return false;
    }
    return true;
}

/* The same for one hart. */
static uint64_t block_bytes(const struct fdt *tree, int cpu)
{
    const struct cpu_isa isa = cpu_isa(tree, cpu);
    uint32_t bytes = 0;

    fdt_prop_u32(tree, cpu, "riscv,cbom-block-size", 0, &bytes);
    return cpu_isa_has(&isa, "zicbom") && bytes >= 8 && (bytes & (bytes - 1)) == 0 ? bytes : 0;
}

uint64_t cache_block_bytes(const struct fdt *tree)
{
    struct fdt_walk walk = {0};
    uint64_t bytes = 0;
    bool first = true;

    while (fdt_walk_next(tree, &walk)) {
        if (!cpu_is_usable(tree, &walk))
            continue;
        uint64_t own = block_bytes(tree, walk.chain[walk.depth - 1]);
        if (own == 0 || (!first && own != bytes))
            return 0;
        bytes = own;
        first = false;
    }
    return bytes;
}
