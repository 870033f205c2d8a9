/* SPDX-License-Identifier: MIT */
/* Device tree reader: statuses, aliases, names and addresses whose values are known in advance. */
#include "fdt_tree.h"

/* Finishes and opens the tree; the caller reads it in place. */
static struct fdt opened(struct tree *tree)
{
    struct fdt fdt;

    finish(tree);
    cr_assert_eq(fdt_open(&fdt, tree->blob, tree->total), FDT_OK);
    return fdt;
}

Test(fdt_lookup, no_node_has_nothing)
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

/* Only a name without '@' stands for one with any unit address. */
Test(fdt_lookup, names_with_unit_addresses)
{
    struct tree tree = {0};

    begin(&tree, "");
    begin(&tree, "a@1@2");
    end(&tree);
    begin(&tree, "ab");
    end(&tree);
    end(&tree);
    put_token(&tree, END);
    struct fdt fdt = opened(&tree);
    cr_assert_str_eq(fdt_name(&fdt, fdt_child(&fdt, 0, "a")), "a@1@2");
    cr_assert_str_eq(fdt_name(&fdt, fdt_child(&fdt, 0, "ab")), "ab");
    cr_assert_eq(fdt_child(&fdt, 0, "a@1"), FDT_NONE);
    cr_assert_eq(fdt_child(&fdt, 0, "a@"), FDT_NONE);
    cr_assert_eq(fdt_child(&fdt, 0, "abc"), FDT_NONE);
}

Test(fdt_lookup, status)
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
Test(fdt_lookup, aliases_do_not_follow_aliases)
{
    struct tree tree = {0};

    begin(&tree, "");
    begin(&tree, "aliases");
    property(&tree, "a", "b", 2);
    property(&tree, "b", "a", 2);
    property(&tree, "self", "self", 5);
    property(&tree, "open", "/x", 2);
    property(&tree, "good", "/x", 3);
    property(&tree, "g", "/x/y", 5);
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
    cr_assert_str_eq(fdt_name(&fdt, fdt_by_path(&fdt, "g")), "y");
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
    cr_assert_eq(found, address != 0);
    cr_assert_eq(found, size != 0);
    return address;
}

#define ADDRESS(address_cells, size_cells, ranges, reg)                                                      \
    address_on_bus(address_cells, size_cells, sizeof((uint32_t[])ranges) / 4, (uint32_t[])ranges,            \
                   sizeof((uint32_t[])reg) / 4, (uint32_t[])reg)
#define LIST(...)                                                                                            \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

Test(fdt_lookup, addresses_that_cannot_be)
{
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x20, 0xf0)), 0x700000018);
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x10, 0x100)), 0x700000008);
    /* Beyond the range, before it, and starting in it but too long for it. */
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x110, 1)), 0);
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0xf, 1)), 0);
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x20, 0xf1)), 0);
    /* Address and size, or the translated address, past the end of 64 bits. */
    cr_assert_eq(ADDRESS(2, 2, LIST(0, 0, 0, 1, ~0u, ~0u), LIST(~0u, ~0u, 0, 1)), 0);
    cr_assert_eq(ADDRESS(2, 2, LIST(0, 0, ~0u, ~0u, 1, 0), LIST(0, 1, 0, 1)), 0);
    cr_assert_eq(ADDRESS(2, 2, LIST(0, 0, ~0u, 0xfffffff0, 0, 0x100), LIST(0, 8, 0, 0x10)), 0);
    cr_assert_eq(ADDRESS(2, 2, LIST(0, 0, ~0u, 0xfffffff0, 0, 0x100), LIST(0, 8, 0, 7)), 0xfffffffffffffff8);
    /* Entries that are cut short, cell counts that are no counts. */
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100, 0), LIST(0x20, 0xf0)), 0);
    cr_assert_eq(ADDRESS(1, 1, LIST(0x10, 7, 8, 0x100), LIST(0x20)), 0);
    cr_assert_eq(ADDRESS(0, 0, LIST(1, 2, 3), LIST(0x20, 1)), 0);
    cr_assert_eq(ADDRESS(0, 1, LIST(1, 2, 3), LIST(0x20, 1)), 0);
    cr_assert_eq(ADDRESS(3, 1, LIST(0, 0, 0, 1, 2, 9), LIST(0, 0, 0, 1)), 0);
    cr_assert_eq(ADDRESS(1, 3, LIST(0, 0, 1, 0, 0, 9), LIST(0, 0, 0, 1)), 0);
    cr_assert_eq(ADDRESS(0x40000000, 0xc0000000, LIST(1, 2, 3), LIST(0x20, 1)), 0);
    cr_assert_eq(ADDRESS(1, ~0u, LIST(1, 2, 3), LIST(0x20, 1)), 0);
}
