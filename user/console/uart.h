/* SPDX-License-Identifier: MIT */
/*
 * The ns16550a UART and its relatives (National Semiconductor PC16550D). Speed and frame format stay as the
 * firmware set them.
 */
#pragma once

#include <abi/error.h>
#include <driver/mmio.h>
#include <stdbool.h>
#include <stddef.h>

struct uart {
    struct mmio *regs;
    unsigned shift;    /* register n is at n << shift */
    unsigned width;    /* bytes of each access */
    unsigned fifo;     /* bytes that the transmitter takes when it is empty */
    uint8_t enabled;   /* interrupts, as last written */
    uint64_t overruns; /* times that the receiver's FIFO overflowed */
};

/* Takes the UART over: interrupts for received bytes on, for transmission off. `shift` and `width` as the
 * device tree has them (reg-shift, reg-io-width; width 0 is 1). ERR_NO_DEVICE: nothing answers there;
 * ERR_BAD_ARG: shift or width make no sense, or the registers do not fit. */
enum error uart_open(struct uart *uart, struct mmio *regs, uint64_t shift, uint64_t width);
/* Takes a received byte; false when there is none. */
bool uart_receive(struct uart *uart, char *byte);
/* Gives the transmitter as many bytes as it takes now; returns how many, 0 while it is busy. */
size_t uart_transmit(struct uart *uart, const char *bytes, size_t count);
/* Whether the UART is to interrupt when the transmitter is empty. */
void uart_want_transmit_interrupt(struct uart *uart, bool wanted);
