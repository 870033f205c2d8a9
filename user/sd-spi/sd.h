/* SPDX-License-Identifier: MIT */
/*
 * What goes over the wires between host and SD card in SPI mode (SD Physical Layer Simplified Specification
 * 9.00, chapter 7): commands, responses, blocks of data with their tokens and checksums. Knows nothing of
 * what the commands are for. Everything that waits for the card has a time limit.
 *
 * After an error the card is in no known state; `trouble` says in words what happened.
 */
#pragma once

#include "spi.h"

#include <stdbool.h>

#define SD_BLOCK 512

enum sd_command {
    SD_GO_IDLE_STATE = 0,
    SD_SEND_IF_COND = 8,
    SD_SEND_CSD = 9,
    SD_SEND_CID = 10,
    SD_STOP_TRANSMISSION = 12,
    SD_SEND_STATUS = 13,
    SD_SET_BLOCKLEN = 16,
    SD_READ_SINGLE_BLOCK = 17,
    SD_READ_MULTIPLE_BLOCK = 18,
    SD_WRITE_BLOCK = 24,
    SD_WRITE_MULTIPLE_BLOCK = 25,
    SD_APP_SEND_OP_COND = 41, /* after SD_APP_CMD */
    SD_APP_CMD = 55,
    SD_READ_OCR = 58,
    SD_CRC_ON_OFF = 59,
};

/* Bits of the response R1 (section 7.3.2.1). */
enum sd_r1 {
    SD_R1_IDLE = 1,
    SD_R1_ERASE_RESET = 2,
    SD_R1_ILLEGAL = 4,
    SD_R1_CRC = 8,
    SD_R1_ERASE_SEQUENCE = 16,
    SD_R1_ADDRESS = 32,
    SD_R1_PARAMETER = 64,
};

/* Tokens (section 7.3.3). */
enum sd_token {
    SD_TOKEN_BLOCK = 0xfe,       /* a block, but for: */
    SD_TOKEN_MULTI_WRITE = 0xfc, /* a block that is written by SD_WRITE_MULTIPLE_BLOCK */
    SD_TOKEN_STOP_WRITE = 0xfd,  /* there are no more of them */
};
enum sd_data_response { SD_DATA_MASK = 0x1f, SD_DATA_ACCEPTED = 5, SD_DATA_CRC = 11, SD_DATA_WRITE = 13 };

/* How the driver tells the time. */
struct sd_time {
    uint64_t (*now)(void);      /* microseconds */
    void (*sleep)(uint64_t us); /* lets others run at least that long */
};

struct sd {
    struct spi *spi;
    const struct sd_time *time;
    const char *trouble;
    unsigned shift; /* bits of the byte received last that come before what is received next; 0: none */
    uint8_t last;   /* that byte */
};

/* The clocks that a card needs after power-up, not selected (section 6.4.1.1). */
enum error sd_wake(struct sd *sd);
/* Waits until the card is not busy, if it ever ends. */
void sd_settle(struct sd *sd);
/* Ends what the card is sending: tells it to stop, and takes more bytes than a block has. */
void sd_interrupt(struct sd *sd);
/* Selects the card; after that commands and data, and sd_end(). */
void sd_begin(struct sd *sd);
void sd_end(struct sd *sd);
/* Sends a command when the card is not busy (SD_GO_IDLE_STATE at once); takes its response R1, of which any
 * bits may be set. */
enum error sd_command(struct sd *sd, enum sd_command command, uint32_t argument, uint8_t *r1);
/* The same, and any bit but SD_R1_IDLE is an error. */
enum error sd_expect(struct sd *sd, enum sd_command command, uint32_t argument, uint8_t *r1);
/* The rest of a longer response. */
enum error sd_receive(struct sd *sd, uint8_t *data, size_t length);
/* Takes a block that the card sends, of `length` bytes, at most SD_BLOCK, and verifies its checksum. */
enum error sd_read_block(struct sd *sd, uint8_t *data, size_t length);
/* Ends SD_READ_MULTIPLE_BLOCK. */
enum error sd_stop(struct sd *sd);
/* Gives the card a block of SD_BLOCK bytes to write, and waits until it is no longer busy. */
enum error sd_write_block(struct sd *sd, enum sd_token token, const uint8_t *data);
/* Ends SD_WRITE_MULTIPLE_BLOCK; waits until the card has written everything. */
enum error sd_stop_writing(struct sd *sd);
