/* SPDX-License-Identifier: MIT */
/* What a device tree says of harts. Runs on trees that fdt_open() has checked. */
#include <base/cpu.h>
#include <string.h>

bool cpu_is_usable(const struct fdt *tree, const struct fdt_walk *walk)
{
    if (!fdt_walk_has_type(walk, "cpu"))
        return false;
    const char *mmu = fdt_prop_string(tree, walk->chain[walk->depth - 1], "mmu-type");
    return fdt_walk_is_enabled(walk) && mmu != NULL && strcmp(mmu, "riscv,none") != 0;
}

struct cpu_isa cpu_isa(const struct fdt *tree, int cpu)
{
    struct cpu_isa isa = {0};
    uint32_t length;

    isa.list = fdt_prop(tree, cpu, "riscv,isa-extensions", &length);
    if (isa.list != NULL) {
        isa.end = isa.list + length;
        return length > 0 && isa.end[-1] == 0 ? isa : (struct cpu_isa){0};
    }
    isa.string = fdt_prop_string(tree, cpu, "riscv,isa");
    if (isa.string != NULL && strlen(isa.string) < sizeof("rv64") - 1)
        isa.string = NULL;
    return isa;
}

/* Whether an ISA string ("rv64imafdc_zicsr_sstc") has a single-letter extension. */
static bool string_has_letter(const char *isa, char letter)
{
    for (isa += 4; *isa != 0 && *isa != '_' && *isa != 's' && *isa != 'z' && *isa != 'x'; isa++) {
        if (*isa == letter || (*isa == 'g' && strchr("imafd", letter) != NULL))
            return true;
    }
    return false;
}

static bool string_has_name(const char *isa, const char *name)
{
    size_t length = strlen(name);

    while ((isa = strchr(isa, '_')) != NULL) {
        isa++;
        if (strncmp(isa, name, length) == 0 && (isa[length] == '_' || isa[length] == 0))
            return true;
    }
    return false;
}

bool cpu_isa_has(const struct cpu_isa *isa, const char *extension)
{
    for (const char *name = isa->list; name < isa->end; name += strlen(name) + 1) {
        if (strcmp(name, extension) == 0)
            return true;
    }
    if (isa->string == NULL)
        return false;
    return extension[1] != 0 ? string_has_name(isa->string, extension)
                             : string_has_letter(isa->string, extension[0]);
}

uint32_t cpu_intc(const struct fdt *tree, int cpu)
{
    uint32_t phandle = 0;

    for (int node = fdt_first_child(tree, cpu); node != FDT_NONE; node = fdt_next_sibling(tree, node)) {
        if (fdt_is_compatible(tree, node, "riscv,cpu-intc"))
            fdt_prop_u32(tree, node, "phandle", 0, &phandle);
    }
    return phandle;
}

void cpu_set_begin(struct cpu_set *set, uint32_t boot)
{
    *set = (struct cpu_set){.count = 1, .node = FDT_NONE, .cpu[0].id = boot};
}

static bool is_known(const struct cpu_set *set, uint32_t id)
{
    for (unsigned i = 1; i < set->count; i++) {
        if (set->cpu[i].id == id)
            return true;
    }
    return id == set->cpu[0].id && set->boot_found;
}

/* Adds a hart; of two with the same number the first counts. */
static void add(struct cpu_set *set, const struct fdt *tree, int cpu, uint32_t id)
{
    struct cpu_isa isa = cpu_isa(tree, cpu);
    unsigned at = set->count;
    uint32_t block = 0;

    if (is_known(set, id))
        return;
    if (id == set->cpu[0].id) {
        at = 0;
        set->boot_found = true;
    } else if (at == CPU_MAX) {
        set->unused++;
        return;
    } else {
        set->count++;
    }
    set->cpu[at].id = id;
    set->cpu[at].intc = cpu_intc(tree, cpu);
    set->cpu[at].has_sstc = cpu_isa_has(&isa, "sstc");
    set->cpu[at].has_fp = cpu_isa_has(&isa, "f") && cpu_isa_has(&isa, "d");
    set->cpu[at].has_zicbom = cpu_isa_has(&isa, "zicbom");
    fdt_prop_u32(tree, cpu, "riscv,cboz-block-size", 0, &block);
    set->cpu[at].has_zicboz = cpu_isa_has(&isa, "zicboz") && block == 64;
}

static void read_timebase(struct cpu_set *set, const struct fdt *tree, int node)
{
    uint32_t timebase;

    if (fdt_prop_u32(tree, node, "timebase-frequency", 0, &timebase))
        set->timebase = timebase;
}

bool cpu_set_read(struct cpu_set *set, const struct fdt *tree, const struct fdt_walk *walk)
{
    int node = walk->chain[walk->depth - 1];
    uint64_t id;

    if (walk->depth == 2 && strcmp(fdt_name(tree, node), "cpus") == 0) {
        set->node = node;
        read_timebase(set, tree, node);
        return true;
    }
    if (walk->depth < 3 || walk->chain[1] != set->node)
        return false;
    if (walk->depth == 3) {
        read_timebase(set, tree, node);
        if (cpu_is_usable(tree, walk) && fdt_prop_number(tree, node, "reg", &id) && id <= UINT32_MAX)
            add(set, tree, node, (uint32_t)id);
    }
    return true;
}

void cpu_set_end(struct cpu_set *set)
{
    unsigned count = set->count;

    set->count = 0;
    set->has_sstc = set->has_fp = set->has_zicbom = set->has_zicboz = true;
    for (unsigned i = 0; i < count; i++) {
        if (set->cpu[0].has_fp && !set->cpu[i].has_fp) {
            set->first_lesser = set->lesser++ == 0 ? set->cpu[i].id : set->first_lesser;
            continue;
        }
        set->cpu[set->count++] = set->cpu[i];
        set->has_sstc &= set->cpu[i].has_sstc;
        set->has_fp &= set->cpu[i].has_fp;
        set->has_zicbom &= set->cpu[i].has_zicbom;
        set->has_zicboz &= set->cpu[i].has_zicboz;
    }
}
