/* SPDX-License-Identifier: MIT */
/* The list of devices, what the tree says of each, and which driver has it. */
#include "devices.h"

#include <abi/object.h>
#include <base/checked.h>
#include <stdio.h>
#include <string.h>

#define MEGAPAGE (1ull << MEGAPAGE_BITS)

/* --- Reading the tree --- */

bool devices_usable(const struct fdt *tree, int node)
{
    while (node != FDT_NONE && fdt_is_enabled(tree, node))
        node = fdt_parent(tree, node);
    return node == FDT_NONE;
}

static int find_node(const struct devices *devices, int node)
{
    for (unsigned i = 0; i < devices->count; i++) {
        if (devices->device[i].node == node)
            return (int)i;
    }
    return NO_DEVICE;
}

/* The parent of `node` if that is a controller in the list, and `node` has a number on its bus. */
static int find_controller(const struct devices *devices, int node)
{
    const struct fdt *tree = &devices->tree;
    int parent = fdt_parent(tree, node);
    uint64_t address, size;
    uint32_t size_cells;

    if (fdt_prop(tree, node, "reg", NULL) == NULL ||
        !fdt_prop_u32(tree, parent, "#size-cells", 0, &size_cells) || size_cells != 0 ||
        !fdt_reg(tree, parent, 0, &address, &size)) {
        return NO_DEVICE;
    }
    return find_node(devices, parent);
}

static void add_device(struct devices *devices, int node)
{
    int controller = find_controller(devices, node);
    unsigned index = devices->count++;

    devices->device[index] = (struct device){
        .node = node,
        .hardware = (int16_t)(controller == NO_DEVICE ? (int)index : controller),
        .driver = NO_DRIVER,
    };
}

unsigned devices_read(struct devices *devices, const struct fdt *tree)
{
    unsigned lost = 0;

    memset(devices, 0, sizeof(*devices));
    devices->tree = *tree;
    for (int node = fdt_next(tree, fdt_root(tree)); node != FDT_NONE; node = fdt_next(tree, node)) {
        if (fdt_prop_string(tree, node, "compatible") == NULL || !devices_usable(tree, node))
            continue;
        if (devices->count == MAX_DEVICES) {
            lost++;
            continue;
        }
        add_device(devices, node);
    }
    devices_read_controllers(devices);
    return lost;
}

const char *device_name(const struct devices *devices, unsigned device)
{
    return fdt_name(&devices->tree, devices->device[device].node);
}

int device_hardware(const struct devices *devices, unsigned device)
{
    return devices->device[devices->device[device].hardware].node;
}

bool device_registers(const struct devices *devices, unsigned device, unsigned n, uint64_t *address,
                      uint64_t *size)
{
    return fdt_reg(&devices->tree, device_hardware(devices, device), n, address, size);
}

unsigned device_register_ranges(const struct devices *devices, unsigned device)
{
    uint64_t address, size;
    unsigned n = 0;

    while (device_registers(devices, device, n, &address, &size))
        n++;
    return n;
}

uint64_t device_number(const struct devices *devices, unsigned device, const char *property)
{
    const struct fdt *tree = &devices->tree;
    uint64_t value;

    return fdt_prop_number(tree, devices->device[device].node, property, &value) ||
                   fdt_prop_number(tree, device_hardware(devices, device), property, &value)
               ? value
               : 0;
}

bool device_is_stdout(const struct devices *devices, unsigned device)
{
    const struct fdt *tree = &devices->tree;
    const char *path = fdt_prop_string(tree, fdt_child(tree, fdt_root(tree), "chosen"), "stdout-path");

    return path != NULL && fdt_by_path(tree, path) == devices->device[device].node;
}

/* Whether other registers than those at [address, address + size) lie in [start, end). */
static bool has_others(const struct devices *devices, uint64_t address, uint64_t size, uint64_t start,
                       uint64_t end)
{
    uint64_t other, bytes;

    for (unsigned i = 0; i < devices->count; i++) {
        for (unsigned n = 0; device_registers(devices, i, n, &other, &bytes); n++) {
            if (other < end && start < other + bytes && (other != address || bytes != size))
                return true;
        }
    }
    return false;
}

unsigned devices_frame_bits(const struct devices *devices, uint64_t address, uint64_t size, uint64_t at)
{
    uint64_t start = align_down(at, MEGAPAGE), end = start + MEGAPAGE;

    if (start < address || end > address + size || has_others(devices, address, size, start, end))
        return PAGE_BITS;
    return MEGAPAGE_BITS;
}

/* --- Who has what --- */

static int find_driver(const struct devices *devices, const char *name)
{
    for (int i = 0; i < MAX_DRIVERS; i++) {
        if (strncmp(devices->driver[i].name, name, sizeof(devices->driver[i].name) - 1) == 0)
            return i;
    }
    return NO_DRIVER;
}

uint64_t devices_driver(const struct devices *devices, const char *name)
{
    int driver = name[0] == 0 ? NO_DRIVER : find_driver(devices, name);

    return driver == NO_DRIVER ? 0 : devices->driver[driver].client;
}

static const char *find_in_list(const char *list, const char *text)
{
    while (*list != 0 && strcmp(list, text) != 0)
        list += strlen(list) + 1;
    return *list != 0 ? list : NULL;
}

/* The string of the list that the device names first, which is the one that tells most about it; NULL when
 * it is not for this driver. */
static const char *find_match(const struct devices *devices, unsigned device, const char *list,
                              uint64_t virtio_id, uint32_t (*virtio_type)(unsigned device))
{
    const char *name, *match = NULL;

    for (unsigned n = 0; match == NULL; n++) {
        name = fdt_prop_string_at(&devices->tree, devices->device[device].node, "compatible", n);
        if (name == NULL)
            return NULL;
        match = find_in_list(list, name);
    }
    if (strcmp(match, "virtio,mmio") != 0)
        return match;
    uint32_t type = virtio_type(device);
    return type != 0 && (virtio_id == 0 || type == virtio_id) ? match : NULL;
}

/* A device with the same registers that another driver has, or NO_DEVICE. */
static int find_rival(const struct devices *devices, unsigned device, int driver)
{
    for (unsigned i = 0; i < devices->count; i++) {
        if (devices->device[i].hardware == devices->device[device].hardware &&
            devices->device[i].driver != NO_DRIVER && devices->device[i].driver != driver) {
            return (int)i;
        }
    }
    return NO_DEVICE;
}

/* By what each device matches, or NULL; ERR_EXISTS with *other when another driver has its registers. */
static enum error find_matches(const struct devices *devices, int driver, const char *compatible,
                               uint64_t virtio_id, uint64_t instance,
                               uint32_t (*virtio_type)(unsigned device), const char **match, int *other)
{
    uint64_t found = 0;

    for (unsigned i = 0; i < devices->count; i++) {
        match[i] = find_match(devices, i, compatible, virtio_id, virtio_type);
        if (match[i] != NULL && found++ != instance && instance != DEV_ALL_DEVICES)
            match[i] = NULL;
        int rival = match[i] == NULL ? NO_DEVICE : find_rival(devices, i, driver);
        if (rival != NO_DEVICE) {
            *other = rival;
            return ERR_EXISTS;
        }
    }
    return ERR_OK;
}

enum error devices_claim(struct devices *devices, uint64_t client, const char *name, const char *compatible,
                         uint64_t virtio_id, uint64_t instance, uint32_t (*virtio_type)(unsigned device),
                         uint64_t *count, int *device)
{
    const char *match[MAX_DEVICES];
    int driver;

    if (name[0] == 0 || client == 0)
        return ERR_BAD_ARG;
    driver = find_driver(devices, name);
    enum error error = find_matches(devices, driver, compatible, virtio_id, instance, virtio_type, match,
                                    device);
    if (!error && driver == NO_DRIVER) {
        driver = find_driver(devices, "");
        error = driver == NO_DRIVER ? ERR_TOO_MANY : ERR_OK;
    }
    if (error)
        return error;
    snprintf(devices->driver[driver].name, sizeof(devices->driver[driver].name), "%s", name);
    devices->driver[driver].client = client;
    for (unsigned i = 0; i < devices->count; i++) {
        if (match[i] != NULL) {
            devices->device[i].driver = (int8_t)driver;
            snprintf(devices->device[i].compatible, sizeof(devices->device[i].compatible), "%s", match[i]);
        }
    }
    *count = devices_count(devices, client);
    return ERR_OK;
}

void devices_set_deadline(struct devices *devices, uint64_t client, uint64_t irq_deadline_us)
{
    for (unsigned i = 0; client != 0 && i < MAX_DRIVERS; i++) {
        if (devices->driver[i].client == client)
            devices->driver[i].irq_deadline_us = irq_deadline_us;
    }
}

uint64_t device_deadline(const struct devices *devices, unsigned device)
{
    int driver = devices->device[device].driver;

    return driver == NO_DRIVER ? 0 : devices->driver[driver].irq_deadline_us;
}

static bool belongs_to(const struct devices *devices, unsigned device, uint64_t client)
{
    int driver = devices->device[device].driver;

    return client != 0 && driver != NO_DRIVER && devices->driver[driver].client == client;
}

int devices_of(const struct devices *devices, uint64_t client, uint64_t index)
{
    for (unsigned i = 0; i < devices->count; i++) {
        if (belongs_to(devices, i, client) && index-- == 0)
            return (int)i;
    }
    return NO_DEVICE;
}

uint64_t devices_count(const struct devices *devices, uint64_t client)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < devices->count; i++)
        count += belongs_to(devices, i, client);
    return count;
}

void devices_release(struct devices *devices, uint64_t client)
{
    for (unsigned i = 0; i < devices->count; i++) {
        if (belongs_to(devices, i, client))
            devices->device[i].driver = NO_DRIVER;
    }
    for (unsigned i = 0; client != 0 && i < MAX_DRIVERS; i++) {
        if (devices->driver[i].client == client)
            devices->driver[i] = (struct driver){0};
    }
}
