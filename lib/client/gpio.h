/* SPDX-License-Identifier: MIT */
/* Pins for programs: the GPIO protocol behind plain calls. ERR_NO_CAP: the process may not use any. */
#pragma once

#include <proto/gpio.h>
#include <stdbool.h>

struct gpio_pin {
    uint64_t controller, number;
};

/* What there is; `controller` counts from 0. info->controllers is 0 where there is none. */
enum error gpio_controller(uint64_t controller, struct gpio_info_reply *info);
enum error gpio_describe(struct gpio_pin pin, struct gpio_pin_reply *description);
/* These make the pin this process's. ERR_IN_USE: it is `owner`'s; that may be NULL. */
enum error gpio_input(struct gpio_pin pin, struct gpio_owner *owner);
/* An output whose level can be read back; it begins with the level that it drove or was told last. */
enum error gpio_output(struct gpio_pin pin, struct gpio_owner *owner);
/* The same with that level. */
enum error gpio_drive(struct gpio_pin pin, bool high, struct gpio_owner *owner);
enum error gpio_pull_up(struct gpio_pin pin, bool on, struct gpio_owner *owner);
enum error gpio_strength(struct gpio_pin pin, bool strong, struct gpio_owner *owner);
/* Leaves the pin as it is, for others to use. */
enum error gpio_give_back(struct gpio_pin pin);
/* Has `notification` signalled for `events` (enum gpio_event); *flags is how the pin was when that began. May
 * be NULL. */
enum error gpio_wait_for(struct gpio_pin pin, uint64_t events, cap_t notification, uint64_t *flags);
/* What happened since the last time. A level is told again only after this. */
enum error gpio_happened(struct gpio_pin pin, struct gpio_acknowledge_reply *happened);
enum error gpio_wait_no_more(struct gpio_pin pin);
