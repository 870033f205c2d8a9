/* SPDX-License-Identifier: MIT */
/* Writes device trees token by token, so that tests can make them wrong in any way. */
#pragma once

#include <base/fdt.h>

#include "support.h"

#define BEGIN       1u
#define END_NODE    2u
#define PROP        3u
#define NOP         4u
#define END         9u

#define HEADER_SIZE 40u
#define STRUCT_MAX  2048u

/* A tree in the making. The strings block comes last: what runs out of it runs out of the blob. */
struct tree {
    uint8_t structure[STRUCT_MAX];
    uint32_t size;
    char strings[256];
    uint32_t strings_size;
    uint8_t blob[4096];
    uint32_t total;
};

static inline void put_be32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void put_token(struct tree *tree, uint32_t token)
{
    cr_assert_leq(tree->size + 4, STRUCT_MAX);
    put_be32(tree->structure + tree->size, token);
    tree->size += 4;
}

static inline void put_bytes(struct tree *tree, const void *data, uint32_t size)
{
    cr_assert_leq(tree->size + size + 3, STRUCT_MAX);
    memcpy(tree->structure + tree->size, data, size);
    tree->size = (tree->size + size + 3) & ~3u;
}

static inline void begin(struct tree *tree, const char *name)
{
    put_token(tree, BEGIN);
    put_bytes(tree, name, (uint32_t)strlen(name) + 1);
}

static inline void end(struct tree *tree)
{
    put_token(tree, END_NODE);
}

static inline void property(struct tree *tree, const char *name, const void *value, uint32_t size)
{
    put_token(tree, PROP);
    put_token(tree, size);
    put_token(tree, tree->strings_size);
    put_bytes(tree, value, size);
    strcpy(tree->strings + tree->strings_size, name);
    tree->strings_size += (uint32_t)strlen(name) + 1;
}

static inline void cells(struct tree *tree, const char *name, unsigned count, const uint32_t *values)
{
    uint8_t bytes[64];

    for (unsigned i = 0; i < count; i++)
        put_be32(bytes + 4 * i, values[i]);
    property(tree, name, bytes, 4 * count);
}

#define CELLS(tree, name, ...)                                                                               \
    cells(tree, name, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (const uint32_t[]){__VA_ARGS__})

static inline void set_header(struct tree *tree, unsigned offset, uint32_t value)
{
    put_be32(tree->blob + offset, value);
}

/* Header, one empty reservation, structure, strings. */
static inline void finish(struct tree *tree)
{
    const uint32_t structure = HEADER_SIZE + 16, strings = structure + tree->size;
    const uint32_t header[] = {
        0xd00dfeed, strings + tree->strings_size, structure, strings, HEADER_SIZE, 17, 16,
        0,          tree->strings_size,           tree->size};

    tree->total = header[1];
    for (unsigned i = 0; i < sizeof(header) / sizeof(header[0]); i++)
        set_header(tree, 4 * i, header[i]);
    memcpy(tree->blob + structure, tree->structure, tree->size);
    memcpy(tree->blob + strings, tree->strings, tree->strings_size);
}

/* A small tree with all that can be damaged. */
static inline void make_sample(struct tree *tree)
{
    *tree = (struct tree){0};
    begin(tree, "");
    property(tree, "model", "sample", 7);
    begin(tree, "child@1");
    CELLS(tree, "reg", 1, 2);
    end(tree);
    end(tree);
    put_token(tree, END);
    finish(tree);
}
