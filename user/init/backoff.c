/* SPDX-License-Identifier: MIT */
/* How long to wait before starting again what keeps failing. Portable. */
#include "init.h"

#define FIRST_DELAY_MS 100
#define MAX_DELAY_MS   5000

uint64_t restart_delay_ms(unsigned failures)
{
    uint64_t delay = failures == 0 ? 0 : FIRST_DELAY_MS;

    for (unsigned i = 1; i < failures && delay < MAX_DELAY_MS; i++)
        delay *= 2;
    return delay < MAX_DELAY_MS ? delay : MAX_DELAY_MS;
}
