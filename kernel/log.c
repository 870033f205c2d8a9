/* SPDX-License-Identifier: MIT */
/* The kernel log: a ring that forgets its oldest bytes. Positions count all bytes ever logged. */
#include "log.h"

#include "arch.h"

#include <base/format.h>

#define RING_SIZE (64u << 10)
#define LINE_MAX  512

static char ring[RING_SIZE] __attribute__((section(".noinit.log")));
static uint64_t end;
static unsigned column;
static bool echo = true;

static void put_raw(char c)
{
    ring[end++ % RING_SIZE] = c;
    if (echo) {
        arch_putchar(c);
    }
}

static void sink_raw(void *context, char c)
{
    (void)context;
    put_raw(c);
}

static void format_raw(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_to(sink_raw, NULL, format, arguments);
    va_end(arguments);
}

/* Time since power-on; the clock's rate is not known at first. */
static void put_time_stamp(void)
{
    uint64_t time = arch_timebase ? arch_time() : 0, second = arch_timebase ? arch_timebase : 1;

    format_raw("[%5lu.%06lu] ", time / second, time % second * 1000000 / second);
}

/* Every line has its time stamp, is not too long, and holds nothing that a terminal would obey. */
static void put(char c)
{
    if (c == '\n') {
        column = 0;
        put_raw('\n');
        return;
    }
    if (column == LINE_MAX) {
        column = 0;
        put_raw('\n');
    }
    if (column++ == 0) {
        put_time_stamp();
    }
    put_raw(((uint8_t)c < ' ' && c != '\t') || c == 0x7f ? '.' : c);
}

static void sink(void *context, char c)
{
    (void)context;
    put(c);
}

void log_line_list(const char *prefix, const char *format, va_list arguments)
{
    if (column) {
        put('\n');
    }
    while (*prefix) {
        put(*prefix++);
    }
    format_to(sink, NULL, format, arguments);
    put('\n');
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_line_list("", format, arguments);
    va_end(arguments);
}

void log_bytes(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(bytes[i]);
    }
}

size_t log_read(uint64_t position, char *buffer, size_t size, uint64_t *next)
{
    size_t count = 0;

    if (end > RING_SIZE && position < end - RING_SIZE) {
        position = end - RING_SIZE;
    }
    while (count < size && position < end) {
        buffer[count++] = ring[position++ % RING_SIZE];
    }
    *next = position;
    return count;
}

uint64_t log_end(void)
{
    return end;
}

void log_set_echo(int on)
{
    echo = on;
}
