/* SPDX-License-Identifier: MIT */
/*
 * An SD memory card in SPI mode: finding out what it is, reading and writing with checksums, and starting it
 * anew when something went wrong (SD Physical Layer Simplified Specification 9.00, sections 7.2 and 5.3).
 */
#pragma once

#include "sd.h"

#define CARD_MAX_SECTORS 256 /* in one request */

struct card {
    struct sd sd;
    const char *name;  /* of the slot, for messages */
    uint64_t max_hz;   /* of the slot */
    uint32_t voltages; /* what the slot supplies, as bits of the card's operation conditions register */
    /* Of the card that was found last. */
    bool high_capacity; /* SDHC or SDXC: counts sectors and not bytes */
    bool read_only;     /* by its own register */
    uint64_t sectors;
    uint64_t hz;       /* 0: not known */
    uint8_t cid[16];   /* which card it is */
    unsigned failures; /* that were logged */
};

/* The register's bits for a supply between `low` and `high` millivolts. */
uint32_t card_voltages(uint32_t low, uint32_t high);
/* Whether a card answers; costs little. */
bool card_answers(struct card *card);
/* Whether the card that was started is there and ready still; costs little. */
bool card_is_ready(struct card *card);
/* Makes the card ready and reads what it is. ERR_NO_DEVICE: there is none. With any error sd.trouble says
 * what is wrong. */
enum error card_start(struct card *card);
/* Name that the card's maker gave it; at most five characters. */
void card_product(const struct card *card, char product[6]);
/*
 * Transfers at most CARD_MAX_SECTORS sectors, all of which the card has. What went wrong is tried again
 * after the card was started anew. What was written is on the medium. ERR_IO: it cannot be done; some sectors
 * may be written then, and some not. ERR_NO_DEVICE: the card, or that card, is gone.
 */
enum error card_read(struct card *card, uint64_t sector, uint32_t count, uint8_t *data);
enum error card_write(struct card *card, uint64_t sector, uint32_t count, const uint8_t *data);
