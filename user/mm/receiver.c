/* SPDX-License-Identifier: MIT */
/* The receivers: a thread on each hart that serves what comes from there. init has prepared them all. */
#include "mm.h"

#include <base/format.h>
#include <stdlib.h>

#define STACK_PAGES 4
#define STACK_SPACE 0x10000ull /* from one stack to the next: what is below each stays unmapped */

extern char global_pointer[] __asm__("__global_pointer$"); /* from lib/rt/user.ld */

/* A capability of receiver `number`, 0 for the first: "NAME", "NAME.1" and so on; 0: there is none. */
static cap_t cap_of(const char *name, unsigned number)
{
    char text[24];
    if (number == 0)
        return rt_cap(name);
    format_buffer(text, sizeof(text), "%s.%u", name, number);
    return rt_cap(text);
}

unsigned receivers_count(void)
{
    unsigned count = 1;
    while (count < MAX_RECEIVERS && cap_of("endpoint", count) != 0)
        count++;
    return count;
}

static void __attribute__((noreturn)) serve_as(unsigned number)
{
    lock_be(number);
    const struct server server = {
        .name = "mm",
        .endpoint = cap_of("endpoint", number),
        .protocol = {mm_serves()},
        .fault = fault_message,
    };
    serve(&server);
}

static void __attribute__((noreturn)) receiver(unsigned number)
{
    rt_set_msg_page((struct msg_page *)(rt_start->msg_page + number * PAGE_BYTES));
    serve_as(number);
}

/* Maps a stack and puts the thread-local data onto it; returns its top, 0 when there is no memory. */
static uint64_t make_stack(unsigned number)
{
    char *low = (char *)own_start(OWN_STACKS) + number * STACK_SPACE;
    for (unsigned i = 0; i < STACK_PAGES; i++)
        if (!own_page(low + i * PAGE_BYTES))
            return 0;
    return (uint64_t)rt_tls_make(low + STACK_PAGES * PAGE_BYTES);
}

/* THREAD_START would leave gp zero, but this program's code needs it. */
static enum error start(unsigned number)
{
    uint64_t top = make_stack(number);
    const uint64_t reg[32] = {
        [0] = (uint64_t)receiver, [2] = top, [3] = (uint64_t)global_pointer, [4] = top, [10] = number};
    if (top == 0)
        return ERR_NO_MEMORY;
    enum error error = kernel_call(cap_of("thread", number), OP_THREAD_WRITE_REGISTERS, reg, 32, NULL, 0);
    return error ? error : kernel_call(cap_of("thread", number), OP_THREAD_RESUME, NULL, 0, NULL, 0);
}

void receivers_serve(void)
{
    cap_t endpoint[MAX_RECEIVERS];
    for (unsigned i = 0; i < locks_receivers(); i++)
        endpoint[i] = cap_of("endpoint", i);
    mm_serve_init(endpoint);
    for (unsigned i = 1; i < locks_receivers(); i++) {
        enum error error = start(i);
        if (error)
            rt_fail("cannot start the receiver of hart %u: %s", i, error_text(error));
    }
    serve_as(0);
}
