/* SPDX-License-Identifier: MIT */
/* Owners of pins, and watches. */
#include "pins.h"

#include <rt/rt.h>
#include <string.h>

#define LEVELS (GPIO_HIGH | GPIO_LOW)

static struct watch watches[MAX_WATCHES];

void pins_setup(void)
{
    memset(watches, 0, sizeof(watches));
}

/* --- Owners --- */

enum error pin_claim(struct controller *controller, unsigned pin, uint64_t client)
{
    struct gpio_owner *owner = &controller->pin[pin].owner;

    if (owner->node[0] != 0 || (owner->client != 0 && owner->client != client))
        return ERR_IN_USE;
    owner->client = client;
    return ERR_OK;
}

enum error pin_release(struct controller *controller, unsigned pin, uint64_t client)
{
    struct gpio_owner *owner = &controller->pin[pin].owner;

    if (client == 0 || owner->client != client)
        return ERR_NOT_FOUND;
    owner->client = 0;
    return ERR_OK;
}

/* --- Watches --- */

static bool is_of(const struct watch *watch, const struct controller *controller, unsigned pin)
{
    return watch->client != 0 && watch->controller == controller && watch->pin == pin;
}

static struct watch *find(const struct controller *controller, unsigned pin, uint64_t client)
{
    for (unsigned i = 0; i < MAX_WATCHES; i++) {
        if (is_of(&watches[i], controller, pin) && watches[i].client == client)
            return &watches[i];
    }
    return NULL;
}

/* A place for another watch of the client, NULL when there is none for it. */
static struct watch *find_free(uint64_t client)
{
    struct watch *free = NULL;
    unsigned count = 0;

    for (unsigned i = 0; i < MAX_WATCHES; i++) {
        count += watches[i].client == client;
        if (watches[i].client == 0)
            free = &watches[i];
    }
    return count < MAX_WATCHES_PER_CLIENT ? free : NULL;
}

unsigned pin_watchers(const struct controller *controller, unsigned pin)
{
    unsigned count = 0;

    for (unsigned i = 0; i < MAX_WATCHES; i++)
        count += is_of(&watches[i], controller, pin);
    return count;
}

/* Has the pin interrupt for what any of its watches waits for. */
static void arm(struct controller *controller, unsigned pin)
{
    uint64_t events = 0;

    for (unsigned i = 0; i < MAX_WATCHES; i++)
        events |= is_of(&watches[i], controller, pin) ? watches[i].armed : 0;
    bank_want(&controller->bank, pin, events);
}

enum error pin_watch(struct controller *controller, unsigned pin, uint64_t client, uint64_t events,
                     cap_t notify)
{
    struct watch *watch = find(controller, pin, client);

    if (events == 0 || (events & ~(uint64_t)GPIO_EVENTS) != 0 || client == 0)
        return ERR_BAD_ARG;
    if (watch == NULL)
        watch = find_free(client);
    if (watch == NULL)
        return ERR_TOO_MANY;
    slot_free(watch->notify);
    *watch = (struct watch){
        .client = client,
        .controller = controller,
        .pin = pin,
        .events = events,
        .armed = events,
        .notify = notify,
    };
    bank_set(&controller->bank, pin, GPIO_INPUT, GPIO_INPUT);
    arm(controller, pin);
    return ERR_OK;
}

enum error pin_acknowledge(struct controller *controller, unsigned pin, uint64_t client, uint64_t *events)
{
    struct watch *watch = find(controller, pin, client);

    if (watch == NULL)
        return ERR_NOT_FOUND;
    *events = watch->seen;
    watch->seen = 0;
    if (watch->armed != watch->events) {
        watch->armed = watch->events;
        arm(controller, pin);
    }
    return ERR_OK;
}

static void end(struct watch *watch)
{
    struct controller *controller = watch->controller;
    unsigned pin = watch->pin;

    slot_free(watch->notify);
    *watch = (struct watch){0};
    arm(controller, pin);
}

enum error pin_unwatch(struct controller *controller, unsigned pin, uint64_t client)
{
    struct watch *watch = find(controller, pin, client);

    if (watch == NULL)
        return ERR_NOT_FOUND;
    end(watch);
    return ERR_OK;
}

void pin_interrupt(struct controller *controller, unsigned pin)
{
    uint64_t events = bank_take(&controller->bank, pin);

    for (unsigned i = 0; i < MAX_WATCHES; i++) {
        struct watch *watch = &watches[i];
        uint64_t told = is_of(watch, controller, pin) ? events & watch->armed : 0;
        if (told != 0) {
            watch->seen |= told;
            watch->armed &= ~(told & LEVELS);
            notification_signal(watch->notify);
        }
    }
    arm(controller, pin);
}

void pins_client_gone(struct controller *controllers, unsigned count, uint64_t client)
{
    for (unsigned i = 0; i < MAX_WATCHES; i++) {
        if (client != 0 && watches[i].client == client)
            end(&watches[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        for (unsigned pin = 0; pin < GPIO_MAX_PINS; pin++)
            pin_release(&controllers[i], pin, client);
    }
}
