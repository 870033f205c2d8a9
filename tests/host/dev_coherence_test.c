/* SPDX-License-Identifier: MIT */
/* Which devices' DMA is coherent, and which cache blocks can be cleaned: on small trees made by dtc. */
// sources: user/dev/devices.c user/dev/interrupts.c user/dev/coherence.c
#include "../../user/dev/coherence.h"
#include "dev_world.h"

TestSuite(dev_coherence, .init = set_up, .fini = tear_down, .timeout = 60);

static bool coherent(const char *path)
{
    int node = fdt_by_path(&devices.tree, path);

    cr_assert_neq(node, FDT_NONE, "no %s", path);
    return dma_is_coherent(&devices.tree, node);
}

Test(dev_coherence, the_nearest_that_says_counts)
{
    load_source("/dts-v1/; / { a { }; b { dma-noncoherent; };"
                "bus { dma-noncoherent; c { }; d { dma-coherent; e { }; }; };"
                "good { dma-coherent; f { dma-noncoherent; }; }; };");
    cr_assert(coherent("/a"));
    cr_assert_not(coherent("/b"));
    cr_assert_not(coherent("/bus/c"));
    cr_assert(coherent("/bus/d"));
    cr_assert(coherent("/bus/d/e"));
    cr_assert_not(coherent("/good/f"));
    load_source("/dts-v1/; / { dma-noncoherent; a { }; };");
    cr_assert_not(coherent("/a"));
}

#define CPU(n, more) "cpu@" #n " { device_type = \"cpu\"; reg = <" #n ">; " more " }; "
#define MMU          "mmu-type = \"riscv,sv39\"; "
#define ISA(text)    "riscv,isa = \"rv64imac" text "\"; "
#define BLOCK(n)     "riscv,cbom-block-size = <" #n ">; "

static uint64_t block_of(const char *cpus)
{
    char source[2048];

    snprintf(source, sizeof(source), "/dts-v1/; / { cpus { #address-cells = <1>; #size-cells = <0>; %s}; };",
             cpus);
    load_source(source);
    return cache_block_bytes(&devices.tree);
}

Test(dev_coherence, blocks_that_all_harts_can_clean)
{
    cr_assert_eq(block_of(CPU(0, MMU ISA("_zicbom") BLOCK(64)) CPU(1, MMU ISA("_zicbom_sstc") BLOCK(64))),
                 64);
    cr_assert_eq(
        block_of(
            CPU(0, MMU "riscv,isa-base = \"rv64i\"; riscv,isa-extensions = \"i\", \"zicbom\"; " BLOCK(128))),
        128);
    cr_assert_eq(block_of(CPU(0, ISA("")) CPU(1, MMU ISA("_zicbom") BLOCK(64))), 64,
                 "the first runs no programs");
    cr_assert_eq(block_of(CPU(0, MMU ISA("")) CPU(1, MMU ISA("_zicbom") BLOCK(64))), 0);
    cr_assert_eq(block_of(CPU(0, MMU ISA("_zicbom") BLOCK(32)) CPU(1, MMU ISA("_zicbom") BLOCK(64))), 0);
    cr_assert_eq(block_of(CPU(0, MMU ISA("_zicbom"))), 0, "of which size?");
    cr_assert_eq(block_of(CPU(0, MMU ISA("_zicboz") BLOCK(64))), 0);
    cr_assert_eq(block_of(CPU(0, MMU ISA("_zicbom") BLOCK(0))), 0);
    cr_assert_eq(block_of(CPU(0, MMU ISA("_zicbom") BLOCK(4))), 0);
    cr_assert_eq(block_of(CPU(0, MMU ISA("_zicbom") BLOCK(96))), 0);
    cr_assert_eq(block_of(""), 0);
}
