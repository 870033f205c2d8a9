/* SPDX-License-Identifier: MIT */
/*
 * Text as characters of a terminal. A character is a valid UTF-8 sequence (RFC 3629) or, where there is none,
 * a single byte, so that every byte string has characters and none is lost.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands for a byte that belongs to no valid sequence. */
#define UTF8_INVALID 0xffffffffu
/* Longest sequence in bytes, and longest form of a character on the screen. */
#define UTF8_MAX     4

/* Bytes that the sequence beginning with `lead` has, 2 to 4; 1 for ASCII, 0 when no sequence begins so. */
size_t utf8_sequence_length(uint8_t lead);
/* Decodes the character at the start of `text`, of which there are `length` > 0 bytes. Returns its bytes (1
 * to 4); *code is the code point, or UTF8_INVALID. */
size_t utf8_decode(const char *text, size_t length, uint32_t *code);
/* Start of the character that ends at `position` > 0 of `text`. */
size_t utf8_previous(const char *text, size_t position);
/* Columns of a code point as glibc's wcwidth() has them: 0 for combining marks, 2 for East Asian wide
 * characters and emoji; 1 where that says that it cannot be printed. */
unsigned utf8_width(uint32_t code);
/* Whether a terminal would act on the code point instead of showing it. */
bool utf8_is_control(uint32_t code);
