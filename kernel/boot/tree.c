/* SPDX-License-Identifier: MIT */
/* Reads from the device tree what every machine has: memory, what of it is taken, initrd and command line. */
#include "tree.h"

#include "boot.h"
#include "invoke.h"
#include "log.h"
#include "panic.h"

#include <base/checked.h>
#include <string.h>

#define PAGE_SIZE    4096ull
#define ADDRESS_END  (1ull << 56) /* physical addresses of Sv39 are less */
#define TREE_LIMIT   (64u << 20)  /* no tree is larger */
#define HEADER_BYTES 40           /* of a tree */

/* Takes memory away that a peer named: every page that it reaches into. */
static void reserve(struct range_set *set, uint64_t start, uint64_t size)
{
    uint64_t end;

    if (!checked_add(start, size, &end) || end > UINT64_MAX - PAGE_SIZE)
        end = align_down(UINT64_MAX, PAGE_SIZE);
    if (!range_add(set, align_down(start, PAGE_SIZE), align_up(end, PAGE_SIZE)))
        boot_fail("the device tree reserves more than %d separate ranges of memory", RANGE_SET_MAX);
}

static void read_memory(const struct fdt *tree, const struct fdt_walk *walk)
{
    uint64_t start, size, end;

    for (unsigned n = 0; fdt_walk_reg(tree, walk, n, &start, &size); n++) {
        end = start + size;
        start = align_up(start, PAGE_SIZE);
        if (end > arch_direct_end()) {
            boot_state.beyond_reach = true;
            uint64_t beyond = start > arch_direct_end() ? start : arch_direct_end();
            reserve(&boot_state.reserved, beyond, end - beyond);
            end = arch_direct_end();
        }
        if (!range_add(&boot_state.memory, start, align_down(end, PAGE_SIZE)))
            boot_state.scattered += size;
    }
}

/* A child of /reserved-memory. One without `reg` asks for memory that is still to be chosen,
 * and gets none. */
static void read_reserved(const struct fdt *tree, const struct fdt_walk *walk)
{
    uint64_t start, size;

    for (unsigned n = 0; fdt_walk_reg(tree, walk, n, &start, &size); n++) {
        reserve(&boot_state.reserved, start, size);
        reserve(&boot_state.hidden, start, size);
    }
}

static void copy_command_line(const char *text)
{
    size_t length = strlen(text);

    if (length >= sizeof(boot_state.command_line)) {
        length = sizeof(boot_state.command_line) - 1;
        log_line("command line cut to %zu characters", length);
    }
    memcpy(boot_state.command_line, text, length);
}

/* What is taken of the seed is wiped out: processes see the tree as well. */
static void take_key(const struct fdt *tree, int chosen)
{
    uint32_t length;
    const void *seed = fdt_prop(tree, chosen, "rng-seed", &length);

    if (seed && length >= sizeof(object_id_key)) {
        memcpy(object_id_key, seed, sizeof(object_id_key));
        memset((void *)(uintptr_t)seed, 0, sizeof(object_id_key));
    }
}

static void read_chosen(const struct fdt *tree, int chosen)
{
    const char *command_line = fdt_prop_string(tree, chosen, "bootargs");
    struct range initrd;

    take_key(tree, chosen);
    if (command_line)
        copy_command_line(command_line);
    if (fdt_prop_number(tree, chosen, "linux,initrd-start", &initrd.start) &&
        fdt_prop_number(tree, chosen, "linux,initrd-end", &initrd.end) && initrd.start < initrd.end) {
        boot_state.initrd = initrd;
        reserve(&boot_state.reserved, initrd.start, initrd.end - initrd.start);
    }
}

static void must_fit(bool fits)
{
    if (!fits)
        boot_fail("memory without what is reserved is in more than %d pieces", RANGE_SET_MAX);
}

/* The kernel, the tree and the initrd must be reached, whatever else the tree says of where they lie. */
static void unhide(uint64_t start, uint64_t end)
{
    must_fit(range_remove(&boot_state.hidden, align_down(start, PAGE_SIZE), align_up(end, PAGE_SIZE)));
}

/* What lies in another's place was destroyed by it, or destroys it. */
static void refuse_overlap(const char *name, struct range range, const char *other, struct range by)
{
    if (range.start < by.end && by.start < range.end)
        boot_fail("the %s at 0x%lx overlaps the %s at 0x%lx-0x%lx", name, range.start, other, by.start,
                  by.end);
}

/* What the tree says of its own size is checked later. */
static void reach_tree(uint64_t physical)
{
    uint32_t header[2]; /* magic number, size */

    arch_reach(physical, HEADER_BYTES);
    memcpy(header, arch_direct(physical), sizeof(header));
    uint32_t size = __builtin_bswap32(header[1]);
    if (size <= TREE_LIMIT)
        arch_reach(physical, size);
}

static void open_tree(struct fdt *tree, uint64_t physical)
{
    if (physical == 0)
        boot_fail("no device tree: the firmware passed address 0");
    if (physical > arch_direct_end() - TREE_LIMIT)
        boot_fail("no device tree: nothing can be read at 0x%lx, where the firmware says it is", physical);
    refuse_overlap("device tree", (struct range){physical, physical + 1}, "kernel", boot_state.image);
    panic_reading = " while reading the device tree";
    reach_tree(physical);
    enum fdt_error error = fdt_open(tree, arch_direct(physical), TREE_LIMIT);
    if (error)
        boot_fail("malformed device tree at 0x%lx: %s", physical, fdt_strerror(error));
    boot_state.device_tree = physical;
    boot_state.device_tree_size = tree->total;
}

/* Goes through the tree once: it is large, and asking it for one thing after the other takes longer than all
 * else. */
static void read_nodes(const struct fdt *tree)
{
    struct fdt_walk walk = {0};
    int reserved = FDT_NONE;

    while (fdt_walk_next(tree, &walk)) {
        int node = walk.chain[walk.depth - 1];
        if (walk.depth == 2 && strcmp(fdt_name(tree, node), "chosen") == 0)
            read_chosen(tree, node);
        else if (walk.depth == 2 && strcmp(fdt_name(tree, node), "reserved-memory") == 0)
            reserved = node;
        else if (walk.depth == 2 && fdt_walk_has_type(&walk, "memory") && fdt_walk_is_enabled(&walk))
            read_memory(tree, &walk);
        else if (walk.depth == 3 && walk.chain[1] == reserved && fdt_walk_is_enabled(&walk))
            read_reserved(tree, &walk);
        arch_read_node(tree, &walk);
    }
    arch_read_end(tree);
}

static void check_memory(struct range image, struct range tree)
{
    if (boot_state.memory.count == 0)
        boot_fail("the device tree has no memory node");
    if (boot_state.beyond_reach)
        log_line("memory above 0x%lx is not used", arch_direct_end());
    if (boot_state.scattered)
        log_line("%lu KiB of memory are not used: it is in more than %d pieces", boot_state.scattered >> 10,
                 RANGE_SET_MAX);
    if (!range_covers(&boot_state.memory, image.start, image.end))
        boot_fail("the kernel at 0x%lx-0x%lx is not in the device tree's memory", image.start, image.end);
    refuse_overlap("device tree", tree, "kernel", image);
    refuse_overlap("initrd", boot_state.initrd, "kernel", image);
    refuse_overlap("initrd", boot_state.initrd, "device tree", tree);
}

void boot_read_tree(uint64_t physical)
{
    const struct range image = boot_state.image;
    struct fdt tree;
    uint64_t start, size;

    open_tree(&tree, physical);
    read_nodes(&tree);
    object_id_key[0] ^= (uint32_t)arch_time();
    check_memory(image, (struct range){physical, physical + tree.total});
    for (unsigned n = 0; fdt_reservation(&tree, n, &start, &size); n++)
        reserve(&boot_state.reserved, start, size);
    reserve(&boot_state.reserved, image.start, image.end - image.start);
    reserve(&boot_state.reserved, physical, tree.total);
    unhide(image.start, image.end);
    unhide(physical, physical + tree.total);
    unhide(boot_state.initrd.start, boot_state.initrd.end);
    panic_reading = NULL;
}

void boot_free_memory(struct range_set *free)
{
    *free = boot_state.memory;
    must_fit(range_remove_all(free, &boot_state.reserved));
}

void boot_device_space(struct range_set *devices)
{
    *devices = (struct range_set){.range = {{0, ADDRESS_END}}, .count = 1};
    must_fit(range_remove_all(devices, &boot_state.memory) &&
             range_remove_all(devices, &boot_state.reserved) &&
             range_remove_all(devices, &boot_state.kernel_devices));
}
