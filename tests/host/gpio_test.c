/* SPDX-License-Identifier: MIT */
/* The GPIO server's pins against a model of the controller of the FU540 (its manual, chapter 17): settings,
 * owners, and what clients who wait are told. */
// sources: user/gpio/bank.c user/gpio/pins.c lib/driver/mmio.c
#include "../../user/gpio/pins.h"
#include "rt_stub.h"

#include <criterion/criterion.h>

/* --- The controller --- */

enum {
    VALUE,
    INPUT_EN,
    OUTPUT_EN,
    PORT,
    PUE,
    DS,
    RISE_IE,
    RISE_IP,
    FALL_IE,
    FALL_IP,
    HIGH_IE,
    HIGH_IP,
    LOW_IE,
    LOW_IP,
    IOF_EN,
    IOF_SEL,
    OUT_XOR,
    REGISTERS
};

static struct {
    uint32_t reg[REGISTERS];
    uint32_t driven, level; /* from outside */
    uint32_t clears;        /* ones written to pending registers */
} chip;

static void chip_update(void)
{
    uint32_t drives = chip.reg[OUTPUT_EN], port = chip.reg[PORT] ^ chip.reg[OUT_XOR];
    uint32_t pins = (chip.driven & chip.level) | (~chip.driven & drives & port) |
                    (~chip.driven & ~drives & chip.reg[PUE]);
    uint32_t value = pins & chip.reg[INPUT_EN], before = chip.reg[VALUE];

    chip.reg[HIGH_IP] |= value;
    chip.reg[LOW_IP] |= ~value;
    chip.reg[RISE_IP] |= value & ~before;
    chip.reg[FALL_IP] |= ~value & before;
    chip.reg[VALUE] = value;
}

static bool interrupts(unsigned pin)
{
    return ((chip.reg[RISE_IE] & chip.reg[RISE_IP]) | (chip.reg[FALL_IE] & chip.reg[FALL_IP]) |
            (chip.reg[HIGH_IE] & chip.reg[HIGH_IP]) | (chip.reg[LOW_IE] & chip.reg[LOW_IP])) >>
               pin &
           1;
}

static uint64_t chip_read(void *context, uint64_t offset, unsigned bytes, enum mmio_order order)
{
    (void)context;
    (void)order;
    cr_assert(bytes == 4 && offset / 4 < REGISTERS);
    return chip.reg[offset / 4];
}

static void chip_write(void *context, uint64_t offset, unsigned bytes, uint64_t value, enum mmio_order order)
{
    unsigned n = (unsigned)offset / 4;

    (void)context;
    (void)order;
    cr_assert(bytes == 4 && n < REGISTERS && n != VALUE && n != IOF_EN && n != IOF_SEL);
    if (n == RISE_IP || n == FALL_IP || n == HIGH_IP || n == LOW_IP) {
        chip.reg[n] &= ~(uint32_t)value;
        chip.clears |= (uint32_t)value;
    } else {
        chip.reg[n] = (uint32_t)value;
    }
    chip_update();
}

/* Somebody outside drives a pin. */
static void drive(unsigned pin, bool high)
{
    chip.driven |= 1u << pin;
    chip.level = (chip.level & ~(1u << pin)) | (uint32_t)high << pin;
    chip_update();
}

static const struct mmio_access access = {chip_read, chip_write};

/* --- The system --- */

static unsigned signals[100]; /* by slot of the client's notification */
static bool freed[100];

enum error notification_signal(cap_t notification)
{
    cr_assert_not(freed[notification], "signalled after it was given back");
    signals[notification]++;
    return ERR_OK;
}

void slot_free(cap_t slot)
{
    freed[slot] = true;
}

static struct controller controller, other;

static void open_controller(struct controller *which, unsigned pins)
{
    const struct mmio regs = {&access, NULL, 0x1000, "gpio@10060000", 0};

    *which = (struct controller){0};
    cr_assert_eq(bank_open(&which->bank, &regs, pins), ERR_OK);
}

static void set_up(void)
{
    stub_log_clear();
    memset(&chip, 0, sizeof(chip));
    memset(signals, 0, sizeof(signals));
    memset(freed, 0, sizeof(freed));
    chip_update();
    pins_setup();
    open_controller(&controller, 16);
}

static void tear_down(void)
{
    cr_assert_eq(controller.bank.regs.refused, 0);
}

TestSuite(gpio, .init = set_up, .fini = tear_down, .timeout = 10);

/* What the server does when the kernel tells of an interrupt. A line that stays up interrupts again. */
static void run(unsigned pin)
{
    for (unsigned i = 0; interrupts(pin); i++) {
        cr_assert_lt(i, 3, "the interrupt does not go away");
        pin_interrupt(&controller, pin);
    }
}

static void watch(unsigned pin, uint64_t client, uint64_t events, cap_t notify)
{
    cr_assert_eq(pin_watch(&controller, pin, client, events, notify), ERR_OK);
    run(pin);
}

static uint64_t acknowledge(unsigned pin, uint64_t client)
{
    uint64_t events = 99;

    cr_assert_eq(pin_acknowledge(&controller, pin, client, &events), ERR_OK);
    run(pin);
    return events;
}

/* --- Settings --- */

Test(gpio, takes_over_what_the_firmware_set)
{
    chip.reg[OUTPUT_EN] = chip.reg[PORT] = 1 << 3;
    chip.reg[RISE_IE] = chip.reg[LOW_IE] = 0xffff;
    open_controller(&controller, 16);
    cr_assert_eq(bank_flags(&controller.bank, 3), GPIO_OUTPUT | GPIO_DRIVE_HIGH);
    cr_assert_eq(bank_flags(&controller.bank, 4), 0);
    for (unsigned pin = 0; pin < 32; pin++)
        cr_assert_not(interrupts(pin));
}

Test(gpio, refuses_controllers_that_make_no_sense)
{
    struct mmio regs = {&access, NULL, 0x1000, "gpio@10060000", 0};
    struct bank bank;

    cr_assert_eq(bank_open(&bank, &regs, 0), ERR_BAD_ARG);
    cr_assert_eq(bank_open(&bank, &regs, 33), ERR_BAD_ARG);
    regs.length = 0x43;
    cr_assert_eq(bank_open(&bank, &regs, 16), ERR_BAD_ARG);
    regs.length = 0x44;
    cr_assert_eq(bank_open(&bank, &regs, 32), ERR_OK);
}

Test(gpio, settings_are_those_of_one_pin)
{
    struct bank *bank = &controller.bank;

    for (unsigned pin = 0; pin < 16; pin++) {
        uint32_t before[REGISTERS];
        memcpy(before, chip.reg, sizeof(before));
        bank_set(bank, pin, GPIO_SETTINGS, GPIO_SETTINGS);
        cr_assert_eq(bank_flags(bank, pin), GPIO_SETTINGS | GPIO_IS_HIGH);
        bank_set(bank, pin, GPIO_STRONG | GPIO_DRIVE_HIGH, 0);
        cr_assert_eq(bank_flags(bank, pin), GPIO_INPUT | GPIO_OUTPUT | GPIO_PULL_UP);
        bank_set(bank, pin, GPIO_OUTPUT, 0);
        cr_assert_eq(bank_flags(bank, pin), GPIO_INPUT | GPIO_PULL_UP | GPIO_IS_HIGH,
                     "the resistor pulls it up");
        bank_set(bank, pin, GPIO_SETTINGS, 0);
        for (unsigned n = INPUT_EN; n <= DS; n++)
            cr_assert_eq(chip.reg[n], before[n], "register %u", n);
    }
}

Test(gpio, an_output_begins_with_its_level)
{
    unsigned rises = 0;

    chip.reg[PORT] = 1 << 6;
    chip.reg[INPUT_EN] = 1 << 6;
    bank_set(&controller.bank, 6, GPIO_OUTPUT | GPIO_DRIVE_HIGH, GPIO_OUTPUT);
    rises += (chip.reg[RISE_IP] >> 6 & 1);
    cr_assert_eq(rises, 0, "it was high for a moment");
}

Test(gpio, an_inverted_output_has_the_level_asked_for)
{
    chip.reg[OUT_XOR] = 1 << 2;
    bank_set(&controller.bank, 2, GPIO_INPUT | GPIO_OUTPUT | GPIO_DRIVE_HIGH,
             GPIO_INPUT | GPIO_OUTPUT | GPIO_DRIVE_HIGH);
    cr_assert_eq(chip.reg[VALUE], 1 << 2);
    cr_assert(bank_flags(&controller.bank, 2) & GPIO_DRIVE_HIGH);
    bank_set(&controller.bank, 2, GPIO_DRIVE_HIGH, 0);
    cr_assert_eq(chip.reg[VALUE], 0);
}

/* --- Owners --- */

Test(gpio, a_pin_is_one_clients)
{
    cr_assert_eq(pin_claim(&controller, 5, 7), ERR_OK);
    cr_assert_eq(pin_claim(&controller, 5, 7), ERR_OK);
    cr_assert_eq(pin_claim(&controller, 5, 8), ERR_IN_USE);
    cr_assert_eq(controller.pin[5].owner.client, 7, "who has it is told");
    cr_assert_eq(pin_claim(&controller, 6, 8), ERR_OK);
    cr_assert_eq(pin_release(&controller, 5, 8), ERR_NOT_FOUND);
    cr_assert_eq(pin_release(&controller, 5, 7), ERR_OK);
    cr_assert_eq(pin_release(&controller, 5, 7), ERR_NOT_FOUND);
    cr_assert_eq(pin_claim(&controller, 5, 8), ERR_OK);
}

Test(gpio, what_the_board_uses_is_nobodys)
{
    strcpy(controller.pin[10].owner.node, "gpio-restart");
    cr_assert_eq(pin_claim(&controller, 10, 7), ERR_IN_USE);
    cr_assert_eq(controller.pin[10].owner.client, 0);
    cr_assert_eq(pin_release(&controller, 10, 7), ERR_NOT_FOUND);
    cr_assert_eq(pin_release(&controller, 10, 0), ERR_NOT_FOUND);
    watch(10, 7, GPIO_RISING, 1); /* looking is allowed */
}

Test(gpio, the_dead_leave_nothing)
{
    struct controller both[2];

    cr_assert_eq(pin_claim(&controller, 5, 7), ERR_OK);
    cr_assert_eq(pin_claim(&controller, 6, 8), ERR_OK);
    watch(4, 7, GPIO_HIGH, 1);
    watch(4, 8, GPIO_RISING, 2);
    both[0] = controller;
    pins_client_gone(&controller, 1, 7);
    cr_assert_eq(controller.pin[5].owner.client, 0);
    cr_assert_eq(controller.pin[6].owner.client, 8);
    cr_assert(freed[1] && !freed[2]);
    cr_assert_eq(pin_watchers(&controller, 4), 1);
    cr_assert_eq(chip.reg[HIGH_IE], 0);
    cr_assert_eq(chip.reg[RISE_IE], 1 << 4);
    cr_assert_eq(both[0].pin[5].owner.client, 7);
    pins_client_gone(&controller, 1, 0);
    cr_assert_eq(controller.pin[6].owner.client, 8);
}

/* --- Edges --- */

Test(gpio, edges_are_told_once_each)
{
    watch(4, 7, GPIO_RISING, 1);
    cr_assert_eq(signals[1], 0);
    drive(4, true);
    run(4);
    cr_assert_eq(signals[1], 1);
    drive(4, false);
    run(4);
    cr_assert_eq(signals[1], 1);
    drive(4, true);
    run(4);
    cr_assert_eq(signals[1], 2, "edges need no acknowledgement");
    cr_assert_eq(acknowledge(4, 7), GPIO_RISING);
    cr_assert_eq(acknowledge(4, 7), 0);
}

Test(gpio, both_edges)
{
    watch(4, 7, GPIO_RISING | GPIO_FALLING, 1);
    drive(4, true);
    run(4);
    cr_assert_eq(acknowledge(4, 7), GPIO_RISING);
    drive(4, false);
    drive(4, true);
    run(4);
    cr_assert_eq(signals[1], 2);
    cr_assert_eq(acknowledge(4, 7), GPIO_RISING | GPIO_FALLING);
}

Test(gpio, edges_from_before_the_watch_are_not_told)
{
    bank_set(&controller.bank, 4, GPIO_INPUT, GPIO_INPUT);
    drive(4, true);
    watch(4, 7, GPIO_RISING, 1);
    cr_assert_eq(signals[1], 0);
}

Test(gpio, another_watch_loses_no_edge)
{
    watch(4, 7, GPIO_RISING, 1);
    drive(4, true); /* pending, not delivered yet */
    cr_assert_eq(pin_watch(&controller, 4, 8, GPIO_RISING | GPIO_FALLING, 2), ERR_OK);
    run(4);
    cr_assert_eq(signals[1], 1);
}

Test(gpio, pins_do_not_disturb_each_other)
{
    watch(4, 7, GPIO_RISING, 1);
    watch(5, 7, GPIO_RISING, 2);
    drive(4, true);
    drive(5, true);
    chip.clears = 0;
    run(5);
    cr_assert_eq(chip.clears, 1 << 5);
    cr_assert(signals[1] == 0 && signals[2] == 1);
    run(4);
    cr_assert(signals[1] == 1 && signals[2] == 1);
}

Test(gpio, an_output_can_be_watched)
{
    watch(4, 7, GPIO_FALLING, 1);
    bank_set(&controller.bank, 4, GPIO_OUTPUT | GPIO_DRIVE_HIGH, GPIO_OUTPUT | GPIO_DRIVE_HIGH);
    bank_set(&controller.bank, 4, GPIO_DRIVE_HIGH, 0);
    run(4);
    cr_assert_eq(signals[1], 1);
}

/* --- Levels --- */

Test(gpio, a_level_is_silent_until_it_was_acknowledged)
{
    drive(4, true);
    watch(4, 7, GPIO_HIGH, 1);
    cr_assert_eq(signals[1], 1, "it is there already");
    cr_assert_not(interrupts(4));
    drive(4, false);
    drive(4, true);
    run(4);
    cr_assert_eq(signals[1], 1);
    cr_assert_eq(acknowledge(4, 7), GPIO_HIGH);
    cr_assert_eq(signals[1], 2, "it lasts");
    drive(4, false);
    cr_assert_eq(acknowledge(4, 7), GPIO_HIGH);
    cr_assert_eq(signals[1], 2, "it is over");
    drive(4, true);
    run(4);
    cr_assert_eq(signals[1], 3);
}

Test(gpio, low_levels)
{
    drive(4, true);
    bank_set(&controller.bank, 4, GPIO_INPUT, GPIO_INPUT);
    watch(4, 7, GPIO_LOW, 1);
    cr_assert_eq(signals[1], 0);
    drive(4, false);
    run(4);
    cr_assert_eq(signals[1], 1);
    cr_assert_eq(acknowledge(4, 7), GPIO_LOW);
    cr_assert_eq(signals[1], 2);
}

Test(gpio, one_who_is_slow_holds_nobody_up)
{
    drive(4, true);
    watch(4, 7, GPIO_HIGH, 1);
    watch(4, 8, GPIO_HIGH, 2);
    cr_assert(signals[1] == 1 && signals[2] == 1);
    for (unsigned i = 0; i < 3; i++)
        acknowledge(4, 8);
    cr_assert_eq(signals[2], 4);
    cr_assert_eq(signals[1], 1);
}

Test(gpio, edges_go_on_while_a_level_waits)
{
    watch(4, 7, GPIO_HIGH | GPIO_FALLING, 1);
    drive(4, true);
    run(4);
    drive(4, false);
    run(4);
    cr_assert_eq(signals[1], 2);
    cr_assert_eq(acknowledge(4, 7), GPIO_HIGH | GPIO_FALLING);
}

/* --- Watches --- */

Test(gpio, a_watch_makes_an_input)
{
    drive(4, true);
    watch(4, 7, GPIO_RISING, 1);
    cr_assert_eq(bank_flags(&controller.bank, 4), GPIO_INPUT | GPIO_IS_HIGH);
    cr_assert_eq(signals[1], 0, "that it can be read now is no edge");
}

Test(gpio, the_last_watch_of_a_client_counts)
{
    watch(4, 7, GPIO_RISING, 1);
    watch(4, 7, GPIO_FALLING, 2);
    cr_assert(freed[1]);
    cr_assert_eq(pin_watchers(&controller, 4), 1);
    drive(4, true);
    run(4);
    cr_assert_eq(signals[2], 0);
    drive(4, false);
    run(4);
    cr_assert_eq(signals[2], 1);
}

Test(gpio, a_watch_that_ended_is_silent)
{
    uint64_t events;

    watch(4, 7, GPIO_RISING, 1);
    cr_assert_eq(pin_unwatch(&controller, 4, 8), ERR_NOT_FOUND);
    cr_assert_eq(pin_unwatch(&controller, 4, 7), ERR_OK);
    cr_assert(freed[1]);
    drive(4, true);
    cr_assert_not(interrupts(4));
    cr_assert_eq(pin_unwatch(&controller, 4, 7), ERR_NOT_FOUND);
    cr_assert_eq(pin_acknowledge(&controller, 4, 7, &events), ERR_NOT_FOUND);
}

Test(gpio, events_that_make_no_sense)
{
    cr_assert_eq(pin_watch(&controller, 4, 7, 0, 1), ERR_BAD_ARG);
    cr_assert_eq(pin_watch(&controller, 4, 7, 16, 1), ERR_BAD_ARG);
    cr_assert_eq(pin_watch(&controller, 4, 7, 1ull << 32 | GPIO_RISING, 1), ERR_BAD_ARG);
    cr_assert_eq(pin_watchers(&controller, 4), 0);
    cr_assert_not(freed[1], "it is still the caller's");
}

Test(gpio, nobody_takes_all_watches)
{
    unsigned count = 0;

    open_controller(&other, 32);
    while (!pin_watch(&other, count, 7, GPIO_RISING, 1))
        count++;
    cr_assert_eq(count, MAX_WATCHES_PER_CLIENT);
    cr_assert_eq(pin_watch(&other, count, 7, GPIO_RISING, 1), ERR_TOO_MANY);
    cr_assert_eq(pin_watch(&other, 0, 7, GPIO_FALLING, 1), ERR_OK, "in place of one");
    cr_assert_eq(pin_watch(&other, count, 8, GPIO_RISING, 1), ERR_OK);
    pins_client_gone(&other, 1, 7);
    cr_assert_eq(pin_watch(&other, count, 7, GPIO_RISING, 1), ERR_OK);
}

Test(gpio, controllers_are_told_apart)
{
    open_controller(&other, 16);
    watch(4, 7, GPIO_RISING, 1);
    cr_assert_eq(pin_watch(&other, 4, 7, GPIO_RISING, 2), ERR_OK);
    cr_assert_eq(pin_watchers(&controller, 4), 1);
    drive(4, true);
    pin_interrupt(&other, 4);
    cr_assert(signals[1] == 0 && signals[2] == 1);
}
