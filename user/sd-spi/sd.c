/* SPDX-License-Identifier: MIT */
#include "sd.h"

#include "crc.h"

#define WAKE_BYTES     16      /* 128 clocks; 74 are needed */
#define RESPONSE_BYTES 17      /* within which a response begins: 8 are allowed (N_CR, section 7.5), some need
                                * 16 */
#define DEBRIS_BYTES   600     /* more than the block that a card may be in the middle of */
#define READ_LIMIT     300000  /* us to the first byte of a block; 100 ms are allowed (section 4.6.2.1) */
#define BUSY_LIMIT     3500000 /* us; 500 ms are allowed (section 4.6.2.2), some cards need 3 s */
#define PATIENCE       2000    /* us of waiting after which others may run meanwhile */
#define PAUSE          500     /* us */
#define POLLS          16      /* bytes between two looks at the time */

static enum error fail(struct sd *sd, enum error error, const char *trouble)
{
    sd->trouble = trouble;
    return error;
}

static enum error transfer(struct sd *sd, const uint8_t *out, uint8_t *in, size_t count)
{
    enum error error = spi_transfer(sd->spi, out, in, count);

    return !error ? ERR_OK : fail(sd, error, "the SPI controller does not move");
}

static unsigned leading_ones(uint8_t byte)
{
    return (unsigned)__builtin_clz(~((uint32_t)byte << 24));
}

/* What follows a byte of which the first `shift` bits do not belong to it. Some cards answer a few bits
 * late. */
static void set_shift(struct sd *sd, uint8_t byte, unsigned shift)
{
    sd->shift = shift % 8;
    sd->last = byte;
}

enum error sd_receive(struct sd *sd, uint8_t *data, size_t length)
{
    enum error error = transfer(sd, NULL, data, length);

    for (size_t i = 0; sd->shift != 0 && i < length; i++) {
        uint8_t byte = data[i];
        data[i] = (uint8_t)(sd->last << sd->shift | byte >> (8 - sd->shift));
        sd->last = byte;
    }
    return error;
}

enum error sd_wake(struct sd *sd)
{
    spi_select(sd->spi, SPI_UNSELECTED);
    enum error error = transfer(sd, NULL, NULL, WAKE_BYTES);
    spi_select(sd->spi, SPI_DESELECTED);
    return error;
}

void sd_begin(struct sd *sd)
{
    spi_select(sd->spi, SPI_SELECTED);
}

/* The card needs eight clocks more to finish (section 7.5.1.1). */
void sd_end(struct sd *sd)
{
    spi_transfer(sd->spi, NULL, NULL, 1);
    spi_select(sd->spi, SPI_DESELECTED);
}

/* Takes bytes until one is all ones, or until one is not; at most `limit` microseconds long. */
static enum error wait_for(struct sd *sd, bool ones, uint64_t limit, uint8_t *byte, const char *trouble)
{
    uint64_t start = 0;

    for (unsigned polls = 1;; polls++) {
        enum error error = transfer(sd, NULL, byte, 1);
        if (error || (*byte == 0xff) == ones)
            return error;
        if (polls == 1)
            start = sd->time->now();
        if (polls % POLLS != 0)
            continue;
        uint64_t waited = sd->time->now() - start;
        if (waited > limit)
            return fail(sd, ERR_TIMED_OUT, trouble);
        if (waited > PATIENCE)
            sd->time->sleep(PAUSE);
    }
}

static enum error wait_ready(struct sd *sd)
{
    uint8_t byte;

    return wait_for(sd, true, BUSY_LIMIT, &byte, "the card stays busy");
}

static enum error send_command(struct sd *sd, enum sd_command command, uint32_t argument)
{
    uint8_t frame[6] = {(uint8_t)(0x40 | command), (uint8_t)(argument >> 24), (uint8_t)(argument >> 16),
                        (uint8_t)(argument >> 8), (uint8_t)argument};

    frame[5] = (uint8_t)(crc7(frame, 5) << 1 | 1);
    return transfer(sd, frame, NULL, sizeof(frame));
}

void sd_settle(struct sd *sd)
{
    wait_ready(sd);
}

void sd_interrupt(struct sd *sd)
{
    send_command(sd, SD_STOP_TRANSMISSION, 0);
    transfer(sd, NULL, NULL, DEBRIS_BYTES);
}

/* Its first bit is a zero, and ones come before. */
static enum error take_r1(struct sd *sd, uint8_t *r1)
{
    for (unsigned i = 0; i < RESPONSE_BYTES; i++) {
        enum error error = transfer(sd, NULL, r1, 1);
        if (error)
            return error;
        if (*r1 != 0xff) {
            set_shift(sd, *r1, leading_ones(*r1));
            return sd->shift == 0 ? ERR_OK : sd_receive(sd, r1, 1);
        }
    }
    return fail(sd, ERR_TIMED_OUT, "the card does not answer a command");
}

enum error sd_command(struct sd *sd, enum sd_command command, uint32_t argument, uint8_t *r1)
{
    enum error error = command == SD_GO_IDLE_STATE ? ERR_OK : wait_ready(sd);

    if (!error)
        error = send_command(sd, command, argument);
    return !error ? take_r1(sd, r1) : error;
}

enum error sd_expect(struct sd *sd, enum sd_command command, uint32_t argument, uint8_t *r1)
{
    enum error error = sd_command(sd, command, argument, r1);

    if (error || (*r1 & ~SD_R1_IDLE) == 0)
        return error;
    return fail(sd, ERR_IO,
                *r1 & SD_R1_CRC                           ? "a command arrived damaged"
                : *r1 & (SD_R1_ADDRESS | SD_R1_PARAMETER) ? "the card has no such sector"
                : *r1 & SD_R1_ILLEGAL                     ? "the card refuses a command"
                                                          : "the card reports an error");
}

enum error sd_read_block(struct sd *sd, uint8_t *data, size_t length)
{
    uint8_t token = 0xff, check[2] = {0};
    enum error error = wait_for(sd, false, READ_LIMIT, &token, "the card sends no data");

    /* The token of a block is ones, and a zero at its end; one of an error begins with four zeros. */
    if (!error && !(token & 0x80) && sd->shift != 1)
        return fail(sd, ERR_IO, token & 0xf0 ? "the card sends nonsense" : "the card cannot read a sector");
    set_shift(sd, token, leading_ones(token) + 1);
    if (!error)
        error = sd_receive(sd, data, length);
    if (!error)
        error = sd_receive(sd, check, sizeof(check));
    if (!error && crc16(data, length) != (check[0] << 8 | check[1]))
        return fail(sd, ERR_IO, "data arrived damaged");
    return error;
}

/* What follows the command is still data, so no response can begin with the first byte (section 7.2.3). */
enum error sd_stop(struct sd *sd)
{
    uint8_t r1;
    enum error error = send_command(sd, SD_STOP_TRANSMISSION, 0);

    if (!error)
        error = transfer(sd, NULL, NULL, 1);
    if (!error)
        error = take_r1(sd, &r1);
    return !error ? wait_ready(sd) : error;
}

/* Five bits, of which the first is a zero, after ones and, at the start of the first byte, three bits of
 * which nothing is said. They may end in the next byte. */
static enum error take_data_response(struct sd *sd)
{
    uint8_t response = 0xff;
    enum error error = ERR_OK;

    for (unsigned i = 0; !error && response == 0xff && i < RESPONSE_BYTES; i++) {
        error = transfer(sd, NULL, &response, 1);
        response |= i == 0 ? 0xe0 : 0;
    }
    unsigned ones = leading_ones(response);
    set_shift(sd, response, ones > 3 ? ones - 3 : 0);
    if (!error && sd->shift != 0)
        error = sd_receive(sd, &response, 1);
    else
        response = (uint8_t)(response >> (ones < 3 ? 3 - ones : 0));
    if (error || (response & SD_DATA_MASK) == SD_DATA_ACCEPTED)
        return error;
    switch (response & SD_DATA_MASK) {
    case SD_DATA_CRC: return fail(sd, ERR_IO, "data for the card arrived damaged");
    case SD_DATA_WRITE: return fail(sd, ERR_IO, "the card cannot write a sector");
    default: return fail(sd, ERR_IO, "the card does not take data");
    }
}

enum error sd_write_block(struct sd *sd, enum sd_token token, const uint8_t *data)
{
    uint16_t crc = crc16(data, SD_BLOCK);
    uint8_t before[2] = {0xff, (uint8_t)token}, check[2] = {(uint8_t)(crc >> 8), (uint8_t)crc};
    enum error error = transfer(sd, before, NULL, sizeof(before));

    if (!error)
        error = transfer(sd, data, NULL, SD_BLOCK);
    if (!error)
        error = transfer(sd, check, NULL, sizeof(check));
    if (!error)
        error = take_data_response(sd);
    return !error ? wait_ready(sd) : error;
}

enum error sd_stop_writing(struct sd *sd)
{
    uint8_t stop[2] = {SD_TOKEN_STOP_WRITE, 0xff}; /* busy begins after the second byte */
    enum error error = transfer(sd, stop, NULL, sizeof(stop));

    return !error ? wait_ready(sd) : error;
}
