/* SPDX-License-Identifier: MIT */
/*
 * The C library's functions on memory (ISO C17, 7.24.2 and 7.24.6), by words: the library's own go byte by
 * byte. In one file that start.c refers to, so that the linker takes these.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Otherwise the compiler makes calls of memcpy and memset out of their own loops. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint64_t word __attribute__((may_alias));

#define WORD  sizeof(word)
#define BLOCK (8 * WORD) /* per turn of the main loops */

static int aligned(const void *a)
{
    return (uintptr_t)a % WORD == 0;
}

void *memset(void *to, int value, size_t count)
{
    char *at = to, *end = at + count;
    uint64_t pattern = (uint8_t)value * 0x0101010101010101ull;
    while (at < end && !aligned(at))
        *at++ = (char)value;
    for (; (size_t)(end - at) >= BLOCK; at += BLOCK) {
        word *out = (word *)at;
        out[0] = out[1] = out[2] = out[3] = out[4] = out[5] = out[6] = out[7] = pattern;
    }
    for (; (size_t)(end - at) >= WORD; at += WORD)
        *(word *)at = pattern;
    while (at < end)
        *at++ = (char)value;
    return to;
}

/* Copies from the first byte on; both addresses are a word's. */
static void copy_words(char *at, const char *from, size_t count)
{
    for (; count >= BLOCK; at += BLOCK, from += BLOCK, count -= BLOCK) {
        word *out = (word *)at;
        const word *in = (const word *)from;
        word a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];
        out[0] = a, out[1] = b, out[2] = c, out[3] = d, out[4] = e, out[5] = f, out[6] = g, out[7] = h;
    }
    for (; count >= WORD; at += WORD, from += WORD, count -= WORD)
        *(word *)at = *(const word *)from;
    while (count-- > 0)
        *at++ = *from++;
}

/* Copies from the first byte on, `from` being off a word's address: reads whole words and puts each together
 * from two. Reads no word that holds none of the bytes. */
static void copy_shifted(char *at, const char *from, size_t count)
{
    unsigned shift = (uintptr_t)from % WORD * 8;
    const word *in = (const word *)((uintptr_t)from & ~(uintptr_t)(WORD - 1));
    word low = *in++;
    for (; count >= 2 * WORD; at += WORD, from += WORD, count -= WORD) {
        word high = *in++;
        *(word *)at = low >> shift | high << (64 - shift);
        low = high;
    }
    while (count-- > 0)
        *at++ = *from++;
}

void *memcpy(void *restrict to, const void *restrict source, size_t count)
{
    char *at = to;
    const char *from = source;
    if (count >= 2 * WORD || (aligned(at) && aligned(from))) {
        for (; !aligned(at); count--)
            *at++ = *from++;
        if (aligned(from))
            copy_words(at, from, count);
        else
            copy_shifted(at, from, count);
        return to;
    }
    while (count-- > 0)
        *at++ = *from++;
    return to;
}

void *memmove(void *to, const void *source, size_t count)
{
    char *at = to;
    const char *from = source;
    /* Ahead of the source, or not over it: reading stays in front of writing. */
    if ((uintptr_t)at - (uintptr_t)from >= count)
        return memcpy(to, source, count);
    at += count;
    from += count;
    if ((uintptr_t)at % WORD == (uintptr_t)from % WORD) {
        for (; count > 0 && !aligned(at); count--)
            *--at = *--from;
        for (; count >= WORD; count -= WORD) {
            at -= WORD;
            from -= WORD;
            *(word *)at = *(const word *)from;
        }
    }
    while (count-- > 0)
        *--at = *--from;
    return to;
}
