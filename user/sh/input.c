/* SPDX-License-Identifier: MIT */
/*
 * What is typed. The shell reads the terminal raw, and takes in what is typed while a command runs, so that it sees
 * ctrl-c; the rest waits here for the next prompt.
 */
#include "shell.h"

#include <client/console.h>
#include <rt/rt.h>
#include <stdio.h>

#define CTRL_C      0x03
#define RETRY_LIMIT 1000

static uint8_t queue[16384];
static size_t first, count; /* of the bytes in the queue */

/* The console was restarted, or ends its input: what it was told is told again. */
static void recover(unsigned failures)
{
    struct msg m = {0};

    if (failures >= RETRY_LIMIT) {
        rt_fail("no input from the console");
    }
    sys_msg(SYS_YIELD, 0, &m);
    terminal_mode(CONSOLE_RAW);
}

uint8_t input_next(void)
{
    for (unsigned failures = 0; count == 0; failures++) {
        fflush(stdout);
        first = 0;
        if (terminal_read(queue, CONSOLE_MAX_BYTES, &count) != ERR_OK || count == 0) {
            count = 0;
            recover(failures);
        }
    }
    count--;
    return queue[first++];
}

bool input_ready(void)
{
    return count > 0;
}

/* What came last goes to the end of the queue, but ctrl-c empties it. Returns whether it did. */
static bool add(const char *bytes, size_t added)
{
    bool interrupt = false;

    for (size_t i = 0; i < added; i++) {
        if (bytes[i] == CTRL_C) {
            interrupt = true;
            count = 0;
        } else if (count < sizeof(queue)) {
            queue[count++] = (uint8_t)bytes[i];
        } else {
            printf("\a");
        }
    }
    return interrupt;
}

/* Takes in what has been typed. Returns whether ctrl-c was among it. */
static bool take_in(void)
{
    struct console_read_request request = {.max = CONSOLE_MAX_BYTES, .flags = CONSOLE_NONBLOCK};
    struct console_read_reply reply;
    size_t waiting = count;
    bool interrupt;

    /* What waits already came with the line that runs now, so it may hold a ctrl-c as well. */
    count = 0;
    interrupt = add((const char *)queue + first, waiting);
    first = 0;
    while (console_read(rt_cap("console"), &request, &reply) == ERR_OK && reply.length > 0) {
        size_t length = reply.length < sizeof(reply.bytes) ? reply.length : sizeof(reply.bytes);
        interrupt = add(reply.bytes, length) || interrupt;
    }
    return interrupt;
}

bool input_interrupted(void)
{
    if (!shell.interrupted && take_in()) {
        shell.interrupted = true;
        printf("^C\n");
    }
    return shell.interrupted;
}

void input_give(cap_t notification)
{
    fflush(stdout);
    terminal_interrupt(notification);
    terminal_mode(notification != 0 ? CONSOLE_COOKED : CONSOLE_RAW);
}
