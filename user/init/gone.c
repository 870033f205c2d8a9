/* SPDX-License-Identifier: MIT */
/*
 * Telling servers that a client has died, so that they free what they keep for it. init must not wait for a
 * server that is busy, so it tells those that listen and tries the others again later. (mm is told by
 * mm_space_destroy.)
 */
#include "init.h"

#define MAX_GONE 64

struct gone {
    uint64_t client;
    uint32_t targets; /* bit per process of the description; 0: entry is free */
};
_Static_assert(DESCRIPTION_MAX_PROCESSES <= 32, "a bit for each");

static struct gone list[MAX_GONE];

static bool is_told(unsigned target)
{
    return target != description.mm && target != description.init && services[target].manage != 0;
}

void gone_add(const struct process *process)
{
    uint32_t targets = 0;

    for (unsigned i = 0; i < process->grant->use_count; i++) {
        unsigned target = process->grant->use[i].target;
        if (is_told(target))
            targets |= 1u << target;
    }
    for (unsigned i = 0; i < MAX_GONE && targets != 0; i++) {
        if (list[i].targets == 0) {
            list[i] = (struct gone){process->number, targets};
            return;
        }
    }
    if (targets != 0) {
        log_line("init: servers of %s are not told that it has ended: they do not take in what came before",
                 process->name);
    }
}

void gone_forget(unsigned service)
{
    for (unsigned i = 0; i < MAX_GONE; i++)
        list[i].targets &= ~(1u << service);
}

bool gone_pending(unsigned service)
{
    bool pending = false;

    for (unsigned i = 0; i < MAX_GONE; i++)
        pending |= (list[i].targets & 1u << service) != 0;
    return pending;
}

static bool is_ready(unsigned target)
{
    const struct process *process = services[target].process;

    return process != NULL && process->state == PROC_RUNNING;
}

/* True when the server took the message, or never can. */
static bool tell(unsigned target, uint64_t client)
{
    struct msg m = {.tag = tag_make(OP_server_client_gone, 1, 0), .word = {client}};

    return !is_ready(target) || sys_msg(SYS_TRY_SEND, services[target].manage, &m) != ERR_WOULD_BLOCK;
}

bool gone_tell(void)
{
    bool left = false;

    for (unsigned i = 0; i < MAX_GONE; i++) {
        for (unsigned target = 0; target < description.count && list[i].targets != 0; target++) {
            if (list[i].targets & 1u << target && tell(target, list[i].client))
                list[i].targets &= ~(1u << target);
        }
        left |= list[i].targets != 0;
    }
    return left;
}
