/* SPDX-License-Identifier: MIT */
/*
 * Runs world after world and prints what they came to. The kernel's command line says which:
 * `seeds=FIRST,COUNT`, `steps=NUMBER` for each, `trace=SEED,STEP` to see single steps of one.
 */
#include "lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    uint64_t first, count, steps, trace_seed, trace_step;
};

/* The two numbers behind a word of the command line. */
static void read_option(const char *word, uint64_t *first, uint64_t *second)
{
    const char *at = strstr(rt_boot->command_line, word);
    char *end;

    if (!at)
        return;
    *first = strtoul(at + strlen(word), &end, 10);
    if (*end == ',' && second)
        *second = strtoul(end + 1, NULL, 10);
}

static void print_trace(uint64_t seed)
{
    for (uint64_t i = 0; i < shared->event_count; i++) {
        const struct event *event = &shared->events[i];
        printf("lanes trace %lu step %lu thread %u kind %u digest %016lx\n", seed, event->step, event->thread,
               event->kind, event->digest);
        for (unsigned n = 1; n < 32; n++)
            printf("lanes trace %lu step %lu x%u %lx -> %lx\n", seed, event->step, n, event->in[n],
                   event->out[n]);
    }
}

/* All lines have the same length by both ways: where the kernel pauses in long operations depends on what
 * it had to print. */
static void print_world(uint64_t seed)
{
    for (uint64_t i = 0; i < shared->digest_count; i++)
        printf("lanes seed %lu step %lu digest %016lx\n", seed, (i + 1) * shared->interval,
               shared->digests[i]);
    if (shared->failures)
        printf("lanes: seed %lu step %lu thread %lu: %s (%lu in all)\n", seed, shared->failed_step,
               shared->failed_thread, shared->failure, shared->failures);
    printf("lanes seed %lu traffic %lu answered %lu received %lu signals %lu refused %lu too deep %lu idle\n",
           seed, shared->answered, shared->received, shared->signals, shared->refused, shared->too_deep,
           shared->rescues);
}

/* Several harts: whether nobody has done anything for a while. */
static bool everybody_waits(void)
{
    uint64_t steps = shared->steps, from = rt_ticks();

    if (shared->harts == 1)
        return true;
    while (rt_ticks() - from < rt_start->timebase / 5000)
        if (shared->steps != steps)
            return false;
    return true;
}

static void run_world(const struct options *options, uint64_t seed)
{
    struct block *block = &shared->block[BLOCK_MAIN];
    uint64_t from;

    memset(shared, 0, offsetof(struct shared_state, digests));
    shared->harts = rt_boot->hart_count;
    shared->limit = options->steps;
    shared->interval = options->steps / 50 ? options->steps / 50 : 1;
    shared->trace_from = seed == options->trace_seed ? options->trace_step : ~0ull - EVENTS;
    world_begin(seed);
    from = lanes_instructions();
    while (shared->steps < shared->limit) {
        if (everybody_waits()) {
            shared->rescues++;
            control_step(block, true);
        }
    }
    from = lanes_instructions() - from;
    world_end();
    print_world(seed);
    print_trace(seed);
    printf("lanes cost %lu instructions %16lu\n", seed, from);
    fflush(stdout);
}

int main(void)
{
    struct options options = {.first = 1, .count = 1, .steps = 1000, .trace_seed = ~0ull};

    if (!rt_boot)
        return 1; /* not started by the kernel */
    must(strstr(rt_boot->command_line, "counters") ? ERR_OK : ERR_NOT_FOUND,
         "count: `counters` in the command line");
    read_option("seeds=", &options.first, &options.count);
    read_option("steps=", &options.steps, NULL);
    read_option("trace=", &options.trace_seed, &options.trace_step);
    guest_init("lanes");
    world_init();
    printf("lanes cost of a round trip: %8lu instructions\n", world_round_trip());
    for (uint64_t i = 0; i < options.count; i++)
        run_world(&options, options.first + i);
    guest_finish();
}
