/* SPDX-License-Identifier: MIT */
/*
 * Reads a file that is in fs's cache, over and over: prints `beside reads COUNT us TIME longest LONGEST` for
 * each slot, LONGEST the microseconds of the read that took longest.
 */
#include <client/fs.h>
#include <rt/rt.h>

#include <stdio.h>

#define SLOT_US 200000
#define REST_US 100000 /* between two slots, for whoever has less priority */

static uint8_t buffer[4096];

int main(void)
{
    cap_t timer, bell;
    uint64_t handle;
    size_t count;

    if (object_make(OBJ_TIMER, 0, &timer) || object_make(OBJ_NOTIFICATION, 0, &bell))
        rt_fail("cannot make a timer");
    if (file_open("/README.txt", 0, 0, &handle, NULL))
        rt_fail("cannot open the file");
    for (;;) {
        uint64_t begin = rt_ticks(), end = begin + rt_ticks_of_us(SLOT_US), before = begin, longest = 0;
        unsigned reads = 0;
        for (; before < end; reads++) {
            enum error error = file_read(handle, 0, buffer, sizeof(buffer), &count);
            if (error)
                rt_fail("cannot read: %s", error_text(error));
            uint64_t now = rt_ticks();
            longest = now - before > longest ? now - before : longest;
            before = now;
        }
        printf("beside reads %u us %lu longest %lu\n", reads,
               (unsigned long)((before - begin) * 1000000 / rt_start->timebase),
               (unsigned long)(longest * 1000000 / rt_start->timebase));
        fflush(stdout);
        timer_set(timer, bell, rt_ticks() + rt_ticks_of_us(REST_US), 0);
        notification_wait(bell);
    }
}
