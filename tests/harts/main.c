/* SPDX-License-Identifier: MIT */
/*
 * Tries many harts, in place of init. On the kernel's command line: `rate` compares message rates;
 * `seconds=N` runs the stress test for that long, with the random numbers of `seed=N`; with `floats`, only
 * its threads that use FP registers; with `wakes` it looks for lost wake-ups instead.
 */
#include "harts.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
    uint64_t seconds;

    if (rt_boot == NULL) {
        return 1; /* not started by the kernel */
    }
    guest_init("harts");
    seconds = guest_option("seconds", 0);
    stress_seed = guest_option("seed", 1);
    if (strstr(rt_boot->command_line, "wakes"))
        wakes_run(seconds);
    else if (seconds)
        stress_run(seconds);
    else
        rate_run();
    printf("harts: done\n");
    power_off(false);
}
