/* SPDX-License-Identifier: MIT */
/* The kernel's own page tables (RISC-V Privileged Specification, section 4.4: Sv39): the image with the
 * rights that each of its parts needs, and the direct map. They are made once at boot and do not change
 * afterwards. */
#include "tables.h"

#include "arch/riscv/csr.h"
#include "arch/riscv/image.h"
#include "arch/riscv/layout.h"
#include "arch/riscv/machine.h"
#include "arch/riscv/space.h"
#include "aspace.h"
#include "boot/boot.h"
#include "boot/tree.h"

#include <base/checked.h>
#include <base/granules.h>

#define TABLE_POOL  32
#define ROOT_LEVEL  2

/* A and D are set from the start: some harts fault instead of setting them. */
#define KERNEL_BITS (PTE_V | PTE_R | PTE_G | PTE_A | PTE_D)

extern char _image_start[], _rodata_start[], _data_start[], _stacks[];

static uint64_t table_pool[TABLE_POOL][TABLE_ENTRIES]
    __attribute__((section(".noinit.tables"), aligned(1 << PAGE_BITS)));
static unsigned tables_used;

uint64_t arch_direct_end(void)
{
    return DIRECT_SIZE;
}

static uint64_t *table_new(void)
{
    if (tables_used == TABLE_POOL)
        boot_fail("memory is in too many pieces: the kernel's %d page tables do not suffice", TABLE_POOL);
    granules_clear(table_pool[tables_used], sizeof(table_pool[0]));
    return table_pool[tables_used++];
}

static uint64_t *table_below(uint64_t *entry)
{
    if (!*entry)
        *entry = pte_make(image_physical(table_new()), PTE_V);
    return (uint64_t *)(pte_physical(*entry) + image_offset);
}

static unsigned table_index(uint64_t address, unsigned shift)
{
    return address >> shift & (TABLE_ENTRIES - 1);
}

/* Fills entries with leaves as long as they fit before `end` and in the table; returns how far that got. */
static uint64_t map_leaves(uint64_t *table, unsigned shift, uint64_t address, uint64_t end, uint64_t pte)
{
    uint64_t count = (end - address) >> shift;
    uint64_t *entry = &table[table_index(address, shift)];

    if (count > (uint64_t)(table + TABLE_ENTRIES - entry))
        count = table + TABLE_ENTRIES - entry;
    for (uint64_t *last = entry + count; entry < last; entry++) {
        *entry = pte;
        pte += pte_make(1ull << shift, 0);
    }
    return address + (count << shift);
}

/* Maps [address, end) to `physical` on, all of it page-aligned, with the largest pages that fit. */
static void map(uint64_t *table, unsigned level, uint64_t address, uint64_t end, uint64_t physical,
                uint64_t bits)
{
    unsigned shift = PAGE_BITS + 9 * level;
    uint64_t span = 1ull << shift;

    while (address < end) {
        uint64_t next;
        if ((address | physical) % span == 0 && end - address >= span) {
            next = map_leaves(table, shift, address, end, pte_make(physical, bits));
        } else {
            next = align_down(address, span) + span;
            next = next > end ? end : next;
            map(table_below(&table[table_index(address, shift)]), level - 1, address, next, physical, bits);
        }
        physical += next - address;
        address = next;
    }
}

static void map_image(const char *start, const char *end, uint64_t bits)
{
    map(kernel_root->entry, ROOT_LEVEL, (uint64_t)start, (uint64_t)end, image_physical(start), bits);
}

static void map_direct(uint64_t start, uint64_t end)
{
    map(kernel_root->entry, ROOT_LEVEL, DIRECT_BASE + start, DIRECT_BASE + end, start, KERNEL_BITS | PTE_W);
}

/* The stacks follow the rest of the image's memory; below each is a page that stays unmapped. */
static void map_stacks(void)
{
    for (unsigned i = 0; i < STACKS_HARTS; i++) {
        const char *stack = _stacks + i * STACKS_STRIDE + GUARD_SIZE;
        const char *emergency = stack + STACK_SIZE + GUARD_SIZE;
        map_image(stack, stack + STACK_SIZE, KERNEL_BITS | PTE_W);
        map_image(emergency, emergency + EMERGENCY_SIZE, KERNEL_BITS | PTE_W);
    }
}

/* RAM without the kernel, which is mapped elsewhere and with fewer rights, but for what it gives back; and
 * without what must not be touched. */
static void map_memory(void)
{
    static struct range_set ram;

    ram = boot_state.memory;
    bool fits = range_remove(&ram, boot_state.image.start, boot_state.image.end);
    for (unsigned i = 0; i < GIVEN_BACK; i++)
        fits = fits && range_add(&ram, boot_state.given_back[i].start, boot_state.given_back[i].end);
    if (!fits || !range_remove_all(&ram, &boot_state.hidden))
        boot_fail("memory without what is reserved is in more than %d pieces", RANGE_SET_MAX);
    for (unsigned i = 0; i < ram.count; i++)
        map_direct(ram.range[i].start, ram.range[i].end);
}

/* Where harts take messages of others. */
static void map_messages(void)
{
    for (uint64_t *page = machine.intcs.message; page < machine.intcs.message + CPU_MAX; page++)
        if (*page && *page < DIRECT_SIZE)
            map_direct(*page, *page + (1 << PAGE_BITS));
        else
            *page = 0;
}

/* Interrupt controllers lie anywhere, so each is mapped in a window of its own. */
static void map_devices(void)
{
    const uint64_t test = machine.test_device, test_end = test + (1 << PAGE_BITS);

    for (unsigned i = 0; i < machine.intcs.count; i++) {
        struct intc *intc = &machine.intcs.intc[i];
        uint64_t at = WINDOW_BASE + i * WINDOW_STRIDE + intc->base % (1 << MEGAPAGE_BITS);
        map(kernel_root->entry, ROOT_LEVEL, at, at + align_up(intc->size, 1 << PAGE_BITS), intc->base,
            KERNEL_BITS | PTE_W);
        intc->registers = (char *)at;
    }
    if (test && range_overlaps(&boot_state.memory, test, test_end))
        boot_fail("the device tree has both registers and memory at 0x%lx-0x%lx", test, test_end);
    if (test)
        map_direct(test, test_end);
}

/* The last of the tables that the image is mapped by: its size is below that of a megapage. */
static uint64_t *image_table_find(void)
{
    uint64_t *table = kernel_root->entry;

    for (unsigned level = ROOT_LEVEL; level > 0; level--)
        table = table_below(&table[table_index(IMAGE_BASE, PAGE_BITS + 9 * level)]);
    return table;
}

static void note_used_entries(void)
{
    for (unsigned i = ROOT_USER_ENTRIES; i < TABLE_ENTRIES; i++)
        if (((uint64_t *)kernel_root)[i])
            root_used[root_used_count++] = i;
}

void kernel_tables_make(void)
{
    kernel_root = (struct address_space *)table_new();
    map_image(_image_start, _rodata_start, KERNEL_BITS | PTE_X);
    map_image(_rodata_start, _data_start, KERNEL_BITS);
    map_image(_data_start, _stacks, KERNEL_BITS | PTE_W);
    map_stacks();
    map_memory();
    map_devices();
    map_messages();
    image_table = image_table_find();
    note_used_entries();
    kernel_satp = SATP_SV39 | image_physical(kernel_root) >> PAGE_BITS;
    csr_write(satp, kernel_satp);
    fence_translations();
}

void arch_reach(uint64_t physical, uint64_t size)
{
    extern uint64_t early_root[];
    uint64_t start = align_down(physical, 1 << MEGAPAGE_BITS);

    map(early_root, ROOT_LEVEL, DIRECT_BASE + start,
        DIRECT_BASE + align_up(physical + size, 1 << MEGAPAGE_BITS), start, KERNEL_BITS | PTE_W);
    fence_translations();
}
