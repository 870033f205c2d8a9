/* SPDX-License-Identifier: MIT */
/* Rates of clocks: fixed ones, the clock controllers of the FU540 and FU740, and trees that make no sense. */
// sources: user/dev/clocks.c
#include "../../user/dev/clocks.h"
#include "support.h"

static char scratch[64];
static struct exact blob;
static struct fdt tree;
static uint32_t registers[64]; /* of the clock controller */
static unsigned reads;

static void set_up(void)
{
    enter_scratch(scratch);
    memset(registers, 0, sizeof(registers));
    reads = 0;
}

static void tear_down(void)
{
    exact_free(&blob);
    leave_scratch(scratch);
}

TestSuite(clocks, .init = set_up, .fini = tear_down, .timeout = 60);

static bool read_register(void *context, int node, uint32_t offset, uint32_t *value)
{
    (void)context;
    reads++;
    cr_assert_str_eq(fdt_name(&tree, node), "prci@1000");
    cr_assert(offset % 4 == 0 && offset / 4 < 64);
    *value = registers[offset / 4];
    return true;
}

static uint64_t rate(const char *source, unsigned n)
{
    static const struct clock_reader reader = {read_register, NULL};
    struct exact file;

    write_file("dts", source, strlen(source));
    run("dtc -q -f -I dts -O dtb -o dtb dts");
    file = read_file("dtb");
    exact_free(&blob);
    blob = exact_copy(file.data, file.size, 4);
    exact_free(&file);
    cr_assert_eq(fdt_open(&tree, blob.data, blob.size), FDT_OK);
    return clock_rate(&tree, fdt_by_path(&tree, "/device"), n, &reader);
}

#define FIXED "hf: hf { compatible = \"fixed-clock\"; #clock-cells = <0>; clock-frequency = <26000000>; }; "
#define PRCI(chip)                                                                                           \
    "/dts-v1/; / { " FIXED "prci: prci@1000 { compatible = \"sifive," chip "-c000-prci\"; "                  \
    "reg = <0x1000 0x1000>; clocks = <&hf>; #clock-cells = <1>; }; "
#define ROOT "/dts-v1/; / { "
#define PLL(r, f, q) ((r) | (uint32_t)(f) << 6 | (uint32_t)(q) << 15)

Test(clocks, fixed_and_made_from_fixed)
{
    const char *source =
        "/dts-v1/; / { " FIXED
        "slow: slow { compatible = \"fixed-factor-clock\"; #clock-cells = <0>; clocks = <&hf>; "
        "clock-div = <4>; clock-mult = <3>; }; "
        "device { clocks = <&hf &slow>; }; };";

    cr_assert_eq(rate(source, 0), 26000000);
    cr_assert_eq(rate(source, 1), 19500000);
    cr_assert_eq(rate(source, 2), 0);
    cr_assert_eq(reads, 0);
}

Test(clocks, fu540_bus)
{
    const char *source = PRCI("fu540") "device { clocks = <&prci 3>; }; };";

    registers[0x04 / 4] = PLL(0, 76, 2); /* 26 MHz * 2 * 77 / 4 */
    cr_assert_eq(rate(source, 0), 26000000ull * 154 / 4 / 2);
    registers[0x2c / 4] = 2; /* not halved */
    cr_assert_eq(rate(source, 0), 26000000ull * 154 / 4);
    registers[0x2c / 4] = 0;
    registers[0x24 / 4] = 1; /* cores run at hfclk */
    cr_assert_eq(rate(source, 0), 13000000);
}

Test(clocks, fu740_peripherals)
{
    const char *source = PRCI("fu740") "device { clocks = <&prci 7>, <&prci 6>, <&prci 8>; }; };";

    registers[0x50 / 4] = PLL(0, 39, 3); /* 26 MHz * 2 * 40 / 8 = 260 MHz */
    cr_assert_eq(rate(source, 0), 130000000);
    registers[0x58 / 4] = 1;
    registers[0x5c / 4] = 1;
    cr_assert_eq(rate(source, 0), 26000000 / 3);
    registers[0x04 / 4] = PLL(0, 76, 2);
    registers[0x38 / 4] = PLL(1, 76, 2);
    cr_assert_eq(rate(source, 1), 26000000ull * 154 / 4 / 2);
    registers[0x40 / 4] = 1; /* the cores' second PLL */
    cr_assert_eq(rate(source, 1), 26000000ull * 154 / 2 / 4 / 2);
    cr_assert_eq(rate(source, 2), 0, "a clock that nobody here knows");
}

Test(clocks, pll_that_is_bypassed)
{
    registers[0x04 / 4] = 1u << 24 | PLL(0, 76, 2);
    cr_assert_eq(rate(PRCI("fu540") "device { clocks = <&prci 0>; }; };", 0), 26000000);
}

Test(clocks, what_makes_no_sense_is_unknown)
{
    static const char *const sources[] = {
        "/dts-v1/; / { device { }; };",
        "/dts-v1/; / { device { clocks = <77>; }; };",
        "/dts-v1/; / { device { clocks; }; };",
        "/dts-v1/; / { device { clocks = [00 01]; }; };",
        ROOT "x: x { compatible = \"fixed-clock\"; clock-frequency = <1>; }; device { clocks = <&x>; }; };",
        ROOT "x: x { compatible = \"fixed-clock\"; #clock-cells = <0>; }; device { clocks = <&x>; }; };",
        "/dts-v1/; / { x: x { compatible = \"other\"; #clock-cells = <0>; }; device { clocks = <&x>; }; };",
        ROOT "x: x { compatible = \"o\"; #clock-cells = <4000000000>; }; device { clocks = <&x 1>; }; };",
        "/dts-v1/; / { x: x { compatible = \"fixed-factor-clock\"; #clock-cells = <0>; clocks = <&x>; "
        "clock-div = <1>; clock-mult = <1>; }; device { clocks = <&x>; }; };",
        "/dts-v1/; / { " FIXED
        "x: x { compatible = \"fixed-factor-clock\"; #clock-cells = <0>; clocks = <&hf>; "
        "clock-div = <0>; clock-mult = <1>; }; device { clocks = <&x>; }; };",
        PRCI("fu540") "device { clocks = <&prci>; }; };",
        PRCI("fu540") "device { clocks = <&prci 4>; }; };",
    };

    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        cr_assert_eq(rate(sources[i], 0), 0, "tree %zu", i);
}
