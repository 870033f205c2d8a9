/* SPDX-License-Identifier: MIT */
/* Switching the machine off, and restarting it. Whoever asked to be told finishes first what it has begun. */
#include "init.h"

#define WAIT_MS 10000

static bool under_way, reboot;
static uint64_t due; /* ticks, when nobody is waited for any longer */
static cap_t caller; /* who asked for it */

/* A process that was told and has not finished. */
static const struct process *unfinished(void)
{
    struct process *process;

    for (uint64_t number = 0; (process = process_next(number)) != NULL; number = process->number + 1) {
        if (process_is_alive(process) && process->power_signal != 0 && !process->power_ready)
            return process;
    }
    return NULL;
}

/* Returns only where the firmware cannot. */
static enum error reset(void)
{
    const uint64_t normal = 0;
    enum error error =
        kernel_call(BOOT_RESET, reboot ? OP_RESET_REBOOT : OP_RESET_POWEROFF, &normal, 1, NULL, 0);

    log_line("init: the firmware cannot %s this machine", reboot ? "restart" : "switch off");
    return error;
}

enum error power_begin(struct call *call, bool to_reboot)
{
    struct process *process;

    if (under_way)
        return ERR_BUSY;
    reboot = to_reboot;
    for (uint64_t number = 0; (process = process_next(number)) != NULL; number = process->number + 1) {
        process->power_ready = false;
        if (process_is_alive(process) && process->power_signal != 0)
            notification_signal(process->power_signal);
    }
    if (unfinished() == NULL || (caller = serve_defer(call)) == 0)
        return reset();
    under_way = true;
    due = rt_ticks() + rt_ticks_of_us(WAIT_MS * 1000);
    services_run(); /* sets the timer */
    return ERR_OK;
}

uint64_t power_due(void)
{
    return under_way ? due : UINT64_MAX;
}

void power_run(void)
{
    const struct process *late = under_way ? unfinished() : NULL;

    if (!under_way || (late != NULL && rt_ticks() < due))
        return;
    if (late != NULL)
        log_line("init: %s has not finished in %u s; what it had not written is lost", late->name,
                 WAIT_MS / 1000);
    under_way = false;
    serve_answer(caller, reset(), NULL, 0);
}
