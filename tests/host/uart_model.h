/* SPDX-License-Identifier: MIT */
/* A model of a 16550 and of its relatives, with registers at any distance and of any width. */
#pragma once

#include "../../user/console/uart.h"
#include "rt_stub.h"

#include <criterion/criterion.h>

#define FIFO 64 /* of an XSCALE */

static struct {
    enum { PC16550D, DW_APB, XSCALE } type;
    unsigned shift, width;
    bool absent, has_fifo, lost_byte;
    unsigned busy;            /* DW_APB: for so many looks at its status */
    bool busy_by_data;        /* DW_APB: as long as bytes are there */
    bool busy_told, unending; /* DW_APB: interrupts because of that; for bytes that wait, and are none */
    bool off;                 /* XSCALE: was switched off once */
    uint8_t enable, fifo_control, line_control, modem_control;
    char received[64], sent[256];
    unsigned received_count, sent_count;
    unsigned transmitter; /* bytes in the transmitter's FIFO */
    bool divisor_touched;
    unsigned line_control_writes;
} chip;

static unsigned index_of(uint64_t offset, unsigned bytes)
{
    cr_assert_eq(bytes, chip.width, "access of %u bytes", bytes);
    cr_assert_eq(offset & ((1u << chip.shift) - 1), 0);
    return (unsigned)(offset >> chip.shift);
}

static bool is_busy(void)
{
    return chip.busy > 0 || (chip.busy_by_data && chip.received_count > 0);
}

static uint8_t cause(void)
{
    return chip.busy_told ? 7 : chip.received_count > 0 ? 4 : chip.unending ? 12 : 1;
}

/* The register is DesignWare's alone. */
static uint8_t read_status(void)
{
    bool busy = is_busy();

    cr_assert_eq(chip.type, DW_APB);
    chip.busy_told = false;
    chip.busy -= chip.busy > 0;
    return busy;
}

static uint64_t chip_read(void *context, uint64_t offset, unsigned bytes, enum mmio_order order)
{
    uint8_t value = 0;

    (void)context;
    (void)order;
    if (chip.absent)
        return UINT64_MAX;
    switch (index_of(offset, bytes)) {
    case 0:
        cr_assert_eq(chip.line_control & 0x80, 0, "the divisor is there, not the data");
        if (chip.unending && chip.received_count == 0) {
            chip.unending = false;
            return 0;
        }
        cr_assert_gt(chip.received_count, 0, "nothing was received");
        value = (uint8_t)chip.received[0];
        memmove(chip.received, chip.received + 1, --chip.received_count);
        return value;
    case 1: return chip.enable;
    case 2: return (chip.has_fifo && (chip.fifo_control & 1) ? 0xc0 : 0) | cause();
    case 3: return chip.line_control;
    case 4: return chip.modem_control;
    case 5:
        value = (chip.received_count > 0 ? 0x01 : 0) | (chip.lost_byte ? 0x02 : 0) |
                (chip.transmitter <= (chip.type == XSCALE ? FIFO / 2 : 0) ? 0x60 : 0);
        chip.lost_byte = false;
        return value;
    case 0x1f: return read_status();
    default: cr_assert_fail("register %u is not for reading", index_of(offset, bytes)); return 0;
    }
}

static void transmit(uint8_t byte)
{
    unsigned depth = chip.has_fifo && (chip.fifo_control & 1) ? chip.type == XSCALE ? FIFO : 16 : 1;

    cr_assert_lt(chip.transmitter, depth, "byte written into a full transmitter");
    chip.transmitter++;
    chip.sent[chip.sent_count++] = (char)byte;
}

static void chip_write(void *context, uint64_t offset, unsigned bytes, uint64_t value, enum mmio_order order)
{
    (void)context;
    (void)order;
    switch (index_of(offset, bytes)) {
    case 0:
        chip.divisor_touched |= (chip.line_control & 0x80) != 0;
        transmit((uint8_t)value);
        break;
    case 1:
        chip.divisor_touched |= (chip.line_control & 0x80) != 0;
        chip.enable = (uint8_t)value;
        chip.off |= (value & 0x40) == 0;
        break;
    case 2:
        chip.fifo_control = (uint8_t)value;
        chip.received_count = value & 2 ? 0 : chip.received_count;
        break;
    case 3:
        chip.line_control_writes++;
        chip.busy_told = is_busy();
        if (!is_busy())
            chip.line_control = (uint8_t)value;
        break;
    case 4: chip.modem_control = (uint8_t)value; break;
    default: cr_assert_fail("register is not for writing");
    }
}

static const struct mmio_access access = {chip_read, chip_write};
static struct mmio regs;
static struct uart uart;

static inline void make_chip(unsigned shift, unsigned width)
{
    memset(&chip, 0, sizeof(chip));
    chip.shift = shift;
    chip.width = width;
    chip.has_fifo = true;
    chip.line_control = 0x03;
    regs = (struct mmio){&access, NULL, 0x100, "serial@10000000", 0};
}

static inline void receive(const char *text)
{
    chip.received_count = (unsigned)strlen(text);
    memcpy(chip.received, text, chip.received_count);
}
