/* SPDX-License-Identifier: MIT */
#include "card.h"

#include <rt/rt.h>
#include <string.h>

#define START_HZ        400000   /* until the card is ready (section 6.4.1) */
#define MAX_HZ          25000000 /* default speed (section 6.6.6) */
#define RESET_TRIES     5
#define READY_LIMIT     2000000 /* us that a card takes to get ready; 1 s is allowed (section 4.2.3) */
#define READY_PAUSE     5000    /* us between two questions */
#define TRIES           3       /* of a transfer */
#define LOGGED_FAILURES 32      /* a card that fails again and again must not drown the log */

#define IF_COND         0x1aau /* 2.7 to 3.6 V, and a pattern that comes back */
#define OCR_READY       (1u << 31)
#define OCR_HIGH        (1u << 30)
#define OCR_VOLTAGES    0xff8000u

static enum error trouble(struct card *card, enum error error, const char *text)
{
    card->sd.trouble = text;
    return error;
}

/* Bit 15 is for 2.7 to 2.8 V, and so on up to bit 23 for 3.5 to 3.6 V (section 5.1). */
uint32_t card_voltages(uint32_t low, uint32_t high)
{
    uint32_t bits = 0;

    for (unsigned bit = 15; bit <= 23; bit++) {
        uint32_t from = 2700 + (bit - 15) * 100;
        bits |= (uint32_t)(low <= from + 100 && high >= from) << bit;
    }
    return bits;
}

/* --- Starting --- */

static enum error command(struct card *card, enum sd_command number, uint32_t argument, uint8_t *r1)
{
    sd_begin(&card->sd);
    enum error error = sd_expect(&card->sd, number, argument, r1);
    sd_end(&card->sd);
    return error;
}

/* A command whose R1 is followed by four bytes. R1 may be anything. */
static enum error command32(struct card *card, enum sd_command number, uint32_t argument, uint8_t *r1,
                            uint32_t *value)
{
    uint8_t rest[4] = {0};

    sd_begin(&card->sd);
    enum error error = sd_command(&card->sd, number, argument, r1);
    if (!error && !(*r1 & SD_R1_ILLEGAL))
        error = sd_receive(&card->sd, rest, sizeof(rest));
    sd_end(&card->sd);
    *value = (uint32_t)rest[0] << 24 | (uint32_t)rest[1] << 16 | (uint32_t)rest[2] << 8 | rest[3];
    return error;
}

/* Asks the card to reset once; true when it says that it has. */
static bool reset(struct card *card, uint8_t *r1)
{
    sd_begin(&card->sd);
    enum error error = sd_command(&card->sd, SD_GO_IDLE_STATE, 0, r1);
    sd_end(&card->sd);
    return !error && *r1 == SD_R1_IDLE;
}

/* Ends what the card may have been at when its last driver ended, and takes the rest of it. */
static void clear_debris(struct card *card)
{
    sd_begin(&card->sd);
    sd_interrupt(&card->sd);
    sd_end(&card->sd);
}

bool card_answers(struct card *card)
{
    uint8_t r1;

    spi_set_clock(card->sd.spi, START_HZ);
    return !sd_wake(&card->sd) && reset(card, &r1);
}

static enum error go_idle(struct card *card)
{
    uint8_t r1;
    enum error error = sd_wake(&card->sd);

    if (!error) {
        sd_begin(&card->sd);
        sd_settle(&card->sd);
        sd_end(&card->sd);
    }
    for (unsigned i = 0; !error && i < RESET_TRIES; i++) {
        if (reset(card, &r1))
            return ERR_OK;
        clear_debris(card);
    }
    return !error ? trouble(card, ERR_NO_DEVICE, "no card") : error;
}

/* Tells a card of version 2 and later the supply; *version2 says whether it is one (section 7.2.1). */
static enum error check_interface(struct card *card, bool *version2)
{
    uint32_t answer;
    uint8_t r1;
    enum error error = command32(card, SD_SEND_IF_COND, IF_COND, &r1, &answer);

    if (error)
        return error;
    *version2 = !(r1 & SD_R1_ILLEGAL);
    if (*version2 && (answer & 0xfff) != IF_COND)
        return trouble(card, ERR_UNSUPPORTED, "the card does not take the slot's voltage");
    return ERR_OK;
}

static enum error check_voltage(struct card *card)
{
    uint32_t ocr;
    uint8_t r1;
    enum error error = command32(card, SD_READ_OCR, 0, &r1, &ocr);

    if (!error && (r1 & ~SD_R1_IDLE) != 0)
        return trouble(card, ERR_IO, "the card refuses a command");
    if (!error && (ocr & OCR_VOLTAGES) != 0 && (ocr & card->voltages) == 0)
        return trouble(card, ERR_UNSUPPORTED, "the card does not take the slot's voltage");
    return error;
}

/* Has the card start up, and waits until it has (ACMD41). */
static enum error wait_started(struct card *card, bool version2)
{
    uint64_t start = card->sd.time->now();
    uint8_t r1;

    do {
        enum error error = command(card, SD_APP_CMD, 0, &r1);
        if (!error)
            error = command(card, SD_APP_SEND_OP_COND, version2 ? OCR_HIGH : 0, &r1);
        if (error == ERR_IO && (r1 & SD_R1_ILLEGAL))
            return trouble(card, ERR_UNSUPPORTED, "not an SD memory card");
        if (error || !(r1 & SD_R1_IDLE))
            return error;
        card->sd.time->sleep(READY_PAUSE);
    } while (card->sd.time->now() - start < READY_LIMIT);
    return trouble(card, ERR_TIMED_OUT, "the card does not get ready");
}

/* R1 is not looked at: QEMU 7.2 answers this command as if the card were idle still. */
static enum error read_capacity_status(struct card *card, bool version2)
{
    uint32_t ocr;
    uint8_t r1;
    enum error error = command32(card, SD_READ_OCR, 0, &r1, &ocr);

    card->high_capacity = version2 && (ocr & (OCR_READY | OCR_HIGH)) == (OCR_READY | OCR_HIGH);
    return error;
}

/* Reads a register of 16 bytes, which comes as a block. */
static enum error read_register(struct card *card, enum sd_command number, uint8_t value[16])
{
    uint8_t r1;

    sd_begin(&card->sd);
    enum error error = sd_expect(&card->sd, number, 0, &r1);
    if (!error)
        error = sd_read_block(&card->sd, value, 16);
    sd_end(&card->sd);
    return error;
}

/* Bits `high` to `low` of a register whose bit 127 comes first. */
static uint32_t field(const uint8_t value[16], unsigned high, unsigned low)
{
    uint32_t result = 0;

    for (unsigned bit = high + 1; bit-- > low;)
        result = result << 1 | (value[15 - bit / 8] >> bit % 8 & 1);
    return result;
}

/* Card-specific data register (sections 5.3.2 and 5.3.3). */
static enum error take_csd(struct card *card, const uint8_t csd[16])
{
    switch (field(csd, 127, 126)) {
    case 0: {
        unsigned shift =
            field(csd, 49, 47) + 2 + field(csd, 83, 80); /* of the multiplier and the block length */
        card->sectors = ((uint64_t)field(csd, 73, 62) + 1) << shift >> 9;
        break;
    }
    case 1: card->sectors = ((uint64_t)field(csd, 69, 48) + 1) * 1024; break;
    default: return trouble(card, ERR_UNSUPPORTED, "a kind of card that is not known");
    }
    /* What the conditions register says has no checksum; this has one. */
    if ((field(csd, 127, 126) == 1) != card->high_capacity)
        return trouble(card, ERR_IO, "the card contradicts itself");
    if (card->sectors == 0)
        return trouble(card, ERR_UNSUPPORTED, "the card says that it has no sectors");
    if (card->sectors > (card->high_capacity ? 1ull << 32 : 1ull << 23))
        return trouble(card, ERR_UNSUPPORTED, "the card is larger than its kind can be");
    card->read_only = field(csd, 13, 12) != 0;
    return ERR_OK;
}

static enum error identify(struct card *card)
{
    uint8_t csd[16], r1;
    enum error error = read_register(card, SD_SEND_CSD, csd);

    if (!error)
        error = take_csd(card, csd);
    if (!error)
        error = read_register(card, SD_SEND_CID, card->cid);
    if (!error && !card->high_capacity)
        error = command(card, SD_SET_BLOCKLEN, SD_BLOCK, &r1);
    return error;
}

enum error card_start(struct card *card)
{
    bool version2 = false;
    uint8_t r1;

    spi_set_clock(card->sd.spi, START_HZ);
    enum error error = go_idle(card);
    if (!error)
        error = check_interface(card, &version2);
    if (!error)
        error = command(card, SD_CRC_ON_OFF, 1, &r1);
    if (!error)
        error = check_voltage(card);
    if (!error)
        error = wait_started(card, version2);
    if (!error)
        error = read_capacity_status(card, version2);
    if (!error)
        error = identify(card);
    if (!error)
        card->hz = spi_set_clock(card->sd.spi, card->max_hz < MAX_HZ ? card->max_hz : MAX_HZ);
    return error;
}

void card_product(const struct card *card, char product[6])
{
    unsigned length = 0;

    for (unsigned i = 3; i < 8; i++) {
        if (card->cid[i] > ' ' && card->cid[i] <= '~')
            product[length++] = (char)card->cid[i];
    }
    product[length] = 0;
}

/* --- Transfers --- */

/* A request; one of in and out is set. Blocks are copied, so that nobody changes them while they move. */
struct transfer {
    uint64_t sector;
    uint32_t count;
    uint8_t *in;
    const uint8_t *out;
};

static enum error read_blocks(struct card *card, const struct transfer *transfer)
{
    uint8_t block[SD_BLOCK];
    enum error error = ERR_OK;

    for (uint32_t i = 0; !error && i < transfer->count; i++) {
        error = sd_read_block(&card->sd, block, sizeof(block));
        if (!error)
            memcpy(transfer->in + (size_t)i * SD_BLOCK, block, sizeof(block));
    }
    if (!error && transfer->count > 1)
        error = sd_stop(&card->sd);
    return error;
}

/* The card's status after writing: two bytes, zero when all is well (section 7.3.2.3). */
static enum error check_status(struct card *card)
{
    uint8_t r1, status = 0;
    enum error error = sd_expect(&card->sd, SD_SEND_STATUS, 0, &r1);

    if (!error)
        error = sd_receive(&card->sd, &status, 1);
    if (!error && (r1 & SD_R1_IDLE))
        return trouble(card, ERR_IO, "the card was reset");
    return !error && status != 0 ? trouble(card, ERR_IO, "the card has not written everything")
                                          : error;
}

bool card_is_ready(struct card *card)
{
    sd_begin(&card->sd);
    enum error error = check_status(card);
    sd_end(&card->sd);
    return !error;
}

static enum error write_blocks(struct card *card, const struct transfer *transfer)
{
    enum sd_token token = transfer->count > 1 ? SD_TOKEN_MULTI_WRITE : SD_TOKEN_BLOCK;
    uint8_t block[SD_BLOCK];
    enum error error = ERR_OK;

    for (uint32_t i = 0; !error && i < transfer->count; i++) {
        memcpy(block, transfer->out + (size_t)i * SD_BLOCK, sizeof(block));
        error = sd_write_block(&card->sd, token, block);
    }
    if (!error && transfer->count > 1)
        error = sd_stop_writing(&card->sd);
    return !error ? check_status(card) : error;
}

static enum error attempt(struct card *card, const struct transfer *transfer)
{
    static const enum sd_command commands[2][2] = {{SD_READ_SINGLE_BLOCK, SD_READ_MULTIPLE_BLOCK},
                                                   {SD_WRITE_BLOCK, SD_WRITE_MULTIPLE_BLOCK}};
    enum sd_command number = commands[transfer->out != NULL][transfer->count > 1];
    uint64_t address = card->high_capacity ? transfer->sector : transfer->sector * SD_BLOCK;
    uint8_t r1;

    sd_begin(&card->sd);
    enum error error = sd_expect(&card->sd, number, (uint32_t)address, &r1);
    if (!error)
        error = transfer->out != NULL ? write_blocks(card, transfer) : read_blocks(card, transfer);
    sd_end(&card->sd);
    return error;
}

static void log_failure(struct card *card, const struct transfer *transfer)
{
    if (card->failures++ < LOGGED_FAILURES) {
        rt_log("%s: %s at sector %llu: %s; starting the card anew", card->name,
               transfer->out != NULL ? "writing" : "reading", (unsigned long long)transfer->sector,
               card->sd.trouble);
    }
}

/* Starts the card anew; ERR_NO_DEVICE when it does not come back, or another one does. */
static enum error start_again(struct card *card)
{
    uint8_t before[sizeof(card->cid)];
    uint64_t sectors = card->sectors;

    memcpy(before, card->cid, sizeof(before));
    if (card_start(card))
        return ERR_NO_DEVICE;
    if (memcmp(before, card->cid, sizeof(before)) != 0 || sectors != card->sectors)
        return trouble(card, ERR_NO_DEVICE, "another card");
    return ERR_OK;
}

static enum error run(struct card *card, const struct transfer *transfer)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (!attempt(card, transfer))
            return ERR_OK;
        log_failure(card, transfer);
        if (start_again(card))
            return ERR_NO_DEVICE;
    }
    return ERR_IO;
}

enum error card_read(struct card *card, uint64_t sector, uint32_t count, uint8_t *data)
{
    return run(card, &(struct transfer){.sector = sector, .count = count, .in = data});
}

enum error card_write(struct card *card, uint64_t sector, uint32_t count, const uint8_t *data)
{
    return run(card, &(struct transfer){.sector = sector, .count = count, .out = data});
}
