/* SPDX-License-Identifier: MIT */
/*
 * The heap: memory of any size. Small blocks have size classes, each in runs of pages of its own; larger ones
 * are runs of pages; what is larger than half an arena is mapped by itself. README.md tells more.
 *
 * It calls nothing of the system but the functions at the end, and has no lock of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALLOC_ALIGN     16            /* of every block */
#define ALLOC_ALIGN_MAX (1ull << 30)

/* A block of at least `size` bytes at a multiple of `alignment`, a power of two of at most ALLOC_ALIGN_MAX.
 * NULL: there is no memory. A block of 0 bytes is one of 1. */
void *alloc(size_t size, size_t alignment);
/* The same, all zero. */
void *alloc_zeroed(size_t size);
/* Gives a block back; NULL is none. What is no block, or is given back twice, ends in alloc_bad(). */
void alloc_free(void *block);
/* The block, or another one that begins with the same bytes, with room for `size`. NULL: there is no memory,
 * and the block is as it was. */
void *alloc_resize(void *block, size_t size);
/* Bytes that the block has room for: at least as many as were asked for. */
size_t alloc_size(const void *block);

enum alloc_advice {
    ALLOC_NORMAL,
    ALLOC_SEQUENTIAL, /* these three are for memory that stands for something else, like files: here they */
    ALLOC_RANDOM,     /* change nothing */
    ALLOC_WILL_NEED,  /* the pages are made present now */
    ALLOC_DONT_NEED,  /* the whole pages within the range lose what they hold and read as zeros */
};
/* For memory that lies in one block. False: the system refused. */
bool alloc_advise(void *start, size_t length, enum alloc_advice advice);
/* Gives all memory back to the system that no block uses. */
void alloc_trim(void);

/* As of now, in bytes. */
struct alloc_stats {
    size_t allocated; /* room of the blocks that are given out */
    size_t used;      /* memory that they and the heap's own tables keep, whole pages */
    size_t mapped;    /* addresses; pages count with the system when they are touched */
    size_t blocks;    /* given out */
    size_t regions;   /* pieces that the system mapped */
    size_t calls;     /* of the system, since the start */
};
struct alloc_stats alloc_stats(void);
/* How much of what is used is in no block, in thousandths. */
unsigned alloc_fragmentation(const struct alloc_stats *stats);

/* What the system has to offer: zeroed memory at a multiple of `alignment` (at least a page), NULL when there
 * is none; giving it back; making pages present, and empty again, of which it may refuse. */
void *alloc_system_map(size_t length, size_t alignment);
void alloc_system_unmap(void *address, size_t length);
bool alloc_system_populate(void *address, size_t length);
bool alloc_system_discard(void *address, size_t length);
/* The program did something wrong with the block: says so, and ends it. */
void alloc_bad(const void *block, const char *what) __attribute__((noreturn));
