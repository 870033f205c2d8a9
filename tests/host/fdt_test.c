/* SPDX-License-Identifier: MIT */
/*
 * Device tree reader: the cause it gives for each kind of damage, and values that are known in advance. The
 * trees are written here token by token, so that they can be wrong in any way.
 */
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

static void put_be32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void put_token(struct tree *tree, uint32_t token)
{
    cr_assert_leq(tree->size + 4, STRUCT_MAX);
    put_be32(tree->structure + tree->size, token);
    tree->size += 4;
}

static void put_bytes(struct tree *tree, const void *data, uint32_t size)
{
    cr_assert_leq(tree->size + size + 3, STRUCT_MAX);
    memcpy(tree->structure + tree->size, data, size);
    tree->size = (tree->size + size + 3) & ~3u;
}

static void begin(struct tree *tree, const char *name)
{
    put_token(tree, BEGIN);
    put_bytes(tree, name, (uint32_t)strlen(name) + 1);
}

static void end(struct tree *tree)
{
    put_token(tree, END_NODE);
}

static void property(struct tree *tree, const char *name, const void *value, uint32_t size)
{
    put_token(tree, PROP);
    put_token(tree, size);
    put_token(tree, tree->strings_size);
    put_bytes(tree, value, size);
    strcpy(tree->strings + tree->strings_size, name);
    tree->strings_size += (uint32_t)strlen(name) + 1;
}

static void cells(struct tree *tree, const char *name, unsigned count, const uint32_t *values)
{
    uint8_t bytes[64];

    for (unsigned i = 0; i < count; i++) {
        put_be32(bytes + 4 * i, values[i]);
    }
    property(tree, name, bytes, 4 * count);
}

#define CELLS(tree, name, ...)                                                                               \
    cells(tree, name, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (const uint32_t[]){__VA_ARGS__})

static void set_header(struct tree *tree, unsigned offset, uint32_t value)
{
    put_be32(tree->blob + offset, value);
}

/* Header, one empty reservation, structure, strings. */
static void finish(struct tree *tree)
{
    const uint32_t structure = HEADER_SIZE + 16, strings = structure + tree->size;
    const uint32_t header[] = {
        0xd00dfeed, strings + tree->strings_size, structure, strings, HEADER_SIZE, 17, 16,
        0,          tree->strings_size,           tree->size};

    tree->total = header[1];
    for (unsigned i = 0; i < sizeof(header) / sizeof(header[0]); i++) {
        set_header(tree, 4 * i, header[i]);
    }
    memcpy(tree->blob + structure, tree->structure, tree->size);
    memcpy(tree->blob + strings, tree->strings, tree->strings_size);
}

/* Opens a copy of the first `size` bytes. */
static enum fdt_error open_prefix(const struct tree *tree, size_t size)
{
    const struct fdt untouched = {.total = 0x5eed};
    struct fdt fdt = untouched;
    struct exact copy = exact_copy(tree->blob, size, 0);
    enum fdt_error error = fdt_open(&fdt, copy.data, copy.size);

    cr_assert(error == FDT_OK || memcmp(&fdt, &untouched, sizeof(fdt)) == 0, "changed by a call that failed");
    exact_free(&copy);
    return error;
}

static enum fdt_error open_tree(struct tree *tree)
{
    finish(tree);
    return open_prefix(tree, tree->total);
}

/* A small tree with all that can be damaged. */
static void make_sample(struct tree *tree)
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

Test(fdt, sample_opens)
{
    struct tree tree;

    make_sample(&tree);
    cr_assert_eq(open_prefix(&tree, tree.total), FDT_OK);
    cr_assert_eq(open_prefix(&tree, tree.total + 64), FDT_OK);
}

Test(fdt, damaged_header)
{
    static const struct {
        unsigned offset;
        uint32_t value;
        enum fdt_error error;
    } damage[] = {
        {0, 0xd00dfeee, FDT_BAD_MAGIC},
        {0, 0xedfe0dd0, FDT_BAD_MAGIC},
        {20, 15, FDT_BAD_VERSION},
        {24, 18, FDT_BAD_VERSION},
        {24, UINT32_MAX, FDT_BAD_VERSION},
        {4, 39, FDT_TRUNCATED},
        {4, 0, FDT_TRUNCATED},
        {4, UINT32_MAX, FDT_TRUNCATED},
        {4, 0x80000000, FDT_TRUNCATED},
        {8, 58, FDT_BAD_LAYOUT},
        {8, 36, FDT_BAD_LAYOUT},
        {8, 0, FDT_BAD_LAYOUT},
        {8, 0xfffffffc, FDT_TRUNCATED},
        {12, 39, FDT_BAD_LAYOUT},
        {12, UINT32_MAX, FDT_TRUNCATED},
        {16, 44, FDT_BAD_LAYOUT},
        {16, 32, FDT_BAD_LAYOUT},
        {16, 0xfffffff8, FDT_TRUNCATED},
        {32, 0xffffff00, FDT_TRUNCATED},
        {32, 0, FDT_BAD_NAME},
        {36, 0xffffff00, FDT_TRUNCATED},
        {36, 0, FDT_TRUNCATED},
        {36, 4, FDT_BAD_NAME},
        {36, 8, FDT_TRUNCATED},
    };

    for (unsigned i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        struct tree tree;
        make_sample(&tree);
        set_header(&tree, damage[i].offset, damage[i].value);
        enum fdt_error error = open_prefix(&tree, tree.total);
        cr_expect_eq(error, damage[i].error, "field at %u = 0x%x: %s", damage[i].offset, damage[i].value,
                     fdt_strerror(error));
    }
}

/* Without size_dt_struct the structure block ends with FDT_END, wherever that is. */
Test(fdt, version_16)
{
    struct tree tree;

    make_sample(&tree);
    set_header(&tree, 20, 16);
    set_header(&tree, 36, 0);
    cr_assert_eq(open_prefix(&tree, tree.total), FDT_OK);
    set_header(&tree, 24, 2);
    cr_assert_eq(open_prefix(&tree, tree.total), FDT_OK);
}

Test(fdt, truncated_at_every_length)
{
    struct tree tree;

    make_sample(&tree);
    for (uint32_t size = 0; size < tree.total; size++) {
        /* The header still tells the whole size, or just what is there. */
        cr_expect_eq(open_prefix(&tree, size), FDT_TRUNCATED, "%u bytes", size);
        struct tree shorter = tree;
        set_header(&shorter, 4, size);
        cr_expect_eq(open_prefix(&shorter, size), FDT_TRUNCATED, "%u bytes", size);
    }
    cr_assert_eq(fdt_open(&(struct fdt){0}, NULL, 0), FDT_TRUNCATED);
}

Test(fdt, structure_block_cut_at_every_token)
{
    struct tree tree;

    make_sample(&tree);
    for (uint32_t size = 0; size < tree.size; size++) {
        set_header(&tree, 36, size);
        enum fdt_error error = open_prefix(&tree, tree.total);
        cr_expect(error == FDT_TRUNCATED || error == FDT_BAD_NAME, "%u bytes: %s", size, fdt_strerror(error));
    }
}

Test(fdt, property_before_and_after_its_place)
{
    struct tree outside = {0}, late = {0}, first = {0};

    begin(&outside, "");
    end(&outside);
    property(&outside, "p", "", 0);
    put_token(&outside, END);
    cr_assert_eq(open_tree(&outside), FDT_BAD_TOKEN);

    begin(&late, "");
    begin(&late, "child");
    end(&late);
    property(&late, "p", "", 0);
    end(&late);
    put_token(&late, END);
    cr_assert_eq(open_tree(&late), FDT_BAD_TOKEN);

    property(&first, "p", "", 0);
    put_token(&first, END);
    cr_assert_eq(open_tree(&first), FDT_BAD_TOKEN);
}

Test(fdt, tokens_in_the_wrong_place)
{
    static const uint32_t tokens[] = {0, 5, 8, 10, 0x01000000, 0x0100, 0x80000003, UINT32_MAX};
    struct tree tree = {0}, two_roots = {0}, nothing = {0};

    for (unsigned i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        tree = (struct tree){0};
        begin(&tree, "");
        put_token(&tree, tokens[i]);
        end(&tree);
        put_token(&tree, END);
        cr_expect_eq(open_tree(&tree), FDT_BAD_TOKEN, "token 0x%x", tokens[i]);
    }
    begin(&two_roots, "");
    end(&two_roots);
    begin(&two_roots, "");
    end(&two_roots);
    put_token(&two_roots, END);
    cr_assert_eq(open_tree(&two_roots), FDT_BAD_TOKEN);
    put_token(&nothing, END);
    cr_assert_eq(open_tree(&nothing), FDT_BAD_DEPTH);
}

Test(fdt, names)
{
    struct tree named_root = {0}, no_string = {0}, string_end = {0};

    begin(&named_root, "root");
    end(&named_root);
    put_token(&named_root, END);
    cr_assert_eq(open_tree(&named_root), FDT_BAD_NAME);

    make_sample(&no_string);
    put_be32(no_string.blob + HEADER_SIZE + 16 + 16, no_string.strings_size);
    cr_assert_eq(open_prefix(&no_string, no_string.total), FDT_BAD_NAME);

    /* The last name has lost its terminator: "reg" is at the end of the blob. */
    make_sample(&string_end);
    set_header(&string_end, 32, string_end.strings_size - 1);
    cr_assert_eq(open_prefix(&string_end, string_end.total), FDT_BAD_NAME);
}

Test(fdt, property_length_past_the_end)
{
    struct tree tree;

    make_sample(&tree);
    for (uint32_t length = tree.size - 20; length != 0; length = length < UINT32_MAX / 2 ? length * 2 : 0) {
        put_be32(tree.blob + HEADER_SIZE + 16 + 12, length);
        cr_expect_eq(open_prefix(&tree, tree.total), FDT_TRUNCATED, "length 0x%x", length);
    }
    for (uint32_t length = UINT32_MAX; length > UINT32_MAX - 64; length--) {
        put_be32(tree.blob + HEADER_SIZE + 16 + 12, length);
        cr_expect_eq(open_prefix(&tree, tree.total), FDT_TRUNCATED, "length 0x%x", length);
    }
}

static enum fdt_error open_nested(unsigned opened, unsigned closed)
{
    struct tree tree = {0};

    for (unsigned i = 0; i < opened; i++) {
        begin(&tree, i == 0 ? "" : "node");
    }
    for (unsigned i = 0; i < closed; i++) {
        end(&tree);
    }
    put_token(&tree, END);
    return open_tree(&tree);
}

Test(fdt, depth)
{
    cr_assert_eq(open_nested(FDT_MAX_DEPTH, FDT_MAX_DEPTH), FDT_OK);
    cr_assert_eq(open_nested(FDT_MAX_DEPTH + 1, FDT_MAX_DEPTH + 1), FDT_BAD_DEPTH);
    cr_assert_eq(open_nested(3, 2), FDT_BAD_DEPTH);
    cr_assert_eq(open_nested(3, 4), FDT_BAD_DEPTH);
    cr_assert_eq(open_nested(1, 0), FDT_BAD_DEPTH);
    cr_assert_eq(open_nested(0, 1), FDT_BAD_DEPTH);
}

Test(fdt, every_error_has_its_own_text)
{
    for (int a = FDT_OK; a <= FDT_BAD_DEPTH; a++) {
        for (int b = FDT_OK; b < a; b++) {
            cr_expect_str_neq(fdt_strerror((enum fdt_error)a), fdt_strerror((enum fdt_error)b));
        }
    }
    cr_assert_not_null(fdt_strerror((enum fdt_error)99));
    cr_assert_not_null(fdt_strerror((enum fdt_error) - 1));
}

/* Finishes and opens the tree; the caller reads it in place. */
static struct fdt opened(struct tree *tree)
{
    struct fdt fdt;

    finish(tree);
    cr_assert_eq(fdt_open(&fdt, tree->blob, tree->total), FDT_OK);
    return fdt;
}

Test(fdt, no_node_has_nothing)
{
    struct tree tree;
    uint32_t length, cell;
    uint64_t address, size;
    const char *name;
    const void *value;

    make_sample(&tree);
    struct fdt fdt = opened(&tree);
    cr_assert_eq(fdt_first_child(&fdt, FDT_NONE), FDT_NONE);
    cr_assert_eq(fdt_next_sibling(&fdt, FDT_NONE), FDT_NONE);
    cr_assert_eq(fdt_parent(&fdt, FDT_NONE), FDT_NONE);
    cr_assert_eq(fdt_child(&fdt, FDT_NONE, "child"), FDT_NONE);
    cr_assert_str_empty(fdt_name(&fdt, FDT_NONE));
    cr_assert_null(fdt_prop(&fdt, FDT_NONE, "model", &length));
    cr_assert_not(fdt_prop_at(&fdt, FDT_NONE, 0, &name, &value, &length));
    cr_assert_null(fdt_prop_string(&fdt, FDT_NONE, "model"));
    cr_assert_not(fdt_prop_u32(&fdt, FDT_NONE, "reg", 0, &cell));
    cr_assert_not(fdt_prop_number(&fdt, FDT_NONE, "reg", &address));
    cr_assert_not(fdt_is_compatible(&fdt, FDT_NONE, "sample"));
    cr_assert_not(fdt_is_enabled(&fdt, FDT_NONE));
    cr_assert_not(fdt_reg(&fdt, FDT_NONE, 0, &address, &size));
    cr_assert_eq(fdt_by_path(&fdt, ""), FDT_NONE);
    cr_assert_eq(fdt_by_path(&fdt, ":115200"), FDT_NONE);
    cr_assert_eq(fdt_by_path(&fdt, "child@1"), FDT_NONE);
    cr_assert_eq(fdt_by_phandle(&fdt, 0), FDT_NONE);
}

Test(fdt, status)
{
    static const struct {
        const char *value;
        uint32_t size;
        bool enabled;
    } status[] = {{"okay", 5, true},      {"ok", 3, true},    {"disabled", 9, false}, {"fail", 5, false},
                  {"reserved", 9, false}, {"okay", 4, false}, {"", 0, false},         {"okay2", 6, false}};

    for (unsigned i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
        struct tree tree = {0};
        begin(&tree, "");
        property(&tree, "status", status[i].value, status[i].size);
        end(&tree);
        put_token(&tree, END);
        struct fdt fdt = opened(&tree);
        cr_expect_eq(fdt_is_enabled(&fdt, 0), status[i].enabled, "%s", status[i].value);
    }
    struct tree none;
    make_sample(&none);
    struct fdt fdt = opened(&none);
    cr_assert(fdt_is_enabled(&fdt, 0));
}

/* An alias may name a node by its full path and nothing else, least of all another alias. */
Test(fdt, aliases_do_not_follow_aliases)
{
    struct tree tree = {0};

    begin(&tree, "");
    begin(&tree, "aliases");
    property(&tree, "a", "b", 2);
    property(&tree, "b", "a", 2);
    property(&tree, "self", "self", 5);
    property(&tree, "open", "/x", 2);
    property(&tree, "good", "/x", 3);
    end(&tree);
    begin(&tree, "x@5");
    begin(&tree, "y");
    end(&tree);
    end(&tree);
    end(&tree);
    put_token(&tree, END);
    struct fdt fdt = opened(&tree);
    cr_assert_eq(fdt_by_path(&fdt, "a"), FDT_NONE);
    cr_assert_eq(fdt_by_path(&fdt, "self"), FDT_NONE);
    cr_assert_eq(fdt_by_path(&fdt, "open"), FDT_NONE);
    cr_assert_str_eq(fdt_name(&fdt, fdt_by_path(&fdt, "good")), "x@5");
    cr_assert_str_eq(fdt_name(&fdt, fdt_by_path(&fdt, "good/y:opt")), "y");
    cr_assert_str_eq(fdt_name(&fdt, fdt_by_path(&fdt, "//x//y/")), "y");
    cr_assert_eq(fdt_by_path(&fdt, "goo"), FDT_NONE);
    cr_assert_eq(fdt_by_path(&fdt, "goods"), FDT_NONE);
}

/* One bus with these cells and ranges, and a device on it with this reg; 0 for what has no address. */
static uint64_t address_on_bus(uint32_t address_cells, uint32_t size_cells, unsigned ranges_count,
                               const uint32_t *ranges, unsigned reg_count, const uint32_t *reg)
{
    struct tree tree = {0};
    uint64_t address = 0, size = 0;

    begin(&tree, "");
    CELLS(&tree, "#address-cells", 2);
    CELLS(&tree, "#size-cells", 2);
    begin(&tree, "bus");
    CELLS(&tree, "#address-cells", address_cells);
    CELLS(&tree, "#size-cells", size_cells);
    cells(&tree, "ranges", ranges_count, ranges);
    begin(&tree, "device");
    cells(&tree, "reg", reg_count, reg);
    end(&tree);
    end(&tree);
    end(&tree);
    put_token(&tree, END);
    struct fdt fdt = opened(&tree);
    bool found = fdt_reg(&fdt, fdt_by_path(&fdt, "/bus/device"), 0, &address, &size);
    cr_assert(found || (address == 0 && size == 0));
    return address;
}

#define ADDRESS(address_cells, size_cells, ranges, reg)                                                      \
    address_on_bus(address_cells, size_cells, sizeof((uint32_t[])ranges) / 4, (uint32_t[])ranges,            \
                   sizeof((uint32_t[])reg) / 4, (uint32_t[])reg)
#define LIST(...)                                                                                            \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

Test(fdt, addresses_that_cannot_be)
{
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x20, 0xf0)), 0x700000018);
    /* Beyond the range, before it, and starting in it but too long for it. */
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x110, 1)), 0);
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0xf, 1)), 0);
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x20, 0xf1)), 0);
    /* Address and size, or the translated address, past the end of 64 bits. */
    cr_assert_eq(ADDRESS(2, 2, LIST(0, 0, 0, 1, ~0u, ~0u), LIST(~0u, ~0u, 0, 1)), 0);
    cr_assert_eq(ADDRESS(2, 2, LIST(0, 0, ~0u, ~0u, 1, 0), LIST(0, 1, 0, 1)), 0);
    /* Entries that are cut short, cell counts that are no counts. */
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100, 0), LIST(0x20, 0xf0)), 0);
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x20)), 0);
    cr_assert_eq(ADDRESS(0, 0, LIST(1, 2, 3), LIST(0x20, 1)), 0);
    cr_assert_eq(ADDRESS(0, 1, LIST(1, 2, 3), LIST(0x20, 1)), 0);
    cr_assert_eq(ADDRESS(3, 1, LIST(0, 0, 0, 1, 2, 9), LIST(0, 0, 0, 1)), 0);
    cr_assert_eq(ADDRESS(0x40000000, 0xc0000000, LIST(1, 2, 3), LIST(0x20, 1)), 0);
    cr_assert_eq(ADDRESS(1, ~0u, LIST(1, 2, 3), LIST(0x20, 1)), 0);
}
