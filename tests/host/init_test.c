/* SPDX-License-Identifier: MIT */
/* The portable parts of init: back-off, the page that a process starts with, and what it says about
 * crashes. */
// sources: user/init/backoff.c user/init/startinfo.c user/init/text.c
#include "../../user/init/init.h"
#include "support.h"

#include <abi/fault.h>

Test(init, restarts_slow_down)
{
    static const uint64_t expected[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};

    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        cr_assert_eq(restart_delay_ms(i), expected[i], "after %u failures: %lu", i, restart_delay_ms(i));
    cr_assert_eq(restart_delay_ms(UINT32_MAX), 5000);
}

Test(init, start_page)
{
    struct start_info start;
    memset(&start, 0xee, sizeof(start));

    start_info_init(&start, 7, "fs", 10000000);
    cr_assert_eq(start.magic, START_MAGIC);
    cr_assert_eq(start.process, 7);
    cr_assert_str_eq(start.name, "fs");
    cr_assert_eq(start.timebase, 10000000);
    cr_assert_eq(start.stack_high - start.stack_low, 256 * 1024);
    cr_assert_eq(start.cap_count, 0);
    cr_assert_eq(start.arg_count, 0);
    cr_assert_eq(start.args_length, 0);
}

Test(init, start_page_capabilities)
{
    struct start_info start;

    start_info_init(&start, 1, "x", 1);
    cr_assert(start_info_cap(&start, "blk", "virtio-blk", 9));
    cr_assert_str_eq(start.cap[0].name, "virtio-blk");
    cr_assert_str_eq(start.cap[0].protocol, "blk");
    cr_assert_eq(start.cap[0].slot, 9);
    while (start.cap_count < START_MAX_CAPS) {
        cr_assert(start_info_cap(&start, "", "a name that is much longer than there is room for", 1));
        cr_assert_eq(strlen(start.cap[start.cap_count - 1].name), sizeof(start.cap[0].name) - 1);
    }
    cr_assert_not(start_info_cap(&start, "", "one too many", 1));
    cr_assert_eq(start.cap_count, START_MAX_CAPS);
}

Test(init, start_page_arguments)
{
    struct start_info start;
    unsigned count = 0;

    start_info_init(&start, 1, "x", 1);
    cr_assert(start_info_arg(&start, ""));
    cr_assert(start_info_arg(&start, "two"));
    cr_assert_eq(start.args_length, 5);
    cr_assert_eq(memcmp(start.args, "\0two\0", 5), 0);
    while (start_info_arg(&start, "1234567"))
        count++;
    cr_assert_eq(count, (sizeof(start.args) - 5) / 8);
    cr_assert_eq(start.arg_count, 2 + count);
    cr_assert_leq(start.args_length, sizeof(start.args));
    uint64_t length = start.args_length, room = sizeof(start.args) - length;
    cr_assert(room >= 1 && room < 8);
    cr_assert_not(start_info_arg(&start, "1234567"));
    cr_assert_eq(start.args_length, length, "a refused argument leaves nothing");
    /* Exactly what is left fits. */
    char last[8] = "1234567";
    last[room - 1] = 0;
    cr_assert(start_info_arg(&start, last));
    cr_assert_eq(start.args_length, sizeof(start.args));
    cr_assert_not(start_info_arg(&start, ""));
}

static const char *text_of(uint64_t fault, uint64_t access, uint64_t error)
{
    static char text[CAUSE_BYTES];
    const uint64_t word[6] = {0x10, 0x1234, access, 13};

    crash_text(text, sizeof(text), fault, word, error);
    return text;
}

Test(init, words_become_arguments)
{
    char args[64];
    size_t length = 0;

    memset(args, 'x', sizeof(args));
    cr_assert_eq(start_args_add(args, &length, "fs"), 1);
    cr_assert_eq(start_args_add(args, &length, ""), 0);
    cr_assert_eq(start_args_add(args, &length, "   "), 0);
    cr_assert_eq(start_args_add(args, &length, "  root=LABEL=x   quiet "), 2);
    cr_assert_eq(length, 3 + 13 + 6);
    cr_assert_arr_eq(args, "fs\0root=LABEL=x\0quiet\0x", length + 1);
}

Test(init, crashes_in_words)
{
    cr_assert_str_eq(text_of(FAULT_PAGE, RIGHT_READ, ERR_BAD_ADDRESS),
                     "page fault: read of 0x10 at pc 0x1234 (no memory there)");
    cr_assert_str_eq(text_of(FAULT_PAGE, RIGHT_WRITE, ERR_NO_RIGHT),
                     "page fault: write to 0x10 at pc 0x1234 (not allowed there)");
    cr_assert_str_eq(text_of(FAULT_PAGE, RIGHT_EXEC, ERR_QUOTA),
                     "page fault: jump to 0x10 at pc 0x1234 (memory quota used up)");
    cr_assert_str_eq(text_of(FAULT_PAGE, RIGHT_WRITE, ERR_NO_MEMORY),
                     "page fault: write to 0x10 at pc 0x1234 (out of memory)");
    cr_assert_str_eq(text_of(FAULT_ILLEGAL, 0, 0), "illegal instruction 0x10 at pc 0x1234");
    cr_assert_str_eq(text_of(FAULT_BREAKPOINT, 0, 0), "breakpoint at pc 0x1234");
    cr_assert_str_eq(text_of(FAULT_ALIGNMENT, RIGHT_WRITE, 0),
                     "misaligned access: write to 0x10 at pc 0x1234");
    cr_assert_str_eq(text_of(FAULT_ACCESS, RIGHT_READ, 0), "access fault: read of 0x10 at pc 0x1234");
    cr_assert_str_eq(text_of(FAULT_OTHER, 0, 0), "unexpected exception 13 at pc 0x1234");
    cr_assert_str_eq(text_of(99, 0, 0), "unknown fault at pc 0x1234");
}

/* The longest texts fit the reply of proc_status whole. */
Test(init, crash_texts_fit)
{
    const uint64_t word[6] = {UINT64_MAX, UINT64_MAX, RIGHT_WRITE, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    char text[CAUSE_BYTES], longer[2 * CAUSE_BYTES];

    for (uint64_t fault = 0; fault <= FAULT_OTHER + 1; fault++) {
        for (uint64_t error = 0; error < 40; error++) {
            crash_text(text, sizeof(text), fault, word, error);
            crash_text(longer, sizeof(longer), fault, word, error);
            cr_assert_str_eq(text, longer);
        }
    }
}
