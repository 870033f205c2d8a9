/* SPDX-License-Identifier: MIT */
/*
 * The keys of a terminal from the bytes that it sends: the cursor keys and their like come as control
 * sequences (ECMA-48 section 5.4, and what xterm, rxvt and the Linux console send).
 */
#pragma once

#include <stdint.h>

/* A key is the byte itself, 0 to 255, or one of these. */
enum key {
    KEY_NONE = 256, /* in the middle of a sequence, or at the end of one that means nothing */
    KEY_UP,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_WORD_LEFT,
    KEY_WORD_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_ERASE_WORD,  /* the word before the cursor */
    KEY_DELETE_WORD, /* the word after it */
};

/* All zero at the start. */
struct key_decoder {
    enum {
        KEYS_GROUND,
        KEYS_ESCAPE,
        KEYS_INTERMEDIATE, /* ESC ( and its like: one more byte */
        KEYS_CSI,
        KEYS_ONE_MORE, /* function keys of the Linux console: ESC [ [ A */
        KEYS_SS3,
        KEYS_STRING, /* commands to a terminal, up to BEL or ESC \ */
        KEYS_STRING_ESCAPE,
    } state;
    unsigned parameter[2]; /* at most 9999 each */
    unsigned parameters;   /* separators seen */
    int odd;               /* the sequence has bytes that none of ours has */
};

/* The next byte; returns an enum key or the byte itself. */
int key_feed(struct key_decoder *keys, uint8_t byte);
