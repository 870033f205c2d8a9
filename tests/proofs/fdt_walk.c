/* SPDX-License-Identifier: MIT */
/*
 * Walking through any small device tree that the checker accepts: no function reads outside the structure or
 * the strings block, all end, and what they return is a node or property of the tree.
 */
#include "proof.h"

#include "lib/base/fdt.c"
#include "lib/base/fdt_check.c"

#define STRINGS   4
#define STRUCTURE 40 /* a root with a child and a property of up to 4 bytes, or two children */
#define TOKENS    (STRUCTURE / 4)

/* Exactly the two blocks, so that reading beyond them is an error. */
static uint8_t blob[STRINGS + STRUCTURE];
static struct fdt fdt;
static bool is_token[STRUCTURE + 1], is_node[STRUCTURE + 1];
static unsigned depth_at[STRUCTURE + 1]; /* nodes that are open before the token there */

/* Any tree that check_structure() accepts, with any strings; names of nodes have up to 3 characters. */
static void any_tree(unsigned size)
{
    struct checker check = {.base = blob + STRINGS, .size = size};

    for (unsigned i = 0; i < sizeof(blob); i++)
        blob[i] = nondet_u8();
    for (unsigned at = STRINGS; at + 8 <= sizeof(blob); at += 4)
        if (read_be32(blob + at) == TOKEN_BEGIN_NODE)
            ASSUME(!blob[at + 4] || !blob[at + 5] || !blob[at + 6] || !blob[at + 7]);
    check.strings_size = nondet_bool() ? STRINGS : 0;
    if (check.strings_size)
        ASSUME(blob[STRINGS - 1] == 0);
    ASSUME(!check_structure(&check));
    fdt = (struct fdt){.blob = blob,
                       .total = sizeof(blob),
                       .struct_off = STRINGS,
                       .struct_size = check.at,
                       .strings_size = check.strings_size};
    /* The nodes, found without the functions that are to be proved. */
    for (unsigned at = 0, step, depth = 0; at < check.at; at += step) {
        uint32_t token = read_be32(blob + STRINGS + at);

        step = 4;
        is_token[at] = true;
        depth_at[at] = depth;
        depth += token == TOKEN_BEGIN_NODE;
        depth -= token == TOKEN_END_NODE;
        is_node[at] = token == TOKEN_BEGIN_NODE;
        if (token == TOKEN_BEGIN_NODE)
            step = 8;
        if (token == TOKEN_PROP)
            step = 12 + ((read_be32(blob + STRINGS + at + 4) + 3) & ~3u);
    }
}

/* FDT_NONE or any node of the tree. */
static int any_node(void)
{
    int node = any_below(STRUCTURE + 1);

    if (node == STRUCTURE)
        return FDT_NONE;
    ASSUME(is_node[node]);
    return node;
}

static bool none_or_node(int node)
{
    return node == FDT_NONE || (node >= 0 && node < STRUCTURE && is_node[node]);
}

/* Whether [value, value + length) is in the structure block, before its END token. */
static bool inside_structure(const void *value, uint32_t length)
{
    const uint8_t *bytes = value;

    return bytes >= blob + STRINGS && range_inside(bytes - blob - STRINGS, length, fdt.struct_size - 4);
}

/*
 * proof fdt_first_child: any tree of up to 40 bytes of structure, any node or none
 * options: --unwind 11 --unwindset check_begin_node.0:5,any_tree.0:45,next_token.0:5
 * planted lib/base/fdt.c: s/while (kind_of(token) == TOKEN_PROP || kind_of(token) == TOKEN_NOP)/while (kind_of(token) != 1)/
 */
void prove_fdt_first_child(void)
{
    int node, child;

    any_tree(STRUCTURE);
    node = any_node();
    child = fdt_first_child(&fdt, node);
    CHECK(none_or_node(child) && (child == FDT_NONE || (node != FDT_NONE && child > node)),
          "fdt: a node of the tree");
}

/*
 * proof fdt_next_sibling: any tree of up to 40 bytes of structure, any node or none
 * options: --unwind 11 --unwindset check_begin_node.0:5,any_tree.0:45,next_token.0:5
 * planted lib/base/fdt.c: s/^        case TOKEN_END: return FDT_NONE;//
 */
void prove_fdt_next_sibling(void)
{
    int node, next;

    any_tree(STRUCTURE);
    node = any_node();
    next = fdt_next_sibling(&fdt, node);
    CHECK(none_or_node(next) && (next == FDT_NONE || (node > 0 && next > node)), "fdt: a node of the tree");
}

/*
 * proof fdt_next: any tree of up to 40 bytes of structure, any node or none
 * options: --unwind 11 --unwindset check_begin_node.0:5,any_tree.0:45,next_token.0:5
 * planted lib/base/fdt.c: s/^        if (kind_of(token) == TOKEN_END)/        if (kind_of(token) == TOKEN_END_NODE)/
 */
void prove_fdt_next(void)
{
    int node, next;

    any_tree(STRUCTURE);
    node = any_node();
    next = fdt_next(&fdt, node);
    CHECK(none_or_node(next) && (next == FDT_NONE || next > node), "fdt: a node of the tree");
    for (int between = 0; between < STRUCTURE; between += 4)
        CHECK(between <= node || !is_node[between] || (next != FDT_NONE && next <= between),
              "fdt: no node is left out");
}

/*
 * proof fdt_parent: any tree of up to 40 bytes of structure, any node or none
 * options: --unwind 11 --unwindset check_begin_node.0:5,any_tree.0:45,next_token.0:5
 * planted lib/base/fdt.c: s/return depth < 2 ? FDT_NONE/return depth < 1 ? FDT_NONE/
 */
void prove_fdt_parent(void)
{
    int node, parent;

    any_tree(STRUCTURE);
    node = any_node();
    parent = fdt_parent(&fdt, node);
    CHECK(none_or_node(parent) && parent <= node, "fdt: a node of the tree");
    CHECK((parent == FDT_NONE) == (node == FDT_NONE || node == fdt_root(&fdt)),
          "fdt: only the root has no parent");
}

/* Whether a walk can be before the token there: behind all properties of a node, and the NOPs after them. */
static bool walk_may_go_on(unsigned at)
{
    return is_token[at] && kind_of(blob + STRINGS + at) != TOKEN_PROP &&
           kind_of(blob + STRINGS + at) != TOKEN_NOP;
}

/*
 * proof fdt_walk_next: any tree of up to 32 bytes of structure, one step from anywhere behind a node's
 * properties
 * options: --unwind 11 --unwindset check_begin_node.0:5,any_tree.0:45,next_token.0:5,strcmp.0:5,walk_enter.0:3
 *   --unwindset skip_nops.0:6,fdt_walk_next.0:6
 * planted lib/base/fdt.c: s/walk->chain\[walk->depth++\] = /walk->chain[walk->depth] = /
 */
void prove_fdt_walk_next(void)
{
    struct fdt_walk walk = {0};
    unsigned at = any_below(STRUCTURE), node;

    any_tree(32);
    ASSUME(at == 0 || walk_may_go_on(at));
    walk.depth = depth_at[at];
    walk.next = at == 0 ? NULL : blob + STRINGS + at;
    if (!fdt_walk_next(&fdt, &walk)) {
        for (unsigned left = 0; left < STRUCTURE; left += 4)
            CHECK(left < at || !is_node[left], "fdt: no node is left out");
        return;
    }
    node = walk.chain[walk.depth - 1];
    CHECK(none_or_node(node) && node >= at, "fdt: a node of the tree");
    CHECK(walk.depth == depth_at[node] + 1, "fdt: the walk knows the way");
    CHECK(walk.reg.data == NULL || inside_structure(walk.reg.data, walk.reg.length),
          "fdt: values are inside");
    CHECK(walk_may_go_on(walk.next - blob - STRINGS), "fdt: the walk goes on at a token");
}

/*
 * proof fdt_prop: any tree of up to 40 bytes of structure and 4 of strings, any node or none, any name of one
 * character
 * options: --unwind 11 --unwindset check_begin_node.0:5,any_tree.0:45,next_token.0:5
 * planted lib/base/fdt.c: s/        \*length = property_length(property);/        *length = property_length(property) + 64;/
 */
void prove_fdt_prop(void)
{
    char name[2] = {nondet_char(), 0};
    uint32_t length = 0;
    const void *value;
    int node;

    any_tree(STRUCTURE);
    node = any_node();
    value = fdt_prop(&fdt, node, name, &length);
    CHECK(value == NULL || (node != FDT_NONE && inside_structure(value, length)), "fdt: values are inside");
}

/*
 * proof fdt_prop_at: any tree of up to 40 bytes of structure and 4 of strings, any node or none, any number
 * options: --unwind 11 --unwindset check_begin_node.0:5,any_tree.0:45,next_token.0:5
 * planted lib/base/fdt.c: s/^    return kind_of(token) == TOKEN_PROP ? token : NULL;/    return token;/
 */
void prove_fdt_prop_at(void)
{
    uint32_t length = 0;
    const void *value;
    const char *name;
    int node;

    any_tree(STRUCTURE);
    node = any_node();
    if (!fdt_prop_at(&fdt, node, nondet_u32(), &name, &value, &length))
        return;
    CHECK(inside_structure(value, length), "fdt: values are inside");
    CHECK((const uint8_t *)name >= blob && (const uint8_t *)name < blob + fdt.strings_size,
          "fdt: names are inside");
}
