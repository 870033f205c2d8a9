/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C by eight bytes at a time ("slicing by 8"): eight tables, the k-th of which tells what a byte does
 * to the checksum when k more bytes follow it.
 *
 * A checksum is linear over exclusive or, so a table entry is the sum of what each bit of its index does
 * alone. That is a power of x modulo the polynomial; the compiler works all 64 of them out from the first.
 */
#include <base/crc32c.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lowest byte of a word comes first");

/* clang-format off */
/* The polynomial in reflected order, and the effect of one more zero bit. */
#define POLYNOMIAL 0x82f63b78u
#define NEXT(power) ((power) >> 1 ^ (((power) & 1u) != 0 ? POLYNOMIAL : 0u))

/* P0 is the effect of the highest bit of the last byte, P63 that of the lowest bit of the eighth last. */
enum power {
    P0 = POLYNOMIAL,
    P1 = NEXT(P0), P2 = NEXT(P1), P3 = NEXT(P2), P4 = NEXT(P3), P5 = NEXT(P4),
    P6 = NEXT(P5), P7 = NEXT(P6), P8 = NEXT(P7), P9 = NEXT(P8), P10 = NEXT(P9),
    P11 = NEXT(P10), P12 = NEXT(P11), P13 = NEXT(P12), P14 = NEXT(P13), P15 = NEXT(P14),
    P16 = NEXT(P15), P17 = NEXT(P16), P18 = NEXT(P17), P19 = NEXT(P18), P20 = NEXT(P19),
    P21 = NEXT(P20), P22 = NEXT(P21), P23 = NEXT(P22), P24 = NEXT(P23), P25 = NEXT(P24),
    P26 = NEXT(P25), P27 = NEXT(P26), P28 = NEXT(P27), P29 = NEXT(P28), P30 = NEXT(P29),
    P31 = NEXT(P30), P32 = NEXT(P31), P33 = NEXT(P32), P34 = NEXT(P33), P35 = NEXT(P34),
    P36 = NEXT(P35), P37 = NEXT(P36), P38 = NEXT(P37), P39 = NEXT(P38), P40 = NEXT(P39),
    P41 = NEXT(P40), P42 = NEXT(P41), P43 = NEXT(P42), P44 = NEXT(P43), P45 = NEXT(P44),
    P46 = NEXT(P45), P47 = NEXT(P46), P48 = NEXT(P47), P49 = NEXT(P48), P50 = NEXT(P49),
    P51 = NEXT(P50), P52 = NEXT(P51), P53 = NEXT(P52), P54 = NEXT(P53), P55 = NEXT(P54),
    P56 = NEXT(P55), P57 = NEXT(P56), P58 = NEXT(P57), P59 = NEXT(P58), P60 = NEXT(P59),
    P61 = NEXT(P60), P62 = NEXT(P61), P63 = NEXT(P62),
};

/* The table made from the effects of bits 7 to 0 of a byte. */
#define BIT(n, bit, power) (((n) >> (bit) & 1) != 0 ? (uint32_t)(power) : 0u)
#define ENTRY(n, a, b, c, d, e, f, g, h)                                                                     \
    (BIT(n, 7, a) ^ BIT(n, 6, b) ^ BIT(n, 5, c) ^ BIT(n, 4, d) ^                                             \
     BIT(n, 3, e) ^ BIT(n, 2, f) ^ BIT(n, 1, g) ^ BIT(n, 0, h))
#define ENTRIES_4(n, ...)                                                                                    \
    ENTRY(n, __VA_ARGS__), ENTRY(n + 1, __VA_ARGS__), ENTRY(n + 2, __VA_ARGS__), ENTRY(n + 3, __VA_ARGS__)
#define ENTRIES_16(n, ...)                                                                                   \
    ENTRIES_4(n, __VA_ARGS__), ENTRIES_4(n + 4, __VA_ARGS__),                                                \
    ENTRIES_4(n + 8, __VA_ARGS__), ENTRIES_4(n + 12, __VA_ARGS__)
#define ENTRIES_64(n, ...)                                                                                   \
    ENTRIES_16(n, __VA_ARGS__), ENTRIES_16(n + 16, __VA_ARGS__),                                             \
    ENTRIES_16(n + 32, __VA_ARGS__), ENTRIES_16(n + 48, __VA_ARGS__)
#define TABLE(...)                                                                                           \
    {ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__),                                                \
     ENTRIES_64(128, __VA_ARGS__), ENTRIES_64(192, __VA_ARGS__)}

static const uint32_t table[8][256] = {
    TABLE(P0, P1, P2, P3, P4, P5, P6, P7),
    TABLE(P8, P9, P10, P11, P12, P13, P14, P15),
    TABLE(P16, P17, P18, P19, P20, P21, P22, P23),
    TABLE(P24, P25, P26, P27, P28, P29, P30, P31),
    TABLE(P32, P33, P34, P35, P36, P37, P38, P39),
    TABLE(P40, P41, P42, P43, P44, P45, P46, P47),
    TABLE(P48, P49, P50, P51, P52, P53, P54, P55),
    TABLE(P56, P57, P58, P59, P60, P61, P62, P63),
};

/* clang-format on */

static uint32_t add_byte(uint32_t crc, uint8_t byte)
{
    return crc >> 8 ^ table[0][(uint8_t)crc ^ byte];
}

static uint32_t add_word(uint32_t crc, uint64_t word)
{
    word ^= crc;
    return table[7][word & 0xff] ^ table[6][word >> 8 & 0xff] ^ table[5][word >> 16 & 0xff] ^
           table[4][word >> 24 & 0xff] ^ table[3][word >> 32 & 0xff] ^ table[2][word >> 40 & 0xff] ^
           table[1][word >> 48 & 0xff] ^ table[0][word >> 56];
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *p = data;

    for (; size > 0 && (uintptr_t)p % 8 != 0; size--)
        crc = add_byte(crc, *p++);
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, __builtin_assume_aligned(p, 8), sizeof(word));
        crc = add_word(crc, word);
    }
    for (; size > 0; size--)
        crc = add_byte(crc, *p++);
    return crc;
}

/* The product of two polynomials, modulo the one of the checksum. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (; a != 0; a <<= 1) {
        product ^= b & (uint32_t)((int32_t)a >> 31);
        b = NEXT(b);
    }
    return product;
}

uint32_t crc32c_zeros(uint32_t crc, uint32_t size)
{
    /* What 2^n bytes that are zero multiply a checksum by. */
    static const uint32_t factor[32] = {
        0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
        0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
        0xfe7740e6, 0xf946610b, 0x3c204f8f, 0x538586e3, 0x59726915, 0x734d5309, 0xbc1ac763, 0x7d0722cc,
        0xd289cabe, 0xe94ca9bc, 0x05b74f3f, 0xa51e1f42, 0x40000000, 0x20000000, 0x08000000, 0x00800000,
    };

    for (const uint32_t *of = factor; crc != 0 && size > 0; size >>= 1, of++)
        crc = size & 1 ? multiply(*of, crc) : crc;
    return crc;
}
