/* SPDX-License-Identifier: MIT */
/* Finds out what is particular to RISC-V: from the device tree harts, timebase and interrupt controllers, and
 * from the hart and the firmware what the tree does not tell. */
#include "probe.h"

#include "arch/riscv/machine.h"
#include "boot/boot.h"
#include "boot/init.h"
#include "boot/riscv/asids.h"
#include "boot/riscv/firmware.h"
#include "boot/riscv/quirk.h"
#include "boot/riscv/tables.h"
#include "boot/riscv/text.h"
#include "boot/tree.h"
#include "debug.h"
#include "log.h"

#include <string.h>

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

static void read_device(const struct fdt *tree, const struct fdt_walk *walk)
{
    uint64_t base, size;

    if (intc_kind(walk) != INTC_NONE && fdt_walk_is_enabled(walk)) {
        intc_add(&machine.intcs, tree, walk);
        intc_keep(&machine.intcs, tree, walk, &boot_state.kernel_devices);
    } else if (fdt_walk_is_compatible(walk, "sifive,test0") && fdt_walk_is_enabled(walk) &&
             fdt_walk_reg(tree, walk, 0, &base, &size) && base % (1 << PAGE_BITS) == 0 &&
             base < arch_direct_end() && !machine.test_device) {
        machine.test_device = base;
        arch_reach(base, 1 << PAGE_BITS);
    }
}

void machine_begin(uint32_t boot_hart)
{
    machine = (struct machine){0};
    cpu_set_begin(&machine.cpus, boot_hart);
}

void arch_read_node(const struct fdt *tree, const struct fdt_walk *walk)
{
    if (walk->depth == 1 || (walk->depth == 3 && walk->chain[1] == machine.cpus.node))
        apply_quirks(walk);
    if (!cpu_set_read(&machine.cpus, tree, walk) && walk->depth >= 2)
        read_device(tree, walk);
}

void arch_read_end(const struct fdt *tree)
{
    machine.off_after_failure = boot_option("panic=poweroff");
    if (!machine.cpus.boot_found)
        boot_fail("the device tree has no usable hart %u, which this is", machine.cpus.cpu[0].id);
    cpu_set_end(&machine.cpus);
    if (machine.cpus.lesser)
        log_line("hart %u is not used: it has no FP, as the boot hart has%s", machine.cpus.first_lesser,
                 machine.cpus.lesser == 1 ? "" : "; nor are others like it");
    arch_timebase = machine.cpus.timebase;
    if (arch_timebase == 0)
        boot_fail("the device tree has no timebase-frequency");
    intc_aim(&machine.intcs, tree, &machine.cpus, &boot_state.memory);
    for (unsigned i = 0; i < machine.intcs.problems; i++)
        log_line("interrupt controller %.31s %s", fdt_name(tree, machine.intcs.problem[i].node),
                 machine.intcs.problem[i].text);
}

/* That harts have Sstc or Zicboz does not mean that the firmware lets S-mode use it. */
void machine_probe(void)
{
    if (arch_time() == boot_facts.boot_time)
        boot_fail("time stands still: the firmware has found no timer");
    asids_probe();
    if (machine.cpus.has_zicboz)
        clearing_probe();
    machine.has_sstc = machine.cpus.has_sstc && probe_stimecmp();
    machine.has_sbi_time = !machine.has_sstc && firmware_has(SBI_TIME);
}

uint64_t arch_isa(void)
{
    return (machine.has_sstc ? BOOT_ISA_SSTC : 0) | (machine.cpus.has_fp ? BOOT_ISA_FP : 0);
}
