/* SPDX-License-Identifier: MIT */
/* Backtraces: see backtrace.h. */
#include <base/backtrace.h>

#include <stddef.h>

const char register_name[32][4] = {"pc", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                   "a1", "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                   "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

const char *symbol_find(const struct symbol *symbols, uint32_t count, const char *names, uint64_t offset,
                        uint64_t *into)
{
    uint32_t low = 0, high = count;

    if (count == 0 || offset < symbols[0].offset)
        return NULL;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (symbols[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    *into = offset - symbols[low].offset;
    return names + symbols[low].name;
}

bool is_behind_call(const uint16_t *pc)
{
    return (pc[-2] & 0xfff) == 0x0ef || (pc[-2] & 0xfff) == 0x0e7 ||
           ((pc[-1] & 0xf07f) == 0x9002 && pc[-1] & 0xf80);
}
