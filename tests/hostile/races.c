/* SPDX-License-Identifier: MIT */
/*
 * What changes under a thread while the fast lanes of the kernel rely on it: the time of a caller is taken
 * away while its server works, or the context of one whose fault is handled moves to another hart. And what
 * registers of threads that wait tell of the kernel.
 */
#include "../guest/probe.h"

#include <abi/fault.h>
#include <stdio.h>
#include <string.h>

#define NO_ANSWER_US 5000
#define LONG_US      1000000

static cap_t endpoint, faults, note, tell;
static volatile uint64_t answer;
static uint64_t *volatile nowhere = (uint64_t *)16; /* nothing is mapped there */

static void set_context(const struct worker *worker, cap_t context)
{
    const uint64_t word[1] = {context};

    must(kernel_call(worker->thread, OP_THREAD_BIND_CONTEXT, word, 1, NULL, 0), "give or take time");
}

static bool comes_to(const struct worker *worker, uint64_t state)
{
    for (unsigned i = 0; i < LONG_US / 1000; i++) {
        if (worker_info(worker).state == state)
            return true;
        sleep_us(1000);
    }
    return false;
}

static bool ends(const struct worker *worker)
{
    for (unsigned i = 0; i < LONG_US / 1000 && !worker->done; i++)
        sleep_us(1000);
    return worker->done;
}

/* --- A caller whose time is taken away while it waits for an answer --- */

static void call_once(uint64_t argument)
{
    struct msg m = {.tag = tag_make(1, 1, 0), .word = {argument}};

    sys_msg(SYS_CALL, endpoint, &m);
    answer = m.word[0];
}

/* Has main go on before each answer. */
static void serve_slowly(uint64_t from)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, (cap_t)from, &m);
    for (;;) {
        notification_signal(tell);
        m.word[0]++;
        m.tag = tag_make(0, 1, 0);
        sys_msg(SYS_REPLY_RECV, (cap_t)from, &m);
    }
}

static void lose_time(void)
{
    struct worker server = {.priority = 150}, client = {.priority = 140};
    bool stopped;

    worker_make(&server);
    worker_make(&client);
    worker_run(&server, serve_slowly, endpoint);
    worker_run(&client, call_once, 41);
    notification_wait(tell);
    set_context(&client, 0);
    stopped = comes_to(&server, THREAD_BLOCKED_RECV);
    sleep_us(NO_ANSWER_US);
    stopped = stopped && !client.done && worker_info(&client).state == THREAD_READY;
    set_context(&client, client.context);
    verdict(ends(&client) && stopped && answer == 42, "lost_time", "%s without time, answer %lu",
            stopped ? "stood still" : "went on", answer);
    worker_end(&server);
    worker_end(&client);
}

/* --- A thread whose context moves while its fault is handled --- */

static void fault_once(uint64_t unused)
{
    (void)unused;
    *nowhere = 1;
}

/* It goes on where its context is by then. The address stays what it is, so it faults again, and the handler
 * tells main again. */
static void move_faulter(void)
{
    struct worker handler = {.priority = 150}, faulter = {.priority = 140, .fault = faults};
    uint32_t other = rt_boot->hart_count - 1;
    const uint64_t time[3] = {0, rt_ticks_of_us(10000), rt_ticks_of_us(10000)};
    uint64_t word[3];
    bool again;

    worker_make(&handler);
    worker_make(&faulter);
    worker_run(&handler, serve_slowly, faults);
    worker_run(&faulter, fault_once, 0);
    notification_wait(tell);
    memcpy(word, time, sizeof(word));
    word[0] = faulter.context;
    must(kernel_call(BOOT_SCHED_CONTROL + other, OP_SCHED_CONTROL_CONFIGURE, word, 3, NULL, 0),
         "move a context");
    notification_wait(tell);
    again = worker_info(&faulter).hart == other && worker_info(&faulter).state == THREAD_BLOCKED_REPLY;
    verdict(again, "moved_faulter", "hart %lu, state %lu", worker_info(&faulter).hart,
            worker_info(&faulter).state);
    worker_end(&faulter);
    worker_end(&handler);
}

/* --- What the registers of a thread that waits tell --- */

static void spend(uint64_t us)
{
    for (uint64_t end = rt_ticks() + rt_ticks_of_us(us); rt_ticks() < end;)
        continue;
}

static void signal_now_and_then(uint64_t us)
{
    for (;;) {
        notification_signal(note);
        spend(us);
    }
}

/* Wakes before the one that signals, whose period is over by the time that this one waits again. */
static void wait_late(uint64_t us)
{
    for (;;) {
        notification_wait(note);
        spend(us);
    }
}

static unsigned kernel_addresses(const struct worker *worker)
{
    uint64_t registers[32];
    unsigned found = 0;

    must(kernel_call(worker->thread, OP_THREAD_READ_REGISTERS, NULL, 0, registers, 32), "read registers");
    for (unsigned i = 0; i < 32; i++)
        if (registers[i] >= 0xffffffc000000000ull && registers[i] < -4096ull) {
            printf("  register %u is %lx\n", i, registers[i]);
            found++;
        }
    return found;
}

static void read_waiting(void)
{
    struct worker counter = {.priority = 140, .budget = 4000, .period = 5000}, waiter = {.priority = 150};
    unsigned found = 0, looked = 0;

    worker_make(&waiter);
    worker_make(&counter);
    worker_run(&waiter, wait_late, 6000);
    worker_run(&counter, signal_now_and_then, 3000);
    for (unsigned i = 0; i < 60; i++) {
        sleep_us(13331); /* seldom enough to let the two be alone */
        if (worker_info(&waiter).state != THREAD_BLOCKED_WAIT)
            continue;
        looked++;
        found += kernel_addresses(&waiter);
    }
    verdict(found == 0 && looked > 3, "waiting_registers", "%u kernel addresses in %u looks", found, looked);
    worker_end(&counter);
    worker_end(&waiter);
}

int main(void)
{
    guest_init("races");
    endpoint = make_object(OBJ_ENDPOINT, 0);
    faults = make_object(OBJ_ENDPOINT, 0);
    note = make_object(OBJ_NOTIFICATION, 0);
    tell = make_object(OBJ_NOTIFICATION, 0);
    lose_time();
    move_faulter();
    read_waiting();
    guest_finish();
}
