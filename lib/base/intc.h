/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controllers of a device tree, for the kernel that drives them and for who hands their lines out.
 * Each serves some of the harts. Their interrupts are numbered through as lines: those of the first
 * controller in the tree are lines 1 to n, those of the next begin at n + 2, and so on: source 0 is no
 * interrupt. It is intc_add() that numbers them, for both sides.
 */
#pragma once

#include <base/cpu.h>

struct range_set;

#define INTC_MAX      4    /* controllers that are used */
#define INTC_LINES    1024 /* line numbers are less than this */
#define INTC_PROBLEMS 8

#define INTC_REACH     (1ull << 56) /* physical addresses of Sv39 are less */
#define INTC_MAX_BYTES (1ull << 28) /* of a controller's registers */

enum intc_kind {
    INTC_NONE,     /* no interrupt controller, or none that is known */
    INTC_FIRMWARE, /* only machine mode uses it: its timers, interrupts among harts */
    INTC_IMSIC,    /* has no lines; messages of other controllers arrive there */
    INTC_PLIC,     /* RISC-V Platform-Level Interrupt Controller Specification 1.0 */
    INTC_APLIC,    /* RISC-V Advanced Interrupt Architecture 1.0, chapter 4: interrupts harts directly, */
    INTC_APLIC_MSI, /* or by messages to their IMSICs (chapter 3); the identity of one is its line */
};

struct intc {
    enum intc_kind kind;
    int node;
    uint64_t base, size; /* physical; base is at the start of a page */
    char *registers;     /* where they are mapped, for who drives it */
    uint32_t sources;    /* its interrupts are 1 .. sources */
    uint32_t first_line; /* interrupt n of it is line first_line + n */
    uint32_t cells;      /* of an interrupt specifier: the source, and if there are two, the trigger type */
    int list;            /* the node whose interrupts-extended lists the harts: this one, or the IMSIC's */
    uint32_t identities; /* of messages: 1 .. identities; 0: sends none */
    int32_t target[CPU_MAX]; /* of each hart of a set: intc_aim() */
};

/* Begins as {0}. */
struct intc_set {
    unsigned count;
    uint32_t lines; /* all lines are less than this */
    struct intc intc[INTC_MAX];
    /* The page to which a message with the identity `lines`, which is that of no line, is written for each
     * hart of a set, a physical address: intc_aim(); 0: it takes none. */
    uint64_t message[CPU_MAX];
    unsigned problems; /* the first INTC_PROBLEMS that were met */
    struct {
        int node;
        const char *text; /* after the controller's name: what of it is not used, and why */
    } problem[INTC_PROBLEMS];
};

/* What the boot line calls it. */
const char *intc_name(enum intc_kind kind);
/* What the node that a walk is at is, by its `compatible`. */
enum intc_kind intc_kind(const struct fdt_walk *walk);
/* Adds the node, if it is a controller that is enabled, on a bus that is, and interrupts harts in S-mode. */
void intc_add(struct intc_set *set, const struct fdt *tree, const struct fdt_walk *walk);
/* Adds the pages of its registers to `kept`. */
void intc_keep(struct intc_set *set, const struct fdt *tree, const struct fdt_walk *walk,
               struct range_set *kept);
/*
 * The controller's own number for a hart in S-mode, which is named by its cpu_intc(); -1: it does not serve
 * that. It is the number of a context (PLIC) or of the registers for a hart (APLIC), which lie inside the
 * controller's, or what messages are addressed with (APLIC with IMSICs).
 */
int32_t intc_target(const struct fdt *tree, const struct intc *intc, uint32_t hart);
/* Fills message[], and target[] of each controller with the intc_target() of each hart. One that serves none,
 * or whose registers lie in memory, is no controller any more: it has no registers and serves no hart, but
 * keeps its lines. */
void intc_aim(struct intc_set *set, const struct fdt *tree, const struct cpu_set *cpus,
              const struct range_set *memory);

/* The controller of a line, NULL when there is none, and its number there. */
static inline const struct intc *intc_of_line(const struct intc_set *set, uint32_t line, uint32_t *source)
{
    *source = 0;
    for (const struct intc *intc = set->intc; intc < set->intc + set->count; intc++) {
        *source = line - intc->first_line;
        if (*source >= 1 && *source <= intc->sources)
            return intc;
    }
    return NULL;
}
