/* SPDX-License-Identifier: MIT */
/* What memory costs: README.md. */
#include <proto/mm.h>
#include <rt/rt.h>

#include <stdio.h>
#include <string.h>

#define PAGES    256 /* touched in one row */
#define ROUNDS   500
#define REGIONS  480
#define PIECE    64 /* pages that are mapped at once for a rate */
#define RATE_US  1000000
#define AFTER_US 3000000 /* since power-on: all are there by then */

static void touch(volatile char *page)
{
    *page = 1;
}

static char *map(size_t bytes)
{
    char *memory = rt_map(bytes, MM_READ | MM_WRITE);
    if (memory == NULL)
        rt_fail("no memory");
    return memory;
}

static void row(const char *name, uint64_t instructions, uint64_t count)
{
    printf("bench %s %lu insn\n", name, (instructions + count / 2) / count);
}

static void row_touch(void)
{
    char *memory = map((PAGES + 1) * PAGE_BYTES);
    touch(memory); /* makes the tables */
    uint64_t from = rt_instret();
    for (unsigned i = 1; i <= PAGES; i++)
        touch(memory + i * PAGE_BYTES);
    row("page_touch", rt_instret() - from, PAGES);
    rt_unmap(memory, (PAGES + 1) * PAGE_BYTES);
}

static void row_map(const char *name)
{
    uint64_t from = rt_instret();
    for (unsigned i = 0; i < ROUNDS; i++) {
        char *page = map(PAGE_BYTES);
        touch(page);
        rt_unmap(page, PAGE_BYTES);
    }
    row(name, rt_instret() - from, ROUNDS);
}

static void rows(void)
{
    row_touch();
    row_map("map_touch_unmap");
    for (unsigned i = 0; i < REGIONS; i++)
        touch(map(PAGE_BYTES));
    row_map("map_touch_unmap_480");
}

/* Fresh pages that it touches in a second, in a time that all processes of this kind share. */
static void rate(void)
{
    uint64_t start = rt_ticks_of_us(AFTER_US), end = start + rt_ticks_of_us(RATE_US), pages = 0;
    while (rt_ticks() < start)
        ;
    while (rt_ticks() < end) {
        char *memory = map(PIECE * PAGE_BYTES);
        for (unsigned i = 0; i < PIECE; i++)
            touch(memory + i * PAGE_BYTES);
        rt_unmap(memory, PIECE * PAGE_BYTES);
        pages += PIECE;
    }
    rt_log("%lu pages", pages);
}

int main(void)
{
    if (strncmp(rt_name(), "rate", 4) == 0)
        rate();
    else
        rows();
    return 0;
}
