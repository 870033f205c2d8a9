/* SPDX-License-Identifier: MIT */
/*
 * The UART of Intel's XScale processors (PXA27x Developer's Manual, chapter 10), which SpacemiT's K1 has,
 * too: an ns16550a with FIFOs of 64 bytes. Its interrupt enable register also switches the whole UART on, and
 * the interrupt for received bytes that wait. It asks for more to transmit when its FIFO is half empty.
 */
#include "uart_16550.h"

#define HALF_FIFO 32

enum { ENABLE_WAITING = 0x10, ENABLE_UART = 0x40 };

static enum error xscale_open(struct uart *uart, uint64_t shift, uint64_t width)
{
    enum error error = uart_16550_find(uart, shift, width, REGISTERS);

    if (error)
        return error;
    uart_16550_hide_divisor(uart);
    uart_16550_take(uart, HALF_FIFO, ENABLE_UART | ENABLE_WAITING);
    return ERR_OK;
}

const struct uart_type uart_xscale = {
    xscale_open,
    uart_16550_receive,
    uart_16550_transmit,
    uart_16550_want_transmit_interrupt,
};
