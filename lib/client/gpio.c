/* SPDX-License-Identifier: MIT */
/* The client's side of the GPIO protocol. */
#include "gpio.h"

#include <rt/rt.h>

static struct gpio_pin_request request_for(struct gpio_pin pin)
{
    return (struct gpio_pin_request){.controller = pin.controller, .pin = pin.number};
}

enum error gpio_controller(uint64_t controller, struct gpio_info_reply *info)
{
    const struct gpio_controller_request request = {.controller = controller};

    return gpio_info(rt_server("gpio"), &request, info);
}

enum error gpio_describe(struct gpio_pin pin, struct gpio_pin_reply *description)
{
    const struct gpio_pin_request request = request_for(pin);

    return gpio_pin(rt_server("gpio"), &request, description);
}

static enum error set(struct gpio_pin pin, uint64_t which, uint64_t flags, struct gpio_owner *owner)
{
    const struct gpio_set_request request = {
        .controller = pin.controller, .pin = pin.number, .which = which, .flags = flags};
    struct gpio_set_reply reply;
    enum error error = gpio_set(rt_server("gpio"), &request, &reply);

    if (owner != NULL)
        *owner = reply.owner;
    return error;
}

enum error gpio_input(struct gpio_pin pin, struct gpio_owner *owner)
{
    return set(pin, GPIO_INPUT | GPIO_OUTPUT, GPIO_INPUT, owner);
}

enum error gpio_output(struct gpio_pin pin, struct gpio_owner *owner)
{
    return set(pin, GPIO_INPUT | GPIO_OUTPUT, GPIO_INPUT | GPIO_OUTPUT, owner);
}

enum error gpio_drive(struct gpio_pin pin, bool high, struct gpio_owner *owner)
{
    return set(pin, GPIO_INPUT | GPIO_OUTPUT | GPIO_DRIVE_HIGH,
               GPIO_INPUT | GPIO_OUTPUT | (high ? GPIO_DRIVE_HIGH : 0), owner);
}

enum error gpio_pull_up(struct gpio_pin pin, bool on, struct gpio_owner *owner)
{
    return set(pin, GPIO_PULL_UP, on ? GPIO_PULL_UP : 0, owner);
}

enum error gpio_strength(struct gpio_pin pin, bool strong, struct gpio_owner *owner)
{
    return set(pin, GPIO_STRONG, strong ? GPIO_STRONG : 0, owner);
}

enum error gpio_give_back(struct gpio_pin pin)
{
    const struct gpio_pin_request request = request_for(pin);
    struct proto_empty none;

    return gpio_release(rt_server("gpio"), &request, &none);
}

enum error gpio_wait_for(struct gpio_pin pin, uint64_t events, cap_t notification, uint64_t *flags)
{
    const struct gpio_watch_request request = {
        .controller = pin.controller, .pin = pin.number, .events = events};
    struct gpio_watch_reply reply;
    enum error error = gpio_watch(rt_server("gpio"), &request, &reply, notification);

    if (flags != NULL)
        *flags = reply.flags;
    return error;
}

enum error gpio_happened(struct gpio_pin pin, struct gpio_acknowledge_reply *happened)
{
    const struct gpio_pin_request request = request_for(pin);

    return gpio_acknowledge(rt_server("gpio"), &request, happened);
}

enum error gpio_wait_no_more(struct gpio_pin pin)
{
    const struct gpio_pin_request request = request_for(pin);
    struct proto_empty none;

    return gpio_unwatch(rt_server("gpio"), &request, &none);
}
