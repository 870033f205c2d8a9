/* SPDX-License-Identifier: MIT */
/* The device server's view of a device tree, for tests: trees of QEMU's machines or in source, and claims. */
#pragma once

#include "../../user/dev/devices.h"
#include "support.h"

#define DEV_LIST 256

static char scratch[64];
static struct exact blob;
static struct devices devices;

static inline void set_up(void)
{
    enter_scratch(scratch);
}

static inline void tear_down(void)
{
    exact_free(&blob);
    leave_scratch(scratch);
}

static inline void load(const char *path)
{
    struct exact file = read_file(path);
    struct fdt tree;

    exact_free(&blob);
    blob = exact_copy(file.data, file.size, 4);
    exact_free(&file);
    cr_assert_eq(fdt_open(&tree, blob.data, blob.size), FDT_OK);
    cr_assert_eq(devices_read(&devices, &tree), 0);
}

static inline void load_machine(const char *options)
{
    run("qemu-system-riscv64 -display none -machine dumpdtb=dtb -M %s", options);
    load("dtb");
}

static inline void load_source(const char *source)
{
    write_file("dts", source, strlen(source));
    run("dtc -q -I dts -O dtb -o dtb dts");
    load("dtb");
}

static inline unsigned find(const char *name)
{
    for (unsigned i = 0; i < devices.count; i++) {
        if (strcmp(device_name(&devices, i), name) == 0)
            return i;
    }
    cr_assert_fail("no device %s", name);
    return 0;
}

static inline void expect_line(const char *name, unsigned n, uint32_t expected)
{
    uint32_t line = 0, trigger;

    cr_assert_eq(device_line(&devices, find(name), n, &line, &trigger), ERR_OK, "%s", name);
    cr_assert_eq(line, expected, "%s: line %u instead of %u", name, line, expected);
}

static inline void expect_registers(const char *name, uint64_t expected_address, uint64_t expected_size)
{
    uint64_t address, size;

    cr_assert(device_registers(&devices, find(name), 0, &address, &size), "%s", name);
    cr_assert_eq(address, expected_address);
    cr_assert_eq(size, expected_size);
}

/* --- Small trees --- */

#define HEAD "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&plic>; "
#define PLIC                                                                                                 \
    "plic: plic@c000000 { compatible = \"sifive,plic-1.0.0\"; reg = <0 0xc000000 0 0x600000>; "              \
    "#interrupt-cells = <1>; interrupt-controller; riscv,ndev = <95>; }; "

/* --- Claims --- */

static uint32_t type_at[MAX_DEVICES]; /* virtio device type, by device */

static inline uint32_t virtio_type(unsigned device)
{
    return type_at[device];
}

/* `compatible`: strings with blanks between them. */
static inline enum error claim(uint64_t client, const char *driver, const char *compatible,
                               uint64_t virtio_id, uint64_t *count, int *other)
{
    char list[DEV_LIST] = {0};

    snprintf(list, sizeof(list) - 1, "%s", compatible);
    for (char *blank = strchr(list, ' '); blank != NULL; blank = strchr(blank + 1, ' '))
        *blank = 0;
    return devices_claim(&devices, client, driver, list, virtio_id, DEV_ALL_DEVICES, virtio_type, count,
                         other);
}
