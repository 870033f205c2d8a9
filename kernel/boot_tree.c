/* SPDX-License-Identifier: MIT */
/* Reads from the device tree what every machine has: memory, what of it is taken, initrd and command line. */
#include "boot.h"

#include "cap.h"
#include "log.h"

#include <base/checked.h>
#include <string.h>

#define PAGE_SIZE 4096ull
#define TREE_LIMIT (64u << 20) /* no tree is larger */

struct boot_state boot_state;

/* Takes memory away that a peer named: every page that it reaches into. */
static void reserve(struct range_set *set, uint64_t start, uint64_t size)
{
    uint64_t end;

    if (!checked_add(start, size, &end) || end > UINT64_MAX - PAGE_SIZE) {
        end = align_down(UINT64_MAX, PAGE_SIZE);
    }
    if (!range_add(set, align_down(start, PAGE_SIZE), align_up(end, PAGE_SIZE))) {
        boot_fail("the device tree reserves more than %d separate ranges of memory", BOOT_MAX_RANGES);
    }
}

/* Nodes of memory are told by their device_type (Devicetree Specification 3.4). */
static void read_memory(const struct fdt *tree)
{
    uint64_t start, size, end;

    for (int node = fdt_first_child(tree, fdt_root(tree)); node != FDT_NONE; node = fdt_next_sibling(tree, node)) {
        const char *type = fdt_prop_string(tree, node, "device_type");
        if (!type || strcmp(type, "memory") != 0 || !fdt_is_enabled(tree, node)) {
            continue;
        }
        for (unsigned n = 0; fdt_reg(tree, node, n, &start, &size); n++) {
            start = align_up(start, PAGE_SIZE);
            if (!checked_add(start, size, &end)) {
                continue;
            }
            if (end > arch_direct_end()) {
                log_line("memory above 0x%lx is not used", arch_direct_end());
                end = arch_direct_end();
            }
            if (!range_add(&boot_state.memory, start, align_down(end, PAGE_SIZE))) {
                log_line("memory at 0x%lx is not used: too many ranges", start);
            }
        }
    }
    if (boot_state.memory.count == 0) {
        boot_fail("the device tree has no memory node");
    }
}

static void read_reserved(const struct fdt *tree)
{
    uint64_t start, size;
    int parent = fdt_child(tree, fdt_root(tree), "reserved-memory");

    for (int node = fdt_first_child(tree, parent); node != FDT_NONE; node = fdt_next_sibling(tree, node)) {
        for (unsigned n = 0; fdt_is_enabled(tree, node) && fdt_reg(tree, node, n, &start, &size); n++) {
            reserve(&boot_state.reserved, start, size);
            reserve(&boot_state.hidden, start, size);
        }
    }
    for (unsigned n = 0; fdt_reservation(tree, n, &start, &size); n++) {
        reserve(&boot_state.reserved, start, size);
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

static void read_chosen(const struct fdt *tree)
{
    int chosen = fdt_child(tree, fdt_root(tree), "chosen");
    const char *command_line = fdt_prop_string(tree, chosen, "bootargs");
    struct range initrd;
    uint32_t seed_length;
    const void *seed = fdt_prop(tree, chosen, "rng-seed", &seed_length);

    if (command_line) {
        copy_command_line(command_line);
    }
    if (fdt_prop_number(tree, chosen, "linux,initrd-start", &initrd.start) &&
        fdt_prop_number(tree, chosen, "linux,initrd-end", &initrd.end) && initrd.start < initrd.end) {
        boot_state.initrd = initrd;
        reserve(&boot_state.reserved, initrd.start, initrd.end - initrd.start);
    }
    object_id_key = arch_time();
    if (seed && seed_length >= sizeof(object_id_key)) {
        memcpy(&object_id_key, seed, sizeof(object_id_key));
    }
    object_id_key |= 1;
}

/* The tree and the initrd must be read, whatever else the tree says of where they lie. */
static void unhide(uint64_t start, uint64_t end)
{
    range_remove(&boot_state.hidden, align_down(start, PAGE_SIZE), align_up(end, PAGE_SIZE));
}

void boot_read_tree(struct fdt *tree, uint64_t physical)
{
    if (physical == 0) {
        boot_fail("no device tree: the firmware passed address 0");
    }
    if (physical > arch_direct_end() - TREE_LIMIT) {
        boot_fail("no device tree: nothing can be read at 0x%lx, where the firmware says it is", physical);
    }
    enum fdt_error error = fdt_open(tree, arch_direct(physical), TREE_LIMIT);
    if (error != FDT_OK) {
        boot_fail("malformed device tree at 0x%lx: %s", physical, fdt_strerror(error));
    }
    boot_state.device_tree = physical;
    boot_state.device_tree_size = tree->total;

    read_memory(tree);
    read_reserved(tree);
    read_chosen(tree);
    reserve(&boot_state.reserved, boot_state.image.start, boot_state.image.end - boot_state.image.start);
    reserve(&boot_state.reserved, physical, tree->total);
    unhide(physical, physical + tree->total);
    unhide(boot_state.initrd.start, boot_state.initrd.end);
}

bool boot_option(const char *word)
{
    size_t length = strlen(word);

    for (const char *at = boot_state.command_line; *at;) {
        size_t n = 0;
        while (at[n] && at[n] != ' ') {
            n++;
        }
        if (n == length && memcmp(at, word, n) == 0) {
            return true;
        }
        at += n + (at[n] == ' ');
    }
    return false;
}
