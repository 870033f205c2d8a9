/* SPDX-License-Identifier: MIT */
/*
 * Measures, in place of init, how late a thread of the highest priority is woken by its timer while threads
 * of low priority keep the kernel busy (loads.c). QEMU must run with -icount shift=0: then the clock and the
 * count of retired instructions go together, and the delay is exact to a few instructions. The kernel needs
 * `counters` on its command line; `samples=N` there says how often to sleep.
 *
 * Prints `latency worst COUNT insn`, the average and the distribution, and what the loads did. It goes on
 * until each of them has done a whole round.
 */
#include "latency.h"

#include <stdio.h>
#include <string.h>

#define TICK         100 /* instructions */
#define SLEEP_LEAST  150 /* ticks */
#define SLEEP_SPREAD 200
#define SAMPLES_MOST 40000000ull
#define BUCKET       500 /* instructions */
#define BUCKETS      60

static cap_t timer, notification;
static uint64_t base; /* count of instructions when the clock was 0 */
static uint64_t histogram[BUCKETS + 1], worst, sum;

void load_must(enum error error, const char *what)
{
    must(error, what);
}

static void run_load(uint64_t number)
{
    for (;;) {
        loads[number].round();
        loads[number].rounds++;
    }
}

/* Looks for the moment when the clock moves on; the least that is found is the nearest. */
static uint64_t instructions_at_zero(void)
{
    uint64_t least = ~0ull;

    for (unsigned i = 0; i < 200; i++) {
        uint64_t from = rt_ticks(), now;
        do {
            now = rt_ticks();
        } while (now == from);
        uint64_t found = guest_instret() - now * TICK;
        if (i == 0 || (int64_t)(found - least) < 0)
            least = found;
    }
    return least;
}

static uint64_t random_below(uint64_t limit)
{
    static uint64_t state = 1;

    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 33) % limit;
}

/* Sleeps until a moment and returns by how many instructions it was missed. */
static uint64_t sample(void)
{
    uint64_t deadline = rt_ticks() + SLEEP_LEAST + random_below(SLEEP_SPREAD);

    must(timer_set(timer, notification, deadline, 0), "set the timer");
    check(notification_wait(notification) == 1, "woken without the timer's bit");
    uint64_t count = guest_instret(), ticks = rt_ticks(), late = count - base - deadline * TICK;
    check(ticks >= deadline, "woken before the time");
    if (late + 2 * TICK - (ticks - deadline) * TICK >= 4 * TICK) {
        /* Another interrupt came between the two, or the clock went on without instructions. */
        check(instructions_at_zero() - base + TICK < 2 * TICK,
                    "the clock and the count of instructions disagree; QEMU needs -icount shift=0");
    }
    return late;
}

static bool all_loads_ran(void)
{
    for (unsigned i = 0; i < LOADS; i++) {
        if (!loads[i].rounds)
            return false;
    }
    return true;
}

static void report(uint64_t samples)
{
    for (unsigned i = 0; i <= BUCKETS; i++) {
        if (histogram[i])
            printf("latency from %u samples %lu\n", i * BUCKET, histogram[i]);
    }
    for (unsigned i = 0; i < LOADS; i++)
        printf("latency load %s rounds %lu\n", loads[i].name, loads[i].rounds);
    printf("latency samples %lu average %lu\n", samples, sum / samples);
    printf("latency worst %lu insn\n", worst);
    printf("latency: done\n");
}

int main(void)
{
    static struct guest_thread threads[LOADS];
    uint64_t samples = 0;

    if (rt_boot == NULL) {
        return 1; /* not started by the kernel */
    }
    guest_init("latency");
    check(strstr(rt_boot->command_line, "counters") != NULL,
                "the kernel's command line lacks `counters`");
    uint64_t wanted = guest_option("samples", 20000);
    timer = make_object(OBJ_TIMER, 0);
    notification = make_object(OBJ_NOTIFICATION, 0);
    for (unsigned i = 0; i < LOADS; i++) {
        loads[i].prepare();
        threads[i] = (struct guest_thread){.code = run_load, .argument = i, .priority = loads[i].priority,
                                           .budget = loads[i].budget, .period = LOAD_PERIOD};
        guest_thread_start(&threads[i]);
    }
    base = instructions_at_zero();
    while (samples < wanted || (!all_loads_ran() && samples < SAMPLES_MOST)) {
        uint64_t late = sample();
        samples++;
        sum += late;
        worst = late > worst ? late : worst;
        histogram[late / BUCKET < BUCKETS ? late / BUCKET : BUCKETS]++;
    }
    report(samples);
    power_off(false);
}
