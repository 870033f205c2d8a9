/* SPDX-License-Identifier: MIT */
/*
 * The device tree reader against libfdt, on the trees of QEMU's machines and on small ones compiled by dtc:
 * every node, every property, every way to look something up. Node offsets mean the same in both.
 *
 * libs: -lfdt
 */
#include <base/fdt.h>
#define fdt_strerror libfdt_strerror /* both have one */
#include <libfdt.h>
#undef fdt_strerror

#include "support.h"

static char scratch[64];

static void set_up(void)
{
    enter_scratch(scratch);
}

static void tear_down(void)
{
    leave_scratch(scratch);
}

TestSuite(fdt_oracle, .init = set_up, .fini = tear_down, .timeout = 60);

static int or_none(int offset)
{
    return offset < 0 ? FDT_NONE : offset;
}

/* Whether the pointers point to the same place, each in its own copy of the blob. */
static bool same_place(const struct fdt *fdt, const void *ours, const void *blob, const void *theirs)
{
    if (ours == NULL || theirs == NULL)
        return ours == theirs;
    return (const uint8_t *)ours - fdt->blob == (const uint8_t *)theirs - (const uint8_t *)blob;
}

/* A property read as a list of strings, and as cells. */
static void compare_property_forms(const struct fdt *fdt, const void *blob, int node, const char *name,
                                   const uint8_t *value, int length)
{
    int strings = fdt_stringlist_count(blob, node, name);
    uint32_t cell;
    uint64_t number;

    for (int n = 0; n < strings; n++) {
        cr_assert(same_place(fdt, fdt_prop_string_at(fdt, node, name, (unsigned)n), blob,
                             fdt_stringlist_get(blob, node, name, n, NULL)));
    }
    cr_assert_null(fdt_prop_string_at(fdt, node, name, strings < 0 ? 0 : (unsigned)strings));
    for (int n = 0; n < length / 4; n++) {
        cr_assert(fdt_prop_u32(fdt, node, name, (unsigned)n, &cell));
        cr_assert_eq(cell, fdt32_ld((const fdt32_t *)(const void *)(value + 4 * n)));
    }
    cr_assert_not(fdt_prop_u32(fdt, node, name, (unsigned)length / 4, &cell));
    cr_assert_eq(fdt_prop_number(fdt, node, name, &number), length == 4 || length == 8);
    if (length == 4)
        cr_assert_eq(number, fdt32_ld((const fdt32_t *)(const void *)value));
    else if (length == 8)
        cr_assert_eq(number, fdt64_ld((const fdt64_t *)(const void *)value));
}

static unsigned compare_properties(const struct fdt *fdt, const void *blob, int node)
{
    unsigned n = 0;
    int at;
    const char *name, *our_name;
    const void *our_value;
    uint32_t our_length;
    int length;

    fdt_for_each_property_offset(at, blob, node)
    {
        const void *value = fdt_getprop_by_offset(blob, at, &name, &length);
        cr_assert(fdt_prop_at(fdt, node, n, &our_name, &our_value, &our_length));
        cr_assert_str_eq(our_name, name);
        cr_assert(same_place(fdt, our_value, blob, value));
        cr_assert_eq(our_length, (uint32_t)length);
        our_length = UINT32_MAX;
        cr_assert(same_place(fdt, fdt_prop(fdt, node, name, &our_length), blob, value));
        cr_assert_eq(our_length, (uint32_t)length);
        compare_property_forms(fdt, blob, node, name, value, length);
        n++;
    }
    cr_assert_not(fdt_prop_at(fdt, node, n, &our_name, &our_value, &our_length));
    cr_assert_null(fdt_prop(fdt, node, "no-such-property", &our_length));
    return n;
}

/* `cells` 32-bit cells as one number. */
static uint64_t cells_value(const fdt32_t *cells, int count)
{
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 32 | fdt32_ld(cells++);
    return value;
}

/* Translates by recursion from the bus upwards, with libfdt alone. */
static bool expect_translation(const void *blob, int bus, uint64_t *address)
{
    int parent = fdt_parent_offset(blob, bus);
    int length;

    if (parent < 0)
        return true;
    int here = fdt_address_cells(blob, bus), sizes = fdt_size_cells(blob, bus);
    int above = fdt_address_cells(blob, parent);
    const fdt32_t *ranges = fdt_getprop(blob, bus, "ranges", &length);
    if (ranges == NULL || here > 2 || above > 2 || sizes > 2)
        return false;
    if (length == 0)
        return expect_translation(blob, parent, address);
    for (int i = 0; i < length / 4; i += here + above + sizes) {
        uint64_t from = cells_value(ranges + i, here);
        uint64_t to = cells_value(ranges + i + here, above);
        uint64_t size = cells_value(ranges + i + here + above, sizes);
        if (*address >= from && *address < from + size) {
            *address = *address - from + to;
            return expect_translation(blob, parent, address);
        }
    }
    return false;
}

/* Returns how many registers of the node have an address. */
static unsigned compare_reg(const struct fdt *fdt, const void *blob, int node)
{
    int parent = fdt_parent_offset(blob, node);
    int length;
    const fdt32_t *reg = fdt_getprop(blob, node, "reg", &length);
    uint64_t address, size;
    unsigned n = 0, found = 0;

    if (parent >= 0 && reg != NULL) {
        int addresses = fdt_address_cells(blob, parent), sizes = fdt_size_cells(blob, parent);
        for (int i = 0; i + addresses + sizes <= length / 4; i += addresses + sizes, n++) {
            uint64_t expected = cells_value(reg + i, addresses);
            bool translates = addresses <= 2 && sizes <= 2 && expect_translation(blob, parent, &expected);
            cr_assert_eq(fdt_reg(fdt, node, n, &address, &size), translates, "%s", fdt_name(fdt, node));
            if (translates) {
                cr_assert_eq(address, expected);
                cr_assert_eq(size, cells_value(reg + i + addresses, sizes));
                found++;
            }
        }
    }
    cr_assert_not(fdt_reg(fdt, node, n, &address, &size));
    return found;
}

static void compare_lookups(const struct fdt *fdt, const void *blob, int node)
{
    char path[512];

    cr_assert_eq(fdt_get_path(blob, node, path, sizeof(path)), 0);
    cr_assert_eq(fdt_by_path(fdt, path), node);
    strcat(path, ":115200n8");
    cr_assert_eq(fdt_by_path(fdt, path), node);
    strcat(path, "/x");
    cr_assert_eq(fdt_by_path(fdt, path), node);
    path[strcspn(path, "@:")] = 0;
    cr_assert_eq(fdt_by_path(fdt, path), or_none(fdt_path_offset(blob, path)));
    strcat(path, "x");
    cr_assert_eq(fdt_by_path(fdt, path), FDT_NONE);

    uint32_t phandle = fdt_get_phandle(blob, node);
    if (phandle != 0)
        cr_assert_eq(fdt_by_phandle(fdt, phandle), node);
    int strings = fdt_stringlist_count(blob, node, "compatible");
    for (int n = 0; n < strings; n++) {
        const char *compatible = fdt_stringlist_get(blob, node, "compatible", n, NULL);
        cr_assert(fdt_is_compatible(fdt, node, compatible));
        int expected = -1, found = FDT_NONE;
        do {
            expected = fdt_node_offset_by_compatible(blob, expected, compatible);
            found = fdt_next_compatible(fdt, found, compatible);
            cr_assert_eq(found, or_none(expected));
        } while (found != FDT_NONE);
    }
    cr_assert_not(fdt_is_compatible(fdt, node, "cardea,nothing"));
}

static void compare_node(const struct fdt *fdt, const void *blob, int node)
{
    int length;

    cr_assert_str_eq(fdt_name(fdt, node), fdt_get_name(blob, node, &length));
    cr_assert_eq(fdt_parent(fdt, node), or_none(fdt_parent_offset(blob, node)));
    cr_assert_eq(fdt_first_child(fdt, node), or_none(fdt_first_subnode(blob, node)));
    cr_assert_eq(fdt_next_sibling(fdt, node), node == 0 ? FDT_NONE : or_none(fdt_next_subnode(blob, node)));
    for (int child = fdt_first_child(fdt, node); child != FDT_NONE; child = fdt_next_sibling(fdt, child)) {
        char name[64];
        snprintf(name, sizeof(name), "%s", fdt_name(fdt, child));
        cr_assert_eq(fdt_child(fdt, node, name), child);
        name[strcspn(name, "@")] = 0;
        cr_assert_eq(fdt_child(fdt, node, name), fdt_subnode_offset(blob, node, name));
    }
    cr_assert_eq(fdt_child(fdt, node, "no-such-node"), FDT_NONE);
}

static void compare_value(const struct fdt *fdt, int node, const char *name, struct fdt_value value)
{
    uint32_t length = 0;

    cr_assert_eq(value.data, fdt_prop(fdt, node, name, &length));
    cr_assert_eq(value.length, length);
}

/* The walk comes to the same nodes as going from node to node, and tells the same of each. */
static void compare_walk(const struct fdt *fdt)
{
    struct fdt_walk walk = {0};
    uint64_t address, size, walk_address, walk_size;

    for (int node = fdt_root(fdt); node != FDT_NONE; node = fdt_next(fdt, node)) {
        cr_assert(fdt_walk_next(fdt, &walk));
        cr_assert_eq(walk.chain[walk.depth - 1], node);
        cr_assert_eq(walk.depth < 2 ? FDT_NONE : walk.chain[walk.depth - 2], fdt_parent(fdt, node));
        compare_value(fdt, node, "compatible", walk.compatible);
        compare_value(fdt, node, "device_type", walk.device_type);
        compare_value(fdt, node, "reg", walk.reg);
        compare_value(fdt, node, "status", walk.status);
        cr_assert_eq(fdt_walk_is_enabled(&walk), fdt_is_enabled(fdt, node));
        for (unsigned n = 0; n < 4; n++) {
            bool found = fdt_reg(fdt, node, n, &address, &size);
            cr_assert_eq(fdt_walk_reg(fdt, &walk, n, &walk_address, &walk_size), found);
            cr_assert(!found || (walk_address == address && walk_size == size));
        }
    }
    cr_assert_not(fdt_walk_next(fdt, &walk));
}

static void compare_aliases(const struct fdt *fdt, const void *blob)
{
    const char *alias, *path;
    const void *value;
    uint32_t length;
    char with_more[128];
    int aliases = fdt_by_path(fdt, "/aliases");

    for (unsigned n = 0; fdt_prop_at(fdt, aliases, n, &alias, &value, &length); n++) {
        int expected = or_none(fdt_path_offset(blob, alias));
        cr_assert_eq(fdt_by_path(fdt, alias), expected);
        snprintf(with_more, sizeof(with_more), "%s:9600", alias);
        cr_assert_eq(fdt_by_path(fdt, with_more), expected);
        snprintf(with_more, sizeof(with_more), "%s/nothing", alias);
        cr_assert_eq(fdt_by_path(fdt, with_more), FDT_NONE);
    }
    path = fdt_prop_string(fdt, fdt_by_path(fdt, "/chosen"), "stdout-path");
    if (path != NULL) {
        int expected = fdt_path_offset_namelen(blob, path, (int)strcspn(path, ":"));
        cr_assert_eq(fdt_by_path(fdt, path), or_none(expected));
    }
}

static void compare_reservations(const struct fdt *fdt, const void *blob)
{
    uint64_t address, size, expected_address, expected_size;
    int count = fdt_num_mem_rsv(blob);

    for (int n = 0; n < count; n++) {
        cr_assert(fdt_reservation(fdt, (unsigned)n, &address, &size));
        cr_assert_eq(fdt_get_mem_rsv(blob, n, &expected_address, &expected_size), 0);
        cr_assert_eq(address, expected_address);
        cr_assert_eq(size, expected_size);
    }
    cr_assert_not(fdt_reservation(fdt, (unsigned)count, &address, &size));
}

struct census {
    unsigned nodes, properties, registers;
};

/*
 * Everything about the tree: `blob` read by libfdt, which wants it aligned, and a copy of it read by us.
 * Returns what there was, so that a test can see that it was not nothing.
 */
static struct census compare(const void *blob, size_t size, size_t misalignment)
{
    struct exact copy = exact_copy(blob, size, misalignment);
    struct fdt fdt;
    struct census census = {0};
    int node, ours = FDT_NONE;

    cr_assert_eq(fdt_check_full(blob, size), 0);
    enum fdt_error error = fdt_open(&fdt, copy.data, copy.size);
    cr_assert_eq(error, FDT_OK, "%s", fdt_strerror(error));
    cr_assert_eq(fdt_root(&fdt), 0);
    for (node = fdt_next_node(blob, -1, NULL); node >= 0; node = fdt_next_node(blob, node, NULL)) {
        ours = fdt_next(&fdt, ours);
        cr_assert_eq(ours, node);
        compare_node(&fdt, blob, node);
        compare_lookups(&fdt, blob, node);
        census.nodes++;
        census.properties += compare_properties(&fdt, blob, node);
        census.registers += compare_reg(&fdt, blob, node);
    }
    cr_assert_eq(node, -FDT_ERR_NOTFOUND);
    cr_assert_eq(fdt_next(&fdt, ours), FDT_NONE);
    cr_assert_eq(fdt_by_phandle(&fdt, 0x7fffffff), FDT_NONE);
    compare_walk(&fdt);
    compare_aliases(&fdt, blob);
    compare_reservations(&fdt, blob);
    exact_free(&copy);
    return census;
}

/* The tree that QEMU makes for a machine. */
static struct census compare_machine(const char *options)
{
    run("qemu-system-riscv64 -display none %s -machine dumpdtb=machine.dtb", options);
    struct exact blob = read_file("machine.dtb");
    struct census census = compare(blob.data, blob.size, 0);

    exact_free(&blob);
    return census;
}

Test(fdt_oracle, qemu_virt_with_1_to_8_harts)
{
    struct census one = compare_machine("-M virt -smp 1");
    struct census four = compare_machine("-M virt -smp 4 -m 512M");
    struct census eight = compare_machine("-M virt -smp 8 -m 16G");

    cr_assert_gt(one.registers, 10);
    cr_assert_gt(one.properties, 100);
    /* Each hart has its node, an interrupt controller in it, and a core in the map. */
    cr_assert_eq(four.nodes - one.nodes, 9);
    cr_assert_eq(eight.nodes - four.nodes, 12);
}

Test(fdt_oracle, qemu_virt_with_other_interrupt_controllers)
{
    struct census aia = compare_machine("-M virt,aia=aplic-imsic -smp 4");
    struct census aclint = compare_machine("-M virt,aclint=on -smp 2");

    cr_assert_gt(aia.registers, 10);
    cr_assert_gt(aclint.registers, 10);
}

Test(fdt_oracle, qemu_virt_with_two_memory_nodes)
{
    struct census numa = compare_machine("-M virt -smp 4 -m 1G -object memory-backend-ram,id=m0,size=512M "
                                         "-object memory-backend-ram,id=m1,size=512M "
                                         "-numa node,memdev=m0,cpus=0-1 -numa node,memdev=m1,cpus=2-3");
    struct census flat = compare_machine("-M virt -smp 4 -m 1G");

    cr_assert_gt(numa.registers, flat.registers);
}

Test(fdt_oracle, qemu_sifive_u_and_spike)
{
    cr_assert_gt(compare_machine("-M sifive_u").registers, 10);
    cr_assert_gt(compare_machine("-M spike -smp 2").registers, 1);
}

/* Buses in buses, with each kind of `ranges`; reservations; aliases; strings of all forms. */
static const char buses[] =
    "/dts-v1/; /memreserve/ 0x80000000 0x40000; /memreserve/ 0x123456789abcdef0 0x10;\n"
    "/ { #address-cells = <2>; #size-cells = <2>; compatible = \"cardea,buses\", \"cardea,any\";\n"
    "  empty; one-byte = [00]; no-end = [61 62]; double-end = \"a\", \"\"; cells = <1 2 3 4 5>;\n"
    "  aliases { uart = \"/soc/narrow@1000/uart@10\"; bus = \"/soc\"; };\n"
    "  chosen { stdout-path = \"uart:115200n8\"; };\n"
    "  soc { compatible = \"simple-bus\", \"cardea,any\"; #address-cells = <1>; #size-cells = <1>;\n"
    "    ranges = <0x0 0x1 0x0 0x10000>, <0x40000 0x2 0x80000000 0x1000>;\n"
    "    narrow: narrow@1000 { reg = <0x1000 0x1000>; #address-cells = <1>; #size-cells = <1>;\n"
    "      ranges = <0 0x2000 0x100>;\n"
    "      uart@10 { reg = <0x10 0x20>, <0x80 0x80>; compatible = \"ns16550a\"; };\n"
    "      outside@100 { reg = <0x100 0x10>; }; };\n"
    "    same@2000 { #address-cells = <1>; #size-cells = <1>; ranges;\n"
    "      device@40010 { reg = <0x40010 0x10>; interrupt-parent = <&narrow>; }; };\n"
    "    wide { #address-cells = <2>; #size-cells = <1>; ranges = <0x5 0x0 0x3000 0x1000>;\n"
    "      device@500000800 { reg = <0x5 0x800 0x100>; }; };\n"
    "    i2c@3000 { reg = <0x3000 0x10>; #address-cells = <1>; #size-cells = <0>;\n"
    "      sensor@42 { reg = <0x42>; }; };\n"
    "    pci@4000 { reg = <0x4000 0x10>; #address-cells = <3>; #size-cells = <2>;\n"
    "      ranges = <0x2000000 0 0 0x5000 0 0x1000>; card@0 { reg = <0 0 0 0 0>; }; };\n"
    "    defaults { device@0 { reg = <0 1 2>; }; }; };\n"
    "  memory@80000000 { reg = <0 0x80000000 0 0x1000>, <1 0 0 0x2000>; device_type = \"memory\"; }; };\n";

/* Compiles a source with the options of dtc, and compares what comes out at each alignment. */
static struct census compare_source(const char *source, const char *options)
{
    struct census census = {0};

    write_file("source.dts", source, strlen(source));
    run("dtc -q -I dts -O dtb %s -o source.dtb source.dts", options);
    struct exact blob = read_file("source.dtb");
    for (size_t misalignment = 0; misalignment < 8; misalignment++)
        census = compare(blob.data, blob.size, misalignment);
    exact_free(&blob);
    return census;
}

Test(fdt_oracle, dtc_source)
{
    struct census census = compare_source(buses, "");

    cr_assert_eq(census.nodes, 18);
    cr_assert_eq(census.registers, 9);
}

Test(fdt_oracle, dtc_options)
{
    compare_source(buses, "-p 4096");       /* padded */
    compare_source(buses, "-R 4");          /* empty reservations behind the real ones */
    compare_source(buses, "-@");            /* with symbols */
    compare_source(buses, "-H both");       /* also linux,phandle */
    compare_source(buses, "-H legacy");     /* only linux,phandle */
    compare_source(buses, "-V 16");         /* no size of the structure block */
    compare_source("/dts-v1/; / { };", ""); /* nothing in it */
    compare_source("/dts-v1/; / { a { }; a@1 { }; ab { }; };", "");
}

/* libfdt writes NOPs over what is taken away. */
Test(fdt_oracle, nops)
{
    write_file("source.dts", buses, strlen(buses));
    run("dtc -q -I dts -O dtb -o source.dtb source.dts");
    for (unsigned victim = 0; victim < 60; victim++) {
        struct exact blob = read_file("source.dtb");
        int node = 0;
        for (unsigned i = 0; i < victim / 4 && node >= 0; i++)
            node = fdt_next_node(blob.data, node, NULL);
        if (victim % 4 == 0 && node > 0)
            cr_assert_eq(fdt_nop_node(blob.data, node), 0);
        for (unsigned i = victim % 4; victim % 4 != 0 && i > 0; i--) {
            int property = fdt_first_property_offset(blob.data, node);
            const char *name;
            if (property >= 0) {
                fdt_getprop_by_offset(blob.data, property, &name, NULL);
                cr_assert_eq(fdt_nop_property(blob.data, node, name), 0);
            }
        }
        compare(blob.data, blob.size, 0);
        exact_free(&blob);
    }
}
