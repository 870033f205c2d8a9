/* SPDX-License-Identifier: MIT */
/* Whose pin each is, and who waits for what happens there. */
#pragma once

#include "bank.h"

#include <proto/gpio.h>

#define MAX_CONTROLLERS        4
#define MAX_WATCHES            64
#define MAX_WATCHES_PER_CLIENT 16

struct pin {
    struct gpio_owner owner; /* a node of the device tree is one for good */
    char name[32];
};

struct controller {
    struct bank bank;
    char name[32];
    struct pin pin[GPIO_MAX_PINS];
};

/* A client's wish to be told. */
struct watch {
    uint64_t client; /* 0: not in use */
    struct controller *controller;
    unsigned pin;
    uint64_t events; /* enum gpio_event */
    uint64_t armed;  /* those that may interrupt: all but levels that were told and not acknowledged */
    uint64_t seen;   /* since the last acknowledgement */
    cap_t notify;    /* the client's */
};

/* Forgets all watches. */
void pins_setup(void);
/* Makes the pin the client's, if it is nobody's yet. ERR_IN_USE: it is another's, or of a node of the device
 * tree. */
enum error pin_claim(struct controller *controller, unsigned pin, uint64_t client);
/* Makes it nobody's. ERR_NOT_FOUND: it is not the client's. */
enum error pin_release(struct controller *controller, unsigned pin, uint64_t client);
/* How many clients wait for it. */
unsigned pin_watchers(const struct controller *controller, unsigned pin);
/* Begins a watch, in place of the one that the client has for this pin. `notify` belongs to it when it
 * succeeds. ERR_BAD_ARG: no such events; ERR_TOO_MANY. */
enum error pin_watch(struct controller *controller, unsigned pin, uint64_t client, uint64_t events,
                     cap_t notify);
/* Tells what happened since the last time, and has levels be told again. ERR_NOT_FOUND: the client has no
 * watch. */
enum error pin_acknowledge(struct controller *controller, unsigned pin, uint64_t client, uint64_t *events);
enum error pin_unwatch(struct controller *controller, unsigned pin, uint64_t client);
/* The pin interrupted: tells those who wait for it. */
void pin_interrupt(struct controller *controller, unsigned pin);
/* Gives back all that a client has in the `count` controllers. */
void pins_client_gone(struct controller *controllers, unsigned count, uint64_t client);
