/* SPDX-License-Identifier: MIT */
/* Capabilities of a new process: what its description grants, each put into its CNode and named on its start
 * page. */
#include "init.h"

#include <base/format.h>

#include <string.h>

/* What is being filled. Fixed slots first, the others in a row from START_FIRST_NAMED on. */
struct granting {
    const struct process *process;
    struct start_info *start;
    uint32_t next;    /* slot */
    enum error error; /* the first that happened; nothing more is done after it */
};

static void name_slot(struct granting *granting, const char *protocol, const char *name, uint32_t slot)
{
    if (!granting->error && !start_info_cap(granting->start, protocol, name, slot))
        granting->error = ERR_TOO_MANY;
}

/* Copies a capability of init; with a badge unless that is 0. */
static void give(struct granting *granting, uint32_t slot, cap_t cap, uint64_t rights, uint64_t badge)
{
    cap_t cnode = granting->process->cnode;

    if (!granting->error) {
        granting->error = badge == 0 ? cnode_copy(cnode, slot, 0, cap, rights)
                                     : cnode_mint(cnode, slot, 0, cap, rights, badge);
    }
}

static void give_fixed(struct granting *granting, const char *name, uint32_t slot, cap_t cap, uint64_t rights)
{
    give(granting, slot, cap, rights, 0);
    name_slot(granting, "", name, slot);
}

static uint64_t log_rights(uint32_t kernel)
{
    return (kernel & GRANT_LOG ? RIGHT_LOG : 0) | (kernel & GRANT_LOG_READ ? RIGHT_LOGREAD : 0) |
           (kernel & GRANT_ECHO ? RIGHT_ECHO : 0);
}

static void give_kernel(struct granting *granting, uint32_t kernel)
{
    const struct process *process = granting->process;

    give_fixed(granting, "cnode", START_CNODE, process->cnode, RIGHT_CONTROL | RIGHT_INSPECT);
    if (kernel & GRANT_THREAD)
        give_fixed(granting, "thread", START_THREAD, process->thread, RIGHT_CONTROL | RIGHT_INSPECT);
    if (log_rights(kernel) != 0)
        give_fixed(granting, "log", START_LOG, BOOT_DEBUG, log_rights(kernel));
    if (kernel & GRANT_IRQ)
        give_fixed(granting, "irq", granting->next++, BOOT_IRQ_CONTROL, RIGHT_CONTROL);
}

/* A session with the protocol of `use`: mm made this process's itself, all others are known by their badge.
 * Of a server that has ended for good there is none. */
static void give_session(struct granting *granting, const struct description_use *use)
{
    const struct process *process = granting->process;
    const struct description_process *server = &description.process[use->target];
    uint32_t slot = START_MM;

    if (use->target == description.mm) {
        give(granting, slot, process->session, RIGHT_SEND | RIGHT_GRANT, 0);
    } else if (services[use->target].endpoint == 0) {
        return;
    } else {
        slot = use->target == description.init ? START_PROC : granting->next++;
        give(granting, slot, services[use->target].endpoint, RIGHT_SEND | RIGHT_GRANT,
             proto_badge(process->number, use->rights));
    }
    name_slot(granting, server->serves, server->name, slot);
}

enum error grant_caps(struct process *process, struct start_info *start)
{
    struct granting granting = {.process = process, .start = start, .next = START_FIRST_NAMED};

    give_kernel(&granting, process->grant->kernel);
    for (unsigned i = 0; i < process->grant->use_count; i++)
        give_session(&granting, &process->grant->use[i]);
    if (process->described != NOT_DESCRIBED && services[process->described].endpoint != 0) {
        give(&granting, START_ENDPOINT, services[process->described].endpoint, RIGHT_RECV | RIGHT_GRANT, 0);
        name_slot(&granting, "", "endpoint", START_ENDPOINT);
    }
    start->cnode_slots = process->cnode_slots;
    start->first_free_slot = granting.next;
    return granting.error;
}

/* The hardware's device tree as a segment of dev's, named "devicetree"; its length and offset are arguments.
 */
static enum error give_device_tree(struct process *process, struct start_info *start)
{
    const void *tree = (const void *)rt_boot->device_tree;
    uint64_t length = rt_boot->device_tree_size;
    uint32_t slot = (uint32_t)start->first_free_slot;
    char text[24];
    cap_t segment;

    enum error error = segment_for(process->space, length, &segment);
    if (error)
        return error;
    error = window_open(segment, WINDOW_NEW_IMAGE, length, MM_READ | MM_WRITE);
    if (!error) {
        memcpy((void *)WINDOW_NEW_IMAGE, tree, length);
        window_close(WINDOW_NEW_IMAGE, length);
        error = cnode_copy(process->cnode, slot, 0, segment, RIGHT_SEND | RIGHT_GRANT);
    }
    slot_free(segment);
    format_buffer(text, sizeof(text), "%lx", length);
    if (!error && !(start_info_cap(start, "", "devicetree", slot) && start_info_arg(start, text) &&
                             start_info_arg(start, "0"))) {
        error = ERR_TOO_MANY;
    }
    start->first_free_slot++;
    return error;
}

/* Registers stay init's own: dev gets untyped memory made out of them, which can be taken back when dev has
 * died. */
static enum error give_device_memory(struct process *process, struct start_info *start)
{
    char text[48];

    for (uint64_t i = 0; i < rt_boot->untyped_count; i++) {
        const struct boot_untyped *range = &rt_boot->untyped[i];
        if (!range->device)
            continue;
        format_buffer(text, sizeof(text), "%lx:%x:%lx", start->first_free_slot, range->size_bits,
                      range->address);
        if (!start_info_arg(start, text)) {
            log_line("init: device memory from 0x%lx on is not given to %s: too many pieces", range->address,
                     process->name);
            return ERR_OK;
        }
        enum error error = untyped_retype(range->slot, OBJ_UNTYPED, range->size_bits, process->cnode,
                                          start->first_free_slot, 1, 0);
        if (error)
            return error;
        start->first_free_slot++;
    }
    return ERR_OK;
}

enum error grant_hardware(struct process *process, struct start_info *start)
{
    enum error error = give_device_tree(process, start);

    return error ? error : give_device_memory(process, start);
}

void revoke_hardware(void)
{
    for (uint64_t i = 0; i < rt_boot->untyped_count; i++) {
        if (rt_boot->untyped[i].device)
            cnode_revoke(BOOT_CNODE, rt_boot->untyped[i].slot);
    }
}
