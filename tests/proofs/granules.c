/* SPDX-License-Identifier: MIT */
/* Clearing memory. */
#include "proof.h"

#include "lib/base/granules.c"

/*
 * proof granules_clear: 0, 1, 3, 16 and 18 granules, any contents
 * options: --unwind 9 --unwindset granules_clear.0:129
 * planted lib/base/granules.c: s/for (; at != end; at += WORDS_PER_GRANULE)/for (; at + 8 < end; at += WORDS_PER_GRANULE)/
 */
void prove_granules_clear(void)
{
    static uint64_t area[20 * 8];
    static const uint8_t counts[] = {0, 1, 3, 16, 18};

    for (unsigned i = 0; i < sizeof(counts); i++) {
        unsigned word = any_below(20 * 8);

        area[word] = 1;
        granules_clear(&area[8], counts[i] * 64);
        CHECK(area[word] == (word < 8 || word >= (counts[i] + 1u) * 8), "objects: exactly they are cleared");
        area[word] = 0;
    }
}
