/* SPDX-License-Identifier: MIT */
/* The terminal's answer: ESC [ ROWS ; COLUMNS R. */
#include "size.h"

#include <string.h>

#define PATIENCE 64
#define LEAST    10 /* of either; what says less is a key: F3 with shift is ESC [ 1 ; 2 R */
#define MOST     9999

void size_asked(struct size *size)
{
    size->asked = true;
    size->patience = PATIENCE;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Whether the held bytes and this one can be the beginning of an answer. */
static bool goes_on(const struct size *size, char byte)
{
    if (size->count == 0)
        return byte == '\x1b';
    if (size->count == 1)
        return byte == '[';
    return size->count < SIZE_HELD_MAX && (is_digit(byte) || byte == ';');
}

/* Reads the answer that the held bytes are; false when they are none. */
static bool read_answer(struct size *size)
{
    uint32_t number[2] = {0};
    unsigned at = 0;

    for (size_t i = 2; i < size->count; i++) {
        if (size->held[i] == ';')
            at++;
        else if (at < 2 && number[at] <= MOST)
            number[at] = number[at] * 10 + (uint32_t)(size->held[i] - '0');
    }
    if (at != 1 || number[0] < LEAST || number[1] < LEAST || number[0] > MOST || number[1] > MOST)
        return false;
    size->rows = number[0];
    size->columns = number[1];
    return true;
}

size_t size_filter(struct size *size, char byte, char *typed)
{
    if (size->asked && goes_on(size, byte)) {
        size->held[size->count++] = byte;
        return 0;
    }
    bool answered = size->asked && byte == 'R' && size->count > 2 && read_answer(size);
    size_t count = size->count;
    size->count = 0;
    if (answered) {
        size->asked = false;
        return 0;
    }
    memcpy(typed, size->held, count);
    typed[count++] = byte;
    if (size->patience <= count)
        size->asked = false;
    else
        size->patience -= (unsigned)count;
    return count;
}
