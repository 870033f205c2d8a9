/* SPDX-License-Identifier: MIT */
/* Devices on the bus of a controller: whose registers and interrupts they have, and who may drive them. */
// sources: user/dev/devices.c user/dev/interrupts.c
#include "dev_world.h"

TestSuite(dev_bus, .init = set_up, .fini = tear_down, .timeout = 60);

#define SPI                                                                                                  \
    "prci: clock { compatible = \"fixed-clock\"; #clock-cells = <0>; clock-frequency = <24000000>; }; "      \
    "spi@5000 { compatible = \"sifive,spi0\"; reg = <0 0x5000 0 0x1000>; interrupts = <6>; "                 \
    "reg-io-width = <4>; #address-cells = <1>; #size-cells = <0>; "                                          \
    "mmc@0 { compatible = \"mmc-spi-slot\"; reg = <0>; spi-max-frequency = <20000000>; }; "                  \
    "flash@1 { compatible = \"jedec,spi-nor\"; reg = <1>; reg-io-width = <1>; }; "                           \
    "strange { compatible = \"no,number\"; }; }; "

Test(dev_bus, device_on_a_bus_has_its_controllers_registers_and_interrupts)
{
    uint64_t address, size;

    load_source(HEAD PLIC SPI "};");
    expect_registers("mmc@0", 0x5000, 0x1000);
    expect_line("mmc@0", 0, 6);
    cr_assert_eq(device_lines(&devices, find("flash@1")), 1);
    cr_assert_eq(device_register_ranges(&devices, find("flash@1")), 1);
    cr_assert_eq(device_hardware(&devices, find("mmc@0")), devices.device[find("spi@5000")].node);
    cr_assert_eq(device_number(&devices, find("mmc@0"), "spi-max-frequency"), 20000000);
    cr_assert_eq(device_number(&devices, find("mmc@0"), "reg-io-width"), 4, "the controller's");
    cr_assert_eq(device_number(&devices, find("flash@1"), "reg-io-width"), 1, "its own");
    cr_assert_not(device_registers(&devices, find("strange"), 0, &address, &size));
    cr_assert_eq(device_lines(&devices, find("strange")), 0);
}

Test(dev_bus, sifive_u_slot)
{
    load_machine("sifive_u -smp 5");
    expect_registers("mmc@0", 0x10050000, 0x1000);
    expect_line("mmc@0", 0, 6);
}

Test(dev_bus, devices_on_one_bus_have_one_driver)
{
    uint64_t count;
    int other = NO_DEVICE;

    load_source(HEAD PLIC SPI "};");
    cr_assert_eq(claim(7, "sd-spi", "mmc-spi-slot", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 1, "the controller is not another device");
    cr_assert_eq(devices_of(&devices, 7, 0), (int)find("mmc@0"));
    cr_assert_eq(claim(8, "flash", "jedec,spi-nor", 0, &count, &other), ERR_EXISTS);
    cr_assert_eq(other, (int)find("mmc@0"));
    cr_assert_eq(claim(9, "spi", "sifive,spi0", 0, &count, &other), ERR_EXISTS);
    devices_release(&devices, 7);
    cr_assert_eq(claim(9, "spi", "sifive,spi0", 0, &count, &other), ERR_OK);
    cr_assert_eq(claim(7, "sd-spi", "mmc-spi-slot", 0, &count, &other), ERR_EXISTS);
    cr_assert_eq(other, (int)find("spi@5000"));
    cr_assert_eq(claim(9, "spi", "mmc-spi-slot", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 2);
}
