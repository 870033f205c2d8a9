/* SPDX-License-Identifier: MIT */
/* Memory for lwIP: see net.h. Before each piece is its class. */
#include "net.h"

#include <string.h>

#define LEAST_BITS 6
#define CLASSES    12 /* 64 bytes to 128 KiB */
#define HEADER     16 /* keeps what is given out aligned */
#define CLASS_MARK 0x6d656d00u

struct piece {
    uint32_t class;
    struct piece *next; /* of the free ones; else it is the user's */
};

static struct piece *free_pieces[CLASSES];
static char *unused, *end;
static uint64_t total, used;

void memory_init(void *start, size_t length)
{
    unused = start;
    end = unused + length;
    total = length;
}

static size_t class_bytes(unsigned class)
{
    return (size_t)1 << (class + LEAST_BITS);
}

static unsigned class_of(size_t bytes)
{
    unsigned class = 0;

    while (class < CLASSES && class_bytes(class) < bytes)
        class ++;
    return class;
}

void *net_memory_alloc(size_t bytes)
{
    unsigned class = bytes < SIZE_MAX / 2 ? class_of(bytes + HEADER) : CLASSES;

    if (class == CLASSES)
        return NULL;
    struct piece *piece = free_pieces[class];
    if (piece != NULL) {
        free_pieces[class] = piece->next;
    } else if (class_bytes(class) <= (size_t)(end - unused)) {
        piece = (struct piece *)unused;
        unused += class_bytes(class);
    } else {
        return NULL;
    }
    piece->class = CLASS_MARK | class;
    used += class_bytes(class);
    return (char *)piece + HEADER;
}

void net_memory_free(void *memory)
{
    struct piece *piece = (struct piece *)((char *)memory - HEADER);

    if (memory == NULL)
        return;
    unsigned class = piece->class & 0xff;
    if ((piece->class & ~0xffu) != CLASS_MARK || class >= CLASSES)
        rt_fail("memory that was never given out, or twice, is given back");
    piece->class = 0;
    piece->next = free_pieces[class];
    free_pieces[class] = piece;
    used -= class_bytes(class);
}

void *net_memory_alloc_zeroed(size_t count, size_t bytes)
{
    size_t all;
    void *memory = __builtin_mul_overflow(count, bytes, &all) ? NULL : net_memory_alloc(all);

    if (memory != NULL)
        memset(memory, 0, all);
    return memory;
}

void memory_state(uint64_t *all, uint64_t *in_use)
{
    *all = total;
    *in_use = used;
}
