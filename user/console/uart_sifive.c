/* SPDX-License-Identifier: MIT */
/*
 * The UART of SiFive's SoCs (SiFive FU540-C000 Manual, chapter on the UART). Both FIFOs have eight bytes. It
 * does not tell when a received byte found no room, so `overruns` stays zero.
 */
#include "uart.h"

enum uart_register {
    TRANSMIT_DATA = 0x00,
    RECEIVE_DATA = 0x04, /* reading takes the byte out */
    TRANSMIT_CONTROL = 0x08,
    RECEIVE_CONTROL = 0x0c,
    INTERRUPT_ENABLE = 0x10,
    REGISTERS = 0x1c, /* the last two are the pending interrupts and the divisor, which stays as it is */
};

#define TRANSMIT_FULL   0x80000000u /* a byte that is written is lost */
#define RECEIVE_EMPTY   0x80000000u
#define CONTROL_ENABLE  0x00000001u
#define WATERMARK_SHIFT 16
#define WATERMARK_MASK  0x00070000u
#define NOTHING         0xffffffffu /* of an empty bus; control registers have bits that are zero */
#define ENABLE_TRANSMIT 0x01u       /* while there are fewer bytes than the watermark of the transmitter */
#define ENABLE_RECEIVE  0x02u       /* while there are more bytes than the watermark of the receiver */

/* Interrupts are wanted with the first byte that is received, and when the last one has left the FIFO: it is
 * still on its way then, so that the line does not fall idle. */
enum { RECEIVE_WATERMARK = 0, TRANSMIT_WATERMARK = 1 };

static void enable(struct uart *uart, enum uart_register control, uint32_t watermark)
{
    mmio_modify32(uart->regs, control, WATERMARK_MASK, watermark << WATERMARK_SHIFT | CONTROL_ENABLE,
                  MMIO_PLAIN);
}

static enum error sifive_open(struct uart *uart, uint64_t shift, uint64_t width)
{
    (void)shift;
    (void)width;
    if (uart->regs->length < REGISTERS)
        return ERR_BAD_ARG;
    if (mmio_read32(uart->regs, TRANSMIT_CONTROL, MMIO_PLAIN) == NOTHING)
        return ERR_NO_DEVICE;
    mmio_write32(uart->regs, INTERRUPT_ENABLE, 0, MMIO_PLAIN);
    enable(uart, TRANSMIT_CONTROL, TRANSMIT_WATERMARK);
    enable(uart, RECEIVE_CONTROL, RECEIVE_WATERMARK);
    uart->enabled = ENABLE_RECEIVE;
    mmio_write32(uart->regs, INTERRUPT_ENABLE, uart->enabled, MMIO_PLAIN);
    return ERR_OK;
}

static bool sifive_receive(struct uart *uart, char *byte)
{
    uint32_t data = mmio_read32(uart->regs, RECEIVE_DATA, MMIO_PLAIN);

    *byte = (char)data;
    return (data & RECEIVE_EMPTY) == 0;
}

static size_t sifive_transmit(struct uart *uart, const char *bytes, size_t count)
{
    size_t sent = 0;

    while (sent < count && (mmio_read32(uart->regs, TRANSMIT_DATA, MMIO_PLAIN) & TRANSMIT_FULL) == 0)
        mmio_write32(uart->regs, TRANSMIT_DATA, (uint8_t)bytes[sent++], MMIO_PLAIN);
    return sent;
}

static void sifive_want_transmit_interrupt(struct uart *uart, bool wanted)
{
    uint8_t enabled = ENABLE_RECEIVE | (wanted ? ENABLE_TRANSMIT : 0);

    if (enabled != uart->enabled) {
        uart->enabled = enabled;
        mmio_write32(uart->regs, INTERRUPT_ENABLE, enabled, MMIO_PLAIN);
    }
}

const struct uart_type uart_sifive = {
    sifive_open,
    sifive_receive,
    sifive_transmit,
    sifive_want_transmit_interrupt,
};
