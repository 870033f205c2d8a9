/* SPDX-License-Identifier: MIT */
/*
 * The hashes of names in indexed directories (Documentation/filesystems/ext4/directory.rst, "Hash Tree
 * Directories").
 */
#include "internal.h"

#include <string.h>

#define END_OF_DIRECTORY 0xfffffffe /* no name may hash to this */

static uint32_t rotate_left(uint32_t value, uint32_t bits)
{
    return value << bits | value >> (32 - bits);
}

static uint32_t character(const char *name, size_t i, bool is_signed)
{
    return is_signed ? (uint32_t)(int32_t)(signed char)name[i] : (unsigned char)name[i];
}

/* Packs up to words * 4 characters, first in the highest byte, and fills up with the length that is left. */
static void pack(const char *name, size_t length, bool is_signed, uint32_t *words, size_t count)
{
    uint32_t pad = (uint32_t)length | (uint32_t)length << 8;
    pad |= pad << 16;
    for (size_t word = 0, i = 0; word < count; word++) {
        uint32_t value = pad;
        for (size_t end = i + 4; i < end && i < length; i++)
            value = character(name, i, is_signed) + (value << 8);
        words[word] = value;
    }
}

/* MD4 cut to its first halves: three rounds of eight steps on four words of state. */
static void half_md4(uint32_t state[4], const uint32_t in[8])
{
    static const uint8_t order[3][8] = {
        {0, 1, 2, 3, 4, 5, 6, 7}, {1, 3, 5, 7, 0, 2, 4, 6}, {3, 7, 2, 6, 1, 5, 0, 4}};
    static const uint8_t shift[3][4] = {{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}};
    static const uint32_t constant[3] = {0, 0x5a827999, 0x6ed9eba1}; /* square roots of 2 and 3 */
    uint32_t s[4] = {state[0], state[1], state[2], state[3]};
    for (int round = 0; round < 3; round++) {
        for (int step = 0; step < 8; step++) {
            uint32_t *a = &s[-step & 3], b = s[(1 - step) & 3], c = s[(2 - step) & 3], d = s[(3 - step) & 3];
            uint32_t mixed = round == 0   ? d ^ (b & (c ^ d))
                             : round == 1 ? (b & c) + ((b ^ c) & d)
                                          : b ^ c ^ d;
            *a = rotate_left(*a + mixed + in[order[round][step]] + constant[round], shift[round][step & 3]);
        }
    }
    for (int i = 0; i < 4; i++)
        state[i] += s[i];
}

/* The Tiny Encryption Algorithm, 16 rounds, with the name as the key. */
static void tea(uint32_t state[4], const uint32_t key[4])
{
    uint32_t x = state[0], y = state[1], sum = 0;
    for (int round = 0; round < 16; round++) {
        sum += 0x9e3779b9;
        x += ((y << 4) + key[0]) ^ (y + sum) ^ ((y >> 5) + key[1]);
        y += ((x << 4) + key[2]) ^ (x + sum) ^ ((x >> 5) + key[3]);
    }
    state[0] += x;
    state[1] += y;
}

static uint32_t legacy(const char *name, size_t length, bool is_signed)
{
    uint32_t last = 0x37abe8f9, hash = 0x12a3fe2d;
    for (size_t i = 0; i < length; i++) {
        uint32_t next = last + (hash ^ character(name, i, is_signed) * 7152373);
        if (next & 0x80000000)
            next -= 0x7fffffff;
        last = hash;
        hash = next;
    }
    return hash << 1;
}

static uint32_t mixed_hash(bool is_tea, bool is_signed, const uint32_t seed[4], const char *name,
                           size_t length)
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}, in[8];
    if (seed[0] || seed[1] || seed[2] || seed[3])
        memcpy(state, seed, sizeof(state));
    size_t words = is_tea ? 4 : 8;
    for (size_t done = 0; done < length; done += words * 4) {
        pack(name + done, length - done, is_signed, in, words);
        if (is_tea)
            tea(state, in);
        else
            half_md4(state, in);
    }
    return is_tea ? state[0] : state[1];
}

bool ext4_name_hash(uint32_t version, const uint32_t seed[4], const char *name, size_t length, uint32_t *hash)
{
    if (version > EXT4_DX_HASH_TEA_UNSIGNED)
        return false;
    bool is_signed = version < EXT4_DX_HASH_LEGACY_UNSIGNED;
    uint32_t kind = is_signed ? version : version - EXT4_DX_HASH_LEGACY_UNSIGNED;
    uint32_t value = kind == EXT4_DX_HASH_LEGACY
                         ? legacy(name, length, is_signed)
                         : mixed_hash(kind == EXT4_DX_HASH_TEA, is_signed, seed, name, length);
    value &= ~1u; /* bit 0 marks a continuation in the index */
    *hash = value == END_OF_DIRECTORY ? END_OF_DIRECTORY - 2 : value;
    return true;
}
