/* SPDX-License-Identifier: MIT */
/* The end of a process, whether it exits, crashes or is killed. */
#include "init.h"

#include <base/format.h>

#include <string.h>

/* Programs end with whoever started them; nobody would ask for their results. */
static void end_children(const struct process *parent)
{
    struct process *child;

    for (uint64_t number = 0; (child = process_next(number)) != NULL; number = child->number + 1) {
        if (child->described != NOT_DESCRIBED || child->parent != parent->number)
            continue;
        process_end(child, PROC_KILLED, 0, "killed, because its parent has ended");
        process_forget(child);
    }
}

/* Drivers hold registers and interrupt lines that dev gave them and has to give again: they end with it. */
static void end_drivers(void)
{
    for (unsigned i = 0; i < description.count; i++) {
        if (description.process[i].compatible[0] != 0 && service_is_up(i))
            process_end(services[i].process, PROC_KILLED, 0, "killed, because dev has ended");
    }
}

static void end_described(const struct process *process)
{
    char next[48];

    service_ended(process, next, sizeof(next));
    log_line("%s: %s; %s", process->name, process->cause, next);
}

/* The result of a program is kept until the one who spawned it asks. */
static void end_spawned(struct process *process)
{
    if (process->state == PROC_CRASHED)
        say(process, process->cause, strlen(process->cause));
    if (process->watcher != 0) {
        notification_signal(process->watcher);
        slot_free(process->watcher);
        process->watcher = 0;
    }
}

void process_end(struct process *process, enum proc_state state, uint64_t status, const char *cause)
{
    bool is_dev = process->described == description.dev;

    if (!process_is_alive(process))
        return;
    process->state = state;
    process->status = status;
    format_buffer(process->cause, sizeof(process->cause), "%s", cause);
    if (is_dev)
        end_drivers();
    gone_add(process);
    process_destroy(process);
    if (is_dev)
        revoke_hardware();
    end_children(process);
    if (process->described == NOT_DESCRIBED)
        end_spawned(process);
    else
        end_described(process);
}

void take_crashes(void)
{
    const struct proto_empty none;
    struct mm_crash_reply r;
    char text[CAUSE_BYTES];

    while (!mm_crash(mm_session, &none, &r)) {
        struct process *process = process_of_space(r.space);
        if (process != NULL) {
            crash_text(text, sizeof(text), r.fault, r.word, r.error);
            process_end(process, PROC_CRASHED, 0, text);
        }
    }
}
