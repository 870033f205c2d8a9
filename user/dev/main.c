/* SPDX-License-Identifier: MIT */
/* The device server: reads the hardware's device tree and gives each driver what belongs to its devices. */
#include "clocks.h"
#include "coherence.h"
#include "dma.h"
#include "lines.h"
#include "registers.h"

#include <base/checked.h>
#include <driver/virtio.h>
#include <proto/mm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESET_POLLS     1000000
#define MAX_DEADLINE_US 10000000

static struct devices devices;

PROTO_SERVER(dev, DEV_OPS)

/* --- Virtio devices: which type they are is in their registers, and only they can be stopped in one way for
 * all --- */

static bool map_virtio(unsigned device, struct mmio *region)
{
    uint64_t address, size;

    return device_registers(&devices, device, 0, &address, &size) &&
           !registers_map(&devices, address, size, device_name(&devices, device), region) &&
           mmio_read32(region, VIRTIO_MAGIC_VALUE, MMIO_PLAIN) == VIRTIO_MAGIC;
}

static uint32_t virtio_type(unsigned device)
{
    struct mmio region;

    return map_virtio(device, &region) ? mmio_read32(&region, VIRTIO_DEVICE_ID, MMIO_PLAIN) : 0;
}

/* Stops the device, so that it does not write to memory that its dead driver gave it. */
static void stop_virtio(unsigned device)
{
    struct mmio region;

    if (!map_virtio(device, &region))
        return;
    mmio_write32(&region, VIRTIO_STATUS, 0, MMIO_FENCED);
    for (unsigned i = 0; i < RESET_POLLS && mmio_read32(&region, VIRTIO_STATUS, MMIO_FENCED) != 0; i++)
        continue;
}

/* Whoever drove them before, a boot loader or drivers that ended with the last dev, is gone. */
static void stop_all_virtio(void)
{
    for (unsigned i = 0; i < devices.count; i++) {
        if (fdt_is_compatible(&devices.tree, devices.device[i].node, "virtio,mmio") && virtio_type(i) != 0)
            stop_virtio(i);
    }
}

/* --- Clocks --- */

static bool read_clock_controller(void *context, int node, uint32_t offset, uint32_t *value)
{
    uint64_t address, size;
    struct mmio region;

    (void)context;
    if (!fdt_reg(&devices.tree, node, 0, &address, &size) ||
        registers_map(&devices, address, size, fdt_name(&devices.tree, node), &region)) {
        return false;
    }
    *value = mmio_read32(&region, offset, MMIO_PLAIN);
    return true;
}

/* What the device's node says itself, or else the rate of its first clock. */
static uint64_t clock_frequency(unsigned device)
{
    static const struct clock_reader reader = {.read = read_clock_controller};
    uint64_t rate = device_number(&devices, device, "clock-frequency");

    return rate != 0 ? rate : clock_rate(&devices.tree, device_hardware(&devices, device), 0, &reader);
}

/* --- The protocol --- */

static enum error serve_dev_count(struct call *call, const struct proto_empty *request,
                                  struct dev_count_reply *reply)
{
    (void)request;
    reply->count = devices_count(&devices, call->client);
    return ERR_OK;
}

static enum error serve_dev_info(struct call *call, const struct dev_index_request *request,
                                 struct dev_info_reply *reply)
{
    int device = devices_of(&devices, call->client, request->index);

    if (device == NO_DEVICE)
        return ERR_NO_DEVICE;
    snprintf(reply->name, sizeof(reply->name), "%s", device_name(&devices, device));
    memcpy(reply->compatible, devices.device[device].compatible, sizeof(reply->compatible));
    reply->region_count = device_register_ranges(&devices, device);
    reply->irq_count = device_lines(&devices, device);
    reply->clock_frequency = clock_frequency(device);
    reply->reg_shift = device_number(&devices, device, "reg-shift");
    reply->reg_io_width = device_number(&devices, device, "reg-io-width");
    reply->is_stdout = device_is_stdout(&devices, device);
    reply->coherent = dma_is_coherent(&devices.tree, devices.device[device].node);
    reply->cache_block = cache_block_bytes(&devices.tree);
    return ERR_OK;
}

static enum error serve_dev_property(struct call *call, const struct dev_property_request *request,
                                     struct dev_property_reply *reply)
{
    int device = devices_of(&devices, call->client, request->index);
    uint32_t length;

    if (device == NO_DEVICE)
        return ERR_NO_DEVICE;
    if (memchr(request->name, 0, sizeof(request->name)) == NULL || request->node > DEV_NODE_CONTROLLER)
        return ERR_BAD_ARG;
    int node =
        request->node == DEV_NODE_DEVICE ? devices.device[device].node : device_hardware(&devices, device);
    const void *value = fdt_prop(&devices.tree, node, request->name, &length);
    if (value == NULL)
        return ERR_NOT_FOUND;
    reply->length = length;
    memcpy(reply->value, value, length < sizeof(reply->value) ? length : sizeof(reply->value));
    return ERR_OK;
}

/* The node that uses a pin. A driver asks for one pin after the other, so the users of all are kept. */
static int pin_user(int device, uint64_t pin)
{
    static int device_before = NO_DEVICE, user[DEVICE_MAX_PINS];

    if (device != device_before) {
        device_pin_users(&devices, device, user);
        device_before = device;
    }
    return pin < DEVICE_MAX_PINS ? user[pin] : FDT_NONE;
}

static enum error serve_dev_pin(struct call *call, const struct dev_index_request *request,
                                struct dev_pin_reply *reply)
{
    const struct fdt *tree = &devices.tree;
    int device = devices_of(&devices, call->client, request->index);

    if (device == NO_DEVICE)
        return ERR_NO_DEVICE;
    if (request->n >= DEVICE_MAX_PINS)
        return ERR_NOT_FOUND;
    const char *name =
        fdt_prop_string_at(tree, devices.device[device].node, "gpio-line-names", (unsigned)request->n);
    snprintf(reply->name, sizeof(reply->name), "%s", name == NULL ? "" : name);
    snprintf(reply->user, sizeof(reply->user), "%s", fdt_name(tree, pin_user(device, request->n)));
    return ERR_OK;
}

static enum error serve_dev_region(struct call *call, const struct dev_region_request *request,
                                   struct dev_region_reply *reply)
{
    int device = devices_of(&devices, call->client, request->index);
    struct registers part;
    uint64_t address;

    if (device == NO_DEVICE)
        return ERR_NO_DEVICE;
    if (request->n > UINT32_MAX ||
        !device_registers(&devices, device, (unsigned)request->n, &address, &reply->size)) {
        return ERR_NOT_FOUND;
    }
    enum error error = registers_part(&devices, address, reply->size, request->from, &part);
    if (error) {
        rt_log("%s: registers at 0x%llx, 0x%llx bytes, from 0x%llx on: %s", device_name(&devices, device),
               (unsigned long long)address, (unsigned long long)reply->size,
               (unsigned long long)request->from, error_text(error));
        return error;
    }
    reply->length = part.length;
    reply->offset = part.offset;
    reply->segment_length = part.segment_length;
    reply->alignment = part.start % DEV_REGION_ALIGNMENT;
    call_lend(call, part.segment);
    return ERR_OK;
}

static enum error serve_dev_irq(struct call *call, const struct dev_index_request *request,
                                struct dev_irq_reply *reply)
{
    int device = devices_of(&devices, call->client, request->index);
    uint32_t line, trigger;
    cap_t handler = 0;

    if (device == NO_DEVICE)
        return ERR_NO_DEVICE;
    if (request->n > UINT32_MAX)
        return ERR_NOT_FOUND;
    enum error error = device_line(&devices, device, (unsigned)request->n, &line, &trigger);
    if (!error) {
        error = line_handler(line, trigger, device, &handler);
        reply->line = line;
    }
    if (!error)
        error = line_set_deadline(handler, device_deadline(&devices, device));
    if (error) {
        rt_log("%s: interrupt %u: %s", device_name(&devices, device), (unsigned)request->n,
               error == ERR_UNSUPPORTED ? "its interrupt controller is not driven"
               : error == ERR_CORRUPT   ? "wrong in the device tree"
                                        : error_text(error));
        return error;
    }
    call_lend(call, handler);
    return ERR_OK;
}

/* Memory for the caller, whom its address concerns or not. */
static enum error give_dma(struct call *call, const struct dev_dma_request *request, bool tell,
                           struct dev_dma_reply *reply)
{
    const struct segment *segment;
    enum error error = dma_make(call->client, request->length, &segment);

    if (error)
        return error;
    reply->length = segment->length;
    reply->physical = tell ? segment->physical : 0;
    call_lend(call, segment->cap);
    return ERR_OK;
}

static enum error serve_dev_dma(struct call *call, const struct dev_dma_request *request,
                                struct dev_dma_reply *reply)
{
    return devices_count(&devices, call->client) == 0 ? ERR_NO_DEVICE : give_dma(call, request, true, reply);
}

static enum error serve_dev_dma_lend(struct call *call, const struct dev_dma_request *request,
                                     struct dev_dma_reply *reply)
{
    return give_dma(call, request, false, reply);
}

static enum error serve_dev_dma_borrow(struct call *call, const struct proto_empty *request,
                                       struct dev_dma_reply *reply)
{
    const struct segment *segment;

    (void)request;
    if (devices_count(&devices, call->client) == 0)
        return ERR_NO_DEVICE;
    enum error error = dma_borrow(call->client, call->cap[0], &segment);
    if (error)
        return error;
    reply->length = segment->length;
    reply->physical = segment->physical;
    return ERR_OK;
}

static enum error serve_dev_dma_return(struct call *call, const struct dev_dma_free_request *request,
                                       struct proto_empty *reply)
{
    (void)reply;
    return dma_return(call->client, request->physical);
}

static enum error serve_dev_dma_free(struct call *call, const struct dev_dma_free_request *request,
                                     struct proto_empty *reply)
{
    (void)reply;
    return dma_free(call->client, request->physical);
}

static enum error serve_dev_irq_stats(struct call *call, const struct dev_index_request *request,
                                      struct dev_irq_stats_reply *reply)
{
    unsigned device;

    (void)call;
    enum error error = line_statistics(request->index, reply, &device);
    if (error)
        return error;
    snprintf(reply->device, sizeof(reply->device), "%s", device_name(&devices, device));
    if (devices.device[device].driver != NO_DRIVER)
        memcpy(reply->driver, devices.driver[devices.device[device].driver].name, sizeof(reply->driver));
    return ERR_OK;
}

/* Everything that a dead driver had: its devices are stopped and silent before their memory is used for
 * anything else. */
static void release(uint64_t client)
{
    int device;

    for (uint64_t i = 0; (device = devices_of(&devices, client, i)) != NO_DEVICE; i++) {
        lines_release(device);
        if (strcmp(devices.device[device].compatible, "virtio,mmio") == 0)
            stop_virtio(device);
    }
    dma_release(client);
    devices_release(&devices, client);
}

static enum error serve_dev_register(struct call *call, const struct dev_register_request *request,
                                     struct dev_register_reply *reply)
{
    const char *list = request->compatible;
    char driver[sizeof(request->driver)];
    int device;

    (void)call;
    /* Two zeros at the end: whatever strings are before them, the last of the list is an empty one. */
    if (request->irq_deadline_us > MAX_DEADLINE_US || list[DEV_COMPATIBLE_BYTES - 2] != 0 ||
        list[DEV_COMPATIBLE_BYTES - 1] != 0) {
        return ERR_BAD_ARG;
    }
    snprintf(driver, sizeof(driver), "%.*s", (int)sizeof(driver) - 1, request->driver);
    uint64_t before = devices_driver(&devices, driver);
    if (before != 0 && before != request->client)
        release(before);
    enum error error = devices_claim(&devices, request->client, driver, list, request->virtio_id,
                                     request->instance, virtio_type, &reply->count, &device);
    if (!error)
        devices_set_deadline(&devices, request->client, request->irq_deadline_us);
    if (error == ERR_EXISTS) {
        int other = devices.device[device].driver;
        snprintf(reply->device, sizeof(reply->device), "%s", device_name(&devices, device));
        memcpy(reply->other, devices.driver[other].name, sizeof(reply->other));
    }
    return error;
}

/* --- Set-up --- */

/* An argument in hexadecimal, ended by `end`. Moves *text behind that. */
static uint64_t number(const char **text, char end)
{
    char *rest;
    uint64_t value = strtoull(*text, &rest, 16);

    if (rest == *text || *rest != end)
        rt_fail("argument '%s' is not a number", *text);
    *text = end == 0 ? rest : rest + 1;
    return value;
}

static void open_tree(const char *length_text, const char *offset_text)
{
    uint64_t length = number(&length_text, 0), offset = number(&offset_text, 0), mapped;
    struct segment segment;
    struct fdt tree;

    if (!checked_add(length, offset, &mapped))
        rt_fail("the device tree's length and offset make no sense");
    enum error error = segment_map(&segment, rt_cap("devicetree"), mapped, MM_READ);
    if (error)
        rt_fail("no device tree: %s", error_text(error));
    enum fdt_error damage = fdt_open(&tree, (const char *)segment.address + offset, length);
    if (damage)
        rt_fail("the hardware's device tree is no good: %s", fdt_strerror(damage));
    unsigned lost = devices_read(&devices, &tree);
    if (lost > 0)
        rt_log("%u devices of the device tree are left out: more than %u", lost, MAX_DEVICES);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        rt_fail("needs the length and the offset of the device tree as arguments");
    open_tree(argv[1], argv[2]);
    for (int i = 3; i < argc; i++) {
        const char *text = argv[i];
        cap_t slot = (cap_t)number(&text, ':');
        unsigned bits = (unsigned)number(&text, ':');
        registers_add_untyped(slot, bits, number(&text, 0));
    }
    stop_all_virtio();
    serve(&(struct server){
        .name = "dev",
        .protocol = {&dev_protocol},
        .client_gone = release,
    });
}
