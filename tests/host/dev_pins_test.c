/* SPDX-License-Identifier: MIT */
/* Which pins of a GPIO controller the device server sees in use: on small trees made by dtc, and on a machine
 * of QEMU's. */
// sources: user/dev/devices.c user/dev/interrupts.c user/dev/pins.c
#include "dev_world.h"

TestSuite(dev_pins, .init = set_up, .fini = tear_down, .timeout = 60);

static int pin_user[DEVICE_MAX_PINS];

static void expect_user(unsigned pin, const char *name)
{
    cr_assert_str_eq(fdt_name(&devices.tree, pin_user[pin]), name, "pin %u", pin);
}

#define GPIO                                                                                                 \
    "compatible = \"sifive,gpio0\"; gpio-controller; #gpio-cells = <2>; interrupt-controller; "              \
    "#interrupt-cells = <2>; interrupts = <1 2 3 4>; "

Test(dev_pins, pins_have_users)
{
    load_source(HEAD PLIC "g1: g1 { " GPIO "hog { gpio-hog; gpios = <20 0 21 1>; output-high; };"
                          "fan { gpios = <&g1 1 0>; }; };"
                          "g2: g2 { " GPIO "};"
                          "one { compatible = \"gpio-restart\"; gpios = <&g1 10 1>; };"
                          "mmc { cd-gpios = <&g1 3 0>; wp-gpios = <&g2 4 1>; vqmmc-gpio = <&g1 5 0>; };"
                          "spi { cs-gpios = <0>, <&g2 6 0>, <&g1 7 0>; };"
                          "leds { compatible = \"gpio-leds\"; red { gpios = <&g1 8 0>; }; };"
                          "pmic { compatible = \"x\"; interrupt-parent = <&g1>; interrupts = <1 8 9 1>; };"
                          "net { interrupts-extended = <&plic 4>, <&g1 11 4>, <&g2 12 4>; };"
                          "off { status = \"disabled\"; reset-gpios = <&g1 12 0>; };"
                          "far { reset-gpios = <&g1 32 0>, <&g1 0xffffffff 0>; };"
                          "count { snps,nr-gpios = <32>; ngpios = <2>; gpio-ranges = <&g1 13 0 1>; };"
                          "cut { a-gpios = <&g1>; b-gpios = [00 00]; c-gpios = <99 13 0>, <&g1 13 0>; };"
                          "};");
    device_pin_users(&devices, find("g1"), pin_user);
    const char *expected[DEVICE_MAX_PINS] = {
        [1] = "fan",  [3] = "mmc",  [5] = "mmc",  [7] = "spi",  [8] = "red",
        [9] = "pmic", [10] = "one", [11] = "net", [20] = "hog", [21] = "hog"};
    for (unsigned pin = 0; pin < DEVICE_MAX_PINS; pin++)
        expect_user(pin, expected[pin] != NULL ? expected[pin] : "");
    device_pin_users(&devices, find("g2"), pin_user);
    expect_user(4, "mmc");
    expect_user(6, "spi");
    expect_user(12, "net");
    expect_user(3, "");
}

Test(dev_pins, pins_of_a_controller_without_cells)
{
    load_source(HEAD PLIC
                "g: g { compatible = \"sifive,gpio0\"; gpio-controller; hog { gpio-hog; gpios = <1 0>; }; };"
                "a { b-gpios = <&g 1 0>; interrupt-parent = <&g>; interrupts = <1>; }; };");
    device_pin_users(&devices, find("g"), pin_user);
    for (unsigned pin = 0; pin < DEVICE_MAX_PINS; pin++)
        expect_user(pin, "");
    load_source(HEAD PLIC
                "g: g { compatible = \"sifive,gpio0\"; #gpio-cells = <17>; #interrupt-cells = <17>; };"
                "a { b-gpios = <&g 1 0>; interrupt-parent = <&g>; interrupts = <1>; }; };");
    device_pin_users(&devices, find("g"), pin_user);
    expect_user(1, "");
}

Test(dev_pins, pin_that_restarts_the_machine)
{
    load_machine("sifive_u -smp 5");
    device_pin_users(&devices, find("gpio@10060000"), pin_user);
    for (unsigned pin = 0; pin < DEVICE_MAX_PINS; pin++)
        expect_user(pin, pin == 10 ? "gpio-restart" : "");
    cr_assert_eq(device_lines(&devices, find("gpio@10060000")), 16);
    expect_line("gpio@10060000", 0, 7);
    expect_line("gpio@10060000", 15, 22);
}
