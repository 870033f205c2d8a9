/* SPDX-License-Identifier: MIT */
/*
 * Shared by the parts of the device tree reader; not for anybody else. All but the reading of numbers is for
 * trees that fdt_open() has checked. Tokens are pointers here, as offsets made the kernel start slower.
 */
#pragma once

#include <base/fdt.h>

/* Tokens of the structure block (section 5.4.1). */
enum token {
    TOKEN_BEGIN_NODE = 1,
    TOKEN_END_NODE = 2,
    TOKEN_PROP = 3,
    TOKEN_NOP = 4,
    TOKEN_END = 9,
};

#define RESERVATION_SIZE 16u

/* Big-endian numbers at any alignment. */
static inline uint32_t read_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t read_be64(const uint8_t *p)
{
    return (uint64_t)read_be32(p) << 32 | read_be32(p + 4);
}

/* Tokens start at multiples of four bytes from the start of the structure block. */
static inline size_t align_token(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

/* The token at an offset in the structure block, such as a node has, and back. */
static inline const uint8_t *token_at(const struct fdt *fdt, int offset)
{
    return fdt->blob + fdt->struct_off + offset;
}

static inline int offset_of(const struct fdt *fdt, const uint8_t *token)
{
    return (int)(token - fdt->blob - fdt->struct_off);
}

/* In a checked tree the low byte alone tells the tokens apart. */
static inline enum token kind_of(const uint8_t *token)
{
    return (enum token)token[3];
}

/* Parts of a TOKEN_PROP. */
static inline uint32_t property_length(const uint8_t *property)
{
    return read_be32(property + 4);
}

static inline const char *property_name(const struct fdt *fdt, const uint8_t *property)
{
    return (const char *)fdt->blob + fdt->strings_off + read_be32(property + 8);
}

static inline const uint8_t *property_value(const uint8_t *property)
{
    return property + 12;
}

/* The token behind this one with its name or value. There is none behind TOKEN_END. */
static inline const uint8_t *next_token(const uint8_t *token)
{
    const uint8_t *name = token + 4;
    size_t length = 0;

    switch (kind_of(token)) {
    case TOKEN_PROP: return property_value(token) + align_token(property_length(token));
    case TOKEN_BEGIN_NODE:
        while (name[length] != 0)
            length++;
        return name + align_token(length + 1);
    default: return token + 4;
    }
}

/* The node and all its ancestors, the root first; returns how many they are (0 for FDT_NONE). */
unsigned fdt_chain(const struct fdt *fdt, int node, int chain[FDT_MAX_DEPTH]);
/* First property of `node` whose name is the first name_length characters of `name`, or NULL. */
const uint8_t *fdt_find_property(const struct fdt *fdt, int node, const char *name, size_t name_length);
