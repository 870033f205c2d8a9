/* SPDX-License-Identifier: MIT */
/* The driver of SiFive's UART against a model of its registers and FIFOs. */
// sources: user/console/uart*.c lib/driver/mmio.c
#include "../../user/console/uart.h"
#include "rt_stub.h"

#include <criterion/criterion.h>

#define FIFO   8
#define NSTOP  0x2u /* of txctrl: two stop bits */
#define DIV    0x10d
#define IE_TX  0x1u
#define IE_RX  0x2u
#define LENGTH 4096

static struct {
    bool absent;
    uint32_t txctrl, rxctrl, ie;
    char tx[FIFO], rx[FIFO], sent[LENGTH];
    unsigned tx_count, rx_count, sent_count, lost, idle; /* ticks without a byte on the line */
} chip;

static uint32_t pending(void)
{
    uint32_t txcnt = chip.txctrl >> 16 & 7, rxcnt = chip.rxctrl >> 16 & 7;

    return (chip.tx_count < txcnt ? IE_TX : 0) | (chip.rx_count > rxcnt ? IE_RX : 0);
}

static bool interrupts(void)
{
    return (pending() & chip.ie) != 0;
}

static uint64_t chip_read(void *context, uint64_t offset, unsigned bytes, enum mmio_order order)
{
    (void)context;
    (void)order;
    cr_assert_eq(bytes, 4, "access of %u bytes", bytes);
    if (chip.absent)
        return UINT32_MAX;
    switch (offset) {
    case 0x00: return chip.tx_count == FIFO ? 0x80000000u : 0;
    case 0x04:
        if (chip.rx_count == 0)
            return 0x80000000u;
        uint8_t byte = (uint8_t)chip.rx[0];
        memmove(chip.rx, chip.rx + 1, --chip.rx_count);
        return byte;
    case 0x08: return chip.txctrl;
    case 0x0c: return chip.rxctrl;
    case 0x10: return chip.ie;
    case 0x14: return pending();
    case 0x18: return DIV;
    default: cr_assert_fail("there is no register at 0x%llx", (unsigned long long)offset); return 0;
    }
}

static void chip_write(void *context, uint64_t offset, unsigned bytes, uint64_t value, enum mmio_order order)
{
    (void)context;
    (void)order;
    cr_assert_eq(bytes, 4, "access of %u bytes", bytes);
    switch (offset) {
    case 0x00:
        cr_assert_lt(chip.tx_count, FIFO, "byte written into a full transmitter");
        chip.tx[chip.tx_count++] = (char)value;
        break;
    case 0x08: chip.txctrl = (uint32_t)value; break;
    case 0x0c: chip.rxctrl = (uint32_t)value; break;
    case 0x10: chip.ie = (uint32_t)value; break;
    default: cr_assert_fail("the register at 0x%llx is not to be written", (unsigned long long)offset);
    }
}

/* The time of one byte on the line. */
static void tick(void)
{
    if ((chip.txctrl & 1) && chip.tx_count > 0) {
        cr_assert_lt(chip.sent_count, LENGTH);
        chip.sent[chip.sent_count++] = chip.tx[0];
        memmove(chip.tx, chip.tx + 1, --chip.tx_count);
    } else {
        chip.idle++;
    }
}

static void arrives(char byte)
{
    if (!(chip.rxctrl & 1) || chip.rx_count == FIFO)
        chip.lost++;
    else
        chip.rx[chip.rx_count++] = byte;
}

static const struct mmio_access access = {chip_read, chip_write};
static struct mmio regs;
static struct uart uart;

static void set_up(void)
{
    memset(&chip, 0, sizeof(chip));
    chip.txctrl = chip.rxctrl = 1;
    regs = (struct mmio){&access, NULL, 0x1000, "serial@10010000", 0};
}

static void open_chip(void)
{
    cr_assert_eq(uart_open(&uart, &regs, "sifive,uart0", 0, 0), ERR_OK);
}

TestSuite(console_sifive, .init = set_up, .timeout = 30);

Test(console_sifive, takes_over_without_touching_speed_or_data)
{
    char byte;

    chip.txctrl =
        1 | NSTOP | 5u << 16; /* as the firmware left it, with watermarks and interrupts of its own */
    chip.rxctrl = 1 | 3u << 16;
    chip.ie = IE_TX | IE_RX;
    memcpy(chip.tx, "fw", chip.tx_count = 2);
    arrives('a');
    arrives('b');
    open_chip();
    cr_assert_eq(chip.tx_count, 2, "what the firmware wrote is still on its way");
    cr_assert_eq(chip.txctrl & NSTOP, NSTOP);
    cr_assert_eq(chip.ie, IE_RX, "receive interrupt only");
    cr_assert(interrupts(), "for what was typed before");
    cr_assert(uart_receive(&uart, &byte) && byte == 'a');
    cr_assert(interrupts(), "until the last byte is out");
    cr_assert(uart_receive(&uart, &byte) && byte == 'b');
    cr_assert_not(uart_receive(&uart, &byte));
    cr_assert_not(interrupts());
    cr_assert_eq(regs.refused, 0);
}

Test(console_sifive, switches_on_what_the_firmware_left_off)
{
    chip.txctrl = chip.rxctrl = 0;
    open_chip();
    cr_assert(chip.txctrl & 1);
    cr_assert(chip.rxctrl & 1);
    arrives('x');
    cr_assert(interrupts(), "with the first byte");
}

Test(console_sifive, transmits_what_fits)
{
    open_chip();
    cr_assert_eq(uart_transmit(&uart, "0123456789", 10), FIFO);
    cr_assert_eq(uart_transmit(&uart, "89", 2), 0, "full");
    tick();
    cr_assert_eq(uart_transmit(&uart, "89", 2), 1);
    tick();
    cr_assert_eq(uart_transmit(&uart, "9", 1), 1);
    cr_assert_eq(uart_transmit(&uart, "", 0), 0);
    while (chip.tx_count > 0)
        tick();
    cr_assert_eq(chip.sent_count, 10);
    cr_assert_eq(memcmp(chip.sent, "0123456789", 10), 0);
}

Test(console_sifive, all_bytes_have_all_bits)
{
    char byte;

    open_chip();
    for (unsigned value = 0; value < 256; value++) {
        arrives((char)value);
        cr_assert(uart_receive(&uart, &byte));
        cr_assert_eq((uint8_t)byte, value);
        cr_assert_eq(uart_transmit(&uart, &byte, 1), 1);
        tick();
        cr_assert_eq((uint8_t)chip.sent[value], value);
    }
}

/* As the console does it: what fits, the rest when the UART interrupts. The line is never idle meanwhile. */
Test(console_sifive, interrupts_when_it_takes_more)
{
    char text[1000];
    size_t at = 0;
    unsigned count = 0, ticks = 0;

    open_chip();
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7);
    uart_want_transmit_interrupt(&uart, true);
    while (at < sizeof(text)) {
        if (interrupts()) {
            count++;
            at += uart_transmit(&uart, text + at, sizeof(text) - at);
            uart_want_transmit_interrupt(&uart, at < sizeof(text));
        }
        cr_assert(at == sizeof(text) || !interrupts(), "it would interrupt all the time");
        tick();
        cr_assert_lt(ticks++, 2 * sizeof(text), "it does not interrupt");
    }
    while (chip.tx_count > 0)
        tick();
    cr_assert_eq(chip.sent_count, sizeof(text));
    cr_assert_eq(memcmp(chip.sent, text, sizeof(text)), 0);
    cr_assert_eq(count, sizeof(text) / FIFO, "one interrupt for each %u bytes", FIFO);
    cr_assert_eq(chip.idle, 0);
    cr_assert_not(interrupts());
    cr_assert_eq(chip.ie, IE_RX);
}

/* Bytes come in whatever is sent, at any distance that the FIFO bridges. */
Test(console_sifive, nothing_is_lost_in_time)
{
    char byte, next = 0;

    open_chip();
    for (unsigned burst = 1; burst <= FIFO; burst++) {
        for (unsigned i = 0; i < burst; i++)
            arrives((char)(next + (char)i));
        cr_assert(interrupts());
        cr_assert_eq(uart_transmit(&uart, "echo", 4), 4);
        while (uart_receive(&uart, &byte))
            cr_assert_eq(byte, next++);
        cr_assert_not(interrupts());
        for (unsigned i = 0; i < 4; i++)
            tick();
    }
    cr_assert_eq(next, FIFO * (FIFO + 1) / 2);
    cr_assert_eq(chip.lost, 0);
}

/* The chip says nothing of a byte that found no room; those before it are whole. */
Test(console_sifive, overrun)
{
    char byte;

    open_chip();
    for (unsigned i = 0; i < FIFO + 3; i++)
        arrives((char)('a' + i));
    for (unsigned i = 0; i < FIFO; i++) {
        cr_assert(uart_receive(&uart, &byte));
        cr_assert_eq(byte, 'a' + (char)i);
    }
    cr_assert_not(uart_receive(&uart, &byte));
    cr_assert_eq(chip.lost, 3);
    cr_assert_eq(uart.overruns, 0);
}

Test(console_sifive, nothing_there)
{
    chip.absent = true;
    cr_assert_eq(uart_open(&uart, &regs, "sifive,uart0", 0, 0), ERR_NO_DEVICE);
}

Test(console_sifive, what_cannot_be_one)
{
    regs.length = 0x18;
    cr_assert_eq(uart_open(&uart, &regs, "sifive,uart0", 0, 0), ERR_BAD_ARG);
    cr_assert_eq(uart_open(&uart, &regs, "sifive,uart1", 0, 0), ERR_UNSUPPORTED);
    cr_assert_eq(uart_open(&uart, &regs, "", 0, 0), ERR_UNSUPPORTED);
    cr_assert_eq(regs.refused, 0);
}
