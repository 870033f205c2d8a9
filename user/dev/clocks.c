/* SPDX-License-Identifier: MIT */
/* Rates of clocks. */
#include "clocks.h"

#include <stddef.h>

#define MAX_DEPTH 6 /* clocks made from clocks; bounds the time that a tree with a cycle takes */

/* A clock as somebody's `clocks` names it. */
struct clock {
    int provider;
    uint32_t number; /* among those of the provider, 0 if it has one */
};

struct lookup {
    const struct fdt *tree;
    const struct clock_reader *reader;
};

static uint64_t rate_of(const struct lookup *lookup, int node, unsigned n, unsigned depth);

/* --- SiFive PRCI (FU540-C000 and FU740-C000 manuals, "Clocking and Reset") --- */

enum prci_register {
    PRCI_COREPLLCFG0 = 0x04,
    PRCI_DDRPLLCFG0 = 0x0c,
    PRCI_GEMGXLPLLCFG0 = 0x1c,
    PRCI_CORECLKSEL = 0x24,
    PRCI_CLKMUXSTATUS = 0x2c,
    PRCI_CLTXPLLCFG0 = 0x30,
    PRCI_DVFSCOREPLLCFG0 = 0x38,
    PRCI_COREPLLSEL = 0x40,
    PRCI_HFPCLKPLLCFG0 = 0x50,
    PRCI_HFPCLKPLLSEL = 0x58,
    PRCI_HFPCLKPLLDIV = 0x5c,
};
#define PLLCFG0_BYPASS       (1u << 24)
#define CLKMUXSTATUS_TLCLK_1 (1u << 1) /* the bus runs at the cores' clock, and else at half of it */

static uint32_t prci_read(const struct lookup *lookup, int node, enum prci_register offset)
{
    uint32_t value = 0;

    return lookup->reader->read(lookup->reader->context, node, offset, &value) ? value : 0;
}

/* Output of the PLL whose configuration register is at `offset`, from an input of `hfclk` Hz. */
static uint64_t prci_pll(const struct lookup *lookup, int node, enum prci_register offset, uint64_t hfclk)
{
    uint32_t config = prci_read(lookup, node, offset);
    uint32_t divr = config & 0x3f, divf = config >> 6 & 0x1ff, divq = config >> 15 & 7;

    return config & PLLCFG0_BYPASS ? hfclk : hfclk * 2 * (divf + 1) / (divr + 1) >> divq;
}

static uint64_t prci_tlclk(const struct lookup *lookup, int node, enum prci_register core_pll, uint64_t hfclk)
{
    uint64_t core =
        prci_read(lookup, node, PRCI_CORECLKSEL) & 1 ? hfclk : prci_pll(lookup, node, core_pll, hfclk);

    return prci_read(lookup, node, PRCI_CLKMUXSTATUS) & CLKMUXSTATUS_TLCLK_1 ? core : core / 2;
}

static uint64_t fu540_rate(const struct lookup *lookup, int node, uint32_t number, unsigned depth)
{
    uint64_t hfclk = rate_of(lookup, node, 0, depth);

    switch (number) {
    case 0: return prci_pll(lookup, node, PRCI_COREPLLCFG0, hfclk);
    case 1: return prci_pll(lookup, node, PRCI_DDRPLLCFG0, hfclk);
    case 2: return prci_pll(lookup, node, PRCI_GEMGXLPLLCFG0, hfclk);
    case 3: return prci_tlclk(lookup, node, PRCI_COREPLLCFG0, hfclk);
    default: return 0;
    }
}

static uint64_t fu740_pclk(const struct lookup *lookup, int node, uint64_t hfclk)
{
    uint64_t from = prci_read(lookup, node, PRCI_HFPCLKPLLSEL) & 1
                        ? hfclk
                        : prci_pll(lookup, node, PRCI_HFPCLKPLLCFG0, hfclk);

    return from / ((uint64_t)prci_read(lookup, node, PRCI_HFPCLKPLLDIV) + 2);
}

static uint64_t fu740_rate(const struct lookup *lookup, int node, uint32_t number, unsigned depth)
{
    uint64_t hfclk = rate_of(lookup, node, 0, depth);
    bool dvfs = prci_read(lookup, node, PRCI_COREPLLSEL) & 1;

    switch (number) {
    case 0: return prci_pll(lookup, node, PRCI_COREPLLCFG0, hfclk);
    case 1: return prci_pll(lookup, node, PRCI_DDRPLLCFG0, hfclk);
    case 2: return prci_pll(lookup, node, PRCI_GEMGXLPLLCFG0, hfclk);
    case 3: return prci_pll(lookup, node, PRCI_DVFSCOREPLLCFG0, hfclk);
    case 4: return prci_pll(lookup, node, PRCI_HFPCLKPLLCFG0, hfclk);
    case 5: return prci_pll(lookup, node, PRCI_CLTXPLLCFG0, hfclk);
    case 6: return prci_tlclk(lookup, node, dvfs ? PRCI_DVFSCOREPLLCFG0 : PRCI_COREPLLCFG0, hfclk);
    case 7: return fu740_pclk(lookup, node, hfclk);
    default: return 0;
    }
}

/* --- Clocks in general --- */

static uint64_t fixed_rate(const struct lookup *lookup, int node, uint32_t number, unsigned depth)
{
    uint64_t rate;

    (void)number;
    (void)depth;
    return fdt_prop_number(lookup->tree, node, "clock-frequency", &rate) ? rate : 0;
}

static uint64_t factor_rate(const struct lookup *lookup, int node, uint32_t number, unsigned depth)
{
    uint32_t divisor = 0, factor = 0;

    (void)number;
    if (!fdt_prop_u32(lookup->tree, node, "clock-div", 0, &divisor) || divisor == 0 ||
        !fdt_prop_u32(lookup->tree, node, "clock-mult", 0, &factor)) {
        return 0;
    }
    return rate_of(lookup, node, 0, depth) * factor / divisor;
}

static const struct {
    const char *compatible;
    uint64_t (*rate)(const struct lookup *lookup, int node, uint32_t number, unsigned depth);
} kinds[] = {
    {"fixed-clock", fixed_rate},
    {"fixed-factor-clock", factor_rate},
    {"sifive,fu540-c000-prci", fu540_rate},
    {"sifive,fu740-c000-prci", fu740_rate},
};

/* The n-th entry of a node's `clocks`: a phandle, and as many cells as its node's #clock-cells says. */
static bool find_clock(const struct fdt *tree, int node, unsigned n, struct clock *clock)
{
    uint32_t phandle, cells;

    for (unsigned cell = 0; fdt_prop_u32(tree, node, "clocks", cell, &phandle); n--) {
        *clock = (struct clock){fdt_by_phandle(tree, phandle), 0};
        if (!fdt_prop_u32(tree, clock->provider, "#clock-cells", 0, &cells) || cells > 4)
            return false;
        if (n == 0)
            return cells == 0 || fdt_prop_u32(tree, node, "clocks", cell + 1, &clock->number);
        cell += 1 + cells;
    }
    return false;
}

static uint64_t rate_of(const struct lookup *lookup, int node, unsigned n, unsigned depth)
{
    struct clock clock;

    if (depth == 0 || !find_clock(lookup->tree, node, n, &clock))
        return 0;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (fdt_is_compatible(lookup->tree, clock.provider, kinds[i].compatible))
            return kinds[i].rate(lookup, clock.provider, clock.number, depth - 1);
    }
    return 0;
}

uint64_t clock_rate(const struct fdt *tree, int node, unsigned n, const struct clock_reader *reader)
{
    struct lookup lookup = {tree, reader};

    return rate_of(&lookup, node, n, MAX_DEPTH);
}
