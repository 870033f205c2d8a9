/* SPDX-License-Identifier: MIT */
/*
 * Models of an SPI controller ("sifive,spi0") and of an SD card behind it, for tests of the card's driver.
 * The card checks what it is sent: checksums, what is allowed when, and that the clock is slow until it is
 * ready. It can be told to misbehave. Time passes with every byte and every pause.
 */
#pragma once

#include "../../user/sd-spi/card.h"
#include "../../user/sd-spi/crc.h"
#include "rt_stub.h"
#include "support.h"

#define MODEL_INPUT_HZ 130000000u
#define MODEL_SECTORS  1024
#define MODEL_OUT      1024
#define FOREVER        UINT32_MAX

struct model {
    /* The controller. */
    uint32_t sckdiv, csmode, csid, csdef;
    uint8_t fifo[SPI_FIFO_DEPTH];
    unsigned fifo_used;
    bool stuck; /* moves nothing */
    /* The card: what it is. */
    bool present, version2, high_capacity, mmc, write_protect;
    uint32_t voltages;
    uint8_t serial;
    uint8_t *disk;
    /* Its state. */
    bool idle, crc_on, app, reading, ready_once;
    uint8_t writing; /* token that it waits for, 0: none */
    bool receiving;
    uint32_t sector;
    uint8_t frame[6], block[SD_BLOCK + 2], out[MODEL_OUT];
    unsigned frame_used, block_used, out_first, out_count;
    uint64_t busy_until;
    /* What it does wrong, so many times (FOREVER: always). */
    uint32_t bad_reads, error_tokens, no_data, write_errors, crc_errors, reject_resets, status_errors;
    uint32_t starts;           /* questions until it is ready */
    uint64_t busy_after_write; /* microseconds */
    bool garbage, low;
    uint32_t pulled_after; /* bytes from now; FOREVER: it stays in */
    uint32_t flip_every;   /* on average a bit of so many bytes; 0: none */
    unsigned late_bytes, late_bits; /* that a response takes; and everything it sends, less than 8 */
    uint8_t sent;                   /* last */
    uint64_t random;
    /* What the tests look at. */
    uint64_t bytes, commands[64];
};

static struct model model;
static uint64_t model_clock; /* microseconds */

static uint64_t model_now(void)
{
    return model_clock;
}

static void model_sleep(uint64_t us)
{
    model_clock += us;
}

static const struct sd_time model_time = {model_now, model_sleep};

static uint32_t model_random(uint32_t limit)
{
    model.random = model.random * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(model.random >> 33) % limit;
}

/* Uses up one of what the card is to do wrong. */
static bool use(uint32_t *count)
{
    bool now = *count > 0;

    *count -= now && *count != FOREVER;
    return now;
}

/* --- What the card sends --- */

static void put(uint8_t byte)
{
    if (model.out_count < MODEL_OUT)
        model.out[(model.out_first + model.out_count++) % MODEL_OUT] = byte;
}

static void put_r1(uint8_t bits)
{
    for (unsigned i = 0; i <= model.late_bytes; i++)
        put(0xff);
    put((uint8_t)(bits | (model.idle ? SD_R1_IDLE : 0)));
}

static void put_block(const uint8_t *data, size_t length)
{
    uint16_t crc = crc16(data, length);

    if (use(&model.no_data)) {
        model.reading = false;
        return;
    }
    put(0xff);
    if (use(&model.error_tokens)) {
        put(0x04);
        return;
    }
    put(SD_TOKEN_BLOCK);
    for (size_t i = 0; i < length; i++)
        put(data[i]);
    put((uint8_t)(crc >> 8) ^ (length == SD_BLOCK && use(&model.bad_reads) ? 1 : 0));
    put((uint8_t)crc);
}

static void put_sector(void)
{
    if (model.sector >= MODEL_SECTORS) {
        model.reading = false;
        put(0x08);
        return;
    }
    put_block(model.disk + (size_t)model.sector++ * SD_BLOCK, SD_BLOCK);
}

static void put_csd(void)
{
    uint8_t csd[16] = {0};

    if (model.high_capacity) { /* (C_SIZE + 1) * 1024 sectors */
        csd[0] = 0x40;
        csd[9] = MODEL_SECTORS / 1024 - 1;
    } else { /* READ_BL_LEN 9, C_SIZE_MULT 1: (C_SIZE + 1) * 8 sectors */
        uint32_t size = MODEL_SECTORS / 8 - 1;
        csd[5] = 9;
        csd[6] = (uint8_t)(size >> 10);
        csd[7] = (uint8_t)(size >> 2);
        csd[8] = (uint8_t)(size << 6);
        csd[10] = 0x80;
    }
    csd[14] = model.write_protect ? 0x10 : 0;
    put_block(csd, sizeof(csd));
}

static void put_cid(void)
{
    uint8_t cid[16] = {3, 'S', 'D', 'M', 'O', 'D', 'E', 'L', 1};

    cid[9] = model.serial;
    put_block(cid, sizeof(cid));
}

/* --- Commands --- */

static void put_conditions(void)
{
    uint32_t ocr =
        model.voltages | (model.idle ? 0 : 1u << 31) | (!model.idle && model.high_capacity ? 1u << 30 : 0);

    put_r1(0);
    for (int shift = 24; shift >= 0; shift -= 8)
        put((uint8_t)(ocr >> shift));
}

/* The address of a transfer as a sector, or an error. */
static bool take_address(uint32_t argument)
{
    bool aligned = model.high_capacity || argument % SD_BLOCK == 0;

    model.sector = model.high_capacity ? argument : argument / SD_BLOCK;
    if (!aligned || model.sector >= MODEL_SECTORS) {
        put_r1(aligned ? SD_R1_PARAMETER : SD_R1_ADDRESS);
        return false;
    }
    put_r1(0);
    return true;
}

static void start_up(uint32_t argument)
{
    bool supported = !model.high_capacity || (argument >> 30 & 1);

    if (supported && !use(&model.starts)) {
        model.idle = false;
        model.ready_once = true;
    }
    put_r1(0);
}

static void transfer_command(unsigned number, uint32_t argument)
{
    cr_assert(model.crc_on, "data without checksums");
    switch (number) {
    case SD_READ_SINGLE_BLOCK:
        if (take_address(argument))
            put_sector();
        break;
    case SD_READ_MULTIPLE_BLOCK: model.reading = take_address(argument); break;
    case SD_WRITE_BLOCK: model.writing = take_address(argument) ? SD_TOKEN_BLOCK : 0; break;
    default: model.writing = take_address(argument) ? SD_TOKEN_MULTI_WRITE : 0; break;
    }
}

static void ready_command(unsigned number, uint32_t argument)
{
    switch (number) {
    case SD_SEND_CSD:
        put_r1(0);
        put_csd();
        break;
    case SD_SEND_CID:
        put_r1(0);
        put_cid();
        break;
    case SD_SET_BLOCKLEN: put_r1(argument == SD_BLOCK ? 0 : SD_R1_PARAMETER); break;
    case SD_SEND_STATUS:
        put_r1(0);
        put(use(&model.status_errors) ? 0x04 : 0);
        break;
    case SD_READ_SINGLE_BLOCK:
    case SD_READ_MULTIPLE_BLOCK:
    case SD_WRITE_BLOCK:
    case SD_WRITE_MULTIPLE_BLOCK: transfer_command(number, argument); break;
    default: put_r1(SD_R1_ILLEGAL); break;
    }
}

static void reset_card(void)
{
    model.idle = true;
    model.crc_on = model.reading = model.receiving = false;
    model.writing = 0;
}

static void stop_reading(void)
{
    model.reading = false;
    model.out_count = 0;
    put(model.late_bits == 0 ? 0x3f : 0xff); /* what was on its way, if that can be told from the response */
    put_r1(0);
    put(0);
    put(0);
}

static void idle_command(unsigned number, uint32_t argument, bool app)
{
    switch (number) {
    case SD_SEND_IF_COND:
        put_r1(model.version2 ? 0 : SD_R1_ILLEGAL);
        for (int shift = 24; model.version2 && shift >= 0; shift -= 8)
            put((uint8_t)(argument >> shift));
        break;
    case SD_CRC_ON_OFF:
        model.crc_on = argument & 1;
        put_r1(0);
        break;
    case SD_READ_OCR: put_conditions(); break;
    case SD_APP_CMD:
        model.app = !model.mmc;
        put_r1(model.mmc ? SD_R1_ILLEGAL : 0);
        break;
    case SD_APP_SEND_OP_COND:
        if (app)
            start_up(argument);
        else
            put_r1(SD_R1_ILLEGAL);
        break;
    default:
        if (model.idle)
            put_r1(SD_R1_ILLEGAL);
        else
            ready_command(number, argument);
        break;
    }
}

static void execute(void)
{
    unsigned number = model.frame[0] & 0x3f;
    uint32_t argument = (uint32_t)model.frame[1] << 24 | (uint32_t)model.frame[2] << 16 |
                        (uint32_t)model.frame[3] << 8 | model.frame[4];
    bool app = model.app;

    model.app = false;
    model.commands[number]++;
    cr_assert(!model.idle || MODEL_INPUT_HZ / (2 * (model.sckdiv + 1)) <= 400000 || number == 13 ||
                  number == 17 || number == 18 || number == 24 || number == 25,
              "too fast for a card that is not ready");
    if ((model.crc_on || number == 0 || number == 8) && model.frame[5] != (crc7(model.frame, 5) << 1 | 1)) {
        put_r1(SD_R1_CRC);
    } else if (number == SD_STOP_TRANSMISSION) {
        stop_reading();
    } else if (model.reading) {
        return; /* it takes nothing else meanwhile */
    } else if (number == SD_GO_IDLE_STATE && !use(&model.reject_resets)) {
        reset_card();
        put_r1(0);
    } else {
        idle_command(number, argument, app);
    }
}

/* --- What the card receives --- */

static void take_block(void)
{
    bool intact = crc16(model.block, SD_BLOCK) == (model.block[SD_BLOCK] << 8 | model.block[SD_BLOCK + 1]);

    model.receiving = false;
    model.block_used = 0;
    if (!intact || use(&model.crc_errors)) {
        put(0xe0 | SD_DATA_CRC);
    } else if (use(&model.write_errors) || model.sector >= MODEL_SECTORS) {
        put(0xe0 | SD_DATA_WRITE);
    } else {
        memcpy(model.disk + (size_t)model.sector++ * SD_BLOCK, model.block, SD_BLOCK);
        put(0xe0 | SD_DATA_ACCEPTED);
        model.busy_until = model_clock + model.busy_after_write;
    }
    if (model.writing == SD_TOKEN_BLOCK)
        model.writing = 0;
}

static void take_byte(uint8_t byte)
{
    if (model.receiving) {
        model.block[model.block_used++] = byte;
        if (model.block_used == sizeof(model.block))
            take_block();
    } else if (model.frame_used > 0) {
        model.frame[model.frame_used++] = byte;
        if (model.frame_used == sizeof(model.frame)) {
            model.frame_used = 0;
            execute();
        }
    } else if (model.writing != 0 && byte == model.writing) {
        model.receiving = true;
    } else if (model.writing == SD_TOKEN_MULTI_WRITE && byte == SD_TOKEN_STOP_WRITE) {
        model.writing = 0;
        put(0xff);
        model.busy_until = model_clock + 3;
    } else if ((byte & 0xc0) == 0x40) {
        model.frame[model.frame_used++] = byte;
    }
}

static uint8_t flip(uint8_t byte)
{
    bool now = model.flip_every != 0 && model_random(model.flip_every) == 0;

    return now ? (uint8_t)(byte ^ 1u << model_random(8)) : byte;
}

/* Has what the card sends come some bits late. */
static uint8_t delay(uint8_t byte)
{
    uint8_t out = (uint8_t)(model.sent << (8 - model.late_bits) | byte >> model.late_bits);

    model.sent = byte;
    return out;
}

/* One byte each way. What is sent was decided before what comes in is looked at. */
static uint8_t exchange(uint8_t in)
{
    uint8_t out = 0xff;

    model.bytes++;
    model_clock += 8 * 2 * (model.sckdiv + 1) / (MODEL_INPUT_HZ / 1000000) + 1;
    if (model.pulled_after != FOREVER && model.pulled_after-- == 0) {
        model.present = false;
        model.pulled_after = FOREVER;
    }
    if (model.garbage || model.low)
        return model.low ? 0 : (uint8_t)model_random(256);
    if (!model.present || model.csmode != SPI_SELECTED)
        return 0xff;
    if (model.out_count == 0 && model.reading)
        put_sector();
    if (model.out_count > 0) {
        out = model.out[model.out_first++ % MODEL_OUT];
        model.out_first %= MODEL_OUT;
        model.out_count--;
    } else if (model_clock < model.busy_until) {
        return delay(0); /* and takes nothing */
    }
    take_byte(flip(in));
    return flip(delay(out));
}

/* --- The controller's registers --- */

static uint64_t model_read(void *context, uint64_t offset, unsigned bytes, enum mmio_order order)
{
    (void)context;
    (void)order;
    cr_assert_eq(bytes, 4);
    switch (offset) {
    case SPI_CSID: return model.csid;
    case SPI_CSDEF: return model.csdef;
    case SPI_TXDATA: return 0;
    case SPI_RXDATA: {
        if (model.fifo_used == 0)
            return SPI_RXDATA_EMPTY;
        uint8_t byte = model.fifo[0];
        memmove(model.fifo, model.fifo + 1, --model.fifo_used);
        return byte;
    }
    default: return 0;
    }
}

static void model_write(void *context, uint64_t offset, unsigned bytes, uint64_t value, enum mmio_order order)
{
    (void)context;
    (void)order;
    cr_assert_eq(bytes, 4);
    switch (offset) {
    case SPI_SCKDIV: model.sckdiv = (uint32_t)value & SPI_MAX_DIVISOR; break;
    case SPI_CSID: model.csid = value < 4 ? (uint32_t)value : model.csid; break;
    case SPI_CSDEF: model.csdef = (uint32_t)value; break;
    case SPI_CSMODE: model.csmode = (uint32_t)value; break;
    case SPI_FMT: cr_assert_eq(value, SPI_FMT_8_BITS); break;
    case SPI_TXDATA:
        cr_assert_lt(model.fifo_used, SPI_FIFO_DEPTH, "a byte is lost");
        if (!model.stuck)
            model.fifo[model.fifo_used++] = exchange((uint8_t)value);
        break;
    default: break;
    }
}

static const struct mmio_access model_access = {model_read, model_write};

/* A card of MODEL_SECTORS sectors, each full of bytes that tell its number. */
static void model_insert(bool version2, bool high_capacity, uint8_t serial)
{
    uint8_t *disk = model.disk;

    model = (struct model){.present = true,
                           .version2 = version2,
                           .high_capacity = high_capacity,
                           .voltages = 0xff8000,
                           .serial = serial,
                           .idle = true,
                           .starts = 2,
                           .busy_after_write = 20,
                           .pulled_after = FOREVER,
                           .random = 1,
                           .sent = 0xff,
                           .disk = disk != NULL ? disk : malloc(MODEL_SECTORS * SD_BLOCK)};
    for (size_t i = 0; i < MODEL_SECTORS * SD_BLOCK; i++)
        model.disk[i] = (uint8_t)(i / SD_BLOCK * 7 + i % SD_BLOCK * 3 + serial);
}
