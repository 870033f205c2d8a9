/* SPDX-License-Identifier: MIT */
/* The kernel log: a ring that forgets its oldest bytes. Positions count all bytes ever logged. */
#include "log.h"

#include "arch.h"

#include <base/format.h>

#define RING_SIZE (64u << 10)
#define LINE_MAX  512
#define ECHO_STEP 2 /* the firmware takes some 250 instructions for each */

static char ring[RING_SIZE] __attribute__((section(".noinit.log")));
static uint64_t end, echoed;
static unsigned column;
static bool echo = true;

static void put_raw(void *context __attribute__((unused)), char c)
{
    ring[end++ % RING_SIZE] = c;
}

bool log_echo(void)
{
    if (!echo)
        echoed = end;
    for (unsigned i = 0; i < ECHO_STEP && echoed < end; i++)
        arch_putchar(ring[echoed++ % RING_SIZE]);
    return echoed < end;
}

static void format_raw(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_to(put_raw, NULL, format, arguments);
    va_end(arguments);
}

/* Time since power-on; the clock's rate is not known at first. */
static void put_time_stamp(void)
{
    uint64_t time = arch_timebase ? arch_time() : 0, second = arch_timebase ? arch_timebase : 1;

    format_raw("[%5lu.%06lu] ", time / second, time % second * 1000000 / second);
}

/* Every line has its time stamp, is not too long, and holds nothing that a terminal would obey. */
static void put(void *context, char c)
{
    if (c == '\n' || column == LINE_MAX) {
        column = 0;
        put_raw(context, '\n');
    }
    if (c == '\n')
        return;
    if (column++ == 0)
        put_time_stamp();
    put_raw(context, ((uint8_t)c < ' ' && c != '\t') || c == 0x7f ? '.' : c);
}

/* For one line, whatever is in the strings that it is made of. */
static void put_in_line(void *context, char c)
{
    put(context, c == '\n' ? '.' : c);
}

void log_line_list(const char *prefix, const char *format, va_list arguments)
{
    if (column)
        put(NULL, '\n');
    while (*prefix)
        put(NULL, *prefix++);
    format_to(put_in_line, NULL, format, arguments);
    put(NULL, '\n');
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

/* Appends bytes of a line that has begun, as long as there is nothing about them; returns how many. */
static size_t put_plain(const char *bytes, size_t count)
{
    char *to = &ring[end % RING_SIZE];
    size_t room = &ring[RING_SIZE] - to, left = LINE_MAX - column, done = 0;

    count = count < room ? count : room;
    count = count < left ? count : left;
    while (done < count && bytes[done] >= ' ' && bytes[done] < 0x7f) {
        to[done] = bytes[done];
        done++;
    }
    end += done;
    column += done;
    return done;
}

size_t log_bytes(const char *bytes, size_t count)
{
    size_t done = 0;

    do {
        size_t plain = column ? put_plain(bytes + done, count - done) : 0;
        if (plain == 0)
            put(NULL, bytes[done]);
        done += plain ? plain : 1;
    } while (done < count && column);
    return done;
}

size_t log_read(uint64_t position, char *buffer, size_t size, uint64_t *next)
{
    size_t count = 0;

    if (end > RING_SIZE && position < end - RING_SIZE)
        position = end - RING_SIZE;
    while (count < size && position < end)
        buffer[count++] = ring[position++ % RING_SIZE];
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
