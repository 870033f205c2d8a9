/* SPDX-License-Identifier: MIT */
/* A terminal of one endless line that obeys the sequences of a line editor and refuses all others. */
#pragma once

#include "support.h"

#include <lineedit.h>

struct screen {
    uint32_t cell[256]; /* code point, or 0 for the right half of a wide character */
    unsigned end, column;
    unsigned bells, returns, clears;
    char last_line[1024]; /* what stood there when the last line ended */
    size_t bytes;         /* received since screen_count() */
    bool wrong;           /* something came that is none of ours, or reached the last column */
    char sequence[16];
    size_t sequence_length;
    char partial[UTF8_MAX];
    size_t partial_length;
};

/* The line as text. */
static inline void screen_text(const struct screen *screen, char *text, size_t size)
{
    size_t used = 0;

    for (unsigned i = 0; i < screen->end && used + 5 < size; i++) {
        uint32_t c = screen->cell[i];
        if (c == 0)
            continue;
        if (c < 0x80) {
            text[used++] = (char)c;
        } else if (c < 0x800) {
            text[used++] = (char)(0xc0 | c >> 6);
            text[used++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            text[used++] = (char)(0xe0 | c >> 12);
            text[used++] = (char)(0x80 | (c >> 6 & 0x3f));
            text[used++] = (char)(0x80 | (c & 0x3f));
        } else {
            text[used++] = (char)(0xf0 | c >> 18);
            text[used++] = (char)(0x80 | (c >> 12 & 0x3f));
            text[used++] = (char)(0x80 | (c >> 6 & 0x3f));
            text[used++] = (char)(0x80 | (c & 0x3f));
        }
    }
    text[used] = 0;
}

static inline void screen_put(struct screen *screen, uint32_t code)
{
    unsigned width = utf8_width(code);

    if (screen->column + width >= LINE_DEFAULT_WIDTH) {
        screen->wrong = true; /* a terminal would wrap */
        return;
    }
    for (unsigned i = 0; i < width; i++) {
        while (screen->end <= screen->column)
            screen->cell[screen->end++] = ' ';
        screen->cell[screen->column++] = i == 0 ? code : 0;
    }
}

static inline void screen_new_line(struct screen *screen)
{
    screen_text(screen, screen->last_line, sizeof(screen->last_line));
    screen->end = 0;
    screen->returns++;
}

static inline void screen_control(struct screen *screen, char c)
{
    if (c == '\r')
        screen->column = 0;
    else if (c == '\n')
        screen_new_line(screen);
    else if (c == '\a')
        screen->bells++;
    else if (c == '\b' && screen->column > 0)
        screen->column--;
    else
        screen->wrong = true;
}

static inline void screen_sequence(struct screen *screen)
{
    unsigned n = 1;
    char final = screen->sequence[screen->sequence_length - 1];

    screen->sequence[screen->sequence_length] = 0;
    if (screen->sequence_length > 3)
        n = (unsigned)atoi(screen->sequence + 2);
    if (strcmp(screen->sequence, "\x1b[K") == 0) {
        screen->end = screen->column < screen->end ? screen->column : screen->end;
    } else if (strcmp(screen->sequence, "\x1b[H") == 0) {
        screen->column = 0;
    } else if (strcmp(screen->sequence, "\x1b[2J") == 0) {
        screen->end = 0;
        screen->clears++;
    } else if (final == 'C') {
        screen->column += n;
    } else if (final == 'D' && n <= screen->column) {
        screen->column -= n;
    } else {
        screen->wrong = true;
    }
    screen->sequence_length = 0;
}

static inline void screen_text_byte(struct screen *screen, char c)
{
    uint32_t code;

    screen->partial[screen->partial_length++] = c;
    if (screen->partial_length < utf8_sequence_length((uint8_t)screen->partial[0]))
        return;
    if (utf8_decode(screen->partial, screen->partial_length, &code) != screen->partial_length ||
        code == UTF8_INVALID || utf8_is_control(code)) {
        screen->wrong = true;
    } else {
        screen_put(screen, code);
    }
    screen->partial_length = 0;
}

static inline void screen_write(void *context, const char *bytes, size_t count)
{
    struct screen *screen = context;

    screen->bytes += count;
    for (size_t i = 0; i < count; i++) {
        char c = bytes[i];
        if (screen->sequence_length > 0 || c == 0x1b) {
            if (screen->sequence_length + 2 > sizeof(screen->sequence)) {
                screen->wrong = true;
                return;
            }
            screen->sequence[screen->sequence_length++] = c;
            if (screen->sequence_length > 2 && c >= 0x40 && c < 0x7f)
                screen_sequence(screen);
        } else if ((uint8_t)c < 0x20) {
            screen_control(screen, c);
        } else {
            screen_text_byte(screen, c);
        }
    }
}
