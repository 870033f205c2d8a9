/* SPDX-License-Identifier: MIT */
/*
 * The SPI controller of SiFive's chips ("sifive,spi0"; FU540-C000 manual, chapter "Serial Peripheral
 * Interface"), eight bits at a time and without interrupts: its FIFOs hold eight bytes, which at 20 MHz take
 * three microseconds, less than an interrupt costs.
 */
#pragma once

#include <abi/error.h>
#include <driver/mmio.h>
#include <stddef.h>

enum spi_register {
    SPI_SCKDIV = 0x00, /* clock = input / (2 * (divisor + 1)) */
    SPI_SCKMODE = 0x04,
    SPI_CSID = 0x10,  /* which chip select */
    SPI_CSDEF = 0x14, /* level of each when it is not active */
    SPI_CSMODE = 0x18,
    SPI_FMT = 0x40,
    SPI_TXDATA = 0x48,
    SPI_RXDATA = 0x4c,
    SPI_FCTRL = 0x60, /* memory-mapped flash instead of what is in FMT */
    SPI_IE = 0x70,
    SPI_LENGTH = 0x78, /* bytes of registers */
};
#define SPI_MAX_DIVISOR  0xfffu
#define SPI_FMT_8_BITS   (8u << 16) /* and: one data line, most significant bit first, receives too */
#define SPI_TXDATA_FULL  (1u << 31)
#define SPI_RXDATA_EMPTY (1u << 31)
#define SPI_FIFO_DEPTH   8

/* What the chip select does (values of SPI_CSMODE). */
enum spi_select {
    SPI_DESELECTED = 0, /* AUTO: inactive between transfers */
    SPI_SELECTED = 2,   /* HOLD: active throughout */
    SPI_UNSELECTED = 3, /* OFF: inactive during transfers too */
};

struct spi {
    struct mmio *regs;
    uint64_t input_hz; /* 0: not known */
};

/* Takes the controller over, with its chip select `chip_select` (0 to 31) not active. ERR_NO_DEVICE: these
 * are no such registers, or it has no such chip select. */
enum error spi_open(struct spi *spi, struct mmio *regs, uint64_t input_hz, unsigned chip_select);
/* Sets the fastest clock that is not faster than `hz`; when the input clock is not known, one that is not
 * faster with any that such a chip can have. Returns the clock, 0: not known. */
uint64_t spi_set_clock(struct spi *spi, uint64_t hz);
void spi_select(struct spi *spi, enum spi_select select);
/* Sends `count` bytes (`out` NULL: all ones) and receives as many (`in` NULL: they are dropped). ERR_IO: the
 * controller does not move. */
enum error spi_transfer(struct spi *spi, const uint8_t *out, uint8_t *in, size_t count);
