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

/* There must be one. */
static inline char bytes_get(struct bytes *queue)
{
    return queue->data[queue->out++ & (queue->size - 1)];
}

/* The bytes at the front that lie in one piece; taken out by adding to `out`. */
static inline size_t bytes_front(const struct bytes *queue, const char **front)
{
    uint32_t at = queue->out & (queue->size - 1), count = bytes_count(queue);

    *front = queue->data + at;
    return count < queue->size - at ? count : queue->size - at;
}
