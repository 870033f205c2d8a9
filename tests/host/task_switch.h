/* SPDX-License-Identifier: MIT */
/* What lib/rt/task_switch.S does, by ucontext; and stacks. */
#pragma once

#include "../../lib/rt/task_internal.h"

#include <sys/mman.h>
#include <ucontext.h>

static unsigned maps;
static bool no_memory;

/* A context lies on the stack that it is of; s[0] leads there, and is 0 in a task that has not begun. */
void task_switch(struct task_registers *from, const struct task_registers *to)
{
    ucontext_t here, fresh;
    from->s[0] = (uint64_t)&here;
    if (to->s[0] != 0) {
        swapcontext(&here, (ucontext_t *)to->s[0]);
        return;
    }
    getcontext(&fresh);
    fresh.uc_stack.ss_sp = (char *)to->sp - TASK_STACK_BYTES / 2;
    fresh.uc_stack.ss_size = TASK_STACK_BYTES / 2;
    fresh.uc_link = NULL;
    makecontext(&fresh, (void (*)(void))to->ra, 0);
    swapcontext(&here, &fresh);
}

void *rt_map(size_t length, uint64_t prot)
{
    (void)prot;
    maps++;
    void *map = no_memory ? MAP_FAILED
                          : mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return map != MAP_FAILED ? map : NULL;
}

void rt_unmap(void *address, size_t length)
{
    munmap(address, length);
}
