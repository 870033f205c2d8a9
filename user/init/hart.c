/* SPDX-License-Identifier: MIT */
/*
 * Which hart a process runs on. The description's `hart` is a wish. Without one a server is put beside init
 * and the others, since most of what servers do is call each other, and a call on one hart costs a third of
 * one between two. A program starts on the hart where the fewest are ready to run; on that of its parent,
 * whose servers are near, when others are no better.
 */
#include "init.h"

#define LOOKED_AT 32 /* processes; more are not worth their time */

static uint32_t hart_of(const struct process *process)
{
    return process != NULL ? process->hart : 0;
}

static bool is_busy(const struct process *process)
{
    struct thread_info info = {0};

    if (!process_is_alive(process) || process->thread == 0)
        return false;
    kernel_call(process->thread, OP_THREAD_INFO, NULL, 0, (uint64_t *)&info, sizeof(info) / 8);
    return info.state == THREAD_READY;
}

/* Counts the processes that are ready to run on each hart. */
static void count_busy(unsigned busy[BOOT_MAX_HARTS])
{
    struct process *process;
    unsigned looked = 0;

    for (uint64_t number = 0; looked < LOOKED_AT && (process = process_next(number)) != NULL;
         number = process->number + 1, looked++)
        busy[process->hart % BOOT_MAX_HARTS] += is_busy(process);
}

uint32_t hart_choose(const struct process *process)
{
    unsigned busy[BOOT_MAX_HARTS] = {0};
    uint32_t best;

    if (process->grant->hart != HART_ANY)
        return process->grant->hart % rt_boot->hart_count;
    if (process->described != NOT_DESCRIBED)
        return 0;
    count_busy(busy);
    best = hart_of(process_find(process->parent));
    for (uint32_t hart = 0; hart < rt_boot->hart_count; hart++)
        if (busy[hart] < busy[best])
            best = hart;
    return best;
}
