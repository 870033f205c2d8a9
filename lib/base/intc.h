/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controllers of a device tree, for the kernel that drives them and for who hands their lines out.
 * Each serves some of the harts. Their interrupts are numbered through as lines: those of the first
 * controller in the tree are lines 1 to n, those of the next begin at n + 2, and so on: source 0 is no interrupt.
 * The numbering is the one that intc_add() makes, for both sides.
 */
#pragma once

#include <base/fdt.h>

#define INTC_MAX   4    /* controllers that are used */
#define INTC_LINES 1024 /* line numbers are less than this */

enum intc_kind {
    INTC_NONE,     /* no interrupt controller, or none that is known */
    INTC_FIRMWARE, /* only machine mode uses it: its timers, interrupts among harts */
    INTC_PLIC,     /* RISC-V Platform-Level Interrupt Controller Specification 1.0 */
};

struct intc {
    enum intc_kind kind;
    int node;
    uint64_t base, size; /* physical; base is at the start of a page */
    uint32_t sources;    /* its interrupts are 1 .. sources */
    uint32_t first_line; /* interrupt n of it is line first_line + n */
    uint32_t cells;      /* of an interrupt specifier; the number of the source is the first */
};

/* Begins as {0}. */
struct intc_set {
    unsigned count;
    uint32_t lines; /* all lines are less than this */
    struct intc intc[INTC_MAX];
};

/* What the node that a walk is at is, by its `compatible`. */
enum intc_kind intc_kind(const struct fdt_walk *walk);
/* Adds the node, which intc_kind() says is a controller, if it is enabled, on a bus that is, and can
 * interrupt harts in S-mode. Returns NULL, or the rest of a sentence that says why it is not used. */
const char *intc_add(struct intc_set *set, const struct fdt *tree, const struct fdt_walk *walk);
/* The controller's own number for a hart in S-mode, which is named by its cpu_intc(); -1: it does not serve
 * that. It is the number of a context, whose registers lie inside the controller's. */
int32_t intc_target(const struct fdt *tree, const struct intc *intc, uint32_t hart);
