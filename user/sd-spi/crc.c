/* SPDX-License-Identifier: MIT */
#include "crc.h"

uint8_t crc7(const uint8_t *data, size_t length)
{
    uint8_t crc = 0; /* in the upper seven bits */

    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x12 : crc << 1);
    }
    return crc >> 1;
}

/* By half bytes. */
uint16_t crc16(const uint8_t *data, size_t length)
{
    static const uint16_t table[16] = {
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
        0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
    };
    uint16_t crc = 0;

    for (size_t i = 0; i < length; i++) {
        crc = (uint16_t)(crc << 4 ^ table[crc >> 12 ^ data[i] >> 4]);
        crc = (uint16_t)(crc << 4 ^ table[crc >> 12 ^ (data[i] & 15)]);
    }
    return crc;
}
