/* SPDX-License-Identifier: MIT */
/* The UART drivers of DesignWare's and Intel's relatives of the 16550, against models of them. */
// sources: user/console/uart*.c lib/driver/mmio.c
#include "uart_model.h"

/* --- snps,dw-apb-uart --- */

static void make_dw(void)
{
    make_chip(2, 4);
    chip.type = DW_APB;
}

static enum error open_dw(void)
{
    return uart_open(&uart, &regs, "snps,dw-apb-uart", 2, 4);
}

Test(console_relatives, dw_is_a_16550)
{
    char byte;

    make_dw();
    receive("ab");
    cr_assert_eq(open_dw(), ERR_OK);
    cr_assert_eq(chip.line_control_writes, 0);
    cr_assert_eq(chip.fifo_control & 0x06, 0, "bytes that are in the FIFOs are not thrown away");
    cr_assert_eq(chip.enable, 0x01);
    cr_assert(uart_receive(&uart, &byte) && byte == 'a');
    cr_assert(uart_receive(&uart, &byte) && byte == 'b');
    cr_assert_not(uart_receive(&uart, &byte));
    cr_assert_eq(uart_transmit(&uart, "0123456789abcdefX", 17), 16);
    uart_want_transmit_interrupt(&uart, true);
    cr_assert_eq(chip.enable, 0x03);
    cr_assert_eq(regs.refused, 0);
}

Test(console_relatives, dw_with_the_registers_of_every_soc)
{
    static const struct {
        unsigned shift, width;
    } layouts[] = {{0, 1}, {2, 1}, {2, 4}, {3, 4}};

    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        make_chip(layouts[i].shift, layouts[i].width);
        chip.type = DW_APB;
        cr_assert_eq(uart_open(&uart, &regs, "snps,dw-apb-uart", chip.shift, chip.width), ERR_OK);
    }
    make_dw();
    regs.length = 0x20; /* a 16550's, but not its status register */
    cr_assert_eq(open_dw(), ERR_BAD_ARG);
}

/* It takes no line control while it transmits. */
Test(console_relatives, dw_that_is_busy)
{
    make_dw();
    chip.line_control = 0x83;
    chip.busy = 50;
    cr_assert_eq(open_dw(), ERR_OK);
    cr_assert_eq(chip.line_control, 0x03);
    cr_assert_not(chip.busy_told, "that interrupt has ended");
    cr_assert_not(chip.divisor_touched);
    cr_assert_eq(chip.fifo_control & 0x06, 0);
}

/* What was typed keeps it busy, and cannot be read while the divisor is in its place. */
Test(console_relatives, dw_that_is_kept_busy_by_what_it_received)
{
    make_dw();
    chip.line_control = 0x83;
    chip.busy_by_data = true;
    receive("x");
    cr_assert_eq(open_dw(), ERR_OK);
    cr_assert_eq(chip.line_control, 0x03);
    cr_assert_eq(chip.received_count, 0);
}

Test(console_relatives, dw_that_never_gets_ready, .timeout = 30)
{
    make_dw();
    chip.line_control = 0x83;
    chip.busy = UINT32_MAX;
    cr_assert_eq(open_dw(), ERR_IO);
}

Test(console_relatives, dw_tells_that_it_was_busy)
{
    char byte;

    make_dw();
    cr_assert_eq(open_dw(), ERR_OK);
    chip.busy_told = true;
    cr_assert_not(uart_receive(&uart, &byte));
    cr_assert_not(chip.busy_told, "else it interrupts for ever");
}

/* Reading an empty receiver when it does not say so may be an error on the bus, which the model reports. */
Test(console_relatives, dw_says_that_bytes_wait_that_are_none)
{
    char byte;

    make_dw();
    cr_assert_eq(open_dw(), ERR_OK);
    cr_assert_not(uart_receive(&uart, &byte), "nothing there, and nothing read");
    chip.unending = true;
    cr_assert_not(uart_receive(&uart, &byte));
    cr_assert_not(chip.unending, "else it interrupts for ever");
    chip.unending = true;
    receive("q");
    cr_assert(uart_receive(&uart, &byte));
    cr_assert_eq(byte, 'q', "what is there is taken");
}

/* --- intel,xscale-uart --- */

static void make_xscale(void)
{
    make_chip(2, 4);
    chip.type = XSCALE;
    chip.enable = 0x40;
}

static enum error open_xscale(void)
{
    return uart_open(&uart, &regs, "intel,xscale-uart", 2, 4);
}

Test(console_relatives, xscale_is_never_switched_off)
{
    char byte;

    make_xscale();
    receive("k");
    cr_assert_eq(open_xscale(), ERR_OK);
    cr_assert_eq(chip.enable, 0x51, "on, received bytes interrupt, and those that wait");
    cr_assert(uart_receive(&uart, &byte) && byte == 'k');
    uart_want_transmit_interrupt(&uart, true);
    cr_assert_eq(chip.enable, 0x53);
    uart_want_transmit_interrupt(&uart, false);
    cr_assert_eq(chip.enable, 0x51);
    cr_assert_not(chip.off);
    cr_assert_not(chip.divisor_touched);
}

/* It asks for more when half of its FIFO is left: there is room for the other half. */
Test(console_relatives, xscale_takes_half_a_fifo)
{
    char text[128];

    memset(text, 'x', sizeof(text));
    make_xscale();
    cr_assert_eq(open_xscale(), ERR_OK);
    chip.transmitter = FIFO / 2;
    cr_assert_eq(uart_transmit(&uart, text, sizeof(text)), FIFO / 2);
    cr_assert_eq(uart_transmit(&uart, text, sizeof(text)), 0);
    cr_assert_eq(uart_open(&uart, &regs, "intel,xscale-uart", 2, 8), ERR_BAD_ARG);
    chip.absent = true;
    cr_assert_eq(open_xscale(), ERR_NO_DEVICE);
}
