/* SPDX-License-Identifier: MIT */
/*
 * How many fresh pages one program touches in a time, and two at once. There is one such process on each
 * hart; its name is touchKofN, K from 0, N harts. Time is cut into slots that come round and round: in the
 * first N one of the processes works, in the one behind them, unless N is 1, the first two do. Each prints
 * `touch K slot NUMBER pages COUNT us TIME` at the end of its own.
 */
#include <proto/mm.h>
#include <rt/rt.h>

#include <stdio.h>

#define SLOT_US   200000
#define BEGIN_US  20000 /* in a slot; what is before and behind is to map, to unmap and to print */
#define WORK_US   60000
#define MAX_PAGES 8192
#define BATCH     16 /* pages between two looks at the clock */

static cap_t timer, bell;
static unsigned number, harts;

static void sleep_until(uint64_t ticks)
{
    if (rt_ticks() >= ticks)
        return;
    timer_set(timer, bell, ticks, 0);
    notification_wait(bell);
}

static bool is_mine(uint64_t slot)
{
    uint64_t turn = slot % (harts > 1 ? harts + 1 : 1);

    return turn == harts ? number < 2 : turn == number;
}

static unsigned touch_until(volatile uint8_t *pages, uint64_t end)
{
    unsigned count = 0;

    while (count < MAX_PAGES && rt_ticks() < end)
        for (unsigned i = 0; i < BATCH; i++)
            pages[count++ * PAGE_BYTES] = 1;
    return count;
}

/* A process that comes too late, on a host that has other things to do, leaves the slot out. */
static void one_slot(uint64_t slot, uint64_t length)
{
    uint64_t begin = slot * length + rt_ticks_of_us(BEGIN_US), end = begin + rt_ticks_of_us(WORK_US);
    volatile uint8_t *pages;

    sleep_until(slot * length);
    pages = rt_map(MAX_PAGES * PAGE_BYTES, MM_READ | MM_WRITE);
    if (!pages)
        rt_fail("there is no memory");
    if (rt_ticks() < begin) {
        while (rt_ticks() < begin)
            ;
        unsigned count = touch_until(pages, end);
        uint64_t us = (rt_ticks() - begin) * 1000000 / rt_start->timebase;
        rt_unmap((void *)pages, MAX_PAGES * PAGE_BYTES);
        printf("touch %u slot %lu pages %u us %lu\n", number, (unsigned long)slot, count, (unsigned long)us);
        fflush(stdout);
        return;
    }
    rt_unmap((void *)pages, MAX_PAGES * PAGE_BYTES);
}

int main(void)
{
    uint64_t length = rt_ticks_of_us(SLOT_US), slot = 0;

    if (sscanf(rt_name(), "touch%uof%u", &number, &harts) != 2)
        rt_fail("this name is not like touch0of4");
    if (object_make(OBJ_TIMER, 0, &timer) || object_make(OBJ_NOTIFICATION, 0, &bell))
        rt_fail("cannot make a timer");
    for (;;) {
        uint64_t next = rt_ticks() / length + 1;
        for (slot = next > slot ? next : slot + 1; !is_mine(slot); slot++)
            ;
        one_slot(slot, length);
    }
}
