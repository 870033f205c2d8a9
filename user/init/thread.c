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

static enum error prepare_further(const struct process *process, cap_t frame, uint64_t hart,
                                  const cap_t cap[2])
{
    const struct description_grant *grant = process->grant;
    const char *step;
    const struct thread_plan plan = {
        .name = process->name,
        .hart = (uint32_t)hart,
        .budget_us = grant->budget,
        .period_us = grant->period,
        .priority = grant->priority,
        .thread = cap[0],
        .context = cap[1],
        .cnode = process->cnode,
        .address_space = process->address_space,
        .message_frame = frame,
        .fault = process->fault,
    };

    return thread_prepare(&plan, &step);
}

enum error thread_add(struct process *process, const struct proc_thread_request *q,
                      struct proc_thread_reply *r, cap_t cap[2])
{
    const struct mm_frame_request page = {.space = process->space, .address = q->message_page};
    cap_t frame = 0;

    if (process->grant->budget < process->grant->period)
        return ERR_DENIED;
    if (q->hart != PROC_ANY_HART && q->hart >= rt_boot->hart_count)
        return ERR_BAD_ARG;
    if (process->threads == PROC_MAX_THREADS)
        return ERR_TOO_MANY;
    r->hart = q->hart;
    if (q->hart == PROC_ANY_HART) /* one after the other, beginning beside the first thread */
        r->hart = (process->hart + process->threads + 1) % rt_boot->hart_count;
    cap[0] = cap[1] = 0;
    enum error error = object_for(process->space, OBJ_THREAD, 0, &cap[0]);
    if (!error)
        error = object_for(process->space, OBJ_SCHED_CONTEXT, 0, &cap[1]);
    if (!error)
        error = mm_frame(mm_session, &page, NULL, &frame);
    if (!error)
        error = prepare_further(process, frame, r->hart, cap);
    slot_free(frame);
    if (error) {
        slot_free(cap[0]);
        slot_free(cap[1]);
        return error;
    }
    process->threads++;
    return ERR_OK;
}

enum error thread_start(cap_t thread, uint64_t entry, uint64_t stack, uint64_t argument)
{
    const uint64_t start[6] = {entry, stack, argument};

    return kernel_call(thread, OP_THREAD_START, start, 6, NULL, 0);
}
