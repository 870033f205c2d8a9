/* SPDX-License-Identifier: MIT */
/* Commands about processes: ps, caps, kill. */
#include "commands.h"
#include "shell.h"

#include <abi/object.h>
#include <proto/proc.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>

/* The first process whose number is not below `number`. */
static enum error next_process(uint64_t number, struct proc_list_reply *process)
{
    struct proc_request request = {.process = number};
    enum error error = proc_list(rt_cap("init"), &request, process);

    process->name[sizeof(process->name) - 1] = 0;
    return error;
}

bool read_number(const char *text, uint64_t *number)
{
    size_t length = strlen(text);

    *number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    }
    return length > 0 && length < 19;
}

/* By number any process that init still knows, by name one that has not ended. */
static bool matches(const struct proc_list_reply *process, const char *argument, bool numeric,
                    uint64_t number)
{
    bool lives = process->state == PROC_STARTING || process->state == PROC_RUNNING;

    return numeric ? process->process == number : lives && strcmp(process->name, argument) == 0;
}

bool find_process(const char *command, const char *argument, uint64_t *process)
{
    struct proc_list_reply reply;
    uint64_t number;
    unsigned found = 0;
    bool numeric = read_number(argument, &number);
    enum error error;

    for (uint64_t next = 0; !(error = next_process(next, &reply)); next = reply.process + 1) {
        if (matches(&reply, argument, numeric, number)) {
            *process = reply.process;
            found++;
        }
    }
    if (error != ERR_NOT_FOUND)
        complain_error(command, argument, error);
    else if (found == 0)
        complain(command, argument, "no such process");
    else if (found > 1)
        complain(command, argument, "several processes have this name; give a number");
    return error == ERR_NOT_FOUND && found == 1;
}

void offer_processes(struct completion *completion)
{
    struct proc_list_reply reply;

    for (uint64_t next = 0; !next_process(next, &reply); next = reply.process + 1) {
        if (reply.state == PROC_STARTING || reply.state == PROC_RUNNING)
            completion_add(completion, reply.name, strlen(reply.name), false);
    }
}

void format_process(char text[32], uint64_t process)
{
    struct proc_list_reply reply;

    if (!next_process(process, &reply) && reply.process == process)
        snprintf(text, 32, "%s", reply.name);
    else
        snprintf(text, 32, "process %llu", (unsigned long long)process);
}

void format_ticks(char text[32], uint64_t ticks)
{
    uint64_t second = rt_start->timebase > 0 ? rt_start->timebase : 1;

    snprintf(text, 32, "%llu.%03llu", (unsigned long long)(ticks / second),
             (unsigned long long)(ticks % second * 1000 / second));
}

static const char *state_name(const struct proc_list_reply *process)
{
    static const char *const states[] = {
        [PROC_STARTING] = "starting", [PROC_RUNNING] = "running", [PROC_EXITED] = "exited",
        [PROC_CRASHED] = "crashed",   [PROC_KILLED] = "killed",   [PROC_FAILED] = "failed",
    };
    static const char *const thread_states[THREAD_STATE_COUNT] = {
        [THREAD_INACTIVE] = "stopped",  [THREAD_READY] = "ready",          [THREAD_BLOCKED_SEND] = "sending",
        [THREAD_BLOCKED_RECV] = "idle", [THREAD_BLOCKED_WAIT] = "waiting", [THREAD_BLOCKED_REPLY] = "calling",
        [THREAD_FAULTED] = "faulted",
    };

    if (process->state == PROC_RUNNING && !process->running)
        return process->thread_state < THREAD_STATE_COUNT ? thread_states[process->thread_state] : "?";
    return process->state < sizeof(states) / sizeof(states[0]) ? states[process->state] : "?";
}

static void print_process(const struct proc_list_reply *process)
{
    char hart[24] = "-", time[32];

    if (process->hart != UINT64_MAX)
        snprintf(hart, sizeof(hart), "%llu", (unsigned long long)process->hart);
    format_ticks(time, process->cpu_time);
    printf("%5llu %-15s %-8s %8llu %4s %10s %8lluK %8llu\n", (unsigned long long)process->process,
           shown(process->name).text, state_name(process), (unsigned long long)process->priority, hart, time,
           (unsigned long long)(process->memory >> 10), (unsigned long long)process->restarts);
}

int command_ps(int argc, char **argv)
{
    struct proc_list_reply process;
    enum error error;

    (void)argc;
    (void)argv;
    printf("%5s %-15s %-8s %8s %4s %10s %9s %8s\n", "ID", "NAME", "STATE", "PRIORITY", "HART", "CPU TIME",
           "MEMORY", "RESTARTS");
    for (uint64_t next = 0; !(error = next_process(next, &process)); next = process.process + 1)
        print_process(&process);
    return error == ERR_NOT_FOUND ? 0 : complain_error("ps", "processes", error);
}

/* Names of the bits of a capability's rights, from bit 0 on; they differ from type to type. */
static const char *const *right_names(uint64_t type)
{
    static const char *const endpoint[] = {"send", "recv", "grant", NULL};
    static const char *const notification[] = {"signal", "wait", NULL};
    static const char *const frame[] = {"read", "write", "exec", "dma", NULL};
    static const char *const debug[] = {"log", "read", "echo", NULL};
    static const char *const other[] = {"control", "inspect", NULL};

    switch (type) {
    case OBJ_ENDPOINT:
    case OBJ_REPLY: return endpoint;
    case OBJ_NOTIFICATION: return notification;
    case OBJ_FRAME: return frame;
    case OBJ_DEBUG: return debug;
    default: return other;
    }
}

/* Bits that mean nothing for the type are left out. */
static void format_rights(char *text, size_t size, uint64_t type, uint64_t rights)
{
    size_t used = 0;

    snprintf(text, size, "-");
    for (const char *const *name = right_names(type); *name != NULL; name++, rights >>= 1) {
        if ((rights & 1) != 0 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? "," : "", *name);
    }
}

static void print_capability(struct proc_caps_reply *cap)
{
    char rights[40], badge[24] = "-";

    format_rights(rights, sizeof(rights), cap->type, cap->rights);
    if (cap->badge != 0)
        snprintf(badge, sizeof(badge), "%llx", (unsigned long long)cap->badge);
    cap->target[sizeof(cap->target) - 1] = 0;
    printf("%5llu %-13s %-15s %16s %016llx  %s\n", (unsigned long long)cap->slot, object_type_name(cap->type),
           rights, badge, (unsigned long long)cap->object, shown(cap->target).text);
}

int command_caps(int argc, char **argv)
{
    struct proc_caps_request request = {.process = rt_start->process};
    struct proc_caps_reply cap;
    enum error error = ERR_OK;
    const char *name = argc > 1 ? argv[1] : rt_name();

    if (argc > 1 && !find_process("caps", argv[1], &request.process))
        return STATUS_FAILED;
    printf("%5s %-13s %-15s %16s %16s  %s\n", "SLOT", "TYPE", "RIGHTS", "BADGE", "OBJECT", "FOR");
    while (!input_interrupted() && !(error = proc_caps(rt_cap("init"), &request, &cap))) {
        print_capability(&cap);
        request.slot = cap.slot + 1;
    }
    return !error || error == ERR_NOT_FOUND ? 0 : complain_error("caps", name, error);
}

int command_kill(int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc; i++) {
        struct proc_request request;
        struct proto_empty none;
        if (!find_process("kill", argv[i], &request.process)) {
            status = STATUS_FAILED;
            continue;
        }
        enum error error = proc_kill(rt_cap("init"), &request, &none);
        if (error == ERR_NOT_FOUND)
            status = complain("kill", argv[i], "no such process");
        else if (error)
            status = complain_error("kill", argv[i], error);
    }
    return status;
}
