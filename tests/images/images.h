/* SPDX-License-Identifier: MIT */
/* What the parts of the fuzzer of images share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define IMAGE_BLOCK 1024 /* what changes are counted in, whatever the file system has */

/* A sound image, and the numbers of its blocks that hold anything, metadata first. */
struct seed {
    const char *name;
    uint8_t *bytes;
    size_t size;
    uint32_t *blocks, count, metadata;
    size_t start; /* where the file system begins */
};

struct image {
    uint8_t *bytes;
    size_t size;
};

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t n = *state += 0x9e3779b97f4a7c15;

    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
    n = (n ^ n >> 27) * 0x94d049bb133111eb;
    return n ^ n >> 31;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

/* Changes an image, which is a copy of the seed's, in up to six places. */
void mutate(const struct seed *seed, struct image *image, uint64_t *random);

/* Says what is wrong with the code and ends the program. */
void wrong(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Mounts and reads all of it as the file server does. Returns how much could not be read. */
unsigned read_everything(const struct seed *seed, struct image *image);
