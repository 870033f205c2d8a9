/* SPDX-License-Identifier: MIT */
/* The table of processes: those that run, and those that have ended and of which somebody may still ask. */
#include "init.h"

#include <base/format.h>

#include <string.h>

static struct process processes[MAX_PROCESSES];
static uint64_t next_number = NUMBER_INIT;

struct process *process_new(const char *name, unsigned described, uint64_t parent,
                            const struct description_grant *grant)
{
    struct process *process = processes;

    while (process->used) {
        if (++process == processes + MAX_PROCESSES)
            return NULL;
    }
    *process = (struct process){
        .used = true,
        .number = next_number++,
        .described = described,
        .parent = parent,
        .grant = grant,
        .state = PROC_STARTING,
    };
    format_buffer(process->name, sizeof(process->name), "%s", name);
    return process;
}

void process_forget(struct process *process)
{
    say_ended(process->number);
    slot_free(process->watcher);
    slot_free(process->power_signal);
    process->used = false;
}

struct process *process_find(uint64_t number)
{
    struct process *process = process_next(number);

    return process != NULL && process->number == number ? process : NULL;
}

struct process *process_of_space(uint64_t space)
{
    for (struct process *process = processes; process < processes + MAX_PROCESSES; process++) {
        if (process->used && process_is_alive(process) && process->session != 0 && process->space == space)
            return process;
    }
    return NULL;
}

struct process *process_next(uint64_t number)
{
    struct process *least = NULL;

    for (struct process *process = processes; process < processes + MAX_PROCESSES; process++) {
        if (process->used && process->number >= number &&
            (least == NULL || process->number < least->number)) {
            least = process;
        }
    }
    return least;
}

bool process_is_alive(const struct process *process)
{
    return process->state == PROC_STARTING || process->state == PROC_RUNNING;
}

enum error object_for(uint64_t space, enum object_type type, unsigned size_bits, cap_t *cap)
{
    const struct mm_object_request q = {.space = space, .type = type, .size_bits = size_bits};

    return mm_object(mm_session, &q, NULL, cap);
}
