/* SPDX-License-Identifier: MIT */
/* What a device tree says of interrupt controllers. Runs on trees that fdt_open() has checked. */
#include <base/checked.h>
#include <base/intc.h>
#include <string.h>

#include "fdt_internal.h"

#define PAGE_BYTES          4096u
#define MAX_SOURCES         1023u
#define SUPERVISOR_EXTERNAL 9u /* the interrupt of a hart that a controller raises for S-mode */

/* PLIC: registers of the contexts. */
#define PLIC_CONTEXT        0x200000u
#define PLIC_CONTEXT_STRIDE 0x1000u
#define PLIC_MAX_CONTEXTS   15872u

static enum intc_kind kind_of_string(const char *compatible)
{
    static const struct {
        enum intc_kind kind;
        const char *compatible;
    } known[] = {
        {INTC_PLIC, "sifive,plic-1.0.0"},     {INTC_PLIC, "riscv,plic0"},
        {INTC_FIRMWARE, "sifive,clint0"},     {INTC_FIRMWARE, "riscv,clint0"},
        {INTC_FIRMWARE, "riscv,aclint-mswi"}, {INTC_FIRMWARE, "riscv,aclint-mtimer"},
        {INTC_FIRMWARE, "riscv,aclint-sswi"},
    };

    if (compatible[0] != 's' && compatible[0] != 'r') {
        return INTC_NONE;
    }
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(compatible, known[i].compatible) == 0) {
            return known[i].kind;
        }
    }
    return INTC_NONE;
}

enum intc_kind intc_kind(const struct fdt_walk *walk)
{
    const char *list = walk->compatible.data, *end = list + walk->compatible.length;
    enum intc_kind kind = INTC_NONE;

    if (list == end || end[-1] != 0) {
        return INTC_NONE;
    }
    for (; list < end && kind == INTC_NONE; list += strlen(list) + 1) {
        kind = kind_of_string(list);
    }
    return kind;
}

static bool is_enabled(const struct fdt *tree, const struct fdt_walk *walk)
{
    for (unsigned i = 0; i < walk->depth; i++) {
        if (!fdt_is_enabled(tree, walk->chain[i])) {
            return false;
        }
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

/* Fills `intc` but for its lines; what is wrong with it, or NULL. */
static const char *read_controller(const struct fdt *tree, const struct fdt_walk *walk, struct intc *intc)
{
    fdt_prop_u32(tree, intc->node, "riscv,ndev", 0, &intc->sources);
    fdt_prop_u32(tree, intc->node, "#interrupt-cells", 0, &intc->cells);
    if (!fdt_walk_reg(tree, walk, 0, &intc->base, &intc->size) || intc->base % PAGE_BYTES != 0 ||
        intc->size <= PLIC_CONTEXT) {
        return "is not used: its registers make no sense";
    }
    if (intc->sources == 0 || intc->sources > MAX_SOURCES) {
        return "is not used: the number of its sources is not 1 to 1023";
    }
    if (intc->cells < 1 || intc->cells > 2) {
        return "is not used: its interrupts have neither 1 nor 2 cells";
    }
    return NULL;
}

const char *intc_add(struct intc_set *set, const struct fdt *tree, const struct fdt_walk *walk)
{
    struct intc intc = {.kind = intc_kind(walk), .node = walk->chain[walk->depth - 1]};
    const char *wrong;

    if (intc.kind <= INTC_FIRMWARE || !is_enabled(tree, walk)) {
        return NULL;
    }
    wrong = read_controller(tree, walk, &intc);
    if (wrong != NULL) {
        return wrong;
    }
    if (overlaps_another(set, &intc)) {
        return "is not used: its registers overlap those of another";
    }
    if (set->count == INTC_MAX || intc.sources >= INTC_LINES - set->lines) {
        return "is not used: there are too many controllers or lines";
    }
    intc.first_line = set->lines;
    set->lines += intc.sources + 1;
    set->intc[set->count++] = intc;
    return NULL;
}

/* The number that a controller has for the hart in the n-th place of its list. */
static int32_t target_number(const struct intc *intc, uint32_t n)
{
    return n < PLIC_MAX_CONTEXTS && PLIC_CONTEXT + (n + 1) * PLIC_CONTEXT_STRIDE <= intc->size ? (int32_t)n
                                                                                               : -1;
}

int32_t intc_target(const struct fdt *tree, const struct intc *intc, uint32_t hart)
{
    uint32_t length = 0;
    const uint8_t *entry = fdt_prop(tree, intc->node, "interrupts-extended", &length);

    for (uint32_t n = 0; hart != 0 && n < length / 8; n++, entry += 8) {
        if (read_be32(entry) == hart && read_be32(entry + 4) == SUPERVISOR_EXTERNAL) {
            return target_number(intc, n);
        }
    }
    return -1;
}
