/* SPDX-License-Identifier: MIT */
/* The fuzzer of what is read from device trees: trees changed at random, and the machine that reads them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_CAPACITY (256u << 10) /* bytes of the largest tree that is made */
#define TREE_CHANGES  6            /* at most, in one tree */

/* A tree in the making. What its header says may be wrong. */
struct tree {
    uint8_t blob[TREE_CAPACITY];
    uint32_t size;
};

/* xorshift64*: the same numbers in every run. The state must not be 0. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

/* A number below `bound`, which is not 0. */
static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((random_next(state) >> 16) % bound);
}

static inline uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put_be32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Makes 1 to TREE_CHANGES random changes. Most leave the tree a tree: there is more to try than its
 * format. */
void tree_mutate(struct tree *tree, uint64_t *random);

/* Has the kernel read the tree, from an address that does not suit it, and then the device server.
 * Ends the program with a message when something is wrong. */
void machine_read(const struct tree *tree, uint64_t *random);
/* Has init read it as a system description. */
void description_try(const struct tree *tree);

/* What came of the trees: for the report, and so that the runner sees that trees of all kinds were tried. */
void outcome_count(const char *format);
void outcomes_print(void);

/* Says what does not hold and ends the program. */
void wrong(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            wrong("%s:%d: does not hold: %s", __FILE__, __LINE__, #condition);                               \
    } while (0)
