/* SPDX-License-Identifier: MIT */
#include "start.h"

#include "csr.h"
#include "image.h"
#include "lock.h"
#include "run.h"

uint32_t start_attempt[MAX_HARTS];
uint32_t start_id[MAX_HARTS];
struct hart *starting_hart;

static bool released; /* the harts that were started may run threads */

/* Spinning for the lock instead would slow the boot hart down where harts share a processor, as they do in an
 * emulator. */
void hart_join(void)
{
    __atomic_store_n(&hart_self()->online, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
        __asm__ volatile("wfi");
    fence_translations(); /* for image_drop_boot() */
    lock_own();
    hart_run();
}

void harts_release(void)
{
    image_drop_boot();
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
    for (uint32_t i = 1; i < hart_count; i++)
        arch_send_ipi(&harts[i]);
    hart_run();
}
