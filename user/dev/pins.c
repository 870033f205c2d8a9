/* SPDX-License-Identifier: MIT */
/* Who uses which pin of a GPIO controller (bindings gpio.txt and interrupt-controller/interrupts.txt of the
 * Linux device trees, which those of boards follow). */
#include "devices.h"

#include <string.h>

/* Far more than a list of pins or interrupts has of each: then the tree is wrong. */
#define MAX_CELLS 16

struct pins {
    const struct fdt *tree;
    int controller;
    int *user; /* DEVICE_MAX_PINS of them */
};

static void note(const struct pins *pins, int node, uint32_t pin)
{
    if (pin < DEVICE_MAX_PINS && pins->user[pin] == FDT_NONE && devices_usable(pins->tree, node))
        pins->user[pin] = node;
}

static uint32_t cells_of(const struct fdt *tree, int controller, const char *property)
{
    uint32_t cells = 0;

    fdt_prop_u32(tree, controller, property, 0, &cells);
    return cells <= MAX_CELLS ? cells : 0;
}

/* A list of which each entry begins with the phandle of a controller that says in `cells_property` how many
 * cells follow, the number of the pin first. Phandle 0 is a place left empty. */
static void note_list(const struct pins *pins, int node, const char *property, const char *cells_property)
{
    uint32_t phandle, pin;

    for (unsigned cell = 0; fdt_prop_u32(pins->tree, node, property, cell, &phandle); cell++) {
        int controller = fdt_by_phandle(pins->tree, phandle);
        uint32_t cells = cells_of(pins->tree, controller, cells_property);
        if (phandle != 0 && cells == 0) {
            return; /* nobody knows where the next begins */
        }
        if (controller == pins->controller && fdt_prop_u32(pins->tree, node, property, cell + 1, &pin))
            note(pins, node, pin);
        cell += cells;
    }
}

/* A list of pins of one controller. */
static void note_plain_list(const struct pins *pins, int node, const char *property,
                            const char *cells_property)
{
    uint32_t cells = cells_of(pins->tree, pins->controller, cells_property), pin;

    for (unsigned cell = 0; cells > 0 && fdt_prop_u32(pins->tree, node, property, cell, &pin);
         cell += cells) {
        note(pins, node, pin);
    }
}

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);

    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool lists_pins(const char *property)
{
    return strcmp(property, "gpios") == 0 || strcmp(property, "gpio") == 0 || ends_in(property, "-gpios") ||
           ends_in(property, "-gpio");
}

/* A hog is a child of its controller, whose pins it keeps for good. */
static void note_pins(const struct pins *pins, int node)
{
    const char *property;
    const void *value;
    uint32_t length;

    if (fdt_prop(pins->tree, node, "gpio-hog", NULL) != NULL) {
        if (fdt_parent(pins->tree, node) == pins->controller)
            note_plain_list(pins, node, "gpios", "#gpio-cells");
        return;
    }
    for (unsigned n = 0; fdt_prop_at(pins->tree, node, n, &property, &value, &length); n++) {
        if (lists_pins(property))
            note_list(pins, node, property, "#gpio-cells");
    }
}

static void note_interrupts(const struct pins *pins, int node)
{
    if (fdt_prop(pins->tree, node, "interrupts-extended", NULL) != NULL) {
        note_list(pins, node, "interrupts-extended", "#interrupt-cells");
    } else if (fdt_prop(pins->tree, node, "interrupts", NULL) != NULL &&
               devices_interrupt_parent(pins->tree, node) == pins->controller) {
        note_plain_list(pins, node, "interrupts", "#interrupt-cells");
    }
}

void device_pin_users(const struct devices *devices, unsigned device, int user[DEVICE_MAX_PINS])
{
    const struct pins pins = {&devices->tree, devices->device[device].node, user};

    for (unsigned pin = 0; pin < DEVICE_MAX_PINS; pin++)
        user[pin] = FDT_NONE;
    for (int node = fdt_root(pins.tree); node != FDT_NONE; node = fdt_next(pins.tree, node)) {
        note_pins(&pins, node);
        note_interrupts(&pins, node);
    }
}
