/* SPDX-License-Identifier: MIT */
/* Accesses to device registers: those in range reach the device as asked for, all others are refused and
 * logged. */
// sources: lib/driver/mmio.c
#include "rt_stub.h"

#include <criterion/criterion.h>
#include <driver/mmio.h>

/* A device that remembers the last access. */
static struct {
    uint64_t offset, value;
    unsigned bytes, reads, writes;
    enum mmio_order order;
} device;

static uint64_t device_read(void *context, uint64_t offset, unsigned bytes, enum mmio_order order)
{
    cr_assert_eq(context, &device);
    device.offset = offset;
    device.bytes = bytes;
    device.order = order;
    device.reads++;
    return device.value;
}

static void device_write(void *context, uint64_t offset, unsigned bytes, uint64_t value,
                         enum mmio_order order)
{
    cr_assert_eq(context, &device);
    device.offset = offset;
    device.bytes = bytes;
    device.value = value;
    device.order = order;
    device.writes++;
}

static const struct mmio_access access = {device_read, device_write};

static struct mmio make_region(uint64_t length)
{
    stub_log_clear();
    memset(&device, 0, sizeof(device));
    return (struct mmio){&access, &device, length, "uart@10000000", 0};
}

Test(mmio, passes_accesses_on)
{
    struct mmio region = make_region(0x100);

    device.value = 0x1122334455667788;
    cr_assert_eq(mmio_read8(&region, 0xff, MMIO_PLAIN), 0x88);
    cr_assert_eq(device.offset, 0xff);
    cr_assert_eq(device.bytes, 1);
    cr_assert_eq(mmio_read16(&region, 2, MMIO_FENCED), 0x7788);
    cr_assert_eq(device.order, MMIO_FENCED);
    cr_assert_eq(mmio_read32(&region, 0xfc, MMIO_PLAIN), 0x55667788);
    cr_assert_eq(mmio_read64(&region, 0xf8, MMIO_PLAIN), 0x1122334455667788);
    cr_assert_eq(device.bytes, 8);
    mmio_write16(&region, 4, 0xabcd, MMIO_FENCED);
    cr_assert_eq(device.offset, 4);
    cr_assert_eq(device.bytes, 2);
    cr_assert_eq(device.value, 0xabcd);
    cr_assert_eq(region.refused, 0);
    cr_assert_eq(stub_lines, 0);
}

Test(mmio, modifies_only_the_bits_asked_for)
{
    struct mmio region = make_region(0x100);

    device.value = 0xff00ff00;
    mmio_modify32(&region, 8, 0x0f000000, 0x0000000f, MMIO_PLAIN);
    cr_assert_eq(device.value, 0xf000ff0f);
    cr_assert_eq(device.reads, 1);
    cr_assert_eq(device.writes, 1);
    device.value = UINT64_MAX;
    mmio_modify64(&region, 8, 1, 0, MMIO_PLAIN);
    cr_assert_eq(device.value, UINT64_MAX - 1);
}

Test(mmio, refuses_what_is_outside_or_misaligned)
{
    static const struct {
        uint64_t offset;
        unsigned bytes;
    } bad[] = {{0x100, 1}, {0xfe, 4}, {0xfc, 8}, {1, 2}, {2, 4}, {UINT64_MAX, 1}, {UINT64_MAX - 7, 8}};
    struct mmio region = make_region(0x100);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(mmio_read(&region, bad[i].offset, bad[i].bytes, MMIO_PLAIN), UINT64_MAX);
        mmio_write(&region, bad[i].offset, bad[i].bytes, 0, MMIO_PLAIN);
    }
    cr_assert_eq(device.reads + device.writes, 0);
    cr_assert_eq(region.refused, 14);
    cr_assert_eq(stub_lines, 8, "a wrong driver does not fill the log");
}

Test(mmio, says_what_was_refused)
{
    struct mmio region = make_region(0x100);

    mmio_write32(&region, 0x102, 1, MMIO_PLAIN);
    cr_assert_str_eq(stub_log, "uart@10000000: write of 4 bytes at offset 0x102 refused: misaligned "
                               "(registers: 0x100 bytes)\n");
    stub_log_clear();
    cr_assert_eq(mmio_read8(&region, 0x100, MMIO_PLAIN), 0xff);
    cr_assert_str_eq(stub_log,
                     "uart@10000000: read of 1 bytes at offset 0x100 refused: outside the registers "
                     "(registers: 0x100 bytes)\n");
}

Test(mmio, region_smaller_than_an_access)
{
    struct mmio region = make_region(3);

    mmio_read32(&region, 0, MMIO_PLAIN);
    cr_assert_eq(device.reads, 0);
    mmio_read16(&region, 0, MMIO_PLAIN);
    cr_assert_eq(device.reads, 1);
}

Test(mmio, widths_that_no_register_has)
{
    static const unsigned widths[] = {0, 3, 5, 6, 7, 16};
    struct mmio region = make_region(0x100);

    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        cr_assert_eq(mmio_read(&region, 0, widths[i], MMIO_PLAIN), UINT64_MAX);
        mmio_write(&region, 0, widths[i], 0, MMIO_FENCED);
    }
    cr_assert_eq(device.reads + device.writes, 0);
    cr_assert_eq(region.refused, 12);
    cr_assert_not_null(strstr(stub_log, "read of 3 bytes at offset 0x0 refused: no such width"));
}

Test(mmio, a_change_outside_is_no_access)
{
    struct mmio region = make_region(0x100);

    mmio_modify32(&region, 0x100, 1, 2, MMIO_PLAIN);
    mmio_modify16(&region, 0x11, 1, 2, MMIO_PLAIN);
    cr_assert_eq(device.reads + device.writes, 0);
    cr_assert_eq(region.refused, 4);
}
