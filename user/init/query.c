/* SPDX-License-Identifier: MIT */
/* What init knows of processes and of their capabilities, for ps and caps. */
#include "init.h"

#include <base/format.h>

#include <string.h>

static cap_t thread_of(const struct process *process)
{
    return process->number == NUMBER_INIT ? BOOT_THREAD : process->thread;
}

static void tell_thread(const struct process *process, struct proc_list_reply *r)
{
    struct thread_info info = {0};

    if (process_is_alive(process))
        kernel_call(thread_of(process), OP_THREAD_INFO, NULL, 0, (uint64_t *)&info, sizeof(info) / 8);
    r->thread_state = info.state;
    r->running = info.flags & 1;
    r->priority = info.priority;
    r->hart = info.hart;
    r->cpu_time = info.cpu_time;
}

static void tell_deadline(const struct process *process, struct proc_list_reply *r)
{
    cap_t context = process->number == NUMBER_INIT ? BOOT_SCHED_CONTEXT : process->context;
    uint64_t result[5];

    if (!process_is_alive(process) ||
        kernel_call(context, OP_SCHED_CONTEXT_DEADLINE_INFO, NULL, 0, result, 5)) {
        return;
    }
    r->deadline = result[0];
    r->handled = result[1];
    r->missed = result[2];
    r->total_latency = result[3];
    r->worst_latency = result[4];
}

/* Quota 0: no limit. What mm is made of came from init. */
static void tell_memory(const struct process *process, struct proc_list_reply *r)
{
    const struct mm_space_request q = {.space = process->space};
    struct mm_space_stats_reply stats = {0};

    if (process->number == NUMBER_MM) {
        r->memory = pool_used() + (process->cnode_slots << SLOT_BITS);
    } else if (process_is_alive(process) && !mm_space_stats(mm_session, &q, &stats)) {
        r->memory = stats.used;
        r->quota = process->number == NUMBER_INIT ? 0 : stats.quota;
    }
}

enum error query_process(uint64_t from, struct proc_list_reply *r)
{
    const struct process *process = process_next(from);

    if (process == NULL)
        return ERR_NOT_FOUND;
    r->process = process->number;
    memcpy(r->name, process->name, sizeof(r->name));
    r->state = process->state;
    r->parent = process->parent;
    r->restarts = process->described == NOT_DESCRIBED ? 0 : services[process->described].restarts;
    tell_thread(process, r);
    tell_deadline(process, r);
    tell_memory(process, r);
    return ERR_OK;
}

/* A capability of a process, which is in its CNode. */
struct held {
    cap_t cnode;
    uint64_t slot;
};

/* Whether it is to the same object as one of init's own. */
static bool is_to(const struct held *held, cap_t own)
{
    struct cap_info info;

    return own != 0 && !cnode_compare(held->cnode, held->slot, own, &info) && info.same;
}

/* Whether its object is one that makes up `process`. */
static bool is_part_of(const struct process *process, const struct held *held)
{
    const cap_t boot[] = {BOOT_CNODE, BOOT_ADDRESS_SPACE, BOOT_THREAD, BOOT_SCHED_CONTEXT};
    const cap_t made[] = {process->cnode, process->address_space, process->thread, process->context};

    for (unsigned i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        if (is_to(held, process->number == NUMBER_INIT ? boot[i] : made[i]))
            return true;
    }
    return false;
}

static const char *owner_name(const struct held *held)
{
    struct process *process;

    for (uint64_t number = 0; (process = process_next(number)) != NULL; number = process->number + 1) {
        if (process_is_alive(process) && is_part_of(process, held))
            return process->name;
    }
    return "";
}

static const char *server_name(const struct held *held)
{
    for (unsigned i = 0; i < description.count; i++) {
        if (is_to(held, services[i].endpoint))
            return description.process[i].name;
    }
    for (unsigned i = 0; i < rt_boot->hart_count; i++) {
        if (is_to(held, receivers[i].endpoint))
            return description.process[description.mm].name;
    }
    return "";
}

/* What a capability is for, where init knows. */
static const char *target_name(const struct held *held, uint64_t type)
{
    switch (type) {
    case OBJ_ENDPOINT: return server_name(held);
    case OBJ_CNODE:
    case OBJ_ADDRESS_SPACE:
    case OBJ_THREAD:
    case OBJ_SCHED_CONTEXT: return owner_name(held);
    case OBJ_DEBUG: return "log";
    case OBJ_IRQ_CONTROL: return "interrupts";
    case OBJ_SCHED_CONTROL: return "scheduling";
    case OBJ_RESET: return "power";
    default: return "";
    }
}

enum error query_cap(const struct process *process, uint64_t from, struct proc_caps_reply *r)
{
    cap_t cnode = process->number == NUMBER_INIT ? BOOT_CNODE : process->cnode;
    struct cap_info info = {0};

    for (uint64_t slot = from == 0 ? 1 : from; slot < process->cnode_slots; slot++) {
        if (cnode_inspect(cnode, slot, &info) || info.type == OBJ_NULL)
            continue;
        *r = (struct proc_caps_reply){
            .slot = slot,
            .type = info.type,
            .rights = info.rights,
            .badge = info.badge,
            .size_bits = info.size_bits,
            .object = cnode_object_id(cnode, slot),
        };
        format_buffer(r->target, sizeof(r->target), "%s",
                      target_name(&(struct held){cnode, slot}, info.type));
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}
