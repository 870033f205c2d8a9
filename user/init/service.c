/* SPDX-License-Identifier: MIT */
/* The processes of the description: started in order, and started again when they end. */
#include "init.h"

#include <base/format.h>
#include <proto/dev.h>

#include <string.h>

#define RETRY_MS 10    /* until a server listens, or dev is there */
#define PEACE_MS 10000 /* up for so long, a process is as good as new */
#define NEVER    (~0ull)

struct service services[DESCRIPTION_MAX_PROCESSES];

static uint64_t ticks_of_ms(uint64_t ms)
{
    return rt_ticks_of_us(ms * 1000);
}

static void make_endpoint(unsigned index)
{
    struct service *service = &services[index];

    service->endpoint = pool_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    if (index == description.init || index == description.mm)
        return;
    service->manage = slot_alloc();
    enum error error = cnode_mint(BOOT_CNODE, service->manage, 0, service->endpoint, RIGHT_SEND | RIGHT_GRANT,
                                  proto_badge(NUMBER_INIT, PROTO_MANAGE));
    if (error) {
        give_up("init: cannot open a session with %s: %s", description.process[index].name,
                error_text(error));
    }
}

void services_init(void)
{
    const unsigned core[] = {description.init, description.mm};

    for (unsigned i = 0; i < sizeof(core) / sizeof(core[0]); i++) {
        const struct description_process *described = &description.process[core[i]];
        services[core[i]].process = process_new(described->name, core[i], NUMBER_INIT, &described->own);
    }
    for (unsigned i = 0; i < description.count; i++) {
        bool is_core = i == description.init || i == description.mm;
        if (is_core || (description.process[i].serves[0] != 0 && !description.process[i].bad))
            make_endpoint(i);
    }
}

bool service_is_up(unsigned service)
{
    const struct process *process = service < description.count ? services[service].process : NULL;

    return process != NULL && process->state == PROC_RUNNING;
}

static void plan(struct service *service, uint64_t delay_ms)
{
    service->waiting = true;
    service->due = rt_ticks() + ticks_of_ms(delay_ms);
}

/* What comes after an end or a failed start; counts the failure. */
static void plan_restart(struct service *service, char *text, size_t size)
{
    uint64_t delay = restart_delay_ms(service->failures++);

    plan(service, delay);
    service->restarts++;
    if (delay == 0)
        format_buffer(text, size, "restarting");
    else
        format_buffer(text, size, "restarting in %lu ms", delay);
}

/* Its clients are told at once that it is gone, and never wait for it again. */
static void close_endpoint(struct service *service)
{
    slot_free(service->manage);
    if (service->endpoint != 0) {
        cnode_revoke(BOOT_CNODE, service->endpoint);
        slot_free(service->endpoint);
    }
    service->manage = service->endpoint = 0;
}

void service_ended(const struct process *process, char *text, size_t size)
{
    struct service *service = &services[process->described];

    gone_forget(process->described);
    if (!description.process[process->described].restart) {
        close_endpoint(service);
        format_buffer(text, size, "not restarted");
        return;
    }
    if (process->started != 0 && rt_ticks() - process->started >= ticks_of_ms(PEACE_MS))
        service->failures = 0;
    plan_restart(service, text, size);
}

/* A start that did not work: says so and plans the next. */
static void start_failed(struct process *process)
{
    char next[48];

    process->state = PROC_FAILED;
    service_ended(process, next, sizeof(next));
    log_line("%s: %s; %s", process->name, process->cause, next);
}

/* It never will be: nothing of what is wrong with it can change. */
static void not_started(struct process *process)
{
    process->state = PROC_FAILED;
    close_endpoint(&services[process->described]);
}

/* Has dev hand the driver its devices. False, after a line that says why, when it cannot start now. */
static bool register_driver(struct process *process)
{
    const struct description_process *described = &description.process[process->described];
    struct dev_register_request q = {.client = process->number,
                                     .virtio_id = described->virtio_id,
                                     .instance = described->instance == INSTANCE_ALL ? DEV_ALL_DEVICES
                                                                                     : described->instance,
                                     .irq_deadline_us = described->irq_deadline};
    struct dev_register_reply r = {0};

    memcpy(q.driver, process->name, sizeof(q.driver));
    _Static_assert(sizeof(q.compatible) == sizeof(described->compatible), "the list goes as it is");
    memcpy(q.compatible, described->compatible, sizeof(q.compatible));
    enum error error = dev_register(services[description.dev].manage, &q, &r);
    if (error == ERR_EXISTS) {
        not_started(process);
        log_line("%s: device %.32s is driven by %.16s already; not started", process->name, r.device,
                 r.other);
    } else if (error) {
        format_buffer(process->cause, sizeof(process->cause), "dev does not take it as a driver: %s",
                      error_text(error));
        start_failed(process);
    }
    return !error;
}

/* A described process's arguments: its name, and the kernel's command line if that is granted. Returns how
 * many. */
static unsigned make_arguments(const struct process *process, char *args, size_t *length)
{
    unsigned count = start_args_add(args, length, process->name);

    if (process->grant->kernel & GRANT_COMMAND_LINE)
        count += start_args_add(args, length, rt_boot->command_line);
    return count;
}

static void create(struct process *process)
{
    char args[sizeof(process->name) + sizeof(rt_boot->command_line)];
    size_t length = 0;
    unsigned count = make_arguments(process, args, &length);
    const char *program_name = description.process[process->described].program;
    struct program program;
    const char *cause;

    if (!archive_program(program_name, &program, &cause)) {
        not_started(process);
        log_line("%s: program %s: %s; not started", process->name, program_name, cause);
    } else if (process_create(process, &program, args, length, count)) {
        gone_add(process);
        start_failed(process);
    }
}

static void start(unsigned index)
{
    const struct description_process *described = &description.process[index];
    struct service *service = &services[index];
    bool is_driver = described->compatible[0] != 0;

    /* A driver's devices are free only when dev has heard of the end of the one before. */
    if (is_driver && (!service_is_up(description.dev) || gone_pending(description.dev))) {
        plan(service, RETRY_MS);
        return;
    }
    struct process *process = process_new(described->name, index, NUMBER_INIT, &described->own);
    if (process == NULL) {
        plan(service, PEACE_MS);
        log_line("%s: too many processes; trying again later", described->name);
        return;
    }
    if (service->process != NULL)
        process_forget(service->process);
    service->process = process;
    service->waiting = false;
    if (!is_driver || register_driver(process))
        create(process);
}

void services_start(void)
{
    for (unsigned i = 0; i < description.order_count; i++)
        start(description.order[i]);
    services_run();
}

/* When the next start is due, or NEVER. */
static uint64_t next_due(void)
{
    uint64_t due = NEVER;

    for (unsigned i = 0; i < description.count; i++) {
        if (services[i].waiting && services[i].due < due)
            due = services[i].due;
    }
    return due;
}

void services_run(void)
{
    bool left = gone_tell();

    for (unsigned i = 0; i < description.order_count; i++) {
        unsigned index = description.order[i];
        if (services[index].waiting && services[index].due <= rt_ticks())
            start(index);
    }
    power_run();
    uint64_t due = next_due(), retry = rt_ticks() + ticks_of_ms(RETRY_MS);
    if (left && retry < due)
        due = retry;
    if (power_due() < due)
        due = power_due();
    if (due != NEVER)
        timer_set(timer, timer_signal, due, 0);
}
