/* SPDX-License-Identifier: MIT */
/*
 * A second thread of init. It gets the fault messages of mm and of init itself, the two that nobody can
 * restart: it says what happened and ends the machine, instead of a system that hangs without a word. It has
 * no thread-local data and no message page, so it keeps to registers and log_line.
 */
#include "init.h"

#define GUARD_STACK_BYTES 4096
#define GUARD_PRIORITY    255
#define GUARD_BUDGET_US   10000

extern char global_pointer[] __asm__("__global_pointer$"); /* from lib/rt/user.ld */

static cap_t guard_endpoint;

static char stack[GUARD_STACK_BYTES] __attribute__((aligned(16)));
static cap_t init_fault; /* capability to the endpoint, with the badge that stands for init */

static uint64_t badge_of(uint64_t number)
{
    return number + 1;
}

/* Gives init's own thread a fault endpoint, which it cannot do itself: a thread is set up while it is
 * stopped. */
static void watch_init(void)
{
    struct msg m = {.tag = tag_make(OP_THREAD_SUSPEND, 0, 0)};

    sys_msg(SYS_CALL, BOOT_THREAD, &m);
    m = (struct msg){.tag = tag_make(OP_THREAD_CONFIGURE, 4, 0),
                     .word = {BOOT_CNODE, BOOT_ADDRESS_SPACE, BOOT_MSG_FRAME, init_fault}};
    enum error error = sys_msg(SYS_CALL, BOOT_THREAD, &m);
    if (error)
        log_line("init: nobody watches init: %s", error_text(error));
    m = (struct msg){.tag = tag_make(OP_THREAD_RESUME, 0, 0)};
    sys_msg(SYS_CALL, BOOT_THREAD, &m);
}

static void __attribute__((noreturn)) guard(void)
{
    struct msg m = {0};
    char text[CAUSE_BYTES];

    watch_init();
    for (;;) {
        sys_msg(SYS_RECV, guard_endpoint, &m);
        if (m.tag & TAG_FAULT) {
            crash_text(text, sizeof(text), tag_label(m.tag), m.word, ERR_BAD_ADDRESS);
            give_up("%s: %s", m.badge == badge_of(NUMBER_INIT) ? "init" : "mm", text);
        }
    }
}

static cap_t fault_cap(uint64_t number)
{
    cap_t slot = slot_alloc();
    enum error error =
        cnode_mint(BOOT_CNODE, slot, 0, guard_endpoint, RIGHT_SEND | RIGHT_GRANT, badge_of(number));

    if (error)
        give_up("init: cannot make a fault endpoint: %s", error_text(error));
    return slot;
}

/* THREAD_START leaves all other registers zero, but code compiled for this program needs gp as well. */
static enum error start_guard(cap_t thread)
{
    uint64_t reg[32] = {(uint64_t)guard, 0, (uint64_t)(stack + sizeof(stack)), (uint64_t)global_pointer};
    enum error error = kernel_call(thread, OP_THREAD_WRITE_REGISTERS, reg, 32, NULL, 0);

    return error ? error : kernel_call(thread, OP_THREAD_RESUME, NULL, 0, NULL, 0);
}

cap_t guard_start(void)
{
    const char *step = "";
    guard_endpoint = pool_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    init_fault = fault_cap(NUMBER_INIT);
    const struct thread_plan plan = {
        .name = "init.guard",
        .budget_us = GUARD_BUDGET_US,
        .period_us = GUARD_BUDGET_US,
        .priority = GUARD_PRIORITY,
        .thread = pool_object(OBJ_THREAD, THREAD_BITS),
        .context = pool_object(OBJ_SCHED_CONTEXT, SCHED_CONTEXT_BITS),
        .cnode = BOOT_CNODE,
        .address_space = BOOT_ADDRESS_SPACE,
    };
    enum error error = thread_prepare(&plan, &step);
    if (!error) {
        step = "start its thread";
        error = start_guard(plan.thread);
    }
    if (error)
        give_up("init: guard: cannot %s: %s", step, error_text(error));
    return fault_cap(NUMBER_MM);
}
