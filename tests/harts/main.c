/* SPDX-License-Identifier: MIT */
/*
 * Tries many harts, in place of init. On the kernel's command line: `rate` compares message rates;
 * `seconds=N` runs the stress test for that long, with the random numbers of `seed=N`; with `floats`, only its
 * threads that use FP registers.
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
    if (seconds)
        stress_run(seconds);
    else
        rate_run();
    printf("harts: done\n");
    power_off(false);
}
