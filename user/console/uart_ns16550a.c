/* SPDX-License-Identifier: MIT */
/* The ns16550a and its relatives (National Semiconductor PC16550D), with registers at any distance and of any
 * width. */
#include "uart.h"

#define FIFO_BYTES 16

enum uart_register {
    RECEIVE = 0,  /* read */
    TRANSMIT = 0, /* write */
    INTERRUPT_ENABLE = 1,
    INTERRUPT_ID = 2, /* read */
    FIFO_CONTROL = 2, /* write */
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
    REGISTERS = 8,
};

enum { ENABLE_RECEIVE = 0x01, ENABLE_TRANSMIT = 0x02 };
enum { ID_FIFOS_ON = 0xc0 };
enum { FIFO_ENABLE = 0x01 };
enum { LINE_DIVISOR_ACCESS = 0x80 };
enum { MODEM_DTR = 0x01, MODEM_RTS = 0x02, MODEM_INTERRUPTS = 0x08 };
enum { STATUS_READY = 0x01, STATUS_OVERRUN = 0x02, STATUS_TRANSMIT_EMPTY = 0x20, STATUS_NOTHING = 0xff };

static uint8_t get(struct uart *uart, enum uart_register n)
{
    return (uint8_t)mmio_read(uart->regs, (uint64_t)n << uart->shift, uart->width, MMIO_PLAIN);
}

static void put(struct uart *uart, enum uart_register n, uint8_t value)
{
    mmio_write(uart->regs, (uint64_t)n << uart->shift, uart->width, value, MMIO_PLAIN);
}

static uint8_t line_status(struct uart *uart)
{
    uint8_t status = get(uart, LINE_STATUS);

    uart->overruns += (status & STATUS_OVERRUN) != 0; /* reading it cleared the bit */
    return status;
}

static enum error ns16550a_open(struct uart *uart, uint64_t shift, uint64_t width)
{
    width = width == 0 ? 1 : width;
    if (shift > 4 || (width != 1 && width != 2 && width != 4) || width > 1ull << shift ||
        uart->regs->length < (REGISTERS - 1ull) << shift) {
        return ERR_BAD_ARG;
    }
    uart->shift = (unsigned)shift;
    uart->width = (unsigned)width;
    if (line_status(uart) == STATUS_NOTHING)
        return ERR_NO_DEVICE;
    /* The FIFOs are not cleared: what the firmware wrote may still be in there, and what was typed already.
     * The line control register is written only if it must be: some relatives complain while they are busy.
     */
    uint8_t line = get(uart, LINE_CONTROL);
    if (line & LINE_DIVISOR_ACCESS)
        put(uart, LINE_CONTROL, line & (uint8_t)~LINE_DIVISOR_ACCESS);
    put(uart, INTERRUPT_ENABLE, 0);
    put(uart, FIFO_CONTROL, FIFO_ENABLE);
    uart->fifo = (get(uart, INTERRUPT_ID) & ID_FIFOS_ON) == ID_FIFOS_ON ? FIFO_BYTES : 1;
    put(uart, MODEM_CONTROL, get(uart, MODEM_CONTROL) | MODEM_DTR | MODEM_RTS | MODEM_INTERRUPTS);
    uart->enabled = ENABLE_RECEIVE;
    put(uart, INTERRUPT_ENABLE, uart->enabled);
    return ERR_OK;
}

static bool ns16550a_receive(struct uart *uart, char *byte)
{
    if ((line_status(uart) & STATUS_READY) == 0)
        return false;
    *byte = (char)get(uart, RECEIVE);
    return true;
}

static size_t ns16550a_transmit(struct uart *uart, const char *bytes, size_t count)
{
    if (count == 0 || (line_status(uart) & STATUS_TRANSMIT_EMPTY) == 0)
        return 0;
    if (count > uart->fifo)
        count = uart->fifo;
    for (size_t i = 0; i < count; i++)
        put(uart, TRANSMIT, (uint8_t)bytes[i]);
    return count;
}

static void ns16550a_want_transmit_interrupt(struct uart *uart, bool wanted)
{
    uint8_t enable = ENABLE_RECEIVE | (wanted ? ENABLE_TRANSMIT : 0);

    if (enable != uart->enabled) {
        uart->enabled = enable;
        put(uart, INTERRUPT_ENABLE, enable);
    }
}

const struct uart_type uart_ns16550a = {
    ns16550a_open,
    ns16550a_receive,
    ns16550a_transmit,
    ns16550a_want_transmit_interrupt,
};
