/* SPDX-License-Identifier: MIT */
#include "spi.h"

#define FASTEST_INPUT 1000000000u /* Hz; more than the bus of any of these chips runs at */
#define IDLE_POLLS    1000000u /* of a controller that moves nothing: more than a byte at the slowest clock */

enum error spi_open(struct spi *spi, struct mmio *regs, uint64_t input_hz, unsigned chip_select)
{
    *spi = (struct spi){regs, input_hz};
    if (regs->length < SPI_LENGTH || chip_select > 31)
        return ERR_NO_DEVICE;
    mmio_write32(regs, SPI_IE, 0, MMIO_PLAIN);
    mmio_write32(regs, SPI_FCTRL, 0, MMIO_PLAIN);
    mmio_write32(regs, SPI_SCKMODE, 0, MMIO_PLAIN);
    mmio_write32(regs, SPI_FMT, SPI_FMT_8_BITS, MMIO_PLAIN);
    mmio_modify32(regs, SPI_CSDEF, 0, 1u << chip_select, MMIO_PLAIN);
    mmio_write32(regs, SPI_CSID, chip_select, MMIO_PLAIN);
    spi_select(spi, SPI_DESELECTED);
    if (mmio_read32(regs, SPI_CSID, MMIO_PLAIN) != chip_select)
        return ERR_NO_DEVICE;
    for (unsigned i = 0; i < SPI_FIFO_DEPTH; i++) {
        mmio_read32(regs, SPI_RXDATA, MMIO_PLAIN); /* what somebody before did not take */
    }
    return ERR_OK;
}

uint64_t spi_set_clock(struct spi *spi, uint64_t hz)
{
    uint64_t input = spi->input_hz != 0 ? spi->input_hz : FASTEST_INPUT;
    uint64_t divisor = (input + 2 * hz - 1) / (2 * hz); /* rounded up: the clock down */

    divisor = divisor == 0 ? 0 : divisor - 1;
    if (divisor > SPI_MAX_DIVISOR)
        divisor = SPI_MAX_DIVISOR;
    mmio_write32(spi->regs, SPI_SCKDIV, (uint32_t)divisor, MMIO_PLAIN);
    return spi->input_hz / (2 * (divisor + 1));
}

void spi_select(struct spi *spi, enum spi_select select)
{
    mmio_write32(spi->regs, SPI_CSMODE, select, MMIO_PLAIN);
}

/* Each byte that is sent brings one that is received; no more are on their way than the FIFO holds. */
enum error spi_transfer(struct spi *spi, const uint8_t *out, uint8_t *in, size_t count)
{
    size_t sent = 0, received = 0;
    unsigned polls = 0;

    while (received < count) {
        while (sent < count && sent - received < SPI_FIFO_DEPTH) {
            mmio_write32(spi->regs, SPI_TXDATA, out == NULL ? 0xff : out[sent], MMIO_PLAIN);
            sent++;
        }
        uint32_t data = mmio_read32(spi->regs, SPI_RXDATA, MMIO_PLAIN);
        if (data & SPI_RXDATA_EMPTY) {
            if (++polls == IDLE_POLLS)
                return ERR_IO;
            continue;
        }
        polls = 0;
        if (in != NULL)
            in[received] = (uint8_t)data;
        received++;
    }
    return ERR_OK;
}
