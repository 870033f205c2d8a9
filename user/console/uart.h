/* SPDX-License-Identifier: MIT */
/*
 * A UART of any type that this program knows. Speed and frame format stay as the firmware set them, and what
 * is in the FIFOs when it is taken over, in either direction, is not thrown away.
 */
#pragma once

#include <abi/error.h>
#include <driver/mmio.h>
#include <stdbool.h>
#include <stddef.h>

struct uart {
    const struct uart_type *type;
    struct mmio *regs;
    uint64_t overruns; /* times that the receiver overflowed, as far as the UART tells */
    uint8_t enabled;   /* interrupts, as last written */
    /* Of an ns16550a and its relatives only. */
    uint8_t always; /* of the interrupt enable register: what is set all the time */
    unsigned shift; /* register n is at n << shift */
    unsigned width; /* bytes of each access */
    unsigned fifo;  /* bytes that the transmitter takes when it asks for more */
};

/* What a type of UART does; each call is told below. `open` finds type and regs set and all else zero. */
struct uart_type {
    enum error (*open)(struct uart *uart, uint64_t shift, uint64_t width);
    bool (*receive)(struct uart *uart, char *byte);
    size_t (*transmit)(struct uart *uart, const char *bytes, size_t count);
    void (*want_transmit_interrupt)(struct uart *uart, bool wanted);
};

extern const struct uart_type uart_ns16550a, uart_dw_apb, uart_xscale, uart_sifive;

/* Takes the UART over that is compatible with that: interrupts for received bytes on, for transmission off.
 * `shift` and `width` as the device tree has them (reg-shift, reg-io-width; 0 when it has not).
 * ERR_UNSUPPORTED: no such type; ERR_NO_DEVICE: nothing answers there; ERR_BAD_ARG: shift or width make no
 * sense, or the registers do not fit. */
enum error uart_open(struct uart *uart, struct mmio *regs, const char *compatible, uint64_t shift,
                     uint64_t width);

/* Takes a received byte; false when there is none. */
static inline bool uart_receive(struct uart *uart, char *byte)
{
    return uart->type->receive(uart, byte);
}

/* Gives the transmitter as many bytes as it takes now; returns how many, 0 while it is busy. */
static inline size_t uart_transmit(struct uart *uart, const char *bytes, size_t count)
{
    return uart->type->transmit(uart, bytes, count);
}

/* Whether the UART is to interrupt when the transmitter is empty. */
static inline void uart_want_transmit_interrupt(struct uart *uart, bool wanted)
{
    uart->type->want_transmit_interrupt(uart, wanted);
}
