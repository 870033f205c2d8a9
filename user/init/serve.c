/* SPDX-License-Identifier: MIT */
/*
 * The protocol of processes. Its handlers may call mm and dev, and nobody else: while init waits for an
 * answer it serves nobody.
 */
#include "init.h"

#include <base/format.h>

PROTO_SERVER(proc, PROC_OPS)

/* A program that the caller itself spawned. */
static struct process *own_child(const struct call *call, uint64_t number)
{
    struct process *process = process_find(number);

    return process != NULL && process->described == NOT_DESCRIBED && process->parent == call->client ? process
                                                                                                     : NULL;
}

/* A caller that has just been ended must not be answered. */
static void end_caller_or_other(struct call *call, struct process *process, enum proc_state state,
                                uint64_t status, const char *cause)
{
    call->deferred = process->number == call->client;
    process_end(process, state, status, cause);
}

static enum error serve_proc_exit(struct call *call, const struct proc_exit_request *q, struct proto_empty *r)
{
    struct process *process = process_find(call->client);
    char text[CAUSE_BYTES];

    (void)r;
    if (process == NULL || process->number == NUMBER_INIT || process->number == NUMBER_MM)
        return ERR_DENIED;
    format_buffer(text, sizeof(text), "exited with status %lu", q->status);
    end_caller_or_other(call, process, PROC_EXITED, q->status, text);
    services_run();
    return ERR_OK;
}

static enum error serve_proc_spawn(struct call *call, const struct proc_spawn_request *q,
                                   struct proc_spawn_reply *r)
{
    const struct process *parent = process_find(call->client);

    if (parent == NULL)
        return ERR_DENIED;
    return spawn(parent, call->cap[0], q, r);
}

static enum error serve_proc_watch(struct call *call, const struct proc_request *q, struct proto_empty *r)
{
    struct process *process = own_child(call, q->process);

    (void)r;
    if (process == NULL)
        return ERR_NOT_FOUND;
    if (!process_is_alive(process)) {
        notification_signal(call->cap[0]);
        return ERR_OK;
    }
    slot_free(process->watcher);
    process->watcher = call_keep(call, 0);
    return ERR_OK;
}

static enum error serve_proc_status(struct call *call, const struct proc_request *q,
                                    struct proc_status_reply *r)
{
    struct process *process = own_child(call, q->process);

    if (process == NULL)
        return ERR_NOT_FOUND;
    if (process_is_alive(process))
        return ERR_BUSY;
    r->state = process->state;
    r->status = process->status;
    format_buffer(r->cause, sizeof(r->cause), "%s", process->cause);
    process_forget(process);
    return ERR_OK;
}

static enum error serve_proc_kill(struct call *call, const struct proc_request *q, struct proto_empty *r)
{
    bool any = call->rights & PROC_KILL;
    struct process *process = any ? process_find(q->process) : own_child(call, q->process);

    (void)r;
    if (process == NULL || !process_is_alive(process))
        return ERR_NOT_FOUND;
    if (process->number == NUMBER_INIT || process->number == NUMBER_MM)
        return ERR_DENIED;
    end_caller_or_other(call, process, PROC_KILLED, 0, "killed");
    services_run();
    return ERR_OK;
}

static enum error serve_proc_list(struct call *call, const struct proc_request *q, struct proc_list_reply *r)
{
    (void)call;
    return query_process(q->process, r);
}

static enum error serve_proc_caps(struct call *call, const struct proc_caps_request *q,
                                  struct proc_caps_reply *r)
{
    const struct process *process = process_find(q->process);

    (void)call;
    return process != NULL && process_is_alive(process) ? query_cap(process, q->slot, r) : ERR_NOT_FOUND;
}

static enum error serve_proc_power(struct call *call, const struct proc_power_request *q,
                                   struct proto_empty *r)
{
    const struct process *process = process_find(call->client);

    (void)r;
    if (q->action != PROC_POWEROFF && q->action != PROC_REBOOT)
        return ERR_BAD_ARG;
    bool reboot = q->action == PROC_REBOOT;
    log_line("init: %s, as %s asks", reboot ? "rebooting" : "powering off",
             process != NULL ? process->name : "somebody");
    return power_begin(call, reboot);
}

static enum error serve_proc_power_watch(struct call *call, const struct proto_empty *q,
                                         struct proto_empty *r)
{
    struct process *process = process_find(call->client);

    (void)q;
    (void)r;
    if (process == NULL)
        return ERR_DENIED;
    slot_free(process->power_signal);
    process->power_signal = call_keep(call, 0);
    return ERR_OK;
}

static enum error serve_proc_power_ready(struct call *call, const struct proto_empty *q,
                                         struct proto_empty *r)
{
    struct process *process = process_find(call->client);

    (void)q;
    (void)r;
    if (process == NULL)
        return ERR_DENIED;
    process->power_ready = true;
    services_run();
    return ERR_OK;
}

static enum error serve_proc_attention(struct call *call, const struct proc_request *q, struct proto_empty *r)
{
    const struct process *terminal = process_find(call->client);

    (void)r;
    if (terminal == NULL || terminal->described == NOT_DESCRIBED)
        return ERR_DENIED;
    attention(terminal->described, q->process);
    services_run();
    return ERR_OK;
}

static enum error serve_proc_say(struct call *call, const struct proc_say_request *q, struct proto_empty *r)
{
    const struct process *process = process_find(call->client);

    (void)r;
    if (process == NULL)
        return ERR_DENIED;
    if (q->length > sizeof(q->bytes))
        return ERR_BAD_ARG;
    say(process, q->bytes, q->length);
    return ERR_OK;
}

static enum error serve_proc_said(struct call *call, const struct proc_said_request *q,
                                  struct proc_said_reply *r)
{
    (void)call;
    return say_read(*q, r);
}

static enum error serve_proc_thread(struct call *call, const struct proc_thread_request *q,
                                    struct proc_thread_reply *r)
{
    struct process *process = process_find(call->client);

    if (process == NULL || process->session == 0)
        return ERR_DENIED;
    cap_t cap[2];
    enum error error = thread_add(process, q, r, cap);
    for (unsigned i = 0; i < 2 && !error; i++)
        call_give(call, cap[i]);
    return error;
}

/* A server is told of its own clients' limits, and no others. */
static enum error serve_proc_limits(struct call *call, const struct proc_limits_request *q,
                                    struct proc_limits_reply *r)
{
    const struct process *server = process_find(call->client), *client = process_find(q->process);

    if (server == NULL || server->described == NOT_DESCRIBED)
        return ERR_DENIED;
    if (client == NULL || q->n > DESCRIPTION_LIMITS)
        return ERR_NOT_FOUND;
    const char *text = description_limit(client->grant, server->name, (unsigned)q->n);
    if (text == NULL)
        return ERR_NOT_FOUND;
    format_buffer(r->text, sizeof(r->text), "%s", text);
    return ERR_OK;
}

static void signalled(uint64_t bits)
{
    if (bits & SIGNAL_CRASH)
        take_crashes();
    services_run();
}

void serve_processes(void)
{
    const struct server server = {
        .name = "init",
        .endpoint = services[description.init].endpoint,
        .protocol = {&proc_protocol},
        .signalled = signalled,
    };

    serve(&server);
}
