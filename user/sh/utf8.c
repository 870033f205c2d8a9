/* SPDX-License-Identifier: MIT */
/* UTF-8 sequences and how wide a terminal shows them. */
#include "utf8.h"
#include "widths.h"

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

/* By halving, since there are some hundred. */
static bool in_ranges(uint32_t code, const struct code_range *range, size_t count)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > range[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && code >= range[low].first;
}

unsigned utf8_width(uint32_t code)
{
    if (code < 0x300) /* no table has anything below */
        return 1;
    if (in_ranges(code, widths_none, widths_none_count))
        return 0;
    return in_ranges(code, widths_two, widths_two_count) ? 2 : 1;
}

bool utf8_is_control(uint32_t code)
{
    /* Besides C0 and C1: line and paragraph separators, and the marks that turn the direction of writing. */
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}
