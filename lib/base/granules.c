/* SPDX-License-Identifier: MIT */
#include <base/granules.h>

#define WORDS_PER_TURN    128
#define WORDS_PER_GRANULE 8

/* The kernel's boot may put a jump to its own, clear.S, in its place. */
void __attribute__((noipa)) granules_clear(void *memory, uint64_t bytes)
{
    uint64_t *at = memory, *end = at + bytes / sizeof(*at);

    for (uint64_t turns = bytes / sizeof(*at) / WORDS_PER_TURN; turns; turns--, at += WORDS_PER_TURN)
#pragma GCC unroll 128
        for (unsigned i = 0; i < WORDS_PER_TURN; i++)
            at[i] = 0;
    for (; at != end; at += WORDS_PER_GRANULE)
#pragma GCC unroll 8
        for (unsigned i = 0; i < WORDS_PER_GRANULE; i++)
            at[i] = 0;
}
