/* SPDX-License-Identifier: MIT */
/* The kernel's tests of the machine: what the page tables, timers, harts and FP registers really do. */
#include "arch/riscv/csr.h"
#include "arch/riscv/image.h"
#include "arch/riscv/layout.h"
#include "arch/riscv/machine.h"
#include "arch/riscv/space.h"
#include "aspace.h"
#include "boot/boot.h"
#include "debug.h"
#include "selftest.h"

#include <string.h>

extern char _image_start[], _boot_start[], _boot_end[], _rodata_start[], _data_start[], _stacks[];

/* The kernel's own tables are part of its image, which the direct map leaves out. */
static const uint64_t *table_at(uint64_t physical)
{
    if (physical >= boot_state.image.start && physical < boot_state.image.end)
        return (const uint64_t *)(physical + image_offset);
    return arch_direct(physical);
}

/* The leaf that maps `address` in the kernel's tables, 0 when none does; *size is what it maps. */
static uint64_t leaf_of(uint64_t address, uint64_t *size)
{
    const uint64_t *table = table_at((csr_read(satp) & 0xfffffffffffull) << PAGE_BITS);

    for (int level = 2; level >= 0; level--) {
        uint64_t entry = table[address >> (PAGE_BITS + 9 * level) & 511];

        *size = 1ull << (PAGE_BITS + 9 * level);
        if (!(entry & PTE_V))
            return 0;
        if (pte_is_leaf(entry))
            return entry;
        table = table_at(pte_physical(entry));
    }
    return 0;
}

/* Every mapped page of the kernel's half, one after the other; a test wants no leaf to fail `check`. */
static const char *each_leaf(const char *(*check)(uint64_t entry, uint64_t address, uint64_t size))
{
    uint64_t size;

    for (uint64_t at = DIRECT_BASE; at >= DIRECT_BASE; at = (at & -size) + size) {
        uint64_t entry = leaf_of(at, &size);
        const char *wrong = entry ? check(entry, at, size) : NULL;

        if (wrong)
            return wrong;
    }
    return NULL;
}

/* Whether some of the physical memory is that of this part of the image. */
static bool is_common(struct range memory, const char *start, const char *end)
{
    return memory.start < image_physical(end) && image_physical(start) < memory.end;
}

static const char *check_leaf(uint64_t entry, uint64_t address, uint64_t size)
{
    struct range leaf = {pte_physical(entry), pte_physical(entry) + size};

    (void)address;
    MUST(!(entry & PTE_W && entry & PTE_X));
    MUST(!(entry & PTE_U));
    MUST(entry & PTE_A && entry & PTE_D && entry & PTE_G);
    /* No alias makes text writable. (The boot's own code, between them, is unmapped after the boot.) */
    MUST(!(entry & PTE_W) || !is_common(leaf, _image_start, _boot_start));
    MUST(!(entry & PTE_W) || !is_common(leaf, _boot_end, _data_start));
    return NULL;
}

static const char *write_xor_execute(void)
{
    uint64_t size;

    MUST(leaf_of((uint64_t)_rodata_start, &size) &&
         !(leaf_of((uint64_t)_rodata_start, &size) & (PTE_W | PTE_X)));
    MUST(leaf_of((uint64_t)selftests_machine, &size));
    MUST(leaf_of((uint64_t)_data_start, &size) & PTE_W);
    return each_leaf(check_leaf);
}

static const char *guard_pages(void)
{
    uint64_t size;

    for (unsigned i = 0; i < STACKS_HARTS; i++) {
        uint64_t low = (uint64_t)_stacks + i * STACKS_STRIDE;

        MUST(!leaf_of(low, &size));
        MUST(!leaf_of(low + STACK_TOP_OFFSET, &size));
        MUST(leaf_of(low + GUARD_SIZE, &size) & PTE_W);
        MUST(leaf_of(low + STACK_TOP_OFFSET - 8, &size) & PTE_W);
    }
    return NULL;
}

static const char *user_memory_is_out_of_reach(void)
{
    uint64_t size;

    MUST(!(csr_read(sstatus) & SSTATUS_SUM));
    MUST(!leaf_of(0, &size) && !leaf_of(0x10000, &size) && !leaf_of(USER_END - 8, &size));
    return NULL;
}

static bool is_in(const struct range_set *set, uint64_t address)
{
    for (unsigned i = 0; i < set->count; i++)
        if (address >= set->range[i].start && address < set->range[i].end)
            return true;
    return false;
}

/* Memory is mapped where the direct map says, and what the firmware keeps is not mapped. */
static const char *direct_map(void)
{
    for (unsigned i = 0; i < boot_state.memory.count; i++) {
        const struct range *range = &boot_state.memory.range[i];

        for (uint64_t at = range->start; at < range->end; at += 1 << MEGAPAGE_BITS) {
            uint64_t size, address = (uint64_t)arch_direct(at), entry = leaf_of(address, &size);

            if (at >= boot_state.image.start && at < boot_state.image.end)
                continue;
            if (is_in(&boot_state.hidden, at)) {
                MUST(!entry);
                continue;
            }
            MUST(entry);
            MUST(pte_physical(entry) + (address & (size - 1)) == at);
            MUST(arch_physical(arch_direct(at)) == at);
        }
    }
    return NULL;
}

static const char *timer_fires(void)
{
    uint64_t deadline = arch_time() + arch_timebase / 100, last = deadline + arch_timebase * 5;

    arch_set_timer(~0ull);
    MUST(!(csr_read(sip) & IRQ_TIMER));
    arch_set_timer(deadline);
    while (!(csr_read(sip) & IRQ_TIMER) && arch_time() < last)
        ;
    MUST(csr_read(sip) & IRQ_TIMER);
    MUST(arch_time() >= deadline);
    MUST(arch_interrupt_pending());
    arch_set_timer(~0ull);
    while (csr_read(sip) & IRQ_TIMER && arch_time() < last)
        ;
    MUST(!(csr_read(sip) & IRQ_TIMER));
    return NULL;
}

static const char *harts_are_told_apart(void)
{
    MUST(hart_count >= 1 && hart_count <= MAX_HARTS);
    MUST(hart_self() == &harts[0]);
    for (uint32_t i = 0; i < hart_count; i++) {
        MUST(harts[i].index == i && harts[i].online);
        MUST(harts[i].stack_top != 0 && harts[i].stack_top % 16 == 0);
        for (uint32_t j = 0; j < i; j++)
            MUST(harts[i].id != harts[j].id && harts[i].stack_top != harts[j].stack_top);
    }
    return NULL;
}

static const char *interrupt_contexts(void)
{
    for (unsigned i = 0; i < machine.intcs.count; i++) {
        const struct intc *intc = &machine.intcs.intc[i];

        MUST(intc->sources > 0 && intc->base != 0);
        for (uint32_t h = 0; h < hart_count; h++)
            for (uint32_t other = 0; other < h; other++)
                MUST(intc->target[h] < 0 || intc->target[h] != intc->target[other]);
    }
    MUST(arch_irq_claim() == 0);
    return NULL;
}

static const char *address_spaces(void)
{
    struct address_space *a = selftest_memory(1 << PAGE_BITS), *b = selftest_memory(1 << PAGE_BITS);
    struct thread *thread = selftest_memory(1 << THREAD_BITS);
    uint64_t first, second;

    MUST(a && b && thread);
    arch_space_init(a);
    arch_space_init(b);
    thread->slot[THREAD_SPACE].object = a;
    arch_space_switch(thread);
    first = csr_read(satp);
    thread->slot[THREAD_SPACE].object = b;
    arch_space_switch(thread);
    second = csr_read(satp);
    arch_space_switch(NULL);
    MUST(csr_read(satp) == kernel_satp);
    MUST((first & 0xfffffffffffull) == arch_physical(a) >> PAGE_BITS);
    MUST((second & 0xfffffffffffull) == arch_physical(b) >> PAGE_BITS);
    MUST(!machine.asid_bits || first >> SATP_ASID_SHIFT != second >> SATP_ASID_SHIFT);
    MUST(!machine.asid_bits || first >> SATP_ASID_SHIFT != kernel_satp >> SATP_ASID_SHIFT);
    return NULL;
}

static const char *fp_registers_are_kept(void)
{
    struct thread *a = selftest_memory(1 << THREAD_BITS), *b = selftest_memory(1 << THREAD_BITS);

    MUST(a && b);
    if (!machine.cpus.has_fp)
        return NULL;
    for (unsigned i = 0; i < 32; i++)
        a->fp[i] = 0x4000000000000000ull + i;
    a->fcsr = 3;
    MUST(arch_fp_first_use(a) && !arch_fp_first_use(a));
    memset(a->fp, 0, sizeof(a->fp));
    a->fcsr = 0;
    arch_fp_leave();
    MUST(!(csr_read(sstatus) & SSTATUS_FS) && a->fp_hart == hart_self() && a->lane_level == LEVEL_FP);
    arch_fp_enter(b);
    MUST(!(csr_read(sstatus) & SSTATUS_FS) && arch_fp_first_use(b) && !a->fp_hart);
    for (unsigned i = 0; i < 32; i++)
        MUST(a->fp[i] == 0x4000000000000000ull + i);
    MUST(a->fcsr == 3);
    arch_fp_leave();
    arch_fp_enter(b); /* the registers are still there */
    MUST((csr_read(sstatus) & SSTATUS_FS) == SSTATUS_FS_CLEAN);
    arch_fp_leave();
    arch_fp_enter(a); /* without a trap */
    MUST((csr_read(sstatus) & SSTATUS_FS) == SSTATUS_FS_CLEAN && !b->fp_hart && b->fp[1] == 0);
    memset(a->fp, 0, sizeof(a->fp));
    arch_fp_save();
    MUST(!(csr_read(sstatus) & SSTATUS_FS) && !a->fp_hart && a->fp[31] == 0x400000000000001full);
    return NULL;
}

static const char *fences(void)
{
    struct address_space *space = selftest_memory(1 << PAGE_BITS);

    MUST(space);
    arch_space_init(space);
    arch_space_flush_page(space, 0x10000);
    arch_space_flush(space);
    return NULL;
}

static const char *time_goes_on(void)
{
    uint64_t before = arch_time();

    MUST(arch_timebase >= 1000 && boot_facts.boot_time <= before);
    for (unsigned i = 0; i < 1000000 && arch_time() == before; i++)
        ;
    MUST(arch_time() > before);
    return NULL;
}

const struct selftest selftests_machine[] = {
    {"write_xor_execute", write_xor_execute},
    {"guard_pages", guard_pages},
    {"user_memory_is_out_of_reach", user_memory_is_out_of_reach},
    {"direct_map", direct_map},
    {"timer_fires", timer_fires},
    {"time_goes_on", time_goes_on},
    {"harts_are_told_apart", harts_are_told_apart},
    {"interrupt_contexts", interrupt_contexts},
    {"address_spaces", address_spaces},
    {"fp_registers_are_kept", fp_registers_are_kept},
    {"fences", fences},
    {NULL, NULL},
};
