/* SPDX-License-Identifier: MIT */
/* The UART driver against a model of a 16550 with its registers at various distances and widths. */
// sources: user/console/uart*.c lib/driver/mmio.c
#include "uart_model.h"

Test(console_uart, takes_over_without_touching_speed_or_data)
{
    char byte;

    make_chip(0, 1);
    chip.line_control = 0x83; /* the firmware left the divisor visible */
    chip.transmitter = 3;
    receive("ab");
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 0), ERR_OK);
    cr_assert_eq(chip.line_control, 0x03);
    cr_assert_not(chip.divisor_touched);
    cr_assert_eq(chip.enable, 0x01, "receive interrupt only");
    cr_assert_eq(chip.fifo_control & 0x06, 0, "bytes that are in the FIFOs are not thrown away");
    cr_assert_eq(chip.modem_control & 0x0b, 0x0b);
    cr_assert(uart_receive(&uart, &byte));
    cr_assert_eq(byte, 'a');
    cr_assert(uart_receive(&uart, &byte));
    cr_assert_eq(byte, 'b');
    cr_assert_not(uart_receive(&uart, &byte));
    cr_assert_eq(regs.refused, 0);
}

/* Each with accesses of that width only. With reg-shift 2 and reg-io-width 4 it is the MMUART of Microchip's
 * PolarFire SoC, which has registers of its own behind those. */
Test(console_uart, registers_at_a_distance)
{
    static const struct {
        unsigned shift, width;
    } layouts[] = {{0, 1}, {1, 1}, {1, 2}, {2, 1}, {2, 2}, {2, 4}, {3, 4}, {4, 1}};
    char byte;

    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        make_chip(layouts[i].shift, layouts[i].width);
        regs.length = 0x1000;
        receive("z");
        cr_assert_eq(uart_open(&uart, &regs, "ns16550a", chip.shift, chip.width), ERR_OK);
        cr_assert(uart_receive(&uart, &byte));
        cr_assert_eq(byte, 'z');
        cr_assert_eq(uart_transmit(&uart, "0123456789abcdefX", 17), 16);
        cr_assert_eq(memcmp(chip.sent, "0123456789abcdef", 16), 0);
        uart_want_transmit_interrupt(&uart, true);
        cr_assert_eq(chip.enable, 0x03);
        cr_assert_eq(regs.refused, 0);
    }
}

/* Some relatives (DesignWare's) interrupt when that register is written while they are busy. */
Test(console_uart, line_control_is_written_only_if_it_must_be)
{
    make_chip(2, 4);
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 2, 4), ERR_OK);
    cr_assert_eq(chip.line_control_writes, 0);
    make_chip(2, 4);
    chip.line_control = 0x83;
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 2, 4), ERR_OK);
    cr_assert_eq(chip.line_control_writes, 1);
}

Test(console_uart, transmits_what_fits)
{
    make_chip(0, 1);
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 1), ERR_OK);
    cr_assert_eq(uart_transmit(&uart, "0123456789abcdefXYZ", 19), 16);
    cr_assert_eq(uart_transmit(&uart, "XYZ", 3), 0, "busy");
    chip.transmitter = 0;
    cr_assert_eq(uart_transmit(&uart, "XYZ", 3), 3);
    cr_assert_eq(memcmp(chip.sent, "0123456789abcdefXYZ", 19), 0);
    cr_assert_eq(uart_transmit(&uart, "", 0), 0);
}

Test(console_uart, chip_without_fifo)
{
    make_chip(0, 1);
    chip.has_fifo = false;
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 1), ERR_OK);
    cr_assert_eq(uart_transmit(&uart, "abc", 3), 1);
}

Test(console_uart, transmit_interrupt_is_switched)
{
    make_chip(0, 1);
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 1), ERR_OK);
    uart_want_transmit_interrupt(&uart, true);
    cr_assert_eq(chip.enable, 0x03);
    uart_want_transmit_interrupt(&uart, false);
    cr_assert_eq(chip.enable, 0x01);
}

Test(console_uart, counts_lost_bytes)
{
    char byte;

    make_chip(0, 1);
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 1), ERR_OK);
    receive("a");
    chip.lost_byte = true;
    cr_assert(uart_receive(&uart, &byte));
    cr_assert_eq(uart.overruns, 1);
    cr_assert_not(uart_receive(&uart, &byte));
    cr_assert_eq(uart.overruns, 1);
}

Test(console_uart, nothing_there)
{
    make_chip(0, 1);
    chip.absent = true;
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 1), ERR_NO_DEVICE);
}

Test(console_uart, properties_that_make_no_sense)
{
    make_chip(0, 1);
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 9, 1), ERR_BAD_ARG);
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 3), ERR_BAD_ARG);
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 4), ERR_BAD_ARG, "words that overlap");
    regs.length = 6;
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 0, 1), ERR_BAD_ARG);
    regs.length = 8;
    cr_assert_eq(uart_open(&uart, &regs, "ns16550a", 2, 4), ERR_BAD_ARG);
}
