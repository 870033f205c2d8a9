/* SPDX-License-Identifier: MIT */
/* The lines that were entered before. */
#include "history.h"

#include <string.h>

void history_init(struct history *history, char *storage, size_t size)
{
    *history = (struct history){.storage = storage, .size = size};
}

static bool is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (line[i] != ' ' && line[i] != '\t')
            return false;
    }
    return true;
}

static void drop_oldest(struct history *history)
{
    size_t bytes = strlen(history->storage) + 1;

    history->used -= bytes;
    memmove(history->storage, history->storage + bytes, history->used);
    history->count--;
    history->dropped++;
}

bool history_add(struct history *history, const char *line, size_t length)
{
    const char *newest = history->count > 0 ? history_line(history, history->count - 1) : "";

    if (is_blank(line, length) || length >= history->size ||
        (strlen(newest) == length && memcmp(newest, line, length) == 0)) {
        return false;
    }
    while (history->size - history->used < length + 1)
        drop_oldest(history);
    memcpy(history->storage + history->used, line, length);
    history->storage[history->used + length] = 0;
    history->used += length + 1;
    history->count++;
    return true;
}

const char *history_line(const struct history *history, unsigned index)
{
    const char *line = history->storage;

    if (index >= history->count)
        return NULL;
    while (index-- > 0)
        line += strlen(line) + 1;
    return line;
}

void history_walk_start(struct history_walk *walk)
{
    walk->back = 0;
    walk->draft_length = 0;
}

static const char *line_at(const struct history_walk *walk, size_t *found)
{
    const char *line = walk->draft;

    *found = walk->draft_length;
    if (walk->back > 0) {
        line = history_line(walk->history, walk->history->count - walk->back);
        *found = strlen(line);
    }
    return line;
}

const char *history_older(struct history_walk *walk, const char *line, size_t length, size_t *found)
{
    if (walk->back >= walk->history->count)
        return NULL;
    if (walk->back == 0) {
        memcpy(walk->draft, line, length);
        walk->draft_length = length;
    }
    walk->back++;
    return line_at(walk, found);
}

const char *history_newer(struct history_walk *walk, size_t *found)
{
    if (walk->back == 0)
        return NULL;
    walk->back--;
    return line_at(walk, found);
}
