/* SPDX-License-Identifier: MIT */
/* Whose the terminal is. */
#include "foreground.h"

#include <rt/rt.h>
#include <string.h>

#define MAX_WANTS 64

/* What a client wants; client 0: not in use. */
static struct want {
    uint64_t client;
    bool raw;
    cap_t interrupt; /* 0: none */
    uint64_t age;    /* of the interrupt: more is newer */
} wants[MAX_WANTS];
static uint64_t controller, owner, newest;

void foreground_start(void)
{
    memset(wants, 0, sizeof(wants));
    controller = owner = newest = 0;
}

void foreground_give(uint64_t by, uint64_t to)
{
    controller = by;
    owner = to;
}

uint64_t foreground_owner(void)
{
    return owner;
}

uint64_t foreground_program(void)
{
    return owner != controller ? owner : 0;
}

bool foreground_may_read(uint64_t client)
{
    return owner == 0 || owner == client;
}

static struct want *find(uint64_t client)
{
    for (unsigned i = 0; i < MAX_WANTS; i++) {
        if (wants[i].client == client)
            return &wants[i];
    }
    return NULL;
}

/* The client's entry, a new one if it has none. */
static enum error provide(uint64_t client, struct want **want)
{
    if (client == 0)
        return ERR_BAD_ARG;
    *want = find(client);
    if (*want == NULL)
        *want = find(0);
    if (*want == NULL)
        return ERR_TOO_MANY;
    (*want)->client = client;
    return ERR_OK;
}

/* An entry of somebody who wants nothing is given back. */
static void settle(struct want *want)
{
    if (!want->raw && want->interrupt == 0)
        *want = (struct want){0};
}

enum error foreground_set_raw(uint64_t client, bool raw)
{
    struct want *want;
    enum error error = provide(client, &want);

    if (error)
        return error;
    want->raw = raw;
    settle(want);
    return ERR_OK;
}

enum error foreground_set_interrupt(uint64_t client, cap_t notification)
{
    struct want *want;
    enum error error = provide(client, &want);

    if (error)
        return error;
    slot_free(want->interrupt);
    want->interrupt = notification;
    want->age = ++newest;
    settle(want);
    return ERR_OK;
}

bool foreground_is_raw(uint64_t client)
{
    const struct want *want = client != 0 ? find(client) : NULL;

    return want != NULL && want->raw;
}

bool foreground_takes_bytes(void)
{
    if (owner != 0)
        return foreground_is_raw(owner);
    for (unsigned i = 0; i < MAX_WANTS; i++) {
        if (wants[i].raw)
            return true;
    }
    return false;
}

static cap_t interrupt_of(uint64_t client)
{
    const struct want *want = client != 0 ? find(client) : NULL;

    return want != NULL ? want->interrupt : 0;
}

static cap_t newest_interrupt(void)
{
    const struct want *best = NULL;

    for (unsigned i = 0; i < MAX_WANTS; i++) {
        if (wants[i].interrupt != 0 && (best == NULL || wants[i].age > best->age))
            best = &wants[i];
    }
    return best != NULL ? best->interrupt : 0;
}

cap_t foreground_interrupt(void)
{
    if (owner == 0)
        return newest_interrupt();
    return interrupt_of(owner) != 0 ? interrupt_of(owner) : interrupt_of(controller);
}

void foreground_forget(uint64_t client)
{
    struct want *want = client != 0 ? find(client) : NULL;

    if (want != NULL) {
        slot_free(want->interrupt);
        *want = (struct want){0};
    }
    if (client == controller)
        controller = owner = 0;
    else if (client == owner)
        owner = controller;
}
