/* SPDX-License-Identifier: MIT */
/*
 * Synopsys' DesignWare APB UART (DW_apb_uart Databook; Linux, drivers/tty/serial/8250/8250_dw.c): an ns16550a
 * that has two interrupts more. While it is busy it takes no new line control, and says so by the cause
 * "busy", which ends when its status register is read. And it may say that received bytes have waited for
 * long when there are none; that ends when the receive register is read all the same.
 */
#include "uart_16550.h"

#define FIFO_BYTES 16
#define TRIES      100000 /* at 0.1 us for each look 30 ms: 16 bytes at 115200 baud take 1.4 ms */

/* With the divisor in sight nobody can take the received bytes out that keep it busy. After half of the
 * tries they are thrown away. */
static enum error hide_divisor(struct uart *uart)
{
    for (unsigned i = 0; i < TRIES; i++) {
        uart_16550_hide_divisor(uart);
        if (!(uart_16550_get(uart, LINE_CONTROL) & LINE_DIVISOR_ACCESS))
            return ERR_OK;
        if (i == TRIES / 2)
            uart_16550_put(uart, FIFO_CONTROL, FIFO_ENABLE | FIFO_CLEAR_RECEIVER);
        uart_16550_get(uart, DW_STATUS);
    }
    return ERR_IO;
}

static enum error dw_apb_open(struct uart *uart, uint64_t shift, uint64_t width)
{
    enum error error = uart_16550_find(uart, shift, width, DW_REGISTERS);

    if (!error)
        error = hide_divisor(uart);
    if (!error)
        uart_16550_take(uart, FIFO_BYTES, 0);
    return error;
}

/* The cause is read before the line status is read again: a byte that came between them is no byte that
 * has waited for long, so it is taken and not lost. Reading the cause also ends an interrupt of the
 * transmitter, to whom the caller gives bytes after it has received. */
static bool dw_apb_receive(struct uart *uart, char *byte)
{
    if (uart_16550_receive(uart, byte))
        return true;
    uint8_t cause = uart_16550_get(uart, INTERRUPT_ID) & ID_CAUSE;
    if (cause == ID_BUSY)
        uart_16550_get(uart, DW_STATUS);
    if (cause != ID_TIMEOUT)
        return false;
    if (uart_16550_receive(uart, byte))
        return true;
    uart_16550_get(uart, RECEIVE);
    return false;
}

const struct uart_type uart_dw_apb = {
    dw_apb_open,
    dw_apb_receive,
    uart_16550_transmit,
    uart_16550_want_transmit_interrupt,
};
