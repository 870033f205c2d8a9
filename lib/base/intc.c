/* SPDX-License-Identifier: MIT */
/* What a device tree says of interrupt controllers. Runs on trees that fdt_open() has checked. */
#include <base/checked.h>
#include <base/intc.h>
#include <base/range.h>
#include <string.h>

#include "fdt_internal.h"

#define PAGE_BYTES          4096u
#define MAX_SOURCES         1023u
#define SUPERVISOR_EXTERNAL 9u /* the interrupt of a hart that a controller raises for S-mode */

/* PLIC: registers of the contexts. */
#define PLIC_CONTEXT        0x200000u
#define PLIC_CONTEXT_STRIDE 0x1000u
#define PLIC_MAX_CONTEXTS   15872u
#define QEMU_FIRST_PLIC     0xc000000u /* where the first node's is */

/* APLIC: registers of the harts that it interrupts directly. */
#define APLIC_IDC           0x4000u
#define APLIC_IDC_STRIDE    32u
#define APLIC_MAX_TARGETS   16384u

static enum intc_kind kind_of_string(const char *compatible)
{
    static const struct {
        enum intc_kind kind;
        const char *compatible;
    } known[] = {
        {INTC_PLIC, "sifive,plic-1.0.0"},     {INTC_PLIC, "riscv,plic0"},
        {INTC_PLIC, "thead,c900-plic"},       {INTC_PLIC, "andestech,nceplic100"},
        {INTC_APLIC, "riscv,aplic"},          {INTC_IMSIC, "riscv,imsics"},
        {INTC_FIRMWARE, "sifive,clint0"},     {INTC_FIRMWARE, "riscv,clint0"},
        {INTC_FIRMWARE, "riscv,aclint-mswi"}, {INTC_FIRMWARE, "riscv,aclint-mtimer"},
        {INTC_FIRMWARE, "riscv,aclint-sswi"},
    };

    if (strchr("arst", compatible[0]) == NULL)
        return INTC_NONE;
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(compatible, known[i].compatible) == 0)
            return known[i].kind;
    }
    return INTC_NONE;
}

enum intc_kind intc_kind(const struct fdt_walk *walk)
{
    const char *list = walk->compatible.data, *end = list + walk->compatible.length;
    enum intc_kind kind = INTC_NONE;

    if (list == end || end[-1] != 0)
        return INTC_NONE;
    for (; list < end && kind == INTC_NONE; list += strlen(list) + 1)
        kind = kind_of_string(list);
    return kind;
}

const char *intc_name(enum intc_kind kind)
{
    switch (kind) {
    case INTC_PLIC: return "PLIC";
    case INTC_APLIC: return "APLIC";
    case INTC_APLIC_MSI: return "APLIC+IMSIC";
    default: return "no interrupt controller";
    }
}

static bool is_enabled(const struct fdt *tree, const struct fdt_walk *walk)
{
    for (unsigned i = 0; i < walk->depth; i++) {
        if (!fdt_is_enabled(tree, walk->chain[i]))
            return false;
    }
    return true;
}

static bool overlaps_another(const struct intc_set *set, const struct intc *intc)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (intc->base < set->intc[i].base + set->intc[i].size &&
            set->intc[i].base < intc->base + intc->size) {
            return true;
        }
    }
    return false;
}

/* How the addresses of harts' IMSICs are made (Linux binding riscv,imsics.yaml): bits of the hart's number
 * begin above those of its pages, bits of its group's number at group_shift. */
struct imsic {
    uint32_t identities;
    uint32_t hart_bits, hart_shift, group_bits, group_shift;
    uint64_t first; /* address of the first page */
};

/* False when it makes no sense. */
static bool read_imsic(const struct fdt *tree, int node, struct imsic *imsic)
{
    uint32_t length = 0, guest_bits = 0;
    uint64_t size;

    *imsic = (struct imsic){.group_shift = 24};
    fdt_prop(tree, node, "interrupts-extended", &length);
    while (imsic->hart_bits < 16 && 1u << imsic->hart_bits < length / 8)
        imsic->hart_bits++;
    fdt_prop_u32(tree, node, "riscv,num-ids", 0, &imsic->identities);
    fdt_prop_u32(tree, node, "riscv,guest-index-bits", 0, &guest_bits);
    fdt_prop_u32(tree, node, "riscv,hart-index-bits", 0, &imsic->hart_bits);
    fdt_prop_u32(tree, node, "riscv,group-index-bits", 0, &imsic->group_bits);
    fdt_prop_u32(tree, node, "riscv,group-index-shift", 0, &imsic->group_shift);
    imsic->hart_shift = 12 + guest_bits;
    fdt_reg(tree, node, 0, &imsic->first, &size);
    return imsic->identities % 64 == 63 && imsic->identities < 2048 && guest_bits < 8 &&
           imsic->hart_bits < 16 && imsic->group_bits < 8 && imsic->group_shift < 56;
}

/* Where the harts are listed that the controller serves, and whether by messages; what is wrong, or NULL. */
static const char *read_delivery(const struct fdt *tree, struct intc *intc)
{
    struct imsic imsic;
    uint32_t phandle;

    intc->list = intc->node;
    if (intc->kind == INTC_APLIC && fdt_prop_u32(tree, intc->node, "msi-parent", 0, &phandle)) {
        intc->kind = INTC_APLIC_MSI;
        intc->list = fdt_by_phandle(tree, phandle);
        if (!fdt_is_compatible(tree, intc->list, "riscv,imsics") || !fdt_is_enabled(tree, intc->list))
            return "is not used: its msi-parent is no IMSIC";
        if (!read_imsic(tree, intc->list, &imsic))
            return "is not used: its IMSIC makes no sense";
        intc->identities = imsic.identities;
    }
    if (intc->kind != INTC_PLIC && fdt_prop(tree, intc->list, "interrupts-extended", NULL) == NULL)
        return "is not used: it is not said which harts it interrupts";
    return NULL;
}

/* The place in the list of harts, from `n` on, at which S-mode of any is interrupted; UINT32_MAX: nowhere. */
static uint32_t next_supervisor(const struct fdt *tree, const struct intc *intc, uint32_t n, uint32_t *hart)
{
    uint32_t length = 0;
    const uint8_t *list = fdt_prop(tree, intc->list, "interrupts-extended", &length);

    for (; n < length / 8; n++) {
        if (read_be32(list + 8 * n + 4) == SUPERVISOR_EXTERNAL) {
            *hart = read_be32(list + 8 * n);
            return n;
        }
    }
    return UINT32_MAX;
}

/* What is wrong with the rest of the controller, or NULL. */
static const char *read_controller(const struct fdt *tree, const struct fdt_walk *walk, struct intc *intc)
{
    bool plic = intc->kind == INTC_PLIC;

    fdt_prop_u32(tree, intc->node, plic ? "riscv,ndev" : "riscv,num-sources", 0, &intc->sources);
    fdt_prop_u32(tree, intc->node, "#interrupt-cells", 0, &intc->cells);
    if (!fdt_walk_reg(tree, walk, 0, &intc->base, &intc->size) || intc->base % PAGE_BYTES != 0 ||
        intc->size < (plic ? PLIC_CONTEXT : APLIC_IDC) || intc->size > INTC_MAX_BYTES ||
        !range_inside(intc->base, intc->size, INTC_REACH)) {
        return "is not used: its registers make no sense";
    }
    if (intc->sources == 0 || intc->sources > MAX_SOURCES)
        return "is not used: the number of its sources is not 1 to 1023";
    if (intc->cells > 2 || intc->cells < (plic ? 1 : 2))
        return "is not used: its interrupts have another number of cells than is known";
    return NULL;
}

static void note_problem(struct intc_set *set, int node, const char *text)
{
    if (text != NULL && set->problems < INTC_PROBLEMS) {
        set->problem[set->problems].node = node;
        set->problem[set->problems++].text = text;
    }
}

/* Gives the controller its lines; what of it is not used for want of room, or NULL. */
static const char *give_lines(struct intc_set *set, struct intc *intc)
{
    const char *wrong = NULL;

    if (set->count == INTC_MAX || intc->sources >= INTC_LINES - set->lines)
        return "is not used: there are too many controllers or lines";
    intc->first_line = set->lines;
    if (intc->identities != 0 && intc->first_line + intc->sources > intc->identities) {
        if (intc->first_line >= intc->identities)
            return "is not used: its IMSIC has too few identities";
        intc->sources = intc->identities - intc->first_line;
        wrong = "has sources that are not used: its IMSIC has too few identities";
    }
    set->lines += intc->sources + 1;
    set->intc[set->count++] = *intc;
    return wrong;
}

void intc_add(struct intc_set *set, const struct fdt *tree, const struct fdt_walk *walk)
{
    struct intc intc = {.kind = intc_kind(walk), .node = walk->chain[walk->depth - 1]};
    uint32_t hart;

    if (intc.kind < INTC_PLIC || !is_enabled(tree, walk))
        return;
    const char *wrong = read_delivery(tree, &intc);
    /* One that interrupts machine mode only is the firmware's. */
    if (wrong == NULL && intc.kind != INTC_PLIC && next_supervisor(tree, &intc, 0, &hart) == UINT32_MAX)
        return;
    if (wrong == NULL)
        wrong = read_controller(tree, walk, &intc);
    if (wrong == NULL && overlaps_another(set, &intc))
        wrong = "is not used: its registers overlap those of another";
    note_problem(set, intc.node, wrong != NULL ? wrong : give_lines(set, &intc));
}

void intc_keep(struct intc_set *set, const struct fdt *tree, const struct fdt_walk *walk,
               struct range_set *kept)
{
    uint64_t base, size;

    for (unsigned n = 0; fdt_walk_reg(tree, walk, n, &base, &size); n++) {
        if (!range_inside(base, size, INTC_REACH) ||
            !range_add(kept, align_down(base, PAGE_BYTES), align_up(base + size, PAGE_BYTES))) {
            note_problem(set, walk->chain[walk->depth - 1], "has registers that are out of reach");
        }
    }
}

/* The address of messages to a target (RISC-V Advanced Interrupt Architecture 1.0, section 4.9.1). */
static uint64_t message_address(const struct imsic *imsic, uint32_t target)
{
    uint64_t hart_mask = (1ull << imsic->hart_bits) - 1, group_mask = (1ull << imsic->group_bits) - 1;
    uint64_t mask = hart_mask << imsic->hart_shift | group_mask << imsic->group_shift;

    return (imsic->first & ~mask) | (target & hart_mask) << imsic->hart_shift |
           (target >> imsic->hart_bits & group_mask) << imsic->group_shift;
}

/* What messages to the hart in the n-th place of the IMSICs' list are addressed with. */
static int32_t message_target(const struct fdt *tree, const struct intc *intc, uint32_t n)
{
    struct imsic imsic;
    uint64_t base, size;

    if (!read_imsic(tree, intc->list, &imsic))
        return -1;
    uint64_t offset = (uint64_t)n << imsic.hart_shift;
    for (unsigned i = 0; fdt_reg(tree, intc->list, i, &base, &size); offset -= size, i++) {
        if (offset >= size)
            continue;
        uint64_t hart_mask = (1ull << imsic.hart_bits) - 1, group_mask = (1ull << imsic.group_bits) - 1;
        uint64_t address = base + offset, hart = address >> imsic.hart_shift & hart_mask;
        uint64_t target = (address >> imsic.group_shift & group_mask) << imsic.hart_bits | hart;
        bool fits = target < APLIC_MAX_TARGETS && message_address(&imsic, (uint32_t)target) == address;
        return fits ? (int32_t)target : -1;
    }
    return -1;
}

/*
 * In QEMU before 8.0, known by the 96 sources of its PLICs, the S-mode contexts of the second PLIC (that of a
 * second NUMA node) interrupt nobody, and the machine-mode contexts before them interrupt S-mode. Mended
 * there in sifive_plic_create(), hw/intc/sifive_plic.c.
 */
static bool contexts_are_crossed(const struct fdt *tree, const struct intc *intc)
{
    return intc->base != QEMU_FIRST_PLIC && intc->sources == 96 &&
           fdt_is_compatible(tree, fdt_root(tree), "riscv-virtio");
}

/* The number that a controller has for the hart in the n-th place of its list. */
static int32_t target_at(const struct fdt *tree, const struct intc *intc, uint32_t n)
{
    uint64_t end;

    switch (intc->kind) {
    case INTC_PLIC:
        if (n > 0 && contexts_are_crossed(tree, intc))
            n--;
        end = PLIC_CONTEXT + (n + 1ull) * PLIC_CONTEXT_STRIDE;
        return n < PLIC_MAX_CONTEXTS && end <= intc->size ? (int32_t)n : -1;
    case INTC_APLIC:
        fdt_prop_u32(tree, intc->node, "riscv,hart-indexes", n, &n);
        end = APLIC_IDC + (n + 1ull) * APLIC_IDC_STRIDE;
        return n < APLIC_MAX_TARGETS && end <= intc->size ? (int32_t)n : -1;
    default: return message_target(tree, intc, n);
    }
}

int32_t intc_target(const struct fdt *tree, const struct intc *intc, uint32_t hart)
{
    uint32_t found = 0;

    for (uint32_t n = 0; (n = next_supervisor(tree, intc, n, &found)) != UINT32_MAX; n++) {
        if (hart != 0 && found == hart)
            return target_at(tree, intc, n);
    }
    return -1;
}

static const char *aim_one(struct intc *intc, const struct fdt *tree, const struct cpu_set *cpus,
                           const struct range_set *memory)
{
    const char *wrong = "is not used: it interrupts no hart that is";

    for (unsigned i = 0; i < CPU_MAX; i++) {
        intc->target[i] = i < cpus->count ? intc_target(tree, intc, cpus->cpu[i].intc) : -1;
        wrong = intc->target[i] >= 0 ? NULL : wrong;
    }
    return range_overlaps(memory, intc->base, intc->base + intc->size)
               ? "is not used: its registers lie in memory"
               : wrong;
}

/* Where harts take messages, if there is room for one with an identity that is that of no line. */
static void aim_messages(struct intc_set *set, const struct intc *intc, const struct fdt *tree,
                         const struct range_set *memory)
{
    struct imsic imsic;

    if (intc->kind != INTC_APLIC_MSI || set->lines > intc->identities ||
        !read_imsic(tree, intc->list, &imsic))
        return;
    for (unsigned i = 0; i < CPU_MAX; i++) {
        uint64_t page = intc->target[i] >= 0 ? message_address(&imsic, intc->target[i]) : 0;
        if (page % PAGE_BYTES == 0 && range_inside(page, PAGE_BYTES, INTC_REACH) &&
            !range_overlaps(memory, page, page + PAGE_BYTES) && page != 0) {
            set->message[i] = page;
        }
    }
}

void intc_aim(struct intc_set *set, const struct fdt *tree, const struct cpu_set *cpus,
              const struct range_set *memory)
{
    memset(set->message, 0, sizeof(set->message));
    for (struct intc *intc = set->intc; intc < set->intc + set->count; intc++) {
        const char *wrong = aim_one(intc, tree, cpus, memory);
        note_problem(set, intc->node, wrong);
        if (wrong != NULL) {
            memset(intc->target, 0xff, sizeof(intc->target));
            intc->size = 0;
            intc->kind = INTC_NONE;
        }
        aim_messages(set, intc, tree, memory);
    }
}
