/* SPDX-License-Identifier: MIT */
/*
 * The protocol of general-purpose inputs and outputs. A pin is named by its controller and its number there.
 *
 * A pin belongs to whoever changes it first, until that client gives it back or dies; the pin stays as it was
 * left. Pins that the device tree connects to something else (the board's power switch, an LED, another
 * device's interrupt) belong to that node for good. Everybody with GPIO_READ can look at any pin and wait for
 * what happens there.
 */
#pragma once

#include <proto/proto.h>

#define GPIO_MAX_PINS 32 /* of a controller */

/* How a pin is set, and its level. */
enum gpio_flag {
    GPIO_INPUT = 1,    /* its level can be read */
    GPIO_OUTPUT = 2,   /* it is driven */
    GPIO_DRIVE_HIGH = 4, /* to this level, now or once it is an output */
    GPIO_PULL_UP = 8,  /* a resistor pulls it up while nobody drives it */
    GPIO_STRONG = 16,  /* it is driven with more current */
    GPIO_IS_HIGH = 32, /* its level, if it is an input; cannot be set */
};
#define GPIO_SETTINGS (GPIO_INPUT | GPIO_OUTPUT | GPIO_DRIVE_HIGH | GPIO_PULL_UP | GPIO_STRONG)

enum gpio_event { GPIO_RISING = 1, GPIO_FALLING = 2, GPIO_HIGH = 4, GPIO_LOW = 8 };
#define GPIO_EVENTS (GPIO_RISING | GPIO_FALLING | GPIO_HIGH | GPIO_LOW)

struct gpio_controller_request {
    uint64_t controller; /* 0 .. count - 1 */
};
struct gpio_info_reply {
    uint64_t controllers; /* how many there are; 0: all else is zero */
    uint64_t pins;        /* of this one */
    char name[32];        /* node of the device tree */
};

struct gpio_pin_request {
    uint64_t controller, pin;
};
/* Whose pin it is: at most one of the two. */
struct gpio_owner {
    uint64_t client; /* number of the process; 0: of none */
    char node[32];   /* of the device tree; empty: of none */
};
struct gpio_pin_reply {
    uint64_t flags;    /* enum gpio_flag */
    uint64_t watchers; /* clients that wait for it */
    struct gpio_owner owner;
    char name[32]; /* what the board calls it; empty: nothing */
};

/* Sets those of GPIO_SETTINGS that are in `which` to what they are in `flags`: the level first, so that an
 * output begins with it. The pin is the client's from here on. ERR_IN_USE: it is the owner's in the reply. */
struct gpio_set_request {
    uint64_t controller, pin;
    uint64_t which, flags;
};
struct gpio_set_reply {
    struct gpio_owner owner;
};

/* Signals a notification when one of `events` (enum gpio_event) happens, from now on; one watch per client
 * and pin, the last one counts. Makes the pin an input as well, which changes nothing outside. + capability:
 * the notification. ERR_UNSUPPORTED: the pin has no interrupt. A level that was told is not told again until
 * it was acknowledged; edges are. Signals that come before the client looks are one. The watch ends with the
 * client or the server: after that gpio_acknowledge gives ERR_NOT_FOUND. */
struct gpio_watch_request {
    uint64_t controller, pin;
    uint64_t events;
};
struct gpio_watch_reply {
    uint64_t flags; /* when the watch began */
};
struct gpio_acknowledge_reply {
    uint64_t events; /* that happened since the last acknowledgement; 0: none */
    uint64_t flags;  /* now */
};

#define GPIO_OPS(OP)                                                                                         \
    OP(gpio, 1, info, struct gpio_controller_request, struct gpio_info_reply, GPIO_READ, (), ())             \
    OP(gpio, 2, pin, struct gpio_pin_request, struct gpio_pin_reply, GPIO_READ, (), ())                      \
    OP(gpio, 3, set, struct gpio_set_request, struct gpio_set_reply, GPIO_WRITE, (), ())                     \
    OP(gpio, 4, release, struct gpio_pin_request, struct proto_empty, GPIO_WRITE, (), ())                    \
    OP(gpio, 5, watch, struct gpio_watch_request, struct gpio_watch_reply, GPIO_READ, (NOTIFICATION), ())    \
    OP(gpio, 6, acknowledge, struct gpio_pin_request, struct gpio_acknowledge_reply, GPIO_READ, (), ())      \
    OP(gpio, 7, unwatch, struct gpio_pin_request, struct proto_empty, GPIO_READ, (), ())
PROTO_CLIENT(GPIO_OPS)
