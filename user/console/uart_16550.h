/* SPDX-License-Identifier: MIT */
/* What an ns16550a and its relatives have in common: registers, and the calls of struct uart_type for
 * them. */
#pragma once

#include "uart.h"

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
    DW_STATUS = 0x1f, /* of DesignWare's only */
    DW_REGISTERS = 0x20,
};

enum { ENABLE_RECEIVE = 0x01, ENABLE_TRANSMIT = 0x02 };
enum { ID_CAUSE = 0x0f, ID_BUSY = 0x07, ID_TIMEOUT = 0x0c, ID_FIFOS_ON = 0xc0 };
enum { FIFO_ENABLE = 0x01, FIFO_CLEAR_RECEIVER = 0x02 };
enum { LINE_DIVISOR_ACCESS = 0x80 };
enum { MODEM_DTR = 0x01, MODEM_RTS = 0x02, MODEM_INTERRUPTS = 0x08 };
enum { STATUS_READY = 0x01, STATUS_OVERRUN = 0x02, STATUS_TRANSMIT_EMPTY = 0x20, STATUS_NOTHING = 0xff };

uint8_t uart_16550_get(struct uart *uart, enum uart_register n);
void uart_16550_put(struct uart *uart, enum uart_register n, uint8_t value);

/* Sets where the registers are, and looks whether there are any; errors as uart_open() has them. */
enum error uart_16550_find(struct uart *uart, uint64_t shift, uint64_t width, unsigned registers);
/* Lets the data be seen where the firmware left the divisor. The register is written only if it must be. */
void uart_16550_hide_divisor(struct uart *uart);
/* Has the UART interrupt for received bytes. When it asks for more to transmit, it takes `fifo` bytes;
 * `always` is kept in the interrupt enable register. */
void uart_16550_take(struct uart *uart, unsigned fifo, uint8_t always);

/* As struct uart_type has them. */
bool uart_16550_receive(struct uart *uart, char *byte);
size_t uart_16550_transmit(struct uart *uart, const char *bytes, size_t count);
void uart_16550_want_transmit_interrupt(struct uart *uart, bool wanted);
