/* SPDX-License-Identifier: MIT */
/* A queue of bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    char *data;
    uint32_t size;    /* power of two */
    uint32_t in, out; /* free-running counts of bytes put in and taken out */
};

static inline uint32_t bytes_count(const struct bytes *queue)
{
    return queue->in - queue->out;
}

static inline uint32_t bytes_room(const struct bytes *queue)
{
    return queue->size - bytes_count(queue);
}

/* False when it is full. */
static inline bool bytes_put(struct bytes *queue, char byte)
{
    if (bytes_room(queue) == 0)
        return false;
    queue->data[queue->in++ & (queue->size - 1)] = byte;
    return true;
}

/* The byte put in last, and taking it back; there must be one. */
static inline char bytes_last(const struct bytes *queue)
{
    return queue->data[(queue->in - 1) & (queue->size - 1)];
}

static inline void bytes_unput(struct bytes *queue)
{
    queue->in--;
}

/* There must be one. */
static inline char bytes_get(struct bytes *queue)
{
    return queue->data[queue->out++ & (queue->size - 1)];
}

/* Takes all out up to the last such byte, that included; false when there is none. */
static inline bool bytes_drop_through(struct bytes *queue, char byte)
{
    for (uint32_t at = queue->in; at != queue->out; at--) {
        if (queue->data[(at - 1) & (queue->size - 1)] == byte) {
            queue->out = at;
            return true;
        }
    }
    return false;
}

/* The bytes at the front that lie in one piece; taken out by adding to `out`. */
static inline size_t bytes_front(const struct bytes *queue, const char **front)
{
    uint32_t at = queue->out & (queue->size - 1), count = bytes_count(queue);

    *front = queue->data + at;
    return count < queue->size - at ? count : queue->size - at;
}
