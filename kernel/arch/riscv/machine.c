/* SPDX-License-Identifier: MIT */
/* Reads from the device tree what is particular to RISC-V: harts, timebase, interrupt controllers. */
#include "machine.h"

#include "boot.h"
#include "log.h"
#include "sbi.h"

#include <base/checked.h>
#include <string.h>

#define MAX_INTERRUPTS_PER_PLIC 1023
#define SUPERVISOR_EXTERNAL 9 /* the interrupt of a hart that a controller's S-mode context raises */

struct machine machine;
uint64_t arch_timebase;

/* Whether an ISA string ("rv64imafdc_zicsr_sstc") has a single-letter extension. */
static bool isa_has_letter(const char *isa, char letter)
{
    for (isa += 4; *isa && *isa != '_' && *isa != 's' && *isa != 'z' && *isa != 'x'; isa++) {
        if (*isa == letter || (*isa == 'g' && strchr("imafd", letter))) {
            return true;
        }
    }
    return false;
}

static bool isa_has_name(const char *isa, const char *name)
{
    size_t length = strlen(name);

    while ((isa = strchr(isa, '_')) != NULL) {
        isa++;
        if (strncmp(isa, name, length) == 0 && (isa[length] == '_' || isa[length] == 0)) {
            return true;
        }
    }
    return false;
}

/* An extension by name, from the list of extensions or, in older trees, from the ISA string. */
static bool hart_has(const struct fdt *tree, int cpu, const char *extension)
{
    const char *name, *isa;

    if (fdt_prop_string(tree, cpu, "riscv,isa-extensions")) {
        for (unsigned n = 0; (name = fdt_prop_string_at(tree, cpu, "riscv,isa-extensions", n)); n++) {
            if (strcmp(name, extension) == 0) {
                return true;
            }
        }
        return false;
    }
    isa = fdt_prop_string(tree, cpu, "riscv,isa");
    if (!isa || strlen(isa) < 4) {
        return false;
    }
    return extension[1] ? isa_has_name(isa, extension) : isa_has_letter(isa, extension[0]);
}

/* Firmware marks harts that cannot run an operating system in one of two ways: status, or no MMU. */
static bool hart_is_usable(const struct fdt *tree, int cpu)
{
    const char *type = fdt_prop_string(tree, cpu, "device_type");
    const char *mmu = fdt_prop_string(tree, cpu, "mmu-type");

    return type && strcmp(type, "cpu") == 0 && fdt_is_enabled(tree, cpu) && mmu && strcmp(mmu, "riscv,none") != 0;
}

static uint32_t hart_intc(const struct fdt *tree, int cpu)
{
    uint32_t phandle = 0;

    for (int node = fdt_first_child(tree, cpu); node != FDT_NONE; node = fdt_next_sibling(tree, node)) {
        if (fdt_is_compatible(tree, node, "riscv,cpu-intc")) {
            fdt_prop_u32(tree, node, "phandle", 0, &phandle);
        }
    }
    return phandle;
}

static void add_hart(const struct fdt *tree, int cpu, uint32_t id, uint32_t boot_hart)
{
    uint32_t at = machine.hart_count;

    if (id == boot_hart) {
        at = 0;
    } else if (at == MAX_HARTS) {
        machine.harts_unused++;
        return;
    }
    machine.hart[at] = (struct machine_hart){id, hart_intc(tree, cpu)};
    machine.has_sstc = machine.has_sstc && hart_has(tree, cpu, "sstc");
    machine.has_fp = machine.has_fp && hart_has(tree, cpu, "f") && hart_has(tree, cpu, "d");
    if (at) {
        machine.hart_count++;
    }
}

static void read_harts(const struct fdt *tree, uint32_t boot_hart)
{
    int cpus = fdt_child(tree, fdt_root(tree), "cpus");
    uint32_t timebase = 0;
    uint64_t id;
    bool boot_hart_found = false;

    machine.has_sstc = machine.has_fp = true;
    machine.hart_count = 1; /* the first place is the boot hart's */
    for (int cpu = fdt_first_child(tree, cpus); cpu != FDT_NONE; cpu = fdt_next_sibling(tree, cpu)) {
        fdt_prop_u32(tree, cpu, "timebase-frequency", 0, &timebase);
        if (!hart_is_usable(tree, cpu) || !fdt_prop_number(tree, cpu, "reg", &id)) {
            continue;
        }
        boot_hart_found = boot_hart_found || id == boot_hart;
        add_hart(tree, cpu, (uint32_t)id, boot_hart);
    }
    if (!boot_hart_found && machine.hart_count == 1) {
        boot_fail("the device tree has no usable hart");
    }
    if (!boot_hart_found) {
        boot_fail("the device tree has no usable hart %u, which this is", boot_hart);
    }
    fdt_prop_u32(tree, cpus, "timebase-frequency", 0, &timebase);
    if (timebase == 0) {
        boot_fail("the device tree has no timebase-frequency");
    }
    arch_timebase = timebase;
}

/* Context n is the n-th interrupt that the controller raises at a hart; for S-mode it is number 9 of the hart's own
 * controller. */
static void read_contexts(const struct fdt *tree, int node, struct plic *plic)
{
    uint32_t intc, number;

    for (unsigned i = 0; i < MAX_HARTS; i++) {
        plic->context[i] = -1;
    }
    for (unsigned n = 0; fdt_prop_u32(tree, node, "interrupts-extended", 2 * n + 1, &number); n++) {
        fdt_prop_u32(tree, node, "interrupts-extended", 2 * n, &intc);
        for (unsigned i = 0; number == SUPERVISOR_EXTERNAL && i < machine.hart_count; i++) {
            if (intc != 0 && machine.hart[i].intc == intc) {
                plic->context[i] = n;
            }
        }
    }
}

static uint32_t next_line(void)
{
    const struct plic *last = &machine.plic[machine.plic_count - 1];

    return machine.plic_count ? last->first_line + last->sources + 1 : 0;
}

static void keep_device(uint64_t base, uint64_t size)
{
    uint64_t end;

    if (!checked_add(base, size, &end) || end > arch_direct_end() ||
        !range_add(&boot_state.kernel_devices, align_down(base, 1 << PAGE_BITS), align_up(end, 1 << PAGE_BITS))) {
        log_line("registers at 0x%lx are out of reach", base);
    }
}

static void add_plic(const struct fdt *tree, int node, uint64_t base, uint64_t size)
{
    struct plic plic = {.base = base, .size = size, .sources = 0, .first_line = next_line()};

    keep_device(base, size);
    fdt_prop_u32(tree, node, "riscv,ndev", 0, &plic.sources);
    if (machine.plic_count == MAX_PLICS || plic.sources == 0 || plic.sources > MAX_INTERRUPTS_PER_PLIC ||
        plic.first_line + plic.sources >= IRQ_LINES || base + size > arch_direct_end()) {
        log_line("interrupt controller at 0x%lx is not used: %u sources", base, plic.sources);
        return;
    }
    read_contexts(tree, node, &plic);
    machine.plic[machine.plic_count++] = plic;
}

enum device_kind { DEVICE_NONE, DEVICE_PLIC, DEVICE_FIRMWARE, DEVICE_TEST };

/* What a compatible string says that the node is to the kernel. */
static enum device_kind kind_of(const char *compatible)
{
    static const struct {
        enum device_kind kind;
        const char *compatible;
    } known[] = {
        {DEVICE_PLIC, "sifive,plic-1.0.0"},       {DEVICE_PLIC, "riscv,plic0"},
        {DEVICE_FIRMWARE, "sifive,clint0"},       {DEVICE_FIRMWARE, "riscv,clint0"},
        {DEVICE_FIRMWARE, "riscv,aclint-mswi"},   {DEVICE_FIRMWARE, "riscv,aclint-mtimer"},
        {DEVICE_FIRMWARE, "riscv,aclint-sswi"},   {DEVICE_TEST, "sifive,test0"},
    };

    if (compatible[0] != 's' && compatible[0] != 'r') {
        return DEVICE_NONE;
    }
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(compatible, known[i].compatible) == 0) {
            return known[i].kind;
        }
    }
    return DEVICE_NONE;
}

static enum device_kind node_kind(const struct fdt *tree, int node)
{
    uint32_t length;
    const char *list = fdt_prop(tree, node, "compatible", &length);
    enum device_kind kind = DEVICE_NONE;

    if (!list || length == 0 || list[length - 1] != 0) {
        return DEVICE_NONE;
    }
    for (const char *end = list + length; list < end && !kind; list += strlen(list) + 1) {
        kind = kind_of(list);
    }
    return kind;
}

static void read_devices(const struct fdt *tree)
{
    uint64_t base, size;

    for (int node = fdt_root(tree); node != FDT_NONE; node = fdt_next(tree, node)) {
        enum device_kind kind = node_kind(tree, node);
        if (kind == DEVICE_NONE || !fdt_is_enabled(tree, node)) {
            continue;
        }
        for (unsigned n = 0; fdt_reg(tree, node, n, &base, &size); n++) {
            if (kind == DEVICE_PLIC) {
                add_plic(tree, node, base, size);
                break;
            }
            if (kind == DEVICE_FIRMWARE) {
                keep_device(base, size);
            } else if (base % (1 << PAGE_BITS) == 0 && base < arch_direct_end()) {
                machine.test_device = base;
            }
        }
    }
    if (machine.plic_count == 0) {
        log_line("no interrupt controller that the kernel knows: devices cannot interrupt");
    }
}

void machine_read_tree(const struct fdt *tree, uint32_t boot_hart)
{
    read_harts(tree, boot_hart);
    read_devices(tree);
}

/* That a hart has Sstc does not mean that the firmware lets S-mode use it. */
void machine_probe(void)
{
    space_probe();
    machine.has_sstc = machine.has_sstc && csr_probe_stimecmp();
    machine.has_sbi_time = !machine.has_sstc && sbi_has(SBI_TIME);
}

uint64_t arch_isa(void)
{
    return (machine.has_sstc ? BOOT_ISA_SSTC : 0) | (machine.has_fp ? BOOT_ISA_FP : 0);
}
