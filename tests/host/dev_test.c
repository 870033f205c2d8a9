/* SPDX-License-Identifier: MIT */
/* The device server's view of the hardware: on the trees of QEMU's machines, on small trees made by dtc, on
 * damaged ones. */
// sources: user/dev/devices.c user/dev/interrupts.c
#include "dev_world.h"

#include <abi/object.h>

TestSuite(dev, .init = set_up, .fini = tear_down, .timeout = 60);

/* --- Machines --- */

Test(dev, virt)
{
    char name[32];

    load_machine("virt -smp 4 -m 512M");
    expect_registers("serial@10000000", 0x10000000, 0x100);
    expect_line("serial@10000000", 0, 10);
    cr_assert_eq(device_lines(&devices, find("serial@10000000")), 1);
    cr_assert_eq(device_register_ranges(&devices, find("serial@10000000")), 1);
    cr_assert_eq(device_number(&devices, find("serial@10000000"), "clock-frequency"), 3686400);
    cr_assert_eq(device_number(&devices, find("serial@10000000"), "reg-shift"), 0);
    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "virtio_mmio@%x", 0x10001000 + 0x1000 * i);
        expect_registers(name, 0x10001000 + 0x1000 * i, 0x1000);
        expect_line(name, 0, i + 1);
    }
    cr_assert_eq(device_register_ranges(&devices, find("flash@20000000")), 2);
    cr_assert_eq(device_lines(&devices, find("flash@20000000")), 0);
}

Test(dev, virt_with_several_controllers)
{
    uint32_t sources;

    load_machine("virt -smp 4 -m 512M -object memory-backend-ram,id=m0,size=256M "
                 "-object memory-backend-ram,id=m1,size=256M -numa node,memdev=m0,cpus=0-1 "
                 "-numa node,memdev=m1,cpus=2-3");
    cr_assert_eq(devices.controllers.count, 2);
    cr_assert(fdt_prop_u32(&devices.tree, devices.controllers.intc[0].node, "riscv,ndev", 0, &sources));
    cr_assert_eq(devices.controllers.intc[0].first_line, 0);
    cr_assert_eq(devices.controllers.intc[1].first_line, sources + 1);
    /* What the tree says, looked up another way. */
    unsigned serial = find("serial@10000000");
    uint32_t parent, line, trigger;
    cr_assert(fdt_prop_u32(&devices.tree, devices.device[serial].node, "interrupt-parent", 0, &parent));
    int node = fdt_by_phandle(&devices.tree, parent);
    cr_assert_eq(device_line(&devices, serial, 0, &line, &trigger), ERR_OK);
    cr_assert_eq(line, 10 + (node == devices.controllers.intc[1].node ? sources + 1 : 0));
}

Test(dev, virt_with_two_cells_for_an_interrupt)
{
    uint32_t line, trigger;

    load_machine("virt,aia=aplic-imsic");
    cr_assert_eq(devices.controllers.count, 1);
    cr_assert_eq(device_line(&devices, find("serial@10000000"), 0, &line, &trigger), ERR_OK);
    cr_assert_eq(line, 10);
    cr_assert_eq(trigger, IRQ_TRIGGER_HIGH);
    cr_assert_eq(device_lines(&devices, find("serial@10000000")), 1);
    expect_registers("serial@10000000", 0x10000000, 0x100);
}

#define APLIC                                                                                                \
    "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&aplic>; "                   \
    "aplic: a@d000000 { compatible = \"riscv,aplic\"; reg = <0 0xd000000 0 0x8000>; interrupt-controller; "  \
    "#interrupt-cells = <2>; riscv,num-sources = <70>; msi-parent = <&imsic>; }; "                           \
    "imsic: i@28000000 { compatible = \"riscv,imsics\"; reg = <0 0x28000000 0 0x1000>; "                     \
    "interrupts-extended = <1 9>; riscv,num-ids = <63>; }; "

Test(dev, trigger_types)
{
    uint32_t line, trigger;

    load_source(APLIC
                "d@1000 { compatible = \"d\"; interrupts = <1 0>, <2 1>, <3 2>, <4 4>, <5 8>, <6 3>, <7 16>, "
                "<64 4>, <70 4>, <71 4>, <9>; }; };");
    for (unsigned n = 0; n < 5; n++) {
        cr_assert_eq(device_line(&devices, find("d@1000"), n, &line, &trigger), ERR_OK);
        cr_assert_eq(line, n + 1);
        cr_assert_eq(trigger, n == 0 ? 0 : 1u << (n - 1));
    }
    cr_assert_eq(device_line(&devices, find("d@1000"), 5, &line, &trigger), ERR_CORRUPT, "both edges");
    cr_assert_eq(device_line(&devices, find("d@1000"), 6, &line, &trigger), ERR_CORRUPT);
    cr_assert_eq(device_line(&devices, find("d@1000"), 7, &line, &trigger), ERR_UNSUPPORTED, "no identity");
    cr_assert_eq(device_line(&devices, find("d@1000"), 10, &line, &trigger), ERR_NOT_FOUND);
}

Test(dev, sifive_u)
{
    load_machine("sifive_u -smp 5");
    expect_registers("serial@10010000", 0x10010000, 0x1000);
    expect_line("serial@10010000", 0, 4);
    expect_line("serial@10011000", 0, 5);
}

/* --- Small trees --- */

Test(dev, interrupts_come_in_several_forms)
{
    uint32_t line, trigger;

    load_source(HEAD PLIC
                "gpio: gpio { compatible = \"gpio\"; interrupt-controller; #interrupt-cells = <2>; };"
                "bus { compatible = \"simple-bus\"; #address-cells = <2>; #size-cells = <2>; ranges;"
                "  inherits@1000 { compatible = \"a\"; reg = <0 0x1000 0 0x10>; interrupts = <7 9>; };"
                "  extended@2000 { compatible = \"b\"; interrupts = <1>;"
                "    interrupts-extended = <&gpio 1 2 &plic 33 &gpio 3 4>; };"
                "};"
                "own@3000 { compatible = \"c\"; interrupt-parent = <&gpio>; interrupts = <5 1>; };"
                "zero@4000 { compatible = \"d\"; interrupts = <0 96 95>; };"
                "odd@5000 { compatible = \"e\"; interrupts-extended = <&plic 3 99 1>; };"
                "};");
    expect_line("inherits@1000", 0, 7);
    expect_line("inherits@1000", 1, 9);
    cr_assert_eq(device_line(&devices, find("inherits@1000"), 2, &line, &trigger), ERR_NOT_FOUND);
    cr_assert_eq(device_lines(&devices, find("extended@2000")), 3);
    expect_line("extended@2000", 1, 33);
    cr_assert_eq(device_line(&devices, find("extended@2000"), 0, &line, &trigger), ERR_UNSUPPORTED);
    cr_assert_eq(device_line(&devices, find("own@3000"), 0, &line, &trigger), ERR_UNSUPPORTED);
    cr_assert_eq(device_line(&devices, find("zero@4000"), 0, &line, &trigger), ERR_CORRUPT);
    cr_assert_eq(device_line(&devices, find("zero@4000"), 1, &line, &trigger), ERR_CORRUPT);
    expect_line("zero@4000", 2, 95);
    expect_line("odd@5000", 0, 3);
    cr_assert_eq(device_line(&devices, find("odd@5000"), 1, &line, &trigger), ERR_CORRUPT, "no such phandle");
}

Test(dev, what_is_disabled_is_no_device)
{
    load_source(HEAD PLIC "a { compatible = \"x\"; status = \"disabled\"; };"
                          "b { compatible = \"simple-bus\"; status = \"fail\"; c { compatible = \"x\"; }; };"
                          "d { compatible = \"x\"; status = \"okay\"; }; e { }; };");
    for (unsigned i = 0; i < devices.count; i++) {
        const char *name = device_name(&devices, i);
        cr_assert(strcmp(name, "d") == 0 || strcmp(name, "plic@c000000") == 0, "%s", name);
    }
    cr_assert_eq(devices.count, 2);
}

Test(dev, more_devices_than_there_is_room_for)
{
    char source[16384] = HEAD PLIC;
    struct fdt tree;

    for (unsigned i = 0; i < MAX_DEVICES + 4; i++)
        sprintf(source + strlen(source), "d%u { compatible = \"x\"; }; ", i);
    strcat(source, "};");
    write_file("dts", source, strlen(source));
    run("dtc -q -I dts -O dtb -o dtb dts");
    blob = read_file("dtb");
    cr_assert_eq(fdt_open(&tree, blob.data, blob.size), FDT_OK);
    cr_assert_eq(devices_read(&devices, &tree), 5, "one place is the interrupt controller's");
    cr_assert_eq(devices.count, MAX_DEVICES);
}

/* --- Claims --- */

Test(dev, drivers_get_what_is_theirs)
{
    uint64_t count;
    int other;

    load_machine("virt");
    memset(type_at, 0, sizeof(type_at));
    type_at[find("virtio_mmio@10008000")] = 2;
    type_at[find("virtio_mmio@10003000")] = 2;
    type_at[find("virtio_mmio@10002000")] = 1;
    cr_assert_eq(claim(7, "virtio-blk", "virtio,mmio", 2, &count, &other), ERR_OK);
    cr_assert_eq(count, 2);
    cr_assert_eq(claim(8, "console", "ns16550a", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(devices_of(&devices, 8, 0), (int)find("serial@10000000"));
    cr_assert_eq(devices_of(&devices, 8, 1), NO_DEVICE);
    cr_assert_eq(devices_of(&devices, 7, 2), NO_DEVICE);
    cr_assert_eq(devices_of(&devices, 9, 0), NO_DEVICE);
    cr_assert_eq(devices_of(&devices, 0, 0), NO_DEVICE);
    for (unsigned i = 0; i < 2; i++) {
        int device = devices_of(&devices, 7, i);
        cr_assert_eq(type_at[device], 2);
        cr_assert_str_eq(devices.device[device].compatible, "virtio,mmio");
    }
    cr_assert_eq(claim(9, "nothing", "no,such-device", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 0);
}

Test(dev, a_driver_of_several_kinds)
{
    uint64_t count;
    int other;

    load_source(HEAD PLIC "one@1000 { compatible = \"vendor,one\", \"common\"; };"
                          "two@2000 { compatible = \"vendor,two\", \"common\", \"old\"; };"
                          "three@3000 { compatible = \"common2\", \"commo\"; };"
                          "four@4000 { compatible = \"old\"; };"
                          "five@5000 { compatible = \"virtio,mmio\"; }; };");
    memset(type_at, 0, sizeof(type_at));
    cr_assert_eq(claim(7, "other", "none commo", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(claim(8, "driver", "old common vendor,one", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 3);
    cr_assert_str_eq(devices.device[find("one@1000")].compatible, "vendor,one", "what tells most");
    cr_assert_str_eq(devices.device[find("two@2000")].compatible, "common");
    cr_assert_str_eq(devices.device[find("four@4000")].compatible, "old");
    cr_assert_eq(claim(9, "third", "nothing vendor,two", 0, &count, &other), ERR_EXISTS);
    cr_assert_eq(other, (int)find("two@2000"));
    cr_assert_eq(claim(9, "third", "x virtio,mmio", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 0, "an empty virtio slot is no device");
    cr_assert_eq(claim(9, "third", "", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 0);
}

static void expect_stdout(const char *chosen, const char *expected)
{
    char source[1024];

    snprintf(source, sizeof(source),
             HEAD PLIC "aliases { serial0 = \"/soc/uart@1000\"; serial1 = \"/soc/uart@2000\";"
                       "  bad = \"/no\"; };"
                       "chosen { %s };"
                       "soc { compatible = \"simple-bus\"; uart@1000 { compatible = \"u\"; };"
                       "  uart@2000 { compatible = \"u\"; }; }; };",
             chosen);
    load_source(source);
    for (unsigned i = 0; i < devices.count; i++) {
        cr_assert_eq(device_is_stdout(&devices, i), strcmp(device_name(&devices, i), expected) == 0,
                     "with \"%s\": %s", chosen, device_name(&devices, i));
    }
}

Test(dev, the_tree_names_one_for_the_terminal)
{
    expect_stdout("stdout-path = \"/soc/uart@2000\";", "uart@2000");
    expect_stdout("stdout-path = \"/soc/uart@2000:115200n8\";", "uart@2000");
    expect_stdout("stdout-path = \"serial1\";", "uart@2000");
    expect_stdout("stdout-path = \"serial0:115200\";", "uart@1000");
    expect_stdout("stdout-path = \"serial7\";", "none");
    expect_stdout("stdout-path = \"bad\";", "none");
    expect_stdout("stdout-path = \"/soc/uart@3000\";", "none");
    expect_stdout("stdout-path = \"\";", "none");
    expect_stdout("stdout-path = <1>;", "none");
    expect_stdout("", "none");
    load_source(HEAD PLIC "a { compatible = \"u\"; }; };");
    cr_assert_not(device_is_stdout(&devices, find("a")), "there is no /chosen");
    load_machine("virt -smp 1");
    cr_assert(device_is_stdout(&devices, find("serial@10000000")));
    load_machine("sifive_u -smp 2");
    cr_assert(device_is_stdout(&devices, find("serial@10010000")));
    cr_assert_not(device_is_stdout(&devices, find("serial@10011000")));
}

Test(dev, a_device_has_one_driver)
{
    uint64_t count;
    int other = NO_DEVICE;

    load_machine("virt");
    memset(type_at, 0, sizeof(type_at));
    type_at[find("virtio_mmio@10008000")] = 2;
    type_at[find("virtio_mmio@10001000")] = 1;
    cr_assert_eq(claim(7, "virtio-blk", "virtio,mmio", 2, &count, &other), ERR_OK);
    cr_assert_eq(claim(8, "greedy", "virtio,mmio", 0, &count, &other), ERR_EXISTS);
    cr_assert_eq(other, (int)find("virtio_mmio@10008000"));
    cr_assert_str_eq(devices.driver[devices.device[other].driver].name, "virtio-blk");
    cr_assert_eq(devices_count(&devices, 8), 0, "nothing has changed");
    cr_assert_eq(devices_driver(&devices, "greedy"), 0);
    cr_assert_eq(devices_count(&devices, 7), 1);
    devices_release(&devices, 7);
    cr_assert_eq(devices_count(&devices, 7), 0);
    cr_assert_eq(claim(8, "greedy", "virtio,mmio", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 2);
}

Test(dev, a_driver_that_was_started_again_replaces_itself)
{
    uint64_t count;
    int other;

    load_machine("virt");
    cr_assert_eq(claim(7, "console", "ns16550a", 0, &count, &other), ERR_OK);
    cr_assert_eq(devices_driver(&devices, "console"), 7);
    cr_assert_eq(claim(12, "console", "ns16550a", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(devices_count(&devices, 7), 0);
    cr_assert_eq(devices_driver(&devices, "console"), 12);
    devices_release(&devices, 7);
    cr_assert_eq(devices_count(&devices, 12), 1, "the one before is long gone");
    cr_assert_eq(claim(12, "console", "google,goldfish-rtc", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 2, "a driver can drive several kinds");
}

Test(dev, deadlines_are_those_of_a_devices_driver)
{
    uint64_t count;
    int other;

    load_machine("virt");
    unsigned uart = find("serial@10000000"), clock = find("rtc@101000");
    cr_assert_eq(device_deadline(&devices, uart), 0);
    cr_assert_eq(claim(7, "console", "ns16550a", 0, &count, &other), ERR_OK);
    cr_assert_eq(claim(8, "clock", "google,goldfish-rtc", 0, &count, &other), ERR_OK);
    devices_set_deadline(&devices, 7, 1000);
    devices_set_deadline(&devices, 0, 5);
    cr_assert_eq(device_deadline(&devices, uart), 1000);
    cr_assert_eq(device_deadline(&devices, clock), 0);
    devices_release(&devices, 7);
    cr_assert_eq(device_deadline(&devices, uart), 0);
    cr_assert_eq(claim(9, "console", "ns16550a", 0, &count, &other), ERR_OK);
    cr_assert_eq(device_deadline(&devices, uart), 0, "that of the driver before");
}

Test(dev, claims_that_make_no_sense)
{
    uint64_t count;
    int other;
    char name[16];

    load_machine("virt");
    cr_assert_eq(claim(0, "x", "ns16550a", 0, &count, &other), ERR_BAD_ARG);
    cr_assert_eq(claim(1, "", "ns16550a", 0, &count, &other), ERR_BAD_ARG);
    for (unsigned i = 0; i < MAX_DRIVERS; i++) {
        snprintf(name, sizeof(name), "driver%u", i);
        cr_assert_eq(claim(i + 1, name, "none", 0, &count, &other), ERR_OK);
    }
    cr_assert_eq(claim(99, "one-more", "ns16550a", 0, &count, &other), ERR_TOO_MANY);
    devices_release(&devices, 5);
    cr_assert_eq(claim(99, "one-more", "ns16550a", 0, &count, &other), ERR_OK);
    cr_assert_eq(count, 1);
}

/* --- Damage --- */

/* Each cell is an interrupt of a controller that wants no cells: counting them all would take minutes. */
Test(dev, interrupts_without_number_are_counted_up_to_a_limit)
{
    static char source[40000];
    char *to = source;

    to += sprintf(to, "/dts-v1/; / { pic: pic { phandle = <1>; #interrupt-cells = <0>; };"
                      " many { compatible = \"many\"; interrupts-extended = <");
    for (unsigned n = 0; n < 10000; n++)
        to += sprintf(to, "1 ");
    sprintf(to, ">; }; };");
    FILE *file = fopen("many.dts", "w");
    cr_assert_not_null(file);
    cr_assert(fputs(source, file) >= 0 && fclose(file) == 0);
    run("dtc -q -f -I dts -O dtb -o dtb many.dts");
    load("dtb");
    cr_assert_eq(devices.count, 1);
    cr_assert_eq(device_lines(&devices, 0), DEVICE_MAX_LINES);
}

Test(dev, damaged_trees_do_no_harm)
{
    uint64_t state = 20, address, size;
    unsigned opened = 0, lines = 0, unsupported = 0, corrupt = 0;
    uint32_t line, trigger;

    load_machine("virt -smp 1");
    run("dtc -q -I dtb -O dtb -o small dtb"); /* without the padding */
    struct exact original = read_file("small");
    for (unsigned round = 0; round < 6000; round++) {
        struct exact damaged = exact_copy(original.data, original.size, 0);
        struct fdt tree;
        for (uint64_t i = random_below(&state, 6); i < 6; i++) {
            damaged.data[40 + random_below(&state, damaged.size - 40)] ^=
                (uint8_t)(1 << random_below(&state, 8));
        }
        if (!fdt_open(&tree, damaged.data, damaged.size)) {
            opened++;
            devices_read(&devices, &tree);
            for (unsigned i = 0; i < devices.count; i++) {
                device_name(&devices, i);
                device_register_ranges(&devices, i);
                if (device_registers(&devices, i, 0, &address, &size))
                    devices_frame_bits(&devices, address, size, address);
                for (unsigned n = device_lines(&devices, i); n > 0; n--) {
                    enum error error = device_line(&devices, i, n - 1, &line, &trigger);
                    lines += !error;
                    unsupported += error == ERR_UNSUPPORTED;
                    corrupt += error == ERR_CORRUPT;
                    cr_assert(error || (line > 0 && line < 1024));
                }
            }
        }
        exact_free(&damaged);
    }
    exact_free(&original);
    cr_assert(opened > 1000 && lines > 1000 && unsupported > 100 && corrupt > 10, "%u %u %u %u", opened,
              lines, unsupported, corrupt);
}
