/* SPDX-License-Identifier: MIT */
/* Start of init: reads the description, starts mm, then everything else, and serves the protocol of
 * processes. */
#include "init.h"

#include <stdlib.h>

struct description description;
cap_t mm_session;
cap_t own_notification;
cap_t timer, timer_signal;

static void report(void *context, const char *line)
{
    (void)context;
    log_line("%s", line);
}

static void read_description(void)
{
    struct description_source source = {.has_program = archive_has, .report = report};
    const char *cause;

    if (!archive_file(DESCRIPTION_FILE, &source.blob, &source.size, &cause))
        give_up(DESCRIPTION_FILE ": %s", cause);
    if (!description_read(&description, &source)) {
        power_off(); /* it has said why */
    }
}

static cap_t mint_signal(uint64_t badge)
{
    cap_t slot = slot_alloc();
    enum error error = cnode_mint(BOOT_CNODE, slot, 0, own_notification, RIGHT_SIGNAL, badge);

    if (error)
        give_up("init: cannot make a signal: %s", error_text(error));
    return slot;
}

/* init's own kernel objects, and its own priority: below mm's, so that mm always gets to answer. */
static void make_own_objects(void)
{
    const struct description_grant *own = &description.process[description.init].own;
    const uint64_t priority[2] = {own->priority, 255};
    uint64_t notification;

    own_notification = pool_object(OBJ_NOTIFICATION, NOTIFICATION_BITS);
    timer = pool_object(OBJ_TIMER, TIMER_BITS);
    timer_signal = mint_signal(SIGNAL_TIMER);
    notification = own_notification;
    enum error error = kernel_call(BOOT_THREAD, OP_THREAD_BIND_NOTIFICATION, &notification, 1, NULL, 0);
    if (!error)
        error = kernel_call(BOOT_THREAD, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0);
    if (!error)
        error = context_set_deadline(BOOT_SCHED_CONTEXT, own->deadline);
    if (error)
        give_up("init: cannot set its own thread up: %s", error_text(error));
}

int main(void)
{
    const char *name, *cause;
    struct program mm;

    if (rt_boot == NULL) {
        return EXIT_FAILURE; /* not started by the kernel */
    }
    read_description();
    name = description.process[description.mm].program;
    if (!archive_program(name, &mm, &cause))
        give_up("mm: program %s: %s", name, cause);
    pool_init(rt_boot);
    pool_reserve(mm_reserve_bits(&mm.elf));
    make_own_objects();
    services_init();
    services[description.init].process->cnode_slots = rt_boot->cnode_slots;
    services[description.init].process->state = PROC_RUNNING;
    start_mm(rt_boot, &mm, guard_start());
    services_start();
    serve_processes();
}
