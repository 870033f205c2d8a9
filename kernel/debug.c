/* SPDX-License-Identifier: MIT */
/* The debug and reset capabilities: the kernel's log and statistics, and ending the machine. */
#include "boot.h"
#include "invoke.h"
#include "log.h"

#include <string.h>

static enum error debug_log(struct invocation *inv)
{
    uint64_t count = inv->arg[0], words[MSG_MAX_WORDS];

    if (inv->length == 0 || count > (inv->length - 1) * sizeof(uint64_t))
        return fail(inv, ERR_BAD_ARG, 1, inv->length ? (inv->length - 1) * sizeof(uint64_t) : 0);
    for (unsigned i = 1; i < inv->length; i++)
        words[i - 1] = message_word(inv->thread, i);
    log_bytes((const char *)words, count);
    return ERR_OK;
}

static enum error debug_read_log(struct invocation *inv)
{
    uint64_t words[MSG_MAX_WORDS] = {0};
    unsigned room = thread_msg_page(inv->thread) ? MSG_MAX_WORDS - 2 : MSG_REGS - 2;

    words[1] = log_read(inv->arg[0], (char *)&words[2], room * sizeof(uint64_t), &words[0]);
    inv->result_count = 2 + (words[1] + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    memcpy(inv->result, words, sizeof(inv->result));
    for (unsigned i = MSG_REGS; i < inv->result_count; i++)
        message_set_word(inv->thread, i, words[i]);
    return ERR_OK;
}

static enum error debug_info(struct invocation *inv)
{
    struct kernel_info info = {
        .hart_count = hart_count,
        .boot_time = boot_state.boot_time,
        .timebase = arch_timebase,
        .kernel_bytes = boot_state.kernel_bytes,
        .log_end = log_end(),
    };

    for (uint32_t i = 0; i < hart_count; i++) {
        info.interrupts += harts[i].interrupts;
        info.timer_interrupts += harts[i].timer_interrupts;
        info.switches += harts[i].switches;
    }
    memcpy(inv->result, &info, sizeof(info));
    inv->result_count = MSG_REGS;
    return ERR_OK;
}

enum error debug_invoke(struct invocation *inv)
{
    switch (inv->op) {
    case OP_DEBUG_LOG:
        return debug_log(inv);
    case OP_DEBUG_READ_LOG:
        return debug_read_log(inv);
    case OP_DEBUG_SET_ECHO:
        if (inv->arg[0] > 1)
            return fail(inv, ERR_BAD_ARG, 1, 1);
        log_set_echo(inv->arg[0]);
        return ERR_OK;
    case OP_DEBUG_INFO:
        return debug_info(inv);
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}

enum error reset_invoke(struct invocation *inv)
{
    switch (inv->op) {
    case OP_RESET_POWEROFF:
        arch_poweroff(inv->arg[0]);
    case OP_RESET_REBOOT:
        arch_reboot();
    default:
        return fail(inv, ERR_BAD_OP, 0, inv->op);
    }
}
