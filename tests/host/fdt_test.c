/* SPDX-License-Identifier: MIT */
/* Device tree reader: the cause it gives for each kind of damage. */
#include "fdt_tree.h"

/* Opens a copy of the first `size` bytes. */
static enum fdt_error open_prefix(const struct tree *tree, size_t size)
{
    const struct fdt untouched = {.total = 0x5eed};
    struct fdt fdt = untouched;
    struct exact copy = exact_copy(tree->blob, size, 0);
    enum fdt_error error = fdt_open(&fdt, copy.data, copy.size);

    cr_assert(!error || memcmp(&fdt, &untouched, sizeof(fdt)) == 0, "changed by a call that failed");
    exact_free(&copy);
    return error;
}

static enum fdt_error open_tree(struct tree *tree)
{
    finish(tree);
    return open_prefix(tree, tree->total);
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
    set_header(&tree, 20, 18);
    set_header(&tree, 24, 17);
    set_header(&tree, 36, tree.size);
    cr_assert_eq(open_prefix(&tree, tree.total), FDT_OK);
}

/* The header of version 16 is four bytes shorter, and blocks may begin there. */
Test(fdt, version_16_with_its_short_header)
{
    struct tree tree = {0};
    const uint32_t structure[] = {BEGIN, 0, END_NODE, END};

    finish(&tree);
    set_header(&tree, 20, 16);
    set_header(&tree, 8, 36);
    set_header(&tree, 12, 52);
    set_header(&tree, 16, 56);
    set_header(&tree, 4, 72);
    for (unsigned i = 0; i < 4; i++)
        put_be32(tree.blob + 36 + 4 * i, structure[i]);
    cr_assert_eq(open_prefix(&tree, 72), FDT_OK);
    set_header(&tree, 20, 17);
    cr_assert_eq(open_prefix(&tree, 72), FDT_BAD_LAYOUT);
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

    /* One name of one letter, and no terminator anywhere. */
    struct tree letter = {0};
    begin(&letter, "");
    property(&letter, "p", "", 0);
    end(&letter);
    put_token(&letter, END);
    letter.strings_size = 1;
    cr_assert_eq(open_tree(&letter), FDT_BAD_NAME);
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

    for (unsigned i = 0; i < opened; i++)
        begin(&tree, i == 0 ? "" : "node");
    for (unsigned i = 0; i < closed; i++)
        end(&tree);
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
        for (int b = FDT_OK; b < a; b++)
            cr_expect_str_neq(fdt_strerror((enum fdt_error)a), fdt_strerror((enum fdt_error)b));
    }
    cr_assert_not_null(fdt_strerror((enum fdt_error)(FDT_BAD_DEPTH + 1)));
    cr_assert_not_null(fdt_strerror((enum fdt_error) - 1));
}
