/* SPDX-License-Identifier: MIT */
/* The kernel's own tests, for what only the real machine can show. `selftest` on the command line runs
 * them. */
#pragma once

#include "arch.h"

/* A test returns NULL when all is well, else what is wrong. */
struct selftest {
    const char *name;
    const char *(*run)(void);
};

/* Leaves the test with the condition as its failure, unless it holds. */
#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return #condition;                                                                               \
    } while (0)

/* Ends with an entry without a name. */
extern const struct selftest selftests_machine[], selftests_core[];

/* Free memory that tests may do with as they like, cleared: `size` bytes (a power of two, at most 1 MiB),
 * aligned to it. NULL when there is none. */
void *selftest_memory(uint64_t size);
