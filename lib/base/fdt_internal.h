/* SPDX-License-Identifier: MIT */
/* Shared by the two halves of the device tree reader; not for anybody else. */
#pragma once

#include <base/fdt.h>

struct fdt_property {
    const char *name;
    const uint8_t *value;
    uint32_t length;
};

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
static inline uint32_t align_token(uint32_t at)
{
    return (at + 3) & ~3u;
}

/* The node and all its ancestors, the root first; returns how many they are (0 for FDT_NONE). */
unsigned fdt_chain(const struct fdt *fdt, int node, int chain[FDT_MAX_DEPTH]);
/* First property of `node` whose name is the first name_length characters of `name`. */
bool fdt_find_property(const struct fdt *fdt, int node, const char *name, size_t name_length,
                       struct fdt_property *property);
