/* SPDX-License-Identifier: MIT */
/* Making a process out of what mm gives, starting it, and taking it apart again. */
#include "init.h"

#include <base/format.h>

#include <string.h>

#define CNODE_BITS     14 /* 256 slots */
#define DEV_CNODE_BITS 16 /* dev holds the capabilities of all devices */

/* One step of making a process; `step` is what it does, for messages. */
struct making {
    struct process *process;
    const struct program *program;
    struct start_info *start;
    const char *step;
};

static enum error make_space(struct making *making)
{
    struct process *process = making->process;
    struct mm_space_create_request q = {.quota = process->grant->memory, .hart = process->hart};
    struct mm_space_create_reply r;

    making->step = "make its space";
    memcpy(q.name, process->name, sizeof(q.name));
    for (unsigned i = 0; i < process->grant->use_count; i++) {
        if (process->grant->use[i].target == description.mm)
            q.rights = process->grant->use[i].rights;
    }
    enum error error = mm_space_create(mm_session, &q, &r, &process->session, &process->address_space,
                                       &process->fault);
    if (!error)
        process->space = r.space;
    return error;
}

/* The message page, as memory of the process and as a frame for the kernel. */
static enum error make_message_page(struct process *process)
{
    const struct mm_map_request map = {.space = process->space,
                                       .address = PROCESS_MSG_PAGE,
                                       .length = PAGE_BYTES,
                                       .prot = MM_READ | MM_WRITE};
    const struct mm_frame_request frame = {.space = process->space, .address = PROCESS_MSG_PAGE};
    struct mm_map_reply r;

    enum error error = mm_map(mm_session, &map, &r);
    if (error)
        return error;
    return mm_frame(mm_session, &frame, NULL, &process->message_frame);
}

static enum error make_objects(struct making *making)
{
    struct process *process = making->process;
    unsigned cnode_bits = process->grant->kernel & GRANT_DEVICES ? DEV_CNODE_BITS : CNODE_BITS;

    making->step = "make its objects";
    process->cnode_slots = 1ull << (cnode_bits - SLOT_BITS);
    enum error error = object_for(process->space, OBJ_CNODE, cnode_bits, &process->cnode);
    if (!error)
        error = object_for(process->space, OBJ_THREAD, 0, &process->thread);
    if (!error)
        error = object_for(process->space, OBJ_SCHED_CONTEXT, 0, &process->context);
    return !error ? make_message_page(process) : error;
}

static enum error make_grants(struct making *making)
{
    making->step = "give it its capabilities";
    enum error error = grant_caps(making->process, making->start);
    if (!error && making->process->grant->kernel & GRANT_DEVICES)
        error = grant_hardware(making->process, making->start);
    return error;
}

static enum error make_memory(struct making *making)
{
    making->step = "load it";
    return load_program(making->process, making->program, making->start);
}

static enum error make_thread(struct making *making)
{
    struct process *process = making->process;
    const struct thread_plan plan = {
        .name = process->name,
        .hart = process->hart,
        .budget_us = process->grant->budget,
        .period_us = process->grant->period,
        .deadline_us = process->grant->deadline,
        .priority = process->grant->priority,
        .thread = process->thread,
        .context = process->context,
        .cnode = process->cnode,
        .address_space = process->address_space,
        .message_frame = process->message_frame,
        .fault = process->fault,
    };

    enum error error = thread_prepare(&plan, &making->step);
    if (error)
        return error;
    /* The thread has a copy now. */
    slot_free(process->message_frame);
    process->message_frame = 0;
    process->started = rt_ticks();
    process->state = PROC_RUNNING;
    making->step = "start its thread";
    return thread_start(process->thread, making->program->elf.entry, making->start->stack_high,
                        PROCESS_START_PAGE);
}

static enum error add_args(struct making *making, const char *args, size_t length, unsigned count)
{
    struct start_info *start = making->start;

    making->step = "pass its arguments";
    if (length > sizeof(start->args))
        return ERR_TOO_LONG;
    memcpy(start->args, args, length);
    start->args_length = length;
    start->arg_count = count;
    return ERR_OK;
}

enum error process_create(struct process *process, const struct program *program, const char *args,
                          size_t args_length, unsigned count)
{
    static struct start_info start; /* too large for the stack */
    static enum error (*const steps[])(struct making * making) = {make_space, make_objects, make_grants,
                                                                  make_memory, make_thread};
    struct making making = {process, program, &start, ""};

    start_info_init(&start, process->number, process->name, rt_boot->timebase);
    start.epoch = process->described != NOT_DESCRIBED ? services[process->described].restarts + 1 : 1;
    process->hart = hart_choose(process);
    start.hart = process->hart;
    start.hart_count = rt_boot->hart_count;
    enum error error = add_args(&making, args, args_length, count);
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]) && !error; i++)
        error = steps[i](&making);
    if (error) {
        format_buffer(process->cause, sizeof(process->cause), "cannot %s: %s", making.step,
                      error_text(error));
        process_destroy(process);
        process->state = PROC_FAILED;
    }
    return error;
}

void process_destroy(struct process *process)
{
    const struct mm_space_request q = {.space = process->space};
    struct proto_empty none;

    /* It shall not see its memory go. */
    if (process->thread != 0)
        kernel_call(process->thread, OP_THREAD_SUSPEND, NULL, 0, NULL, 0);
    if (process->session != 0) {
        enum error error = ERR_BUSY;
        while (error == ERR_BUSY)
            error = mm_space_destroy(mm_session, &q, &none);
        if (error)
            log_line("init: cannot free the memory of %s: %s", process->name, error_text(error));
    }
    cap_t *const cap[] = {&process->session, &process->address_space, &process->fault,        &process->cnode,
                          &process->thread,  &process->context,       &process->message_frame};
    for (unsigned i = 0; i < sizeof(cap) / sizeof(cap[0]); i++) {
        slot_free(*cap[i]);
        *cap[i] = 0;
    }
}
