/* SPDX-License-Identifier: MIT */
/* Random changes of a device tree: of bytes and numbers anywhere, and of nodes and properties. */
#include "trees.h"

#include <string.h>

#define HEADER_SIZE 40u
#define MAX_TOKENS  8192u
#define BEGIN       1u
#define END_NODE    2u
#define PROP        3u
#define NOP         4u
#define END         9u

/* Offsets of the header's words. */
enum { TOTAL = 4, STRUCTURE = 8, STRINGS = 12, RESERVATIONS = 16, STRINGS_SIZE = 32, STRUCTURE_SIZE = 36 };

/* A token of the structure block: its offset in the blob, and where the next one begins. */
struct token {
    uint32_t kind, at, next;
};

static struct token tokens[MAX_TOKENS];
static unsigned token_count;

/* Finds the tokens, as far as there are any: earlier changes may have damaged the tree. */
static void find_tokens(const struct tree *tree)
{
    uint32_t at = get_be32(tree->blob + STRUCTURE);

    token_count = 0;
    while (token_count < MAX_TOKENS && at % 4 == 0 && at <= tree->size - 16) {
        struct token token = {get_be32(tree->blob + at), at, at + 4};
        if (token.kind == BEGIN)
            token.next += (uint32_t)(strnlen((char *)tree->blob + at + 4, tree->size - at - 4) + 4) & ~3u;
        else if (token.kind == PROP && get_be32(tree->blob + at + 4) < tree->size)
            token.next += (8 + get_be32(tree->blob + at + 4) + 3) & ~3u;
        else if (token.kind != END_NODE && token.kind != NOP)
            return;
        if (token.next > tree->size)
            return;
        tokens[token_count++] = token;
        at = token.next;
    }
}

/* A token of this kind, of 0 any; NULL when none was met. */
static const struct token *pick(uint32_t kind, uint64_t *random)
{
    for (unsigned tries = 0; token_count > 0 && tries < 100; tries++) {
        const struct token *token = &tokens[random_below(random, token_count)];
        if (kind == 0 || token->kind == kind)
            return token;
    }
    return NULL;
}

/* Where the node ends that begins with this token. */
static uint32_t node_end(const struct token *begin)
{
    unsigned depth = 0;

    for (const struct token *token = begin; token < tokens + token_count; token++) {
        depth += token->kind == BEGIN;
        depth -= token->kind == END_NODE;
        if (depth == 0)
            return token->next;
    }
    return begin->next;
}

static void add_to(struct tree *tree, unsigned word, uint32_t amount)
{
    put_be32(tree->blob + word, get_be32(tree->blob + word) + amount);
}

/* Puts bytes into the structure block, or before it, and has the header agree. They may come from the blob
 * itself. False when there is no room. */
static bool insert(struct tree *tree, uint32_t at, const uint8_t *bytes, uint32_t length)
{
    static uint8_t copy[TREE_CAPACITY];
    uint32_t structure = get_be32(tree->blob + STRUCTURE);

    if (length > TREE_CAPACITY - tree->size)
        return false;
    memcpy(copy, bytes, length);
    memmove(tree->blob + at + length, tree->blob + at, tree->size - at);
    memcpy(tree->blob + at, copy, length);
    tree->size += length;
    add_to(tree, TOTAL, length);
    add_to(tree, at < structure ? STRUCTURE : STRUCTURE_SIZE, length);
    if (get_be32(tree->blob + STRINGS) >= at)
        add_to(tree, STRINGS, length);
    return true;
}

/* The node or property is as if it had never been there. */
static void blank(struct tree *tree, uint32_t start, uint32_t end)
{
    for (; start < end; start += 4)
        put_be32(tree->blob + start, NOP);
}

/* Any number, but more often one that arithmetic trips over, or one near those that machines have. */
static uint32_t awkward_number(const struct tree *tree, uint64_t *random)
{
    static const uint32_t awkward[] = {0,          1,          2,          3,          4,          7,
                                       8,          9,          0x7f,       0xfff,      0x1000,     0x7fffffff,
                                       0x80000000, 0x80200000, 0x80201000, 0x87e00000, 0x0c000000, 0x3d,
                                       0x3c,       0xfffff000, 0xfffffffc, UINT32_MAX};

    switch (random_below(random, 4)) {
    case 0: return (uint32_t)random_next(random);
    case 1: return tree->size - 8 + random_below(random, 16);
    case 2: return random_below(random, 64);
    default: return awkward[random_below(random, sizeof(awkward) / sizeof(awkward[0]))];
    }
}

/* --- Changes that know nothing of the format --- */

static void change_bytes(struct tree *tree, uint64_t *random)
{
    uint32_t at = random_below(random, tree->size);

    if (random_below(random, 2))
        tree->blob[at] ^= (uint8_t)(1u << random_below(random, 8));
    else
        tree->blob[at] = (uint8_t)random_next(random);
}

static void change_cell(struct tree *tree, uint64_t *random)
{
    put_be32(tree->blob + 4 * random_below(random, tree->size / 4), awkward_number(tree, random));
}

static void change_header(struct tree *tree, uint64_t *random)
{
    put_be32(tree->blob + 4 * random_below(random, HEADER_SIZE / 4), awkward_number(tree, random));
}

static void truncate(struct tree *tree, uint64_t *random)
{
    tree->size = HEADER_SIZE + random_below(random, tree->size - HEADER_SIZE + 1);
    if (random_below(random, 4))
        put_be32(tree->blob + TOTAL, tree->size);
}

/* --- Changes of what a tree consists of --- */

static void change_token(struct tree *tree, uint64_t *random)
{
    static const uint32_t kinds[] = {BEGIN, END_NODE, PROP, NOP, END, 0, 5, 0x1000001};
    const struct token *token = pick(0, random);

    if (token)
        put_be32(tree->blob + token->at, kinds[random_below(random, sizeof(kinds) / sizeof(kinds[0]))]);
}

static void change_length(struct tree *tree, uint64_t *random)
{
    const struct token *property = pick(PROP, random);

    if (!property)
        return;
    uint32_t length = get_be32(tree->blob + property->at + 4);
    if (random_below(random, 2))
        length = awkward_number(tree, random);
    else
        length += 4 - random_below(random, 9);
    put_be32(tree->blob + property->at + 4, length);
}

/* One cell of a value; those of long ones as often as those of short ones. */
static void change_value(struct tree *tree, uint64_t *random)
{
    const struct token *property = pick(PROP, random);

    if (!property)
        return;
    uint32_t cells = get_be32(tree->blob + property->at + 4) / 4;
    if (cells)
        put_be32(tree->blob + property->at + 12 + 4 * random_below(random, cells),
                 awkward_number(tree, random));
}

static void change_string(struct tree *tree, uint64_t *random)
{
    static const char characters[] = {0, ' ', '/', ',', '_', '@', 'a', 'z', '0', '\n', '\x7f', '\xff'};
    const struct token *property = pick(PROP, random);

    if (!property)
        return;
    uint32_t length = get_be32(tree->blob + property->at + 4);
    if (length)
        tree->blob[property->at + 12 +
                   (random_below(random, 3) ? random_below(random, length) : length - 1)] =
            (uint8_t)characters[random_below(random, sizeof(characters))];
}

static void change_name(struct tree *tree, uint64_t *random)
{
    const struct token *property = pick(PROP, random), *other = pick(PROP, random);

    if (property && other && random_below(random, 4))
        put_be32(tree->blob + property->at + 8, get_be32(tree->blob + other->at + 8));
    else if (property)
        put_be32(tree->blob + property->at + 8, awkward_number(tree, random));
}

static void remove_property(struct tree *tree, uint64_t *random)
{
    const struct token *property = pick(PROP, random);

    if (property)
        blank(tree, property->at, property->next);
}

static void remove_node(struct tree *tree, uint64_t *random)
{
    const struct token *node = pick(BEGIN, random);

    if (node && node != tokens)
        blank(tree, node->at, node_end(node));
}

/* The copy comes first, so that it is the one that counts. */
static void copy_property(struct tree *tree, uint64_t *random)
{
    const struct token *property = pick(PROP, random), *before = pick(PROP, random);

    if (property && before)
        insert(tree, random_below(random, 2) ? property->at : before->at, tree->blob + property->at,
               property->next - property->at);
}

/* Behind itself, many times now and then, or in front of another. */
static void copy_node(struct tree *tree, uint64_t *random)
{
    const struct token *node = pick(BEGIN, random), *other = pick(BEGIN, random);

    if (!node || !other || node == tokens || other == tokens)
        return;
    uint32_t start = node->at, length = node_end(node) - start;
    uint32_t where = random_below(random, 2) ? start + length : other->at;
    for (unsigned copies = random_below(random, 8) ? 1 : random_below(random, 100); copies > 0; copies--) {
        if (!insert(tree, where, tree->blob + start, length))
            return;
        start += where <= start ? length : 0;
    }
}

/* Up to twice as deep as a tree may be. */
static void nest(struct tree *tree, uint64_t *random)
{
    static const uint8_t begin[] = {0, 0, 0, BEGIN, 'n', 0, 0, 0}, end[] = {0, 0, 0, END_NODE};
    const struct token *node = pick(BEGIN, random);

    if (!node || node == tokens)
        return;
    uint32_t start = node->at, stop = node_end(node);
    for (unsigned levels = 1 + random_below(random, random_below(random, 2) ? 2 : 64); levels > 0; levels--) {
        insert(tree, stop, end, sizeof(end));
        insert(tree, start, begin, sizeof(begin));
        stop += sizeof(begin) + sizeof(end);
    }
}

static void add_reservation(struct tree *tree, uint64_t *random)
{
    uint32_t at = get_be32(tree->blob + RESERVATIONS);
    uint8_t entry[16] = {0};

    if (at > tree->size || at % 8 != 0)
        return;
    for (unsigned i = random_below(random, 8) ? 1 : random_below(random, 80); i > 0; i--) {
        put_be32(entry + 0, random_below(random, 8) ? 0 : awkward_number(tree, random));
        put_be32(entry + 4, awkward_number(tree, random));
        put_be32(entry + 8, random_below(random, 8) ? 0 : awkward_number(tree, random));
        put_be32(entry + 12, awkward_number(tree, random));
        insert(tree, at, entry, sizeof(entry));
    }
}

static bool is_called(const struct tree *tree, const struct token *property, const char *name)
{
    uint32_t at = get_be32(tree->blob + property->at + 8), strings = get_be32(tree->blob + STRINGS);

    return strings < tree->size && at < tree->size - strings &&
           strncmp((const char *)tree->blob + strings + at, name, tree->size - strings - at) == 0;
}

/* `reg` with many more entries than any machine has. */
static void lengthen_registers(struct tree *tree, uint64_t *random)
{
    const struct token *property = pick(PROP, random);
    uint8_t cells[4 * 4 * 100];

    for (unsigned tries = 0; property && tries < 30 && !is_called(tree, property, "reg"); tries++)
        property = pick(PROP, random);
    if (!property)
        return;
    uint32_t at = property->at, next = property->next, length = get_be32(tree->blob + at + 4);
    uint32_t more = 16 * (1 + random_below(random, 100)), place = random_below(random, 1 << 20);
    for (uint32_t i = 0; i < more / 4; i++)
        put_be32(cells + 4 * i, i % 4 == 1 ? (place += 0x3000) : i % 4 == 3 ? 0x1000 : 0);
    if (length % 4 == 0 && length < tree->size) {
        put_be32(tree->blob + at + 4, length + more);
        insert(tree, next, cells, more);
    }
}

void tree_mutate(struct tree *tree, uint64_t *random)
{
    static void (*const changes[])(struct tree *, uint64_t *) = {
        change_bytes, change_cell,   change_header,   truncate,      change_token,    change_length,
        change_value, change_value,  change_value,    change_string, change_name,     remove_property,
        remove_node,  copy_property, copy_node,       nest,          add_reservation, lengthen_registers,
        change_value, change_string, remove_property, copy_property,
    };

    for (uint32_t n = 1 + random_below(random, TREE_CHANGES); n > 0; n--) {
        find_tokens(tree);
        changes[random_below(random, sizeof(changes) / sizeof(changes[0]))](tree, random);
    }
}
