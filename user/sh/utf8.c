/* SPDX-License-Identifier: MIT */
/* UTF-8 sequences and how wide a terminal shows them. */
#include "utf8.h"

size_t utf8_sequence_length(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    /* 0xc0 and 0xc1 could only begin overlong forms, 0xf5 and up lie past the last code point. */
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Overlong forms, surrogates, and what lies past the last code point. */
static bool is_scalar(uint32_t code, size_t bytes)
{
    static const uint32_t least[UTF8_MAX + 1] = {0, 0, 0x80, 0x800, 0x10000};

    return code >= least[bytes] && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

size_t utf8_decode(const char *text, size_t length, uint32_t *code)
{
    const uint8_t *byte = (const uint8_t *)text;
    size_t bytes = utf8_sequence_length(byte[0]);

    *code = byte[0];
    if (bytes == 1)
        return 1;
    *code = UTF8_INVALID;
    if (bytes == 0 || bytes > length)
        return 1;
    uint32_t value = byte[0] & (0xffu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (byte[i] & 0x3fu);
    }
    if (!is_scalar(value, bytes))
        return 1;
    *code = value;
    return bytes;
}

size_t utf8_previous(const char *text, size_t position)
{
    uint32_t code;

    for (size_t back = 1; back <= UTF8_MAX && back <= position; back++) {
        if (((uint8_t)text[position - back] & 0xc0) != 0x80) {
            bool whole = utf8_decode(text + position - back, back, &code) == back;
            return whole ? position - back : position - 1;
        }
    }
    return position - 1;
}

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t code, const struct range *range, size_t count)
{
    for (size_t i = 0; i < count && code >= range[i].first; i++) {
        if (code <= range[i].last)
            return true;
    }
    return false;
}

/* The blocks that matter for names; a full table would be larger than the rest of the shell. */
unsigned utf8_width(uint32_t code)
{
    static const struct range none[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},
                                        {0x64b, 0x65f},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
                                        {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
                                        {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
    static const struct range wide[] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},  {0xa960, 0xa97f}, {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
        {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

    if (code < 0x300)
        return 1;
    if (in_ranges(code, none, sizeof(none) / sizeof(none[0])))
        return 0;
    return in_ranges(code, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

bool utf8_is_control(uint32_t code)
{
    /* Besides C0 and C1: line and paragraph separators, and the marks that turn the direction of writing. */
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}
