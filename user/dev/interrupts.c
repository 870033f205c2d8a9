/* SPDX-License-Identifier: MIT */
/* Interrupts in the device tree (Devicetree Specification v0.4, section 2.4) and the kernel's lines. */
#include "devices.h"

#include <abi/object.h>

void devices_read_controllers(struct devices *devices)
{
    struct fdt_walk walk = {0};

    while (fdt_walk_next(&devices->tree, &walk))
        intc_add(&devices->controllers, &devices->tree, &walk);
}

static const struct intc *find_controller(const struct devices *devices, int node)
{
    for (unsigned i = 0; i < devices->controllers.count; i++) {
        if (devices->controllers.intc[i].node == node)
            return &devices->controllers.intc[i];
    }
    return NULL;
}

int devices_interrupt_parent(const struct fdt *tree, int node)
{
    uint32_t phandle;

    while (node != FDT_NONE && !fdt_prop_u32(tree, node, "interrupt-parent", 0, &phandle))
        node = fdt_parent(tree, node);
    return node == FDT_NONE ? FDT_NONE : fdt_by_phandle(tree, phandle);
}

/* One interrupt of a node: which controller, and where its cells begin in which property. */
struct interrupt {
    int controller;
    const char *property;
    unsigned first_cell;
};

static uint32_t cells_of(const struct fdt *tree, int controller)
{
    uint32_t cells = 0;

    fdt_prop_u32(tree, controller, "#interrupt-cells", 0, &cells);
    return cells;
}

/* In `interrupts-extended` each interrupt begins with the phandle of its controller. */
static enum error find_extended(const struct fdt *tree, int node, unsigned n, struct interrupt *interrupt)
{
    uint32_t phandle;

    for (unsigned cell = 0; fdt_prop_u32(tree, node, "interrupts-extended", cell, &phandle); n--) {
        int controller = fdt_by_phandle(tree, phandle);
        if (controller == FDT_NONE)
            return ERR_CORRUPT;
        if (n == 0) {
            *interrupt = (struct interrupt){controller, "interrupts-extended", cell + 1};
            return ERR_OK;
        }
        cell += 1 + cells_of(tree, controller);
    }
    return ERR_NOT_FOUND;
}

static enum error find_interrupt(const struct fdt *tree, int node, unsigned n, struct interrupt *interrupt)
{
    uint32_t length;

    if (fdt_prop(tree, node, "interrupts-extended", NULL) != NULL)
        return find_extended(tree, node, n, interrupt);
    if (fdt_prop(tree, node, "interrupts", &length) == NULL)
        return ERR_NOT_FOUND;
    int controller = devices_interrupt_parent(tree, node);
    uint32_t cells = cells_of(tree, controller);
    if (cells == 0)
        return ERR_CORRUPT;
    *interrupt = (struct interrupt){controller, "interrupts", n * cells};
    return n < length / 4 / cells ? ERR_OK : ERR_NOT_FOUND;
}

/* The second cell: type 3, both edges, is one that no controller here has. */
static bool is_trigger(uint32_t type)
{
    return type <= IRQ_TRIGGER_LOW && (type & (type - 1)) == 0;
}

enum error device_line(const struct devices *devices, unsigned device, unsigned n, uint32_t *line,
                       uint32_t *trigger)
{
    const struct fdt *tree = &devices->tree;
    int node = device_hardware(devices, device);
    struct interrupt interrupt;
    uint32_t source;

    enum error error = find_interrupt(tree, node, n, &interrupt);
    if (error)
        return error;
    const struct intc *controller = find_controller(devices, interrupt.controller);
    if (controller == NULL)
        return ERR_UNSUPPORTED;
    *trigger = IRQ_TRIGGER_DEFAULT;
    if (!fdt_prop_u32(tree, node, interrupt.property, interrupt.first_cell, &source) || source == 0 ||
        (controller->cells > 1 &&
         !fdt_prop_u32(tree, node, interrupt.property, interrupt.first_cell + 1, trigger))) {
        return ERR_CORRUPT;
    }
    if (source > controller->sources)
        return controller->identities != 0 ? ERR_UNSUPPORTED : ERR_CORRUPT;
    *line = controller->first_line + source;
    return is_trigger(*trigger) ? ERR_OK : ERR_CORRUPT;
}

unsigned device_lines(const struct devices *devices, unsigned device)
{
    struct interrupt interrupt;
    unsigned n = 0;

    while (n < DEVICE_MAX_LINES &&
           !find_interrupt(&devices->tree, device_hardware(devices, device), n, &interrupt)) {
        n++;
    }
    return n;
}
