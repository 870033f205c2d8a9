/* SPDX-License-Identifier: MIT */
/*
 * The registers of one controller (SiFive FU540-C000 Manual v1p4, chapter 17: one bit per pin in each), for
 * whoever may. Knows nothing of clients.
 */
#pragma once

#include <abi/error.h>
#include <driver/mmio.h>
#include <proto/gpio.h>

struct bank {
    struct mmio regs;
    unsigned pins;
};

/* Takes a controller of `pins` pins over: silences its interrupts and leaves the pins as the firmware set
 * them. ERR_BAD_ARG: too few registers, or no such number of pins. */
enum error bank_open(struct bank *bank, const struct mmio *regs, unsigned pins);
/* enum gpio_flag of a pin. */
uint64_t bank_flags(struct bank *bank, unsigned pin);
/* Sets those of GPIO_SETTINGS that are in `which` to what they are in `flags`. */
void bank_set(struct bank *bank, unsigned pin, uint64_t which, uint64_t flags);
/* Which of enum gpio_event interrupt; one that did not before only does for what happens from now on. */
void bank_want(struct bank *bank, unsigned pin, uint64_t events);
/* Which of those happened; takes their interrupt back. A level that lasts interrupts again at once, unless it
 * is no longer wanted. */
uint64_t bank_take(struct bank *bank, unsigned pin);
