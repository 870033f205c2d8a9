/* SPDX-License-Identifier: MIT */
/* Reads from the device tree what is particular to RISC-V: harts, timebase, interrupt controllers. */
#include "machine.h"

#include "boot.h"
#include "log.h"
#include "sbi.h"

#include <base/checked.h>
#include <string.h>

#define MAX_INTERRUPTS_PER_PLIC 1023
#define SUPERVISOR_EXTERNAL     9 /* the interrupt of a hart that a controller's S-mode context raises */

struct machine machine;
uint64_t arch_timebase;

/* Only while the tree is read. */
static int cpus = FDT_NONE;
static bool boot_hart_found;
static int plic_node[MAX_PLICS];

/* Whether an ISA string ("rv64imafdc_zicsr_sstc") has a single-letter extension. */
static bool isa_has_letter(const char *isa, char letter)
{
    for (isa += 4; *isa && *isa != '_' && *isa != 's' && *isa != 'z' && *isa != 'x'; isa++)
        if (*isa == letter || (*isa == 'g' && strchr("imafd", letter)))
            return true;
    return false;
}

static bool isa_has_name(const char *isa, const char *name)
{
    size_t length = strlen(name);

    while ((isa = strchr(isa, '_')) != NULL) {
        isa++;
        if (strncmp(isa, name, length) == 0 && (isa[length] == '_' || isa[length] == 0))
            return true;
    }
    return false;
}

/* What a hart can do: a list of extensions or, in older trees, an ISA string. */
struct isa {
    const char *list, *end;
    const char *string;
};

static struct isa hart_isa(const struct fdt *tree, int cpu)
{
    struct isa isa = {0};
    uint32_t length;

    isa.list = fdt_prop(tree, cpu, "riscv,isa-extensions", &length);
    if (isa.list) {
        isa.end = isa.list + length;
        return length > 0 && isa.end[-1] == 0 ? isa : (struct isa){0};
    }
    isa.string = fdt_prop_string(tree, cpu, "riscv,isa");
    if (isa.string && strlen(isa.string) < sizeof("rv64") - 1)
        isa.string = NULL;
    return isa;
}

static bool isa_has(const struct isa *isa, const char *extension)
{
    for (const char *name = isa->list; name < isa->end; name += strlen(name) + 1)
        if (strcmp(name, extension) == 0)
            return true;
    if (!isa->string)
        return false;
    return extension[1] ? isa_has_name(isa->string, extension) : isa_has_letter(isa->string, extension[0]);
}

/* Firmware marks harts that cannot run an operating system in one of two ways: status, or no MMU. */
static bool hart_is_usable(const struct fdt *tree, const struct fdt_walk *walk)
{
    const char *mmu;

    if (walk->device_type.length != sizeof("cpu") ||
        memcmp(walk->device_type.data, "cpu", sizeof("cpu")) != 0)
        return false;
    mmu = fdt_prop_string(tree, walk->chain[walk->depth - 1], "mmu-type");
    return fdt_walk_is_enabled(walk) && mmu && strcmp(mmu, "riscv,none") != 0;
}

static uint32_t hart_intc(const struct fdt *tree, int cpu)
{
    uint32_t phandle = 0;

    for (int node = fdt_first_child(tree, cpu); node != FDT_NONE; node = fdt_next_sibling(tree, node))
        if (fdt_is_compatible(tree, node, "riscv,cpu-intc"))
            fdt_prop_u32(tree, node, "phandle", 0, &phandle);
    return phandle;
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
    struct isa isa = hart_isa(tree, cpu);

    if (id == machine.hart[0].id) {
        at = 0;
        boot_hart_found = true;
    } else if (at == MAX_HARTS) {
        machine.harts_unused++;
        return;
    } else {
        machine.hart_count++;
    }
    machine.hart[at] = (struct machine_hart){id, hart_intc(tree, cpu)};
    machine.has_sstc = machine.has_sstc && isa_has(&isa, "sstc");
    machine.has_fp = machine.has_fp && isa_has(&isa, "f") && isa_has(&isa, "d");
}

static void read_cpu(const struct fdt *tree, const struct fdt_walk *walk)
{
    int cpu = walk->chain[walk->depth - 1];
    uint32_t timebase;
    uint64_t id;

    if (fdt_prop_u32(tree, cpu, "timebase-frequency", 0, &timebase))
        arch_timebase = timebase;
    if (hart_is_usable(tree, walk) && fdt_prop_number(tree, cpu, "reg", &id) && id <= UINT32_MAX &&
        !hart_is_known((uint32_t)id))
        add_hart(tree, cpu, (uint32_t)id);
}

/* Context n is the n-th interrupt that the controller raises at a hart; for S-mode it is number 9 of the
 * hart's own controller. What has no registers is no context. */
static void read_contexts(const struct fdt *tree, int node, struct plic *plic)
{
    uint64_t contexts = (plic->size - PLIC_CONTEXT) / PLIC_CONTEXT_STRIDE;
    uint32_t intc, number;

    for (unsigned i = 0; i < MAX_HARTS; i++)
        plic->context[i] = -1;
    for (unsigned n = 0;
         n < contexts && fdt_prop_u32(tree, node, "interrupts-extended", 2 * n + 1, &number); n++) {
        fdt_prop_u32(tree, node, "interrupts-extended", 2 * n, &intc);
        for (unsigned i = 0; number == SUPERVISOR_EXTERNAL && i < machine.hart_count; i++)
            if (intc != 0 && machine.hart[i].intc == intc)
                plic->context[i] = n;
    }
}

static void keep_device(uint64_t base, uint64_t size)
{
    uint64_t end;

    if (!checked_add(base, size, &end) || end > arch_direct_end() ||
        !range_add(&boot_state.kernel_devices, align_down(base, 1 << PAGE_BITS),
                   align_up(end, 1 << PAGE_BITS)))
        log_line("registers at 0x%lx are out of reach", base);
}

/* Its contexts are read when all harts are known. */
static void add_plic(const struct fdt *tree, int node, uint64_t base, uint64_t size)
{
    struct plic plic = {.base = base, .size = size, .first_line = arch_irq_lines()};

    keep_device(base, size);
    fdt_prop_u32(tree, node, "riscv,ndev", 0, &plic.sources);
    if (machine.plic_count == MAX_PLICS || size < PLIC_CONTEXT || plic.sources == 0 ||
        plic.sources > MAX_INTERRUPTS_PER_PLIC ||
        plic.first_line + plic.sources >= IRQ_LINES || base + size > arch_direct_end()) {
        log_line("interrupt controller at 0x%lx is not used: %u sources", base, plic.sources);
        return;
    }
    plic_node[machine.plic_count] = node;
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
        {DEVICE_PLIC, "sifive,plic-1.0.0"},     {DEVICE_PLIC, "riscv,plic0"},
        {DEVICE_FIRMWARE, "sifive,clint0"},     {DEVICE_FIRMWARE, "riscv,clint0"},
        {DEVICE_FIRMWARE, "riscv,aclint-mswi"}, {DEVICE_FIRMWARE, "riscv,aclint-mtimer"},
        {DEVICE_FIRMWARE, "riscv,aclint-sswi"}, {DEVICE_TEST, "sifive,test0"},
    };

    if (compatible[0] != 's' && compatible[0] != 'r')
        return DEVICE_NONE;
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(compatible, known[i].compatible) == 0)
            return known[i].kind;
    return DEVICE_NONE;
}

static enum device_kind node_kind(const struct fdt_walk *walk)
{
    const char *list = walk->compatible.data, *end = list + walk->compatible.length;
    enum device_kind kind = DEVICE_NONE;

    if (list == end || end[-1] != 0)
        return DEVICE_NONE;
    for (; list < end && !kind; list += strlen(list) + 1)
        kind = kind_of(list);
    return kind;
}

static void read_device(const struct fdt *tree, const struct fdt_walk *walk)
{
    int node = walk->chain[walk->depth - 1];
    enum device_kind kind = node_kind(walk);
    uint64_t base, size;

    if (kind == DEVICE_NONE || !fdt_walk_is_enabled(walk) || !fdt_walk_reg(tree, walk, 0, &base, &size))
        return;
    switch (kind) {
    case DEVICE_PLIC: return add_plic(tree, node, base, size);
    case DEVICE_TEST:
        if (base % (1 << PAGE_BITS) == 0 && base < arch_direct_end())
            machine.test_device = base;
        return;
    default:
        for (unsigned n = 0; fdt_walk_reg(tree, walk, n, &base, &size); n++)
            keep_device(base, size);
    }
}

void machine_begin(uint32_t boot_hart)
{
    boot_hart_found = false;
    cpus = FDT_NONE;
    machine = (struct machine){.hart[0].id = boot_hart, .hart_count = 1, .has_sstc = true, .has_fp = true};
}

void arch_read_node(const struct fdt *tree, const struct fdt_walk *walk)
{
    int node = walk->chain[walk->depth - 1];
    uint32_t timebase;

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
    if (machine.plic_count == 0)
        log_line("no interrupt controller that the kernel knows: devices cannot interrupt");
    for (uint32_t i = 0; i < machine.plic_count; i++)
        read_contexts(tree, plic_node[i], &machine.plic[i]);
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
