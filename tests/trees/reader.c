/* SPDX-License-Identifier: MIT */
/*
 * The machine that reads a tree: the kernel's boot as far as it reads the tree and makes its page tables,
 * then the device server's reader. What they ask of the rest of the kernel is here; and what must hold
 * afterwards, whatever the tree says.
 */
#include "trees.h"

#include "../../kernel/aspace.h"
#include "../../kernel/boot/boot.h"
#include "../../kernel/boot/riscv/asids.h"
#include "../../kernel/boot/riscv/firmware.h"
#include "../../kernel/boot/riscv/probe.h"
#include "../../kernel/boot/tree.h"
#include "../../kernel/cap.h"
#include "../../kernel/debug.h"
#include "../../kernel/log.h"
#include "../../kernel/arch/riscv/csr.h"

/* The kernel's tables are made of real pages of this program, but no processor uses them. */
#undef csr_write
#undef fence_translations
#define csr_write(name, value) ((void)(value))
#define fence_translations()   ((void)0)
#include "../../kernel/boot/riscv/tables.c"

#include "../../user/dev/clocks.h"
#include "../../user/dev/devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include <sanitizer/asan_interface.h>
#include <string.h>

#define ARENA_SIZE   (65ull << 20) /* of which the kernel looks at 64 MiB at most */
#define MAX_REPORTS  2000          /* lines about one tree: one for each node that is of no use */
#define INITRD_LIMIT (64ull << 20)

extern char _boot_start[], _boot_end[], _boot_data_start[], _boot_data_end[], _image_end[];

static uint8_t *arena;
static uint64_t tree_at;
static uint32_t dirty; /* bytes of the arena that are not zero */
static struct {
    uint8_t line[512];
    unsigned length, lines;
} said; /* by the kernel, about this tree */
static jmp_buf failure;

/* --- The rest of the kernel --- */

char *const arch_granule_base;
uint64_t early_root[512];
uint64_t arch_timebase, image_offset, *image_table, kernel_satp;
struct machine machine;
struct boot_state boot_state;
struct boot_facts boot_facts;
struct address_space *kernel_root;
uint16_t root_used[TABLE_ENTRIES - ROOT_USER_ENTRIES];
unsigned root_used_count;
const char *panic_reading;
uint32_t object_id_key[4], hart_count = 1;
struct hart harts[MAX_HARTS];

/* The tree is all that may be read before the tables are made. */
void *arch_direct(uint64_t physical)
{
    MUST(physical >= tree_at && physical < tree_at + ARENA_SIZE);
    return arena + (physical - tree_at);
}

uint64_t arch_time(void)
{
    return 1000;
}

struct hart *hart_self(void)
{
    return &harts[0];
}

bool probe_stimecmp(void)
{
    return true;
}

bool firmware_has(uint64_t extension)
{
    (void)extension;
    return true;
}

void asids_probe(void) {}
void clearing_probe(void) {}

/* Every line is one, and can be read. The log puts a time stamp in front. */
static void check_line(void)
{
    MUST(said.length > 15 && said.length < 200);
    for (unsigned i = 0; i < said.length; i++)
        MUST(said.line[i] >= ' ' && said.line[i] != 0x7f);
    if (++said.lines > MAX_REPORTS)
        wrong("one tree makes the kernel say more than %d lines", MAX_REPORTS);
    said.length = 0;
}

void arch_putchar(char c)
{
    if (c == '\n')
        check_line();
    else
        said.line[said.length++] = (uint8_t)c;
    MUST(said.length < sizeof(said.line));
}

/* Whatever is said takes one line. */
static void say(const char *prefix, const char *format, va_list arguments)
{
    unsigned before = said.lines;

    log_line_list(prefix, format, arguments);
    MUST(said.lines == before + 1);
    outcome_count(format);
}

void __wrap_log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
}

void boot_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say("cannot boot: ", format, arguments);
    va_end(arguments);
    longjmp(failure, 1);
}

/* --- What must hold --- */

static void check_set(const struct range_set *set)
{
    MUST(set->count <= RANGE_SET_MAX);
    for (unsigned i = 0; i < set->count; i++) {
        MUST(set->range[i].start < set->range[i].end);
        MUST(i == 0 || set->range[i - 1].end < set->range[i].start);
        MUST(set->range[i].start % (1 << PAGE_BITS) == 0 && set->range[i].end % (1 << PAGE_BITS) == 0);
    }
}

/* Free memory is memory, and nobody else's. */
static void check_free(const struct range_set *free)
{
    check_set(free);
    for (unsigned i = 0; i < free->count; i++) {
        uint64_t start = free->range[i].start, end = free->range[i].end;
        MUST(range_covers(&boot_state.memory, start, end));
        MUST(!range_overlaps(&boot_state.reserved, start, end));
        MUST(!range_overlaps(&boot_state.hidden, start, end));
        MUST(end <= boot_state.image.start || start >= boot_state.image.end);
    }
}

/* Nothing that is handed out as registers is memory, the kernel, or what the kernel drives itself. */
static void check_devices(const struct range_set *devices)
{
    check_set(devices);
    for (unsigned i = 0; i < devices->count; i++) {
        uint64_t start = devices->range[i].start, end = devices->range[i].end;
        MUST(!range_overlaps(&boot_state.memory, start, end));
        MUST(!range_overlaps(&boot_state.reserved, start, end));
        MUST(!range_overlaps(&boot_state.kernel_devices, start, end));
    }
}

static void check_ranges(uint64_t tree_size)
{
    const struct range *initrd = &boot_state.initrd, *image = &boot_state.image;
    static struct range_set free, devices;

    check_set(&boot_state.memory);
    check_set(&boot_state.reserved);
    check_set(&boot_state.hidden);
    check_set(&boot_state.kernel_devices);
    MUST(boot_state.memory.range[boot_state.memory.count - 1].end <= arch_direct_end());
    MUST(range_covers(&boot_state.memory, image->start, image->end));
    MUST(range_covers(&boot_state.reserved, image->start, image->end));
    MUST(range_covers(&boot_state.reserved, tree_at, tree_at + tree_size));
    MUST(!range_overlaps(&boot_state.hidden, tree_at, tree_at + tree_size));
    MUST(range_covers(&boot_state.reserved, initrd->start, initrd->end));
    MUST(initrd->start == initrd->end || !range_overlaps(&boot_state.hidden, initrd->start, initrd->end));
    MUST(initrd->end <= image->start || initrd->start >= image->end);
    MUST(initrd->end <= tree_at || initrd->start >= tree_at + tree_size || initrd->start == initrd->end);
    boot_free_memory(&free);
    check_free(&free);
    boot_device_space(&devices);
    check_devices(&devices);
}

/* Registers for a hart lie inside the controller's, and a message is addressed with 14 bits. */
static void check_target(const struct intc *intc, int32_t target)
{
    MUST(target < 16384);
    if (target < 0)
        return;
    if (intc->kind == INTC_PLIC)
        MUST(0x200000 + 0x1000 * ((uint64_t)target + 1) <= intc->size);
    if (intc->kind == INTC_APLIC)
        MUST(0x4000 + 32 * ((uint64_t)target + 1) <= intc->size);
    if (intc->kind == INTC_APLIC_MSI)
        MUST(intc->first_line + intc->sources <= intc->identities && intc->size >= 0x4000);
}

static void check_machine(void)
{
    MUST(machine.cpus.count >= 1 && machine.cpus.count <= MAX_HARTS);
    MUST(arch_timebase != 0);
    MUST(machine.intcs.count <= INTC_MAX && machine.intcs.lines <= IRQ_LINES);
    for (unsigned i = 1; i < machine.cpus.count; i++)
        for (unsigned j = 0; j < i; j++)
            MUST(machine.cpus.cpu[i].id != machine.cpus.cpu[j].id);
    for (unsigned i = 0; i < machine.intcs.count; i++)
        for (unsigned hart = 0; hart < machine.cpus.count; hart++)
            check_target(&machine.intcs.intc[i], machine.intcs.intc[i].target[hart]);
}

/* The kernel's tables may write to what only the boot needs: it is free when the boot is over. */
static bool is_given_back(uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < GIVEN_BACK; i++)
        if (start >= boot_state.given_back[i].start && end <= boot_state.given_back[i].end)
            return true;
    return false;
}

#define WINDOW_ROOT (WINDOW_BASE >> 30 & 511)

/* What is reached before those tables are made: the tree and a device, in pages of 2 MiB that have a part
 * of them. */
static void check_early(uint64_t tree_size)
{
    uint64_t tree_end = align_up(tree_at + tree_size, 1 << MEGAPAGE_BITS);

    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        const uint64_t *table = (const uint64_t *)(pte_physical(early_root[i]) + image_offset);
        MUST(!pte_is_leaf(early_root[i]));
        for (unsigned j = 0; early_root[i] && j < TABLE_ENTRIES; j++) {
            uint64_t start = pte_physical(table[j]), end = start + (1 << MEGAPAGE_BITS);
            if (!table[j])
                continue;
            MUST(pte_is_leaf(table[j]) && start % (1 << MEGAPAGE_BITS) == 0);
            MUST(start == ((uint64_t)i << 30 | (uint64_t)j << MEGAPAGE_BITS) - (1ull << 38));
            MUST((end > tree_at && start < tree_end) ||
                 (start <= machine.test_device && end > machine.test_device));
        }
    }
}

/* Looks at the leaves of the kernel's tables. Each has A and D from the start (SiFive harts fault otherwise),
 * none is writable and executable, and none of the direct map reaches memory that is hidden or the kernel. */
static void check_leaves(const uint64_t *table, unsigned level, uint64_t address)
{
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t at = address + ((uint64_t)i << (PAGE_BITS + 9 * level)), entry = table[i];
        uint64_t start = pte_physical(entry), end = start + (1ull << (PAGE_BITS + 9 * level));
        if (!entry)
            continue;
        if (!pte_is_leaf(entry)) {
            check_leaves((const uint64_t *)(start + image_offset), level - 1, at);
            continue;
        }
        MUST((entry & (PTE_A | PTE_D)) == (PTE_A | PTE_D));
        MUST(!(entry & PTE_W && entry & PTE_X) && !(entry & PTE_U));
        if (at >= WINDOW_ROOT << 30 && at < 510ull << 30) {
            MUST(range_overlaps(&boot_state.kernel_devices, start, end));
            MUST(!range_overlaps(&boot_state.memory, start, end));
        } else if (at >= 1ull << 38) {
            MUST(start == at - (1ull << 38));
            MUST(!range_overlaps(&boot_state.hidden, start, end) ||
                 !range_overlaps(&boot_state.memory, start, end));
            MUST(end <= boot_state.image.start || start >= boot_state.image.end || is_given_back(start, end));
        }
    }
}

/* --- The device server --- */

static struct devices devices;

/* A clock controller whose registers hold anything. */
static bool read_clock(void *context, int node, uint32_t offset, uint32_t *value)
{
    (void)node;
    *value = (uint32_t)random_next(context) ^ offset;
    return true;
}

/* What else dev tells a driver of its device. */
static void read_device(unsigned device, uint64_t *random, unsigned *controllers)
{
    struct clock_reader reader = {read_clock, random};
    int user[DEVICE_MAX_PINS];

    MUST(device_name(&devices, device) != NULL);
    MUST(device_hardware(&devices, device) != FDT_NONE);
    device_number(&devices, device, "clock-frequency");
    device_register_ranges(&devices, device);
    device_lines(&devices, device);
    device_is_stdout(&devices, device);
    /* Each takes the square of the tree's size. */
    if (fdt_prop(&devices.tree, devices.device[device].node, "gpio-controller", NULL) && ++*controllers < 3) {
        device_pin_users(&devices, device, user);
        for (unsigned i = 0; i < DEVICE_MAX_PINS; i++)
            MUST(user[i] == FDT_NONE || fdt_name(&devices.tree, user[i]) != NULL);
    }
    for (unsigned n = 0; n < 3; n++)
        clock_rate(&devices.tree, devices.device[device].node, n, &reader);
}

static void read_devices(uint64_t tree_size, uint64_t *random)
{
    struct fdt tree;
    uint64_t address, size;
    unsigned controllers = 0;
    uint32_t line, trigger;

    MUST(!fdt_open(&tree, arena, tree_size));
    devices_read(&devices, &tree);
    MUST(devices.count <= MAX_DEVICES);
    for (unsigned i = 0; i < devices.count; i++) {
        read_device(i, random, &controllers);
        for (unsigned n = 0; n < 4 && device_registers(&devices, i, n, &address, &size); n++)
            MUST(size <= UINT64_MAX - address);
        if (i < 8 && device_registers(&devices, i, 0, &address, &size))
            devices_frame_bits(&devices, address, size, address + random_below(random, UINT32_MAX));
        for (unsigned n = 0; n < 4 && !device_line(&devices, i, n, &line, &trigger); n++)
            MUST(line > 0 && line < IRQ_LINES);
    }
}

/* --- One tree --- */

/* Puts the tree where its end is the end of what can be read: what the header claims to follow it is zero. */
static void place_tree(const struct tree *tree, uint64_t *random)
{
    uint32_t total = tree->size;

    if (!arena)
        arena = mmap(NULL, ARENA_SIZE + 4096, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MUST(arena != MAP_FAILED);
    __asan_unpoison_memory_region(arena, ARENA_SIZE);
    if (tree->size < dirty)
        memset(arena + tree->size, 0, dirty - tree->size);
    memcpy(arena, tree->blob, tree->size);
    dirty = tree->size;
    if (get_be32(tree->blob + 4) > total && get_be32(tree->blob + 4) <= 64 << 20)
        total = get_be32(tree->blob + 4);
    __asan_poison_memory_region(arena + total, ARENA_SIZE - total);
    /* Anywhere in 512 MiB, at any alignment; now and then where there is something else. */
    tree_at = 0x80000000 + random_below(random, 0x20000000 - TREE_CAPACITY);
    if (random_below(random, 4))
        tree_at = 0x9fe00000 + random_below(random, 0x1000);
}

static void reset_kernel(void)
{
    memset(&boot_state, 0, sizeof(boot_state));
    boot_state.image = (struct range){image_physical(_image_start), image_physical(_image_end)};
    boot_state.given_back[0] = (struct range){image_physical(_boot_start), image_physical(_boot_end)};
    boot_state.given_back[1] =
        (struct range){image_physical(_boot_data_start), image_physical(_boot_data_end)};
    arch_timebase = 0;
    kernel_satp = 0;
    tables_used = root_used_count = 0;
    memset(early_root, 0, sizeof(early_root));
    memset(root_used, 0, sizeof(root_used));
    said.length = said.lines = 0;
}

void machine_read(const struct tree *tree, uint64_t *random)
{
    uint64_t size;

    image_offset = (uint64_t)_image_start - 0x80200000;
    place_tree(tree, random);
    reset_kernel();
    if (setjmp(failure))
        return;
    machine_begin(random_below(random, 8) ? 1 : random_below(random, 5));
    boot_read_tree(tree_at);
    size = boot_state.device_tree_size;
    check_ranges(size);
    check_machine();
    check_early(size);
    kernel_tables_make();
    check_leaves((const uint64_t *)kernel_root, ROOT_LEVEL, 0);
    outcome_count("accepted");
    read_devices(size, random);
}
