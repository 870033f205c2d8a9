/* SPDX-License-Identifier: MIT */
/* What the kernel reads from a device tree at boot. */
// sources: kernel/boot/tree.c lib/base/range.c
// flags: -iquote kernel
#include "../../kernel/boot/boot.h"
#include "../../kernel/boot/tree.h"
#include "../../kernel/cap.h"
#include "../../kernel/log.h"
#include "../../kernel/panic.h"

#include "fdt_tree.h"

#include <base/checked.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#define RAM_BYTES   (1 << 20)
#define TREE_AT     0x1000
#define MEMORY_BASE 0x80000000ull

/* --- The machine, as far as tree.c asks for it --- */

static char ram[RAM_BYTES], said[256];
static uint64_t direct_end;
static unsigned nodes_read, ends_read;
static bool failed;
static jmp_buf failure;
char *const arch_granule_base = ram;
uint32_t object_id_key[4];
struct boot_state boot_state;
const char *panic_reading;

void *arch_direct(uint64_t physical)
{
    return ram + physical;
}

uint64_t arch_direct_end(void)
{
    return direct_end;
}

void arch_reach(uint64_t physical, uint64_t size)
{
    cr_assert_leq(physical + size, direct_end);
}

uint64_t arch_time(void)
{
    return 1000;
}

void arch_read_node(const struct fdt *tree, const struct fdt_walk *walk)
{
    cr_assert_gt(walk->depth, 0);
    cr_assert_not_null(fdt_name(tree, walk->chain[walk->depth - 1]));
    nodes_read++;
}

void arch_read_end(const struct fdt *tree)
{
    (void)tree;
    ends_read++;
}

static void say(const char *format, va_list arguments)
{
    vsnprintf(said, sizeof(said), format, arguments);
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void boot_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    longjmp(failure, 1);
}

/* --- Trees --- */

static struct tree tree;

/* A number of two cells. */
static void put_number(uint8_t *at, uint64_t value)
{
    put_be32(at, value >> 32);
    put_be32(at + 4, (uint32_t)value);
}

/* `reg` with ranges of `size` each, `stride` apart. */
static void reg(uint64_t start, uint64_t size, uint64_t stride, unsigned count)
{
    uint8_t bytes[16 * 80];

    for (unsigned i = 0; i < count; i++) {
        put_number(bytes + 16 * i, start + i * stride);
        put_number(bytes + 16 * i + 8, size);
    }
    property(&tree, "reg", bytes, 16 * count);
}

static void memory_node(const char *name, uint64_t start, uint64_t size, uint64_t stride, unsigned count)
{
    begin(&tree, name);
    property(&tree, "device_type", "memory", 7);
    reg(start, size, stride, count);
    end(&tree);
}

static void begin_reserved(void)
{
    begin(&tree, "reserved-memory");
    CELLS(&tree, "#address-cells", 2);
    CELLS(&tree, "#size-cells", 2);
    property(&tree, "ranges", "", 0);
}

static void begin_tree(void)
{
    tree = (struct tree){0};
    memset(&boot_state, 0, sizeof(boot_state));
    direct_end = 1ull << 40;
    nodes_read = ends_read = 0;
    said[0] = 0;
    memset(object_id_key, 0, sizeof(object_id_key));
    boot_state.image = (struct range){MEMORY_BASE + 0x200000, MEMORY_BASE + 0x235000};
    boot_state.given_back[0] = (struct range){MEMORY_BASE + 0x201000, MEMORY_BASE + 0x206000};
    begin(&tree, "");
    CELLS(&tree, "#address-cells", 2);
    CELLS(&tree, "#size-cells", 2);
}

/* Has the tree read; false when the boot failed. */
static bool read_from(uint64_t physical)
{
    failed = false;
    if (setjmp(failure))
        failed = true;
    else
        boot_read_tree(physical);
    return !failed;
}

static bool end_tree(void)
{
    end(&tree);
    put_token(&tree, END);
    finish(&tree);
    memcpy(ram + TREE_AT, tree.blob, tree.total);
    return read_from(TREE_AT);
}

static bool has_range(const struct range_set *set, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->range[i].start == start && set->range[i].end == end)
            return true;
    return false;
}

TestSuite(kernel_boot, .init = begin_tree, .timeout = 50);

Test(kernel_boot, memory_is_that_of_memory_nodes_that_are_enabled)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    memory_node("memory@100000000", 0x100000800, 0x2000, 0, 1);
    begin(&tree, "memory@200000000");
    property(&tree, "device_type", "memory", 7);
    property(&tree, "status", "disabled", 9);
    reg(0x200000000, 0x1000000, 0, 1);
    end(&tree);
    begin(&tree, "cpu@0");
    property(&tree, "device_type", "cpumem", 7);
    reg(0x300000000, 0x1000, 0, 1);
    end(&tree);
    cr_assert(end_tree(), "%s", said);
    cr_assert_eq(boot_state.memory.count, 2);
    cr_assert(has_range(&boot_state.memory, MEMORY_BASE, MEMORY_BASE + 0x8000000));
    cr_assert(has_range(&boot_state.memory, 0x100001000, 0x100002000), "whole pages only");
    cr_assert_eq(ends_read, 1);
    cr_assert_eq(nodes_read, 5);
    cr_assert_null(panic_reading);
}

Test(kernel_boot, what_is_taken_is_reserved)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    cr_assert(end_tree());
    cr_assert(has_range(&boot_state.reserved, TREE_AT, align_up(TREE_AT + tree.total, 4096)), "the tree");
    cr_assert(has_range(&boot_state.reserved, MEMORY_BASE + 0x200000, MEMORY_BASE + 0x235000), "the kernel");
    cr_assert_eq(boot_state.device_tree, TREE_AT);
    cr_assert_eq(boot_state.device_tree_size, tree.total);
}

Test(kernel_boot, reserved_memory_is_hidden_as_well)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    begin_reserved();
    begin(&tree, "one@81000800");
    reg(MEMORY_BASE + 0x1000800, 0x1000, 0, 1);
    end(&tree);
    begin(&tree, "off@82000000");
    property(&tree, "status", "disabled", 9);
    reg(MEMORY_BASE + 0x2000000, 0x1000, 0, 1);
    end(&tree);
    begin(&tree, "chosen-later");
    CELLS(&tree, "size", 0, 0x1000);
    end(&tree);
    begin(&tree, "all-there-is@83000000");
    reg(MEMORY_BASE + 0x3000000, ~0ull, 0, 1);
    end(&tree);
    end(&tree);
    cr_assert(end_tree());
    cr_assert(has_range(&boot_state.hidden, MEMORY_BASE + 0x1000000, MEMORY_BASE + 0x1002000), "whole pages");
    cr_assert_not(has_range(&boot_state.hidden, MEMORY_BASE + 0x2000000, MEMORY_BASE + 0x2001000));
    cr_assert_leq(boot_state.hidden.count, 2);
}

Test(kernel_boot, the_tree_and_the_initrd_may_be_read_even_if_the_tree_hides_them)
{
    uint8_t number[8];

    memory_node("memory@0", 0, 0x8000000, 0, 1);
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    begin_reserved();
    begin(&tree, "all@0");
    reg(0, 0x100000, 0, 1);
    end(&tree);
    end(&tree);
    begin(&tree, "chosen");
    put_number(number, 0x8000);
    property(&tree, "linux,initrd-start", number, 8);
    CELLS(&tree, "linux,initrd-end", 0x9800);
    property(&tree, "bootargs", "selftest seed=12 quiet", 23);
    property(&tree, "rng-seed", "a seed of 16 byt", 16);
    end(&tree);
    cr_assert(end_tree());
    cr_assert_eq(boot_state.initrd.start, 0x8000);
    cr_assert_eq(boot_state.initrd.end, 0x9800);
    cr_assert(has_range(&boot_state.hidden, 0, TREE_AT));
    cr_assert(has_range(&boot_state.hidden, align_up(TREE_AT + tree.total, 4096), 0x8000));
    cr_assert(has_range(&boot_state.hidden, 0xa000, 0x100000));
    cr_assert(has_range(&boot_state.reserved, 0, 0x100000), "hidden or not, nothing of that is handed out");
    object_id_key[0] ^= (uint32_t)arch_time();
    cr_assert_eq(memcmp(object_id_key, "a seed of 16 byt", 16), 0);
    for (unsigned i = 0; i + 16 <= tree.total; i++)
        cr_assert_neq(memcmp(ram + TREE_AT + i, "a seed of 16 byt", 16), 0, "processes can read the seed");
}

Test(kernel_boot, a_chosen_node_may_say_nothing_or_nonsense)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    begin(&tree, "chosen");
    CELLS(&tree, "linux,initrd-start", 0x9000);
    CELLS(&tree, "linux,initrd-end", 0x9000);
    property(&tree, "rng-seed", "short", 5);
    end(&tree);
    cr_assert(end_tree());
    cr_assert_eq(boot_state.initrd.end, 0);
    cr_assert_eq(boot_state.command_line[0], 0);
    cr_assert_eq(object_id_key[0], 1000, "nothing but the time");
}

Test(kernel_boot, a_command_line_that_is_too_long_is_cut)
{
    char line[400];

    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = 0;
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    begin(&tree, "chosen");
    property(&tree, "bootargs", line, sizeof(line));
    end(&tree);
    cr_assert(end_tree());
    cr_assert_eq(strlen(boot_state.command_line), sizeof(boot_state.command_line) - 1);
    cr_assert_str_eq(said, "command line cut to 255 characters");
}

Test(kernel_boot, options_are_whole_words)
{
    strcpy(boot_state.command_line, "selftest=text  quick number=42x empty=");
    cr_assert(boot_option("quick"));
    cr_assert_not(boot_option("qui"));
    cr_assert_not(boot_option("uick"));
    cr_assert(boot_option("selftest=text"));
    cr_assert_not(boot_option("selftest"));
    cr_assert(boot_option("empty="));
    cr_assert_eq(boot_option_number("number", 7), 42);
    cr_assert_eq(boot_option_number("quick", 7), 7, "it has no number");
    cr_assert_eq(boot_option_number("empty", 7), 0);
    cr_assert_eq(boot_option_number("absent", 7), 7);
    boot_state.command_line[0] = 0;
    cr_assert_not(boot_option("quick"));
}

/* Nor is it taken for registers, which may lie anywhere. */
Test(kernel_boot, memory_beyond_what_the_kernel_reaches_is_not_used)
{
    static struct range_set devices;

    direct_end = MEMORY_BASE + 0x4000000;
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    cr_assert(end_tree());
    cr_assert(has_range(&boot_state.memory, MEMORY_BASE, direct_end));
    cr_assert_str_eq(said, "memory above 0x84000000 is not used");
    boot_device_space(&devices);
    cr_assert_not(range_overlaps(&devices, MEMORY_BASE, MEMORY_BASE + 0x8000000));
    cr_assert(range_covers(&devices, MEMORY_BASE + 0x8000000, 1ull << 56));
}

Test(kernel_boot, memory_in_too_many_pieces_is_used_as_far_as_possible)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x400000, 0, 1);
    memory_node("memory@90000000", 0x90000000, 0x1000, 0x2000, RANGE_SET_MAX + 1);
    cr_assert(end_tree());
    cr_assert_eq(boot_state.memory.count, RANGE_SET_MAX);
    cr_assert_str_eq(said, "8 KiB of memory are not used: it is in more than 64 pieces");
}

/* A reservation that does not fit any more must not end up in what is handed out. */
Test(kernel_boot, memory_that_reservations_leave_in_too_many_pieces_fails_the_boot)
{
    static struct range_set free;

    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    memory_node("memory@90000000", 0x90000000, 0x1000000, 0, 1);
    begin_reserved();
    begin(&tree, "many@81000000");
    reg(MEMORY_BASE + 0x1000000, 0x1000, 0x2000, RANGE_SET_MAX - 2);
    end(&tree);
    end(&tree);
    cr_assert(end_tree(), "%s", said);
    if (setjmp(failure) == 0) {
        boot_free_memory(&free);
        cr_assert_fail("memory that is reserved is free");
    }
    cr_assert_str_eq(said, "memory without what is reserved is in more than 64 pieces");
}

/* In a tree that does not tell of the kernel's image as memory it would be handed out as registers. */
Test(kernel_boot, a_kernel_outside_the_memory_fails_the_boot)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x210000, 0, 1);
    cr_assert_not(end_tree());
    cr_assert_str_eq(said, "the kernel at 0x80200000-0x80235000 is not in the device tree's memory");
}

Test(kernel_boot, what_is_reserved_is_no_device_either)
{
    static struct range_set devices;

    direct_end = MEMORY_BASE * 2;
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    begin_reserved();
    begin(&tree, "beside@a0000000");
    reg(0xa0000000, 0x1000, 0, 1);
    end(&tree);
    end(&tree);
    cr_assert(end_tree(), "%s", said);
    boot_device_space(&devices);
    cr_assert_not(range_overlaps(&devices, 0xa0000000, 0xa0001000));
    cr_assert_not(range_overlaps(&devices, MEMORY_BASE, MEMORY_BASE + 0x8000000));
    cr_assert_not(range_overlaps(&devices, TREE_AT, TREE_AT + 1));
    cr_assert(range_covers(&devices, 0x10000000, 0x20000000));
}

static void initrd(uint64_t start, uint64_t stop)
{
    uint8_t number[8];

    begin(&tree, "chosen");
    put_number(number, start);
    property(&tree, "linux,initrd-start", number, 8);
    put_number(number, stop);
    property(&tree, "linux,initrd-end", number, 8);
    end(&tree);
}

Test(kernel_boot, nothing_may_lie_in_anothers_place)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    initrd(MEMORY_BASE + 0x234fff, MEMORY_BASE + 0x300000);
    cr_assert_not(end_tree());
    cr_assert_str_eq(said, "the initrd at 0x80234fff overlaps the kernel at 0x80200000-0x80235000");

    begin_tree();
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    initrd(0x800, TREE_AT + 1);
    cr_assert_not(end_tree());
    cr_assert(strstr(said, "the initrd at 0x800 overlaps the device tree at 0x1000-0x"), "%s", said);

    cr_assert_not(read_from(MEMORY_BASE + 0x234fff));
    cr_assert_str_eq(said, "the device tree at 0x80234fff overlaps the kernel at 0x80200000-0x80235000");
}

/* Directly behind each other, in one page even, is as good as anywhere. */
Test(kernel_boot, the_initrd_may_follow_the_kernel_and_share_a_page_with_the_tree)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    initrd(MEMORY_BASE + 0x235000, MEMORY_BASE + 0x235123);
    cr_assert(end_tree(), "%s", said);
    cr_assert(range_covers(&boot_state.reserved, MEMORY_BASE + 0x200000, MEMORY_BASE + 0x236000));

    begin_tree();
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    initrd(0x800, TREE_AT);
    cr_assert(end_tree(), "%s", said);
    cr_assert(has_range(&boot_state.reserved, 0, align_up(TREE_AT + tree.total, 4096)));
}

/* The firmware, or a boot loader, may have hidden all that it lies among. */
Test(kernel_boot, the_kernel_is_reached_even_if_the_tree_hides_it)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    begin_reserved();
    begin(&tree, "firmware@80000000");
    reg(MEMORY_BASE, 0x400000, 0, 1);
    end(&tree);
    end(&tree);
    cr_assert(end_tree(), "%s", said);
    cr_assert(has_range(&boot_state.hidden, MEMORY_BASE, MEMORY_BASE + 0x200000));
    cr_assert(has_range(&boot_state.hidden, MEMORY_BASE + 0x235000, MEMORY_BASE + 0x400000));
}

Test(kernel_boot, too_much_that_is_reserved_fails_the_boot)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    begin_reserved();
    begin(&tree, "many@81000000");
    reg(MEMORY_BASE + 0x1000000, 0x1000, 0x2000, RANGE_SET_MAX + 1);
    end(&tree);
    end(&tree);
    cr_assert_not(end_tree());
    cr_assert_str_eq(said, "the device tree reserves more than 64 separate ranges of memory");
}

Test(kernel_boot, a_boot_without_a_tree_says_so)
{
    cr_assert_not(read_from(0));
    cr_assert_str_eq(said, "no device tree: the firmware passed address 0");
    cr_assert_not(read_from(direct_end - 1));
    cr_assert(strstr(said, "nothing can be read at 0xffffffffff"), "%s", said);
    memset(ram + TREE_AT, 0, 64);
    cr_assert_not(read_from(TREE_AT));
    cr_assert(strstr(said, "malformed device tree at 0x1000"), "%s", said);
    cr_assert_str_eq(panic_reading, " while reading the device tree");
}

Test(kernel_boot, a_tree_without_memory_fails_the_boot)
{
    cr_assert_not(end_tree());
    cr_assert_str_eq(said, "the device tree has no memory node");
}

Test(kernel_boot, what_the_header_of_the_tree_reserves_is_reserved)
{
    memory_node("memory@80000000", MEMORY_BASE, 0x8000000, 0, 1);
    end(&tree);
    put_token(&tree, END);
    finish(&tree);
    /* The one reservation of 16 bytes that finish() leaves room for is where the list ends; make room for
     * two. */
    memcpy(ram + TREE_AT, tree.blob, HEADER_SIZE);
    memset(ram + TREE_AT + HEADER_SIZE, 0, 32);
    put_number((uint8_t *)ram + TREE_AT + HEADER_SIZE, MEMORY_BASE + 0x5000);
    put_number((uint8_t *)ram + TREE_AT + HEADER_SIZE + 8, 1);
    memcpy(ram + TREE_AT + HEADER_SIZE + 32, tree.blob + HEADER_SIZE + 16, tree.total - HEADER_SIZE - 16);
    put_be32((uint8_t *)ram + TREE_AT + 4, tree.total + 16);
    put_be32((uint8_t *)ram + TREE_AT + 8, HEADER_SIZE + 32);
    put_be32((uint8_t *)ram + TREE_AT + 12, HEADER_SIZE + 32 + tree.size);
    cr_assert(read_from(TREE_AT), "%s", said);
    cr_assert(has_range(&boot_state.reserved, MEMORY_BASE + 0x5000, MEMORY_BASE + 0x6000));
}
