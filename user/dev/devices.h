/* SPDX-License-Identifier: MIT */
/*
 * The devices of the hardware's device tree and which driver has which. Portable: all that touches the
 * machine is in registers.c and main.c.
 */
#pragma once

#include <abi/error.h>
#include <base/intc.h>
#include <proto/dev.h>

#define MAX_DEVICES     192
#define MAX_DRIVERS     32
#define DEVICE_MAX_PINS 32
#define NO_DRIVER       (-1)
#define NO_DEVICE       (-1)

struct driver {
    char name[16];
    uint64_t client;          /* number of the process; 0: it is dead, and has no devices */
    uint64_t irq_deadline_us; /* of its lines; 0: none */
};

struct device {
    int node;
    int16_t hardware;    /* index of the device whose registers and interrupts it has: devices_read() */
    int8_t driver;       /* index, or NO_DRIVER */
    char compatible[32]; /* by which the driver got it */
};

struct devices {
    struct fdt tree;
    unsigned count;
    struct device device[MAX_DEVICES];
    struct driver driver[MAX_DRIVERS];
    struct intc_set controllers;
};

/*
 * Lists the enabled nodes of a checked tree that have `compatible`. Returns how many did not fit.
 *
 * A device that has only a number on the bus of its parent (the parent's #size-cells is 0: a chip select of
 * an SPI controller, an address on I2C) is reached through the parent. Registers and interrupts are then the
 * parent's, and all devices on one bus have the same driver.
 */
unsigned devices_read(struct devices *devices, const struct fdt *tree);
/* The part of devices_read() that finds the interrupt controllers; in interrupts.c. */
void devices_read_controllers(struct devices *devices);
/* Node name with unit address. */
const char *device_name(const struct devices *devices, unsigned device);
/* Node of the device whose registers and interrupts it has. */
int device_hardware(const struct devices *devices, unsigned device);
/* n-th range of registers, and how many there are. */
bool device_registers(const struct devices *devices, unsigned device, unsigned n, uint64_t *address,
                      uint64_t *size);
unsigned device_register_ranges(const struct devices *devices, unsigned device);
/* n-th interrupt as a line of the kernel and an enum irq_trigger. ERR_NOT_FOUND: has no such;
 * ERR_UNSUPPORTED: goes to a controller that the kernel does not drive; ERR_CORRUPT: the tree is wrong. */
enum error device_line(const struct devices *devices, unsigned device, unsigned n, uint32_t *line,
                       uint32_t *trigger);
/* How many there are. A damaged tree can give a device thousands, each of which takes longer to find. */
unsigned device_lines(const struct devices *devices, unsigned device);
#define DEVICE_MAX_LINES 64
/* Property of one or two cells, of the device or else of its controller; 0 when absent. */
uint64_t device_number(const struct devices *devices, unsigned device, const char *property);

/* Whether /chosen stdout-path (Devicetree Specification v0.4, section 3.6) names this device. */
bool device_is_stdout(const struct devices *devices, unsigned device);
/* Enabled, and on a bus that is. */
bool devices_usable(const struct fdt *tree, int node);
/* The controller that a node's `interrupts` go to: `interrupt-parent` of the node or the nearest ancestor
 * that has it. In interrupts.c. */
int devices_interrupt_parent(const struct fdt *tree, int node);
/* For each pin of a GPIO controller the first node that uses it: as an interrupt, by a property `gpios`,
 * `gpio`, `*-gpios` or `*-gpio`, or as a hog. FDT_NONE: no node does. In pins.c. */
void device_pin_users(const struct devices *devices, unsigned device, int user[DEVICE_MAX_PINS]);

/*
 * Gives the driver `name`, running as process `client`, all devices that are compatible with one string of
 * the list `compatible`, which an empty string ends; for "virtio,mmio" only those of which virtio_type()
 * says `virtio_id` (0: any type, but not 0, which is no device). With an `instance` it is that one of them
 * alone, counted from 0; DEV_ALL_DEVICES: all. A driver of that name that was there before is replaced.
 * *count says how many it has now. ERR_EXISTS: another driver has one of them: *device is that, device.driver
 * tells who; ERR_TOO_MANY; ERR_BAD_ARG: no name or no client.
 * Then nothing has changed.
 */
enum error devices_claim(struct devices *devices, uint64_t client, const char *name, const char *compatible,
                         uint64_t virtio_id, uint64_t instance, uint32_t (*virtio_type)(unsigned device),
                         uint64_t *count, int *device);
/* Sets the deadline of the lines of the driver that runs as `client`. */
void devices_set_deadline(struct devices *devices, uint64_t client, uint64_t irq_deadline_us);
/* That of the driver of a device; 0: none, or no driver. */
uint64_t device_deadline(const struct devices *devices, unsigned device);
/* Client number of the driver of that name; 0: there is none. */
uint64_t devices_driver(const struct devices *devices, const char *name);
/* The index-th device of a client, NO_DEVICE when it has no such. */
int devices_of(const struct devices *devices, uint64_t client, uint64_t index);
uint64_t devices_count(const struct devices *devices, uint64_t client);
/* The client is dead: its devices are nobody's. */
void devices_release(struct devices *devices, uint64_t client);
/* Log2 of the size of the frame that holds the page at `at`, for the registers at [address, address +
 * size): a megapage where nothing lies in that but these registers, or else a page. */
unsigned devices_frame_bits(const struct devices *devices, uint64_t address, uint64_t size, uint64_t at);
