/* SPDX-License-Identifier: MIT */
/* Rings of lines of text: see text_ring.h. */
#include <base/text_ring.h>

#include <base/format.h>

static void put_raw(void *context, char c)
{
    struct text_ring *ring = context;

    ring->bytes[ring->end++ % ring->size] = c;
}

static void format_raw(struct text_ring *ring, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_to(put_raw, ring, format, arguments);
    va_end(arguments);
}

static void put(void *context, char c)
{
    struct text_ring *ring = context;

    if (c == '\n' || ring->column == TEXT_RING_LINE) {
        ring->column = 0;
        put_raw(ring, '\n');
    }
    if (c == '\n')
        return;
    if (ring->column++ == 0) {
        uint64_t now = ring->microseconds();
        format_raw(ring, "[%5lu.%06lu] ", now / 1000000, now % 1000000);
    }
    put_raw(ring, ((uint8_t)c < ' ' && c != '\t') || c == 0x7f ? '.' : c);
}

static void put_in_line(void *context, char c)
{
    put(context, c == '\n' ? '.' : c);
}

void text_ring_line(struct text_ring *ring, const char *prefix, const char *format, va_list arguments)
{
    if (ring->column)
        put(ring, '\n');
    while (*prefix)
        put(ring, *prefix++);
    format_to(put_in_line, ring, format, arguments);
    put(ring, '\n');
}

/* Appends bytes of a line that has begun, as long as there is nothing about them; returns how many. */
static size_t put_plain(struct text_ring *ring, const char *bytes, size_t count)
{
    char *to = &ring->bytes[ring->end % ring->size];
    size_t room = &ring->bytes[ring->size] - to, left = TEXT_RING_LINE - ring->column, done = 0;

    count = count < room ? count : room;
    count = count < left ? count : left;
    while (done < count && bytes[done] >= ' ' && bytes[done] < 0x7f) {
        to[done] = bytes[done];
        done++;
    }
    ring->end += done;
    ring->column += done;
    return done;
}

size_t text_ring_bytes(struct text_ring *ring, const char *bytes, size_t count)
{
    size_t done = 0;

    do {
        size_t plain = ring->column ? put_plain(ring, bytes + done, count - done) : 0;
        if (plain == 0)
            put(ring, bytes[done]);
        done += plain ? plain : 1;
    } while (done < count && ring->column);
    return done;
}

size_t text_ring_read(const struct text_ring *ring, uint64_t position, char *buffer, size_t size,
                      uint64_t *next)
{
    size_t count = 0;

    if (ring->end > ring->size && position < ring->end - ring->size)
        position = ring->end - ring->size;
    while (count < size && position < ring->end)
        buffer[count++] = ring->bytes[position++ % ring->size];
    *next = position;
    return count;
}
