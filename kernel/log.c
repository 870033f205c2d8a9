/* SPDX-License-Identifier: MIT */
/* The kernel log, and its echo on the console of the firmware. */
#include "log.h"

#include "arch.h"

#include <base/text_ring.h>

#define RING_SIZE (64u << 10)
#define ECHO_STEP 2 /* the firmware takes some 250 instructions for each */

/* Time since power-on; the clock's rate is not known at first. */
static uint64_t microseconds(void)
{
    uint64_t time = arch_timebase ? arch_time() : 0, second = arch_timebase ? arch_timebase : 1;

    return time / second * 1000000 + time % second * 1000000 / second;
}

static char text[RING_SIZE] __attribute__((section(".noinit.log")));
static struct text_ring ring = {.bytes = text, .size = RING_SIZE, .microseconds = microseconds};
static uint64_t echoed;
static bool echo = true;

bool log_echo(void)
{
    if (!echo)
        echoed = ring.end;
    for (unsigned i = 0; i < ECHO_STEP && echoed < ring.end; i++)
        arch_putchar(text[echoed++ % RING_SIZE]);
    return echoed < ring.end;
}

void log_line_list(const char *prefix, const char *format, va_list arguments)
{
    text_ring_line(&ring, prefix, format, arguments);
    while (log_echo())
        continue;
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_line_list("", format, arguments);
    va_end(arguments);
}

size_t log_bytes(const char *bytes, size_t count)
{
    return text_ring_bytes(&ring, bytes, count);
}

size_t log_read(uint64_t position, char *buffer, size_t size, uint64_t *next)
{
    return text_ring_read(&ring, position, buffer, size, next);
}

uint64_t log_end(void)
{
    return ring.end;
}

void log_set_echo(int on)
{
    echo = on;
}
