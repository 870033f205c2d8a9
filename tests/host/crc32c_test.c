/* SPDX-License-Identifier: MIT */
/* CRC-32C against the vectors of RFC 3720 and against the definition, one bit at a time. */
#include <base/crc32c.h>

#include "support.h"

/* The checksum as the RFC writes it down: inverted at both ends. */
static uint32_t inverted(const void *data, size_t size)
{
    return ~crc32c(~0u, data, size);
}

/* Division by the polynomial, bit by bit. */
static uint32_t by_definition(uint32_t crc, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
    return crc;
}

/* Section B.4. */
Test(crc32c, vectors_of_rfc_3720)
{
    static const uint8_t read_command[48] = {
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
        0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    uint8_t data[32];

    memset(data, 0, sizeof(data));
    cr_expect_eq(inverted(data, sizeof(data)), 0x8a9136aa);
    memset(data, 0xff, sizeof(data));
    cr_expect_eq(inverted(data, sizeof(data)), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    cr_expect_eq(inverted(data, sizeof(data)), 0x46dd794e);
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(31 - i);
    cr_expect_eq(inverted(data, sizeof(data)), 0x113fdb5c);
    cr_expect_eq(inverted(read_command, sizeof(read_command)), 0xd9963a56);
    cr_expect_eq(inverted("123456789", 9), 0xe3069283);
}

Test(crc32c, nothing_changes_nothing)
{
    cr_assert_eq(crc32c(0x12345678, NULL, 0), 0x12345678);
    cr_assert_eq(crc32c(0, "", 0), 0);
}

/* Every length up to some words, at every alignment, in a buffer of exactly that size. */
Test(crc32c, every_length_and_alignment)
{
    uint64_t random = 0x637263;
    uint8_t data[80];

    for (size_t size = 0; size <= sizeof(data); size++) {
        for (size_t misalignment = 0; misalignment < 8; misalignment++) {
            for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t)random_next(&random);
            struct exact copy = exact_copy(data, size, misalignment);
            uint32_t seed = (uint32_t)random_next(&random);
            cr_assert_eq(crc32c(seed, copy.data, size), by_definition(seed, data, size));
            exact_free(&copy);
        }
    }
}

/* Each bit of a word, so that each entry of the tables has its part in a result. */
Test(crc32c, every_byte_value_at_every_place)
{
    for (unsigned place = 0; place < 8; place++) {
        for (unsigned value = 0; value < 256; value++) {
            _Alignas(8) uint8_t data[8] = {0};
            data[place] = (uint8_t)value;
            cr_assert_eq(crc32c(0, data, 8), by_definition(0, data, 8));
        }
    }
}

Test(crc32c, in_parts)
{
    uint64_t random = 0x70617274;
    static uint8_t data[4096];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)random_next(&random);
    uint32_t whole = crc32c(~0u, data, sizeof(data));
    cr_assert_eq(whole, by_definition(~0u, data, sizeof(data)));
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        uint32_t parts = crc32c(~0u, data, cut);
        cr_assert_eq(crc32c(parts, data + cut, sizeof(data) - cut), whole);
    }
}

/* Of all lengths that are a few bits, up to more than a block. */
Test(crc32c, bytes_that_are_zero)
{
    static const uint8_t zeros[70000];
    uint64_t random = 0x7a65726f;

    for (size_t size = 0; size <= 300; size++) {
        uint32_t crc = (uint32_t)random_next(&random);
        cr_assert_eq(crc32c_zeros(crc, (uint32_t)size), crc32c(crc, zeros, size), "%zu bytes", size);
    }
    for (unsigned n = 0; n < 200; n++) {
        uint32_t crc = (uint32_t)random_next(&random);
        uint32_t size = (uint32_t)random_below(&random, sizeof(zeros));
        cr_assert_eq(crc32c_zeros(crc, size), crc32c(crc, zeros, size), "%u bytes", size);
    }
    cr_assert_eq(crc32c_zeros(0, 12345), 0);
    cr_assert_eq(crc32c_zeros(crc32c_zeros(1, 0x80000000), 0x80000000),
                 crc32c_zeros(crc32c_zeros(crc32c_zeros(1, 0x7fffffff), 0x7fffffff), 2));
}
