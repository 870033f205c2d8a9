/* SPDX-License-Identifier: MIT */
/* Getting a new thread ready to start. */
#include "init.h"

#include <string.h>

enum error context_set_deadline(cap_t context, uint32_t deadline_us)
{
    const uint64_t ticks = rt_ticks_of_us(deadline_us);

    /* A new context has none. */
    return deadline_us == 0 ? ERR_OK
                            : kernel_call(context, OP_SCHED_CONTEXT_SET_DEADLINE, &ticks, 1, NULL, 0);
}

enum error thread_prepare(const struct thread_plan *plan, const char **step)
{
    const uint64_t time[3] = {plan->context, rt_ticks_of_us(plan->budget_us),
                              rt_ticks_of_us(plan->period_us)};
    const uint64_t parts[6] = {plan->cnode, plan->address_space, plan->message_frame,
                               plan->fault, plan->context,       plan->priority * 257};
    uint64_t name[2] = {0};
    uint32_t hart = (rt_boot->boot_hart + plan->hart) % rt_boot->hart_count;

    strncpy((char *)name, plan->name, sizeof(name) - 1);
    *step = "set its budget";
    enum error error = kernel_call(BOOT_SCHED_CONTROL + hart, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0);
    if (!error) {
        *step = "set its deadline";
        error = context_set_deadline(plan->context, plan->deadline_us);
    }
    if (!error) {
        *step = "set its thread up";
        error = kernel_call(plan->thread, OP_THREAD_CONFIGURE, parts, 6, NULL, 0);
    }
    if (!error) {
        *step = "name its thread";
        error = kernel_call(plan->thread, OP_THREAD_SET_NAME, name, 2, NULL, 0);
    }
    return error;
}

enum error thread_start(cap_t thread, uint64_t entry, uint64_t stack, uint64_t argument)
{
    const uint64_t start[6] = {entry, stack, argument};

    return kernel_call(thread, OP_THREAD_START, start, 6, NULL, 0);
}
