/* SPDX-License-Identifier: MIT */
/* The debug and reset capabilities: the kernel's log and statistics, and ending the machine. */
#include "debug.h"

#include "invoke.h"
#include "log.h"

struct boot_facts boot_facts;

/* The upper half of the first word is how many of the bytes are in the log already: the call is made again
 * when lines or their echo are left after a while. */
OPERATION(DEBUG_LOG)
{
    uint64_t limit = request_length(by) ? (request_length(by) - 1) * sizeof(uint64_t) : 0;
    uint64_t words[MSG_MAX_WORDS];
    uint32_t count = arg(by, 1), done = arg(by, 1) >> 32;

    if (request_length(by) == 0 || count > limit || done > count)
        return fail(by, ERR_BAD_ARG, 1, limit);
    for (unsigned i = 1; i < request_length(by); i++)
        words[i - 1] = message_word(by, i);
    while (done < count || log_echo()) {
        if (done < count)
            done += log_bytes((const char *)words + done, count - done);
        if (pause_is_due()) {
            message_set_word(by, 0, (uint64_t)done << 32 | count);
            return OUTCOME_RESTART;
        }
    }
    return 0;
}

OPERATION(DEBUG_READ_LOG)
{
    unsigned room = thread_msg_page(by) ? MSG_MAX_WORDS - 2 : MSG_REGS - 2;
    uint64_t words[MSG_MAX_WORDS] = {0};

    words[1] = log_read(arg(by, 1), (char *)&words[2], room * sizeof(uint64_t), &words[0]);
    return answer_words(by, words, 2 + (words[1] + sizeof(uint64_t) - 1) / sizeof(uint64_t));
}

OPERATION(DEBUG_SET_ECHO)
{
    if (arg(by, 1) > 1)
        return fail(by, ERR_BAD_ARG, 1, 1);
    log_set_echo(arg(by, 1));
    return 0;
}

/* The words of struct kernel_info. */
OPERATION(DEBUG_INFO)
{
    uint64_t interrupts = 0, timer_interrupts = 0, switches = 0;

    for (uint32_t i = 0; i < hart_count; i++) {
        interrupts += harts[i].interrupts;
        timer_interrupts += harts[i].timer_interrupts;
        switches += harts[i].switches;
    }
    return ANSWER(by, hart_count, boot_facts.boot_time, arch_timebase, interrupts, timer_interrupts, switches,
                  boot_facts.kernel_bytes, log_end());
}

OPERATION(RESET_POWEROFF)
{
    if (arg(by, 1))
        arch_fail();
    arch_poweroff();
    return fail(by, ERR_UNSUPPORTED, 0, 0);
}

OPERATION(RESET_REBOOT)
{
    arch_reboot();
    return fail(by, ERR_UNSUPPORTED, 0, 0);
}
