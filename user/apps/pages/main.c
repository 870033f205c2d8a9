/* SPDX-License-Identifier: MIT */
/* How many fresh pages can be touched in a second: README.md. */
#include <proto/mm.h>
#include <rt/rt.h>

#define PIECE    64 /* pages that are mapped at once */
#define RATE_US  1000000
#define AFTER_US 3000000 /* since power-on: all who measure are there by then */

static volatile char *map(void)
{
    volatile char *memory = rt_map(PIECE * PAGE_BYTES, MM_READ | MM_WRITE);
    if (memory == NULL)
        rt_fail("no memory");
    return memory;
}

int main(void)
{
    uint64_t start = rt_ticks_of_us(AFTER_US), end = start + rt_ticks_of_us(RATE_US), pages = 0;
    while (rt_ticks() < start)
        ;
    while (rt_ticks() < end) {
        volatile char *memory = map();
        for (unsigned i = 0; i < PIECE; i++)
            memory[i * PAGE_BYTES] = 1;
        rt_unmap((void *)memory, PIECE * PAGE_BYTES);
        pages += PIECE;
    }
    rt_log("%lu pages", pages);
    return 0;
}
