/* SPDX-License-Identifier: MIT */
/*
 * The device tree reader on trees that were damaged at random: of whatever it opens, everything can be asked
 * without a read outside the blob or an answer that contradicts another, and libfdt finds it valid as well.
 * (Not the other way round: there are trees that libfdt 1.6.1 crashes on.)
 *
 * libs: -lfdt
 */
#include <base/fdt.h>
#define fdt_strerror libfdt_strerror /* both have one */
#include <libfdt.h>
#undef fdt_strerror

#include "support.h"

#define SMALL_TREES 100000
#define LARGE_TREES 5000

TestSuite(fdt_hostile, .timeout = 60);

/* Reads every byte, so that the sanitizer sees where they are. */
static uint32_t sum_of(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint32_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    return sum;
}

/* Properties, in every form. Returns a sum over all that was read, for the compiler to leave it in. */
static uint32_t read_properties(const struct fdt *fdt, int node)
{
    const char *name, *string;
    const void *value;
    uint32_t length, named_length, cell;
    uint64_t number;
    uint32_t sum = 0;

    for (unsigned n = 0; fdt_prop_at(fdt, node, n, &name, &value, &length); n++) {
        sum += sum_of(value, length) + (uint32_t)strlen(name);
        cr_assert_not_null(fdt_prop(fdt, node, name, &named_length));
        if (fdt_prop_u32(fdt, node, name, named_length / 4 - 1, &cell))
            sum += cell;
        cr_assert_not(fdt_prop_u32(fdt, node, name, named_length / 4, &cell));
        if (fdt_prop_number(fdt, node, name, &number))
            sum += (uint32_t)number;
        string = fdt_prop_string(fdt, node, name);
        if (string != NULL)
            cr_assert_lt(strlen(string), named_length);
        for (unsigned i = 0; i < 8 && (string = fdt_prop_string_at(fdt, node, name, i)) != NULL; i++) {
            sum += (uint32_t)strlen(string);
            if (strcmp(name, "compatible") == 0) {
                cr_assert(fdt_is_compatible(fdt, node, string));
                cr_assert_neq(fdt_next_compatible(fdt, FDT_NONE, string), FDT_NONE);
            }
            sum += (uint32_t)fdt_by_path(fdt, string);
        }
    }
    return sum;
}

/* Asks everything about every node. */
static uint32_t read_tree(const struct fdt *fdt)
{
    uint64_t address, size;
    uint32_t phandle, sum = 0;
    uint32_t nodes = 0;

    for (int node = fdt_root(fdt); node != FDT_NONE; node = fdt_next(fdt, node)) {
        cr_assert_leq(++nodes, fdt->struct_size / 12, "more nodes than there is room for");
        int child = fdt_first_child(fdt, node), next = fdt_next_sibling(fdt, node);
        cr_assert(child == FDT_NONE || fdt_parent(fdt, child) == node);
        cr_assert(child == FDT_NONE || child == fdt_next(fdt, node));
        cr_assert(next == FDT_NONE || (next > node && fdt_parent(fdt, next) == fdt_parent(fdt, node)));
        cr_assert(next == FDT_NONE || fdt_child(fdt, fdt_parent(fdt, node), fdt_name(fdt, next)) != FDT_NONE);
        sum += (uint32_t)strlen(fdt_name(fdt, node)) + read_properties(fdt, node) + fdt_is_enabled(fdt, node);
        for (unsigned n = 0; n < 4 && fdt_reg(fdt, node, n, &address, &size); n++) {
            cr_assert_leq(size, UINT64_MAX - address);
            sum += (uint32_t)(address + size);
        }
        if (fdt_prop_u32(fdt, node, "phandle", 0, &phandle) && phandle != 0 && phandle != UINT32_MAX)
            cr_assert_leq(fdt_by_phandle(fdt, phandle), node);
    }
    sum += (uint32_t)fdt_by_path(fdt, "/bus/device@100") + (uint32_t)fdt_by_path(fdt, "uart:115200");
    for (unsigned n = 0; fdt_reservation(fdt, n, &address, &size); n++)
        sum += (uint32_t)address;
    return sum;
}

/* Any number, but more often one of those that arithmetic trips over. */
static uint32_t awkward_number(uint64_t *random, size_t size)
{
    static const uint32_t awkward[] = {0, 1,          2,          3,          4,          7,         8,
                                       9, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffc, UINT32_MAX};

    switch (random_below(random, 4)) {
    case 0: return (uint32_t)random_next(random);
    case 1: return (uint32_t)(size - 8 + random_below(random, 16));
    case 2: return (uint32_t)random_below(random, size);
    default: return awkward[random_below(random, sizeof(awkward) / sizeof(awkward[0]))];
    }
}

/* One random change. Most leave the tree a tree, or the tests would only ever see the first check. */
static void damage(uint8_t *blob, size_t size, uint64_t *random)
{
    size_t at = random_below(random, size);
    size_t word = random_below(random, size / 4) * 4;

    switch (random_below(random, 6)) {
    case 0: blob[at] ^= (uint8_t)(1u << random_below(random, 8)); break;
    case 1: blob[at] = (uint8_t)random_next(random); break;
    case 2: fdt32_st(blob + word, awkward_number(random, size)); break;
    case 3: fdt32_st(blob + random_below(random, 10) * 4, awkward_number(random, size)); break;
    case 4: {
        size_t from = random_below(random, size / 4) * 4, most = size - (from > word ? from : word);
        memmove(blob + word, blob + from, random_below(random, most));
        break;
    }
    default: memset(blob + word, 0, random_below(random, 12) % (size - word)); break;
    }
}

struct outcome {
    unsigned by_error[FDT_BAD_DEPTH + 1];
    uint32_t sum;
};

/* Damages, and reads what can be opened. libfdt wants its blob aligned, so it looks at another copy. */
static void try_one(const void *blob, size_t size, uint64_t *random, struct outcome *outcome)
{
    struct exact copy = exact_copy(blob, size, random_below(random, 8));
    struct fdt fdt;

    for (uint64_t changes = 1 + random_below(random, 3); changes > 0; changes--)
        damage(copy.data, size, random);
    enum fdt_error error = fdt_open(&fdt, copy.data, size);
    cr_assert_leq(error, FDT_BAD_DEPTH);
    outcome->by_error[error]++;
    if (!error) {
        struct exact aligned = exact_copy(copy.data, size, 0);
        cr_assert_eq(fdt_check_full(aligned.data, size), 0, "opens what libfdt finds damaged");
        exact_free(&aligned);
        outcome->sum += read_tree(&fdt);
    }
    exact_free(&copy);
}

/* Tries `count` damaged trees and checks that they were of all kinds. */
static void try_many(const void *blob, size_t size, unsigned count)
{
    uint64_t random = 0x43617264656121ull;
    struct outcome outcome = {0};

    for (unsigned i = 0; i < count; i++)
        try_one(blob, size, &random, &outcome);
    cr_assert_neq(outcome.sum, 0);
    cr_assert_gt(outcome.by_error[FDT_OK], count / 20, "hardly any of the trees could be opened");
    for (int error = FDT_OK; error <= FDT_BAD_DEPTH; error++) {
        cr_assert_gt(outcome.by_error[error], 0, "no tree with this damage: %s",
                     fdt_strerror((enum fdt_error)error));
    }
}

/* A tree with one of each, as small as can be, so that every byte of it gets its share of damage. */
static size_t make_small_tree(void *blob, int capacity)
{
    static const uint8_t ranges[] = {0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 4, 0};
    static const uint8_t reg[] = {0, 0, 1, 0x10, 0, 0, 0, 0x20, 0, 0, 1, 0x40, 0, 0, 0, 0x20};

    fdt_create(blob, capacity);
    fdt_add_reservemap_entry(blob, 0x80000000, 0x40000);
    fdt_finish_reservemap(blob);
    fdt_begin_node(blob, "");
    fdt_begin_node(blob, "aliases");
    fdt_property_string(blob, "uart", "/bus/device@100");
    fdt_end_node(blob);
    fdt_begin_node(blob, "bus");
    fdt_property_u32(blob, "#address-cells", 1);
    fdt_property_u32(blob, "#size-cells", 1);
    fdt_property(blob, "ranges", ranges, sizeof(ranges));
    fdt_begin_node(blob, "device@100");
    fdt_property(blob, "compatible", "ns16550a\0uart", 14);
    fdt_property(blob, "reg", reg, sizeof(reg));
    fdt_property_u32(blob, "phandle", 1);
    fdt_property_string(blob, "status", "okay");
    fdt_end_node(blob);
    fdt_begin_node(blob, "device@140");
    fdt_property_u64(blob, "number", 0x123456789);
    fdt_end_node(blob);
    fdt_end_node(blob);
    fdt_end_node(blob);
    cr_assert_eq(fdt_finish(blob), 0);
    return fdt_totalsize(blob);
}

Test(fdt_hostile, small_tree)
{
    _Alignas(8) uint8_t blob[1024];
    size_t size = make_small_tree(blob, sizeof(blob));

    try_many(blob, size, SMALL_TREES);
}

Test(fdt_hostile, tree_of_qemu)
{
    char scratch[64];

    enter_scratch(scratch);
    run("qemu-system-riscv64 -display none -M virt,dumpdtb=machine.dtb -smp 4");
    struct exact blob = read_file("machine.dtb");
    leave_scratch(scratch);
    cr_assert_eq(fdt_pack(blob.data), 0);
    try_many(blob.data, fdt_totalsize(blob.data), LARGE_TREES);
    exact_free(&blob);
}

Test(fdt_hostile, every_truncation)
{
    _Alignas(8) uint8_t blob[1024];
    size_t size = make_small_tree(blob, sizeof(blob));
    struct fdt fdt;

    for (size_t limit = 0; limit < size; limit++) {
        struct exact copy = exact_copy(blob, limit, 0);
        cr_assert_eq(fdt_open(&fdt, copy.data, limit), FDT_TRUNCATED);
        if (limit >= 8) {
            /* Now the header agrees with what is left. */
            fdt32_st(copy.data + 4, (uint32_t)limit);
            cr_assert_neq(fdt_open(&fdt, copy.data, limit), FDT_OK, "%zu of %zu bytes", limit, size);
        }
        exact_free(&copy);
    }
}
