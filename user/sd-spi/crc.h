/* SPDX-License-Identifier: MIT */
/* Checksums of SD cards (SD Physical Layer Simplified Specification 9.00, section 4.5). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Of a command's first five bytes, or of a CSD or CID: x^7 + x^3 + 1. */
uint8_t crc7(const uint8_t *data, size_t length);
/* Of a block of data: x^16 + x^12 + x^5 + 1. */
uint16_t crc16(const uint8_t *data, size_t length);
