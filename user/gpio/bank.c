/* SPDX-License-Identifier: MIT */
/* The registers of a GPIO controller. */
#include "bank.h"

#include <stdbool.h>

enum gpio_register {
    INPUT_VALUE = 0x00,
    INPUT_ENABLE = 0x04,
    OUTPUT_ENABLE = 0x08,
    OUTPUT_VALUE = 0x0c,
    PULL_UP_ENABLE = 0x10,
    DRIVE_STRENGTH = 0x14,
    RISE_INTERRUPT = 0x18, /* for each event: enable, and 4 bytes on pending, where a 1 written clears */
    FALL_INTERRUPT = 0x20,
    HIGH_INTERRUPT = 0x28,
    LOW_INTERRUPT = 0x30,
    OUTPUT_INVERT = 0x40,
    REGISTERS_END = 0x44,
};
#define PENDING     4

#define EVENT_TYPES 4
static const struct {
    uint64_t event;
    enum gpio_register interrupt;
} event_types[EVENT_TYPES] = {
    {GPIO_RISING, RISE_INTERRUPT},
    {GPIO_FALLING, FALL_INTERRUPT},
    {GPIO_HIGH, HIGH_INTERRUPT},
    {GPIO_LOW, LOW_INTERRUPT},
};

static bool get(struct bank *bank, unsigned pin, uint64_t reg)
{
    return mmio_read32(&bank->regs, reg, MMIO_PLAIN) >> pin & 1;
}

static void put(struct bank *bank, unsigned pin, uint64_t reg, bool value)
{
    uint32_t bit = 1u << pin;

    mmio_modify32(&bank->regs, reg, bit, value ? bit : 0, MMIO_PLAIN);
}

/* A 0 written leaves the other pins' interrupts pending. */
static void clear_pending(struct bank *bank, unsigned pin, uint64_t interrupt)
{
    mmio_write32(&bank->regs, interrupt + PENDING, 1u << pin, MMIO_PLAIN);
}

enum error bank_open(struct bank *bank, const struct mmio *regs, unsigned pins)
{
    if (regs->length < REGISTERS_END || pins == 0 || pins > GPIO_MAX_PINS)
        return ERR_BAD_ARG;
    *bank = (struct bank){.regs = *regs, .pins = pins};
    for (unsigned i = 0; i < EVENT_TYPES; i++)
        mmio_write32(&bank->regs, event_types[i].interrupt, 0, MMIO_PLAIN);
    return ERR_OK;
}

uint64_t bank_flags(struct bank *bank, unsigned pin)
{
    bool input = get(bank, pin, INPUT_ENABLE);
    bool high = get(bank, pin, OUTPUT_VALUE) != get(bank, pin, OUTPUT_INVERT);

    return (input ? GPIO_INPUT : 0) | (get(bank, pin, OUTPUT_ENABLE) ? GPIO_OUTPUT : 0) |
           (high ? GPIO_DRIVE_HIGH : 0) | (get(bank, pin, PULL_UP_ENABLE) ? GPIO_PULL_UP : 0) |
           (get(bank, pin, DRIVE_STRENGTH) ? GPIO_STRONG : 0) |
           (input && get(bank, pin, INPUT_VALUE) ? GPIO_IS_HIGH : 0);
}

void bank_set(struct bank *bank, unsigned pin, uint64_t which, uint64_t flags)
{
    static const struct {
        uint64_t flag;
        enum gpio_register reg;
    } settings[] = {
        {GPIO_PULL_UP, PULL_UP_ENABLE},
        {GPIO_STRONG, DRIVE_STRENGTH},
        {GPIO_INPUT, INPUT_ENABLE},
        {GPIO_OUTPUT, OUTPUT_ENABLE},
    };

    if (which & GPIO_DRIVE_HIGH) {
        bool high = (flags & GPIO_DRIVE_HIGH) != 0;
        put(bank, pin, OUTPUT_VALUE, high != get(bank, pin, OUTPUT_INVERT));
    }
    for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (which & settings[i].flag)
            put(bank, pin, settings[i].reg, (flags & settings[i].flag) != 0);
    }
}

void bank_want(struct bank *bank, unsigned pin, uint64_t events)
{
    for (unsigned i = 0; i < EVENT_TYPES; i++) {
        uint64_t interrupt = event_types[i].interrupt;
        bool wanted = (events & event_types[i].event) != 0;
        if (wanted && !get(bank, pin, interrupt)) {
            clear_pending(bank, pin, interrupt); /* what happened while nobody cared */
        }
        put(bank, pin, interrupt, wanted);
    }
}

uint64_t bank_take(struct bank *bank, unsigned pin)
{
    uint64_t events = 0;

    for (unsigned i = 0; i < EVENT_TYPES; i++) {
        uint64_t interrupt = event_types[i].interrupt;
        if (get(bank, pin, interrupt) && get(bank, pin, interrupt + PENDING)) {
            clear_pending(bank, pin, interrupt);
            events |= event_types[i].event;
        }
    }
    return events;
}
