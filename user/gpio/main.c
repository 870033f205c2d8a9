/* SPDX-License-Identifier: MIT */
/* The GPIO server: one process for all controllers of the kind of sifive,gpio0. */
#include "pins.h"

#include <driver/device.h>
#include <stdio.h>
#include <string.h>

static struct controller controllers[MAX_CONTROLLERS];
static unsigned controller_count;

/* What the controllers are to the device server. */
static struct unit {
    struct device device;
    struct device_line line[GPIO_MAX_PINS]; /* bound when somebody first waits for the pin */
} units[MAX_CONTROLLERS];

static cap_t notification; /* bit n: pin n of any controller interrupts */

PROTO_SERVER(gpio, GPIO_OPS)

/* --- The protocol --- */

static enum error find_pin(uint64_t number, uint64_t pin, struct controller **controller)
{
    if (number >= controller_count)
        return ERR_NO_DEVICE;
    *controller = &controllers[number];
    return pin < (*controller)->bank.pins ? ERR_OK : ERR_NOT_FOUND;
}

static enum error serve_gpio_info(struct call *call, const struct gpio_controller_request *request,
                                  struct gpio_info_reply *reply)
{
    (void)call;
    reply->controllers = controller_count;
    if (controller_count == 0)
        return ERR_OK;
    if (request->controller >= controller_count)
        return ERR_NO_DEVICE;
    const struct controller *controller = &controllers[request->controller];
    reply->pins = controller->bank.pins;
    memcpy(reply->name, controller->name, sizeof(reply->name));
    return ERR_OK;
}

static enum error serve_gpio_pin(struct call *call, const struct gpio_pin_request *request,
                                 struct gpio_pin_reply *reply)
{
    struct controller *controller;
    enum error error = find_pin(request->controller, request->pin, &controller);

    (void)call;
    if (error)
        return error;
    const struct pin *pin = &controller->pin[request->pin];
    reply->flags = bank_flags(&controller->bank, (unsigned)request->pin);
    reply->watchers = pin_watchers(controller, (unsigned)request->pin);
    reply->owner = pin->owner;
    memcpy(reply->name, pin->name, sizeof(reply->name));
    return ERR_OK;
}

static enum error serve_gpio_set(struct call *call, const struct gpio_set_request *request,
                                 struct gpio_set_reply *reply)
{
    struct controller *controller;
    enum error error = find_pin(request->controller, request->pin, &controller);

    if (!error && (request->which & ~(uint64_t)GPIO_SETTINGS) != 0)
        error = ERR_BAD_ARG;
    if (error)
        return error;
    error = pin_claim(controller, (unsigned)request->pin, call->client);
    reply->owner = controller->pin[request->pin].owner;
    if (!error)
        bank_set(&controller->bank, (unsigned)request->pin, request->which, request->flags);
    return error;
}

static enum error serve_gpio_release(struct call *call, const struct gpio_pin_request *request,
                                     struct proto_empty *reply)
{
    struct controller *controller;
    enum error error = find_pin(request->controller, request->pin, &controller);

    (void)reply;
    return !error ? pin_release(controller, (unsigned)request->pin, call->client) : error;
}

/* Binds the interrupt line of a pin, the first time. */
static enum error provide_line(struct unit *unit, unsigned pin)
{
    struct device_line *line = &unit->line[pin];

    if (line->handler != 0)
        return ERR_OK;
    if (pin >= unit->device.info.irq_count)
        return ERR_UNSUPPORTED;
    return device_line_bind(&unit->device, pin, notification, 1ull << pin, line);
}

static enum error serve_gpio_watch(struct call *call, const struct gpio_watch_request *request,
                                   struct gpio_watch_reply *reply)
{
    struct controller *controller;
    enum error error = find_pin(request->controller, request->pin, &controller);
    unsigned pin = (unsigned)request->pin;

    if (!error)
        error = provide_line(&units[request->controller], pin);
    if (!error)
        error = pin_watch(controller, pin, call->client, request->events, call->cap[0]);
    if (!error) {
        call_keep(call, 0);
        reply->flags = bank_flags(&controller->bank, pin);
    }
    return error;
}

static enum error serve_gpio_acknowledge(struct call *call, const struct gpio_pin_request *request,
                                         struct gpio_acknowledge_reply *reply)
{
    struct controller *controller;
    enum error error = find_pin(request->controller, request->pin, &controller);
    unsigned pin = (unsigned)request->pin;

    if (!error)
        error = pin_acknowledge(controller, pin, call->client, &reply->events);
    if (!error)
        reply->flags = bank_flags(&controller->bank, pin);
    return error;
}

static enum error serve_gpio_unwatch(struct call *call, const struct gpio_pin_request *request,
                                     struct proto_empty *reply)
{
    struct controller *controller;
    enum error error = find_pin(request->controller, request->pin, &controller);

    (void)reply;
    return !error ? pin_unwatch(controller, (unsigned)request->pin, call->client) : error;
}

/* --- Events --- */

static void signalled(uint64_t bits)
{
    for (unsigned i = 0; i < controller_count; i++) {
        for (unsigned pin = 0; pin < controllers[i].bank.pins; pin++) {
            if ((bits >> pin & 1) != 0 && units[i].line[pin].handler != 0) {
                pin_interrupt(&controllers[i], pin);
                device_line_done(&units[i].line[pin]);
            }
        }
    }
}

static void client_gone(uint64_t client)
{
    pins_client_gone(controllers, controller_count, client);
}

/* --- Set-up --- */

/* Controllers whose tree does not say how many pins they have have an interrupt for each. */
static unsigned count_pins(const struct device *device)
{
    uint64_t lines = device->info.irq_count < GPIO_MAX_PINS ? device->info.irq_count : GPIO_MAX_PINS;

    return device_cell(device, DEV_NODE_DEVICE, "ngpios", 0, (uint32_t)lines);
}

/* Notes what the device tree says of the pins; false after logging why that is not known. */
static bool describe_pins(const struct device *device, struct controller *controller)
{
    struct dev_pin_reply reply = {0};

    for (unsigned n = 0; n < GPIO_MAX_PINS; n++) {
        struct dev_index_request request = {.index = device->index, .n = n};
        struct pin *pin = &controller->pin[n];
        enum error error = dev_pin(rt_cap("dev"), &request, &reply);
        if (error) {
            rt_log("%s: nobody says whose pin %u is: %s", device->info.name, n, error_text(error));
            return false;
        }
        snprintf(pin->name, sizeof(pin->name), "%.*s", (int)sizeof(reply.name) - 1, reply.name);
        snprintf(pin->owner.node, sizeof(pin->owner.node), "%.*s", (int)sizeof(reply.user) - 1, reply.user);
    }
    return true;
}

/* Starts the controller at `index` of the devices; false after logging why not. */
static bool open_controller(struct unit *unit, struct controller *controller, uint64_t index)
{
    struct device *device = &unit->device;
    struct mmio regs;

    if (device_open(device, index) || device_region(device, 0, 0, PAGE_BYTES, &regs) ||
        !describe_pins(device, controller)) {
        return false;
    }
    unsigned pins = count_pins(device);
    enum error error = bank_open(&controller->bank, &regs, pins);
    if (error) {
        rt_log("%s: %u pins, registers of 0x%llx bytes: not used", device->info.name, pins,
               (unsigned long long)regs.length);
        return false;
    }
    snprintf(controller->name, sizeof(controller->name), "%s", device->info.name);
    rt_log("%s: %u pins", controller->name, pins);
    return true;
}

int main(void)
{
    uint64_t devices = 0;

    notification = serve_notification();
    if (notification == 0)
        rt_fail("no memory for a notification");
    pins_setup();
    device_count(&devices);
    for (uint64_t i = 0; i < devices && controller_count < MAX_CONTROLLERS; i++) {
        struct controller *controller = &controllers[controller_count];
        *controller = (struct controller){0};
        controller_count += open_controller(&units[controller_count], controller, i);
    }
    if (devices > MAX_CONTROLLERS)
        rt_log("controllers after the first %u are not used", MAX_CONTROLLERS);
    serve(&(struct server){
        .name = "gpio",
        .protocol = {&gpio_protocol},
        .signalled = signalled,
        .client_gone = client_gone,
    });
}
