/* SPDX-License-Identifier: MIT */
/* The C library's memory and string functions (ISO C17 section 7.24) that the kernel and the
 * compiler need. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t word __attribute__((may_alias));
typedef uint32_t half __attribute__((may_alias));

#define FILL_BYTES 128 /* per turn of the loop */

void *memset(void *to, int value, size_t count)
{
    char *at = to, *end = at + count;
    uint64_t pattern = (uint8_t)value * 0x0101010101010101ull;

    while (at < end && (uintptr_t)at % sizeof(word)) {
        *at++ = (char)value;
    }
    for (char *stop = at + (end - at) / FILL_BYTES * FILL_BYTES; at < stop; at += FILL_BYTES) {
#pragma GCC unroll 16
        for (size_t i = 0; i < FILL_BYTES / sizeof(word); i++) {
            ((word *)at)[i] = pattern;
        }
    }
    for (; end - at >= (ptrdiff_t)sizeof(word); at += sizeof(word)) {
        *(word *)at = pattern;
    }
    while (at < end) {
        *at++ = (char)value;
    }
    return to;
}

/* Copies whole blocks in units of `type`, loading all of a block before storing it. */
#define COPY_BLOCKS(type)                                                                                    \
    for (; count >= 8 * sizeof(type);                                                                        \
         at += 8 * sizeof(type), from += 8 * sizeof(type), count -= 8 * sizeof(type)) {                      \
        type *out = (type *)at;                                                                              \
        const type *in = (const type *)from;                                                                 \
        type a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];         \
        out[0] = a;                                                                                          \
        out[1] = b;                                                                                          \
        out[2] = c;                                                                                          \
        out[3] = d;                                                                                          \
        out[4] = e;                                                                                          \
        out[5] = f;                                                                                          \
        out[6] = g;                                                                                          \
        out[7] = h;                                                                                          \
    }                                                                                                        \
    for (; count >= sizeof(type); at += sizeof(type), from += sizeof(type), count -= sizeof(type)) {         \
        *(type *)at = *(const type *)from;                                                                   \
    }

void *memcpy(void *restrict to, const void *restrict source, size_t count)
{
    char *at = to;
    const char *from = source;

    while (count > 0 && (uintptr_t)at % sizeof(word)) {
        *at++ = *from++;
        count--;
    }
    if ((uintptr_t)from % sizeof(word) == 0) {
        COPY_BLOCKS(word)
    } else if ((uintptr_t)from % sizeof(half) == 0) {
        COPY_BLOCKS(half)
    }
    while (count-- > 0) {
        *at++ = *from++;
    }
    return to;
}

void *memmove(void *to, const void *source, size_t count)
{
    char *at = to;
    const char *from = source;

    if ((uintptr_t)at - (uintptr_t)from >= count) {
        return memcpy(to, source, count);
    }
    while (count-- > 0) {
        at[count] = from[count];
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t count)
{
    const uint8_t *a = left, *b = right;

    for (; count > 0; a++, b++, count--) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}

size_t strlen(const char *text)
{
    const char *end = text;

    while (*end) {
        end++;
    }
    return end - text;
}

int strcmp(const char *left, const char *right)
{
    while (*left && *left == *right) {
        left++;
        right++;
    }
    return (uint8_t)*left - (uint8_t)*right;
}

int strncmp(const char *left, const char *right, size_t count)
{
    for (; count > 0; left++, right++, count--) {
        if (*left != *right || !*left) {
            return (uint8_t)*left - (uint8_t)*right;
        }
    }
    return 0;
}

char *strchr(const char *text, int c)
{
    while (*text && *text != (char)c) {
        text++;
    }
    return *text == (char)c ? (char *)text : NULL;
}
