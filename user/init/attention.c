/* SPDX-License-Identifier: MIT */
/* The key that no program can take: it stops the foreground program, or the shell. */
#include "init.h"

static bool is_shell(const struct process *process, unsigned terminal)
{
    return process->described != NOT_DESCRIBED && description.process[process->described].spawns &&
           description_uses(&description.process[process->described], terminal);
}

/* Whether a process is one of the programs of a shell. */
static bool is_program(const struct process *process, unsigned terminal)
{
    const struct process *parent = process_find(process->parent);

    return process->described == NOT_DESCRIBED && parent != NULL && is_shell(parent, terminal);
}

/* Ends all that `is_meant` and are alive; false when there were none. */
static bool end_all(bool (*is_meant)(const struct process *process, unsigned terminal), unsigned terminal)
{
    struct process *process;
    bool any = false;

    for (uint64_t number = 0; (process = process_next(number)) != NULL; number = process->number + 1) {
        if (!process_is_alive(process) || !is_meant(process, terminal))
            continue;
        log_line("init: %s is stopped by the attention key", process->name);
        process_end(process, PROC_KILLED, 0, "stopped by the attention key");
        any = true;
    }
    return any;
}

void attention(unsigned terminal, uint64_t program)
{
    struct process *process = program != 0 ? process_find(program) : NULL;

    if (process != NULL && process_is_alive(process) && is_program(process, terminal)) {
        log_line("init: %s is stopped by the attention key", process->name);
        process_end(process, PROC_KILLED, 0, "stopped by the attention key");
    } else if (!end_all(is_program, terminal)) {
        end_all(is_shell, terminal);
    }
}
