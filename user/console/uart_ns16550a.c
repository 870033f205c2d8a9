/* SPDX-License-Identifier: MIT */
/* The ns16550a (National Semiconductor PC16550D), with registers at any distance and of any width, and
 * what its relatives share with it. */
#include "uart_16550.h"

#define FIFO_BYTES 16

uint8_t uart_16550_get(struct uart *uart, enum uart_register n)
{
    return (uint8_t)mmio_read(uart->regs, (uint64_t)n << uart->shift, uart->width, MMIO_PLAIN);
}

void uart_16550_put(struct uart *uart, enum uart_register n, uint8_t value)
{
    mmio_write(uart->regs, (uint64_t)n << uart->shift, uart->width, value, MMIO_PLAIN);
}

static uint8_t line_status(struct uart *uart)
{
    uint8_t status = uart_16550_get(uart, LINE_STATUS);

    uart->overruns += (status & STATUS_OVERRUN) != 0; /* reading it cleared the bit */
    return status;
}

enum error uart_16550_find(struct uart *uart, uint64_t shift, uint64_t width, unsigned registers)
{
    width = width == 0 ? 1 : width;
    if (shift > 4 || (width != 1 && width != 2 && width != 4) || width > 1ull << shift ||
        uart->regs->length < (registers - 1ull) << shift) {
        return ERR_BAD_ARG;
    }
    uart->shift = (unsigned)shift;
    uart->width = (unsigned)width;
    return line_status(uart) == STATUS_NOTHING ? ERR_NO_DEVICE : ERR_OK;
}

/* The FIFOs are not cleared: what the firmware wrote may still be in there, and what was typed already. */
void uart_16550_take(struct uart *uart, unsigned fifo, uint8_t always)
{
    uart->always = always;
    uart_16550_put(uart, INTERRUPT_ENABLE, always);
    uart_16550_put(uart, FIFO_CONTROL, FIFO_ENABLE);
    uart->fifo = (uart_16550_get(uart, INTERRUPT_ID) & ID_FIFOS_ON) == ID_FIFOS_ON ? fifo : 1;
    uart_16550_put(uart, MODEM_CONTROL,
                   uart_16550_get(uart, MODEM_CONTROL) | MODEM_DTR | MODEM_RTS | MODEM_INTERRUPTS);
    uart->enabled = always | ENABLE_RECEIVE;
    uart_16550_put(uart, INTERRUPT_ENABLE, uart->enabled);
}

void uart_16550_hide_divisor(struct uart *uart)
{
    uint8_t line = uart_16550_get(uart, LINE_CONTROL);

    if (line & LINE_DIVISOR_ACCESS)
        uart_16550_put(uart, LINE_CONTROL, line & (uint8_t)~LINE_DIVISOR_ACCESS);
}

static enum error ns16550a_open(struct uart *uart, uint64_t shift, uint64_t width)
{
    enum error error = uart_16550_find(uart, shift, width, REGISTERS);

    if (error)
        return error;
    uart_16550_hide_divisor(uart);
    uart_16550_take(uart, FIFO_BYTES, 0);
    return ERR_OK;
}

bool uart_16550_receive(struct uart *uart, char *byte)
{
    if ((line_status(uart) & STATUS_READY) == 0)
        return false;
    *byte = (char)uart_16550_get(uart, RECEIVE);
    return true;
}

size_t uart_16550_transmit(struct uart *uart, const char *bytes, size_t count)
{
    if (count == 0 || (line_status(uart) & STATUS_TRANSMIT_EMPTY) == 0)
        return 0;
    if (count > uart->fifo)
        count = uart->fifo;
    for (size_t i = 0; i < count; i++)
        uart_16550_put(uart, TRANSMIT, (uint8_t)bytes[i]);
    return count;
}

void uart_16550_want_transmit_interrupt(struct uart *uart, bool wanted)
{
    uint8_t enable = uart->always | ENABLE_RECEIVE | (wanted ? ENABLE_TRANSMIT : 0);

    if (enable != uart->enabled) {
        uart->enabled = enable;
        uart_16550_put(uart, INTERRUPT_ENABLE, enable);
    }
}

const struct uart_type uart_ns16550a = {
    ns16550a_open,
    uart_16550_receive,
    uart_16550_transmit,
    uart_16550_want_transmit_interrupt,
};
