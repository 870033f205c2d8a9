/* SPDX-License-Identifier: MIT */
/*
 * Things that happen: tokens that go round rings of threads by notifications, timers that are set on one hart
 * and wake a thread on another, and interrupts of the serial line, which is bound now on this hart, now on
 * that.
 */
#include "harts.h"

#define RINGS         2
#define MEMBERS       (MAX_HARTS + 1)
#define LINE_PHYSICAL 0x10000000ull /* the serial line of QEMU's machine `virt` */
#define LINE_NUMBER   10
#define LINE_PAGE     0x2600000000ull

/* --- Rings --- */

struct ring {
    struct actor member[MEMBERS];
    cap_t wakes[MEMBERS];
    unsigned count;
    volatile unsigned turn; /* who has the token */
};
static struct ring rings[RINGS];

static void pass_on(uint64_t argument)
{
    struct ring *ring = &rings[argument / MEMBERS];
    unsigned self = argument % MEMBERS, next = (self + 1) % ring->count;

    for (;;) {
        check(notification_wait(ring->wakes[self]) == 1, "a notification came without its bit");
        check(__atomic_load_n(&ring->turn, __ATOMIC_ACQUIRE) == self, "a token came to two");
        __atomic_store_n(&ring->turn, next, __ATOMIC_RELEASE);
        must(notification_signal(ring->wakes[next]), "signal");
        count_add(COUNT_PASSES, 1);
        ring->member[self].progress++;
    }
}

static void ring_make(unsigned number, unsigned harts)
{
    struct ring *ring = &rings[number];

    ring->count = harts + 1;
    for (unsigned i = 0; i < ring->count; i++) {
        ring->wakes[i] = make_object(OBJ_NOTIFICATION, 0);
        ring->member[i].thread.priority = PRIORITY_BUSY;
        actor_add(&ring->member[i], "ring", pass_on, number * MEMBERS + i, i);
    }
    must(notification_signal(ring->wakes[0]), "signal");
}

/* --- Timers --- */

static struct actor sleepers[MAX_HARTS], periodics[MAX_HARTS];
static struct sleeper sleeper_objects[MAX_HARTS], periodic_objects[MAX_HARTS];

static void sleep_often(uint64_t number)
{
    for (;;) {
        sleeper_sleep(&sleeper_objects[number], 20 + random_below(&sleepers[number], 3000));
        count_add(COUNT_WAKES, 1);
        sleepers[number].progress++;
    }
}

/* Sets its timer anew now and then, from whatever hart it is on. */
static void tick(uint64_t number)
{
    const struct sleeper *objects = &periodic_objects[number];
    struct actor *actor = &periodics[number];

    for (;;) {
        uint64_t period = rt_ticks_of_us(200 + random_below(actor, 800)), from = rt_ticks();
        must(timer_set(objects->timer, objects->notification, from + period, period), "set a timer");
        for (unsigned i = 1; i <= 16; i++) {
            check(notification_wait(objects->notification) == 1, "woken without the timer's bit");
            /* A signal may have been left over from the period before. */
            check(i == 1 || rt_ticks() >= from + (i - 1) * period, "a timer ran ahead");
            count_add(COUNT_WAKES, 1);
            actor->progress++;
        }
        must(timer_cancel(objects->timer), "stop a timer");
    }
}

/* --- Interrupts --- */

static struct actor driver;
static struct sleeper driver_sleeper;
static cap_t line_notification, line_handler;

static void handle_interrupts(uint64_t unused)
{
    volatile uint8_t *uart = (volatile uint8_t *)LINE_PAGE;
    const uint64_t bind[1] = {line_notification};

    (void)unused;
    for (;;) {
        must(kernel_call(line_handler, OP_IRQ_HANDLER_BIND, bind, 1, NULL, 0), "bind the interrupt");
        for (unsigned i = 0; i < 32; i++) {
            sleeper_sleep(&driver_sleeper, 100);
            uart[1] = 2; /* interrupt when there is room to send, and there is */
            check(notification_wait(line_notification) == 1, "woken without the interrupt's bit");
            uart[1] = 0;
            (void)uart[2];
            must(kernel_call(line_handler, OP_IRQ_HANDLER_ACK, NULL, 0, NULL, 0), "acknowledge");
            count_add(COUNT_INTERRUPTS, 1);
            driver.progress++;
        }
        must(kernel_call(line_handler, OP_IRQ_HANDLER_UNBIND, NULL, 0, NULL, 0),
                   "unbind the interrupt");
    }
}

static void map_line(void)
{
    cap_t frame = slots_take(1);

    for (uint64_t i = 0; i < rt_boot->untyped_count; i++) {
        const struct boot_untyped *untyped = &rt_boot->untyped[i];
        if (untyped->device && LINE_PHYSICAL - untyped->address < 1ull << untyped->size_bits) {
            must(untyped_retype(untyped->slot, OBJ_FRAME, PAGE_BITS, 0, frame, 1,
                                      LINE_PHYSICAL - untyped->address), "make a frame of device registers");
            map_at(frame, BOOT_ADDRESS_SPACE, LINE_PAGE, RIGHT_READ | RIGHT_WRITE);
            return;
        }
    }
    check(false, "there is no serial line");
}

static void driver_make(void)
{
    line_notification = make_object(OBJ_NOTIFICATION, 0);
    line_handler = slots_take(1);
    driver_sleeper = sleeper_make();
    const uint64_t line[3] = {LINE_NUMBER, 0, line_handler};
    must(kernel_call(BOOT_IRQ_CONTROL, OP_IRQ_CONTROL_GET, line, 3, NULL, 0), "take the interrupt");
    map_line();
    driver.thread.priority = PRIORITY_TROUBLE - 5;
    actor_add(&driver, "driver", handle_interrupts, 0, 1);
}

void events_make(unsigned harts)
{
    for (unsigned i = 0; i < RINGS; i++)
        ring_make(i, harts);
    for (unsigned i = 0; i < harts; i++) {
        sleeper_objects[i] = sleeper_make();
        periodic_objects[i] = sleeper_make();
        sleepers[i].thread.priority = periodics[i].thread.priority = PRIORITY_TROUBLE - 1 - i % 3;
        actor_add(&sleepers[i], "sleeper", sleep_often, i, i);
        actor_add(&periodics[i], "periodic", tick, i, i);
    }
    driver_make();
}
