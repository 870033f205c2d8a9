/* SPDX-License-Identifier: MIT */
/* Reads from the device tree what is particular to RISC-V: harts, timebase, interrupt controllers. */
#include "machine.h"

#include "boot.h"
#include "log.h"
#include "quirk.h"
#include "sbi.h"

#include <base/checked.h>
#include <base/cpu.h>
#include <string.h>

struct machine machine;
uint64_t arch_timebase;

/* Only while the tree is read. */
static int cpus = FDT_NONE;
static bool boot_hart_found;

/* Works around what is wrong with the machine or hart that a node describes, and says so once. */
static void apply_quirks(const struct fdt_walk *walk)
{
    extern const struct quirk __start_quirks[], __stop_quirks[];

    for (const struct quirk *quirk = __start_quirks; quirk < __stop_quirks; quirk++)
        for (const char *const *name = quirk->compatible; *name; name++) {
            uint32_t bit = 1u << (quirk - __start_quirks);
            if (machine.quirks & bit || !fdt_walk_is_compatible(walk, *name))
                continue;
            machine.quirks |= bit;
            quirk->apply();
            log_line("works around %s", quirk->name);
        }
}

static bool hart_is_known(uint32_t id)
{
    for (uint32_t i = 1; i < machine.hart_count; i++)
        if (machine.hart[i].id == id)
            return true;
    return id == machine.hart[0].id && boot_hart_found;
}

/* The boot hart has the first place. */
static void add_hart(const struct fdt *tree, int cpu, uint32_t id)
{
    uint32_t at = machine.hart_count;
    struct cpu_isa isa = cpu_isa(tree, cpu);

    if (id == machine.hart[0].id) {
        at = 0;
        boot_hart_found = true;
    } else if (at == MAX_HARTS) {
        machine.harts_unused++;
        return;
    } else {
        machine.hart_count++;
    }
    machine.hart[at] = (struct machine_hart){id, cpu_intc(tree, cpu)};
    machine.has_sstc = machine.has_sstc && cpu_isa_has(&isa, "sstc");
    machine.has_fp = machine.has_fp && cpu_isa_has(&isa, "f") && cpu_isa_has(&isa, "d");
    machine.has_zicbom = machine.has_zicbom && cpu_isa_has(&isa, "zicbom");
}

static void read_cpu(const struct fdt *tree, const struct fdt_walk *walk)
{
    int cpu = walk->chain[walk->depth - 1];
    uint32_t timebase;
    uint64_t id;

    if (fdt_prop_u32(tree, cpu, "timebase-frequency", 0, &timebase))
        arch_timebase = timebase;
    if (cpu_is_usable(tree, walk) && fdt_prop_number(tree, cpu, "reg", &id) && id <= UINT32_MAX &&
        !hart_is_known((uint32_t)id))
        add_hart(tree, cpu, (uint32_t)id);
}

static void keep_device(uint64_t base, uint64_t size)
{
    uint64_t end;

    if (!checked_add(base, size, &end) || end > arch_direct_end() ||
        !range_add(&boot_state.kernel_devices, align_down(base, 1 << PAGE_BITS),
                   align_up(end, 1 << PAGE_BITS)))
        log_line("registers at 0x%lx are out of reach", base);
}

static void read_controller(const struct fdt *tree, const struct fdt_walk *walk)
{
    uint64_t base = 0, size;
    const char *wrong = intc_add(&machine.intcs, tree, walk);

    for (unsigned n = 0; fdt_walk_reg(tree, walk, n, &base, &size); n++)
        keep_device(base, size);
    if (wrong)
        log_line("interrupt controller %.31s %s", fdt_name(tree, walk->chain[walk->depth - 1]), wrong);
}

static void read_device(const struct fdt *tree, const struct fdt_walk *walk)
{
    uint64_t base, size;

    if (intc_kind(walk) != INTC_NONE && fdt_walk_is_enabled(walk))
        read_controller(tree, walk);
    else if (fdt_walk_is_compatible(walk, "sifive,test0") && fdt_walk_is_enabled(walk) &&
             fdt_walk_reg(tree, walk, 0, &base, &size) && base % (1 << PAGE_BITS) == 0 &&
             base < arch_direct_end())
        machine.test_device = base;
}

/* Which harts a controller serves; one that serves none is not used. */
static void read_targets(const struct fdt *tree, unsigned controller)
{
    struct intc *intc = &machine.intcs.intc[controller];
    bool used = false;

    for (uint32_t i = 0; i < machine.hart_count; i++) {
        int32_t target = intc_target(tree, intc, machine.hart[i].intc);
        machine.target[controller][i] = target;
        used = used || target >= 0;
    }
    if (!used || intc->base + intc->size > arch_direct_end()) {
        log_line("interrupt controller %.31s is not used: it %s", fdt_name(tree, intc->node),
                 used ? "is out of reach" : "reaches no hart");
        intc->kind = INTC_NONE;
    }
}

void machine_begin(uint32_t boot_hart)
{
    boot_hart_found = false, cpus = FDT_NONE;
    machine = (struct machine){.hart[0].id = boot_hart, .hart_count = 1};
    machine.has_sstc = machine.has_fp = machine.has_zicbom = true;
}

void arch_read_node(const struct fdt *tree, const struct fdt_walk *walk)
{
    int node = walk->chain[walk->depth - 1];
    uint32_t timebase;

    if (walk->depth == 1 || (walk->depth == 3 && walk->chain[1] == cpus))
        apply_quirks(walk);
    if (walk->depth == 2 && strcmp(fdt_name(tree, node), "cpus") == 0) {
        cpus = node;
        if (fdt_prop_u32(tree, node, "timebase-frequency", 0, &timebase))
            arch_timebase = timebase;
    } else if (walk->depth >= 3 && walk->chain[1] == cpus) {
        if (walk->depth == 3)
            read_cpu(tree, walk);
    } else if (walk->depth >= 2) {
        read_device(tree, walk);
    }
}

void arch_read_end(const struct fdt *tree)
{
    if (!boot_hart_found && machine.hart_count == 1)
        boot_fail("the device tree has no usable hart");
    if (!boot_hart_found)
        boot_fail("the device tree has no usable hart %u, which this is", machine.hart[0].id);
    if (arch_timebase == 0)
        boot_fail("the device tree has no timebase-frequency");
    if (machine.intcs.count == 0)
        log_line("no interrupt controller that the kernel knows: devices cannot interrupt");
    for (unsigned i = 0; i < machine.intcs.count; i++)
        read_targets(tree, i);
}

/* That a hart has Sstc does not mean that the firmware lets S-mode use it. */
void machine_probe(void)
{
    if (arch_time() == boot_state.boot_time)
        boot_fail("time stands still: the firmware has found no timer");
    space_probe();
    machine.has_sstc = machine.has_sstc && csr_probe_stimecmp();
    machine.has_sbi_time = !machine.has_sstc && sbi_has(SBI_TIME);
}

uint64_t arch_isa(void)
{
    return (machine.has_sstc ? BOOT_ISA_SSTC : 0) | (machine.has_fp ? BOOT_ISA_FP : 0);
}
