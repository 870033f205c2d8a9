/* SPDX-License-Identifier: MIT */
/*
 * Tasks on a hart: what registers hold across switches, sleep by the clock, and the page below a stack.
 * `tasks` checks and says so; `tasks overflow` has a task use up its stack, and must crash.
 */
#include <rt/task.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT    16
#define ROUNDS   200
#define PAUSE_US 2000

static void expect(bool right, const char *what)
{
    if (right)
        return;
    printf("tasks: failed: %s\n", what);
    fflush(stdout);
    exit(1);
}

/* Of integers and of floating-point numbers more live over each switch than functions keep registers for. */
static void keep_values(void *argument)
{
    uint64_t first = (uint64_t)argument * 1000, word[16];
    double number[16];
    for (unsigned i = 0; i < 16; i++) {
        word[i] = first + i;
        number[i] = (double)(first + i) / 8;
    }
    for (unsigned round = 1; round <= ROUNDS; round++) {
        task_yield();
        for (unsigned i = 0; i < 16; i++) {
            word[i] += i;
            number[i] += i;
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        expect(word[i] == first + i + ROUNDS * i, "integers over a switch");
        expect(number[i] == (double)(first + i) / 8 + ROUNDS * i, "floating point over a switch");
    }
}

static void values(void)
{
    struct task *task[COUNT];
    for (uintptr_t i = 0; i < COUNT; i++) {
        task[i] = task_start(keep_values, (void *)(i + 1));
        expect(task[i] != NULL, "start a task");
    }
    for (unsigned i = 0; i < COUNT; i++)
        expect(!task_join(task[i]), "join a task");
}

static uint64_t begun;
static unsigned awake;

/* The later a task is started the earlier it wakes. */
static void sleep_turn(void *argument)
{
    uint64_t turn = COUNT - (uint64_t)argument, until = begun + rt_ticks_of_us(turn * PAUSE_US);
    expect(!task_sleep(until), "sleep");
    expect(rt_ticks() >= until, "sleep long enough");
    expect(++awake == turn, "wake in order");
}

static void sleeps(void)
{
    struct task *task[COUNT];
    begun = rt_ticks() + rt_ticks_of_us(PAUSE_US * 10);
    for (uintptr_t i = 0; i < COUNT; i++)
        task[i] = task_start(sleep_turn, (void *)i);
    for (unsigned i = 0; i < COUNT; i++)
        expect(!task_join(task[i]), "join a sleeper");
}

static struct event rung;

static void on_signal(uint64_t bits)
{
    expect(bits == 4, "the bits that were signalled");
    event_broadcast(&rung);
}

static void listen(void *argument)
{
    cap_t bell = (cap_t)(uintptr_t)argument;
    expect(!notification_signal(bell), "signal");
    expect(!event_wait(&rung, rt_ticks() + rt_ticks_of_us(10000000)), "a signal wakes");
}

static void signals(void)
{
    cap_t bell = slot_alloc();
    expect(!tasks_init(on_signal), "make a notification");
    expect(!cnode_mint(START_CNODE, bell, 0, tasks_notification(), RIGHT_SIGNAL, 4), "mint a signal");
    struct task *task = task_start(listen, (void *)(uintptr_t)bell);
    expect(!task_join(task), "join who listens");
}

static unsigned __attribute__((noinline)) deeper(volatile char *above, unsigned levels)
{
    volatile char here[1024];
    memset((char *)here, *above, sizeof(here));
    return levels > 0 ? deeper(here, levels - 1) + (unsigned)here[7] : 0;
}

static void overflow(void *argument)
{
    (void)argument;
    volatile char one = 1;
    deeper(&one, 2 * TASK_STACK_BYTES / 1024);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "overflow")) {
        task_start(keep_values, (void *)1); /* below it others' stacks may lie */
        return (int)task_join(task_start(overflow, NULL));
    }
    values();
    sleeps();
    signals();
    printf("tasks: all is well\n");
    return 0;
}
