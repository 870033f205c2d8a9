/* SPDX-License-Identifier: MIT */
/*
 * What is typed, and what the shell waits for. At the prompt the terminal is raw and ctrl-c a byte like any
 * other; while a line runs it is cooked, and ctrl-c signals a notification. The ends of programs and
 * pins signal the same one.
 */
#include "shell.h"

#include <abi/object.h>
#include <client/console.h>
#include <rt/rt.h>
#include <stdio.h>

#define RETRY_LIMIT 1000
#define CTRL_C      3

static uint8_t queue[CONSOLE_MAX_BYTES];
static size_t first, count; /* of the bytes in the queue */
static cap_t events, interrupt_signal, end_signal, pin_signal;

/* A copy of the notification that signals one bit. */
static cap_t make_signal(uint64_t bit)
{
    cap_t slot = slot_alloc();

    if (slot == 0 || cnode_mint(START_CNODE, slot, 0, events, RIGHT_SIGNAL, bit))
        rt_fail("cannot make a copy of a notification");
    return slot;
}

void input_init(void)
{
    enum error error = object_make(OBJ_NOTIFICATION, 0, &events);

    if (error)
        rt_fail("cannot make a notification: %s", error_text(error));
    interrupt_signal = make_signal(INPUT_INTERRUPT);
    end_signal = make_signal(INPUT_PROGRAM_ENDED);
    pin_signal = make_signal(INPUT_PIN);
    terminal_foreground(0);
    terminal_interrupt(interrupt_signal);
    terminal_mode(CONSOLE_RAW);
}

uint8_t input_next(void)
{
    for (unsigned failures = 0; count == 0; failures++) {
        fflush(stdout);
        first = 0;
        if (terminal_read(queue, sizeof(queue), &count))
            count = 0;
        if (count == 0 && failures >= RETRY_LIMIT)
            rt_fail("no input from the console");
    }
    count--;
    return queue[first++];
}

/* Whether ctrl-c was typed right behind the line, and came with it. What was typed before it is dropped. */
static bool take_typed_interrupt(void)
{
    size_t after = count;

    while (after > 0 && queue[first + after - 1] != CTRL_C)
        after--;
    first += after;
    count -= after;
    return after > 0;
}

void input_begin_line(void)
{
    uint64_t bits;

    notification_poll(events, &bits);
    shell.interrupted = take_typed_interrupt();
    terminal_foreground(0);
    terminal_mode(CONSOLE_COOKED);
}

void input_end_line(void)
{
    terminal_mode(CONSOLE_RAW);
}

/* What was typed before a ctrl-c is dropped. */
static void note(uint64_t bits)
{
    if ((bits & INPUT_INTERRUPT) != 0) {
        shell.interrupted = true;
        count = 0;
    }
}

bool input_interrupted(void)
{
    uint64_t bits;

    if (notification_poll(events, &bits))
        note(bits);
    return shell.interrupted;
}

uint64_t input_wait(void)
{
    uint64_t bits;

    fflush(stdout);
    bits = notification_wait(events);
    note(bits);
    return bits;
}

cap_t input_end_signal(void)
{
    return end_signal;
}

cap_t input_pin_signal(void)
{
    return pin_signal;
}
