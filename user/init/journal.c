/* SPDX-License-Identifier: MIT */
/* What writers said: see journal.h. */
#include "journal.h"

#include <base/format.h>

static char byte_at(const struct journal *journal, uint64_t position)
{
    return journal->text[position % journal->size];
}

static void put(struct journal *journal, char c)
{
    journal->text[journal->end++ % journal->size] = c;
}

static void put_text(struct journal *journal, const char *text)
{
    while (*text != 0)
        put(journal, *text++);
}

void journal_add(struct journal *journal, uint64_t us, const char *name, const char *bytes, size_t length)
{
    char prefix[64];

    format_buffer(prefix, sizeof(prefix), "[%5lu.%06lu] %s: ", us / 1000000, us % 1000000, name);
    for (size_t at = 0; at < length; at++) {
        uint64_t limit = journal->end + JOURNAL_LINE - 1;
        put_text(journal, prefix);
        for (; at < length && bytes[at] != '\n'; at++) {
            if (journal->end < limit)
                put(journal, bytes[at] < ' ' || bytes[at] > '~' ? '?' : bytes[at]);
        }
        put(journal, '\n');
    }
}

/* Where the oldest whole line begins. */
static uint64_t oldest(const struct journal *journal)
{
    if (journal->end <= journal->size)
        return 0;
    uint64_t at = journal->end - journal->size;
    while (at < journal->end && byte_at(journal, at) != '\n')
        at++;
    return at < journal->end ? at + 1 : at;
}

/* Bytes of the line that begins at `position`, its newline included. */
static size_t line_length(const struct journal *journal, uint64_t position)
{
    size_t length = 0;

    while (position + length < journal->end && byte_at(journal, position + length) != '\n')
        length++;
    return position + length < journal->end ? length + 1 : length;
}

void journal_move(struct journal *from, struct journal *to)
{
    for (uint64_t at = oldest(from); at < from->end; at++)
        put(to, byte_at(from, at));
    from->end = 0;
}

size_t journal_read(const struct journal *journal, uint64_t *position, char *into, size_t size)
{
    uint64_t first = oldest(journal), at = *position > first && *position <= journal->end ? *position : first;
    size_t count = 0, length;

    while ((length = line_length(journal, at)) > 0 && length <= size - count) {
        for (size_t i = 0; i < length; i++)
            into[count++] = byte_at(journal, at++);
    }
    *position = at;
    return count;
}
