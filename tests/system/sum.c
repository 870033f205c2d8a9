/* SPDX-License-Identifier: MIT */
/*
 * Sums of 64 MiB by an executor, in rounds of one worker and of two, and of two threads that do half each and
 * share nothing, which is what two harts can do: prints `sum WORKERS us TIME` for each, for the last with
 * WORKERS 0.
 * `sum check` has all harts do jobs of all kinds and checks what comes out.
 */
#include <rt/executor.h>
#include <rt/thread.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES  (64 << 20)
#define WORDS  (BYTES / sizeof(uint64_t))
#define GRAIN  (64 << 10) /* words */
#define PASSES 8 /* over all words in a round */
#define ROUNDS 8
#define FIB    20
#define SLEEPS 40

static void expect(bool right, const char *what)
{
    if (right)
        return;
    printf("sum: failed: %s\n", what);
    exit(1);
}

static uint64_t *words;

static void fill(void *context, uint64_t from, uint64_t to)
{
    (void)context;
    for (uint64_t i = from; i < to; i++)
        words[i] = i;
}

static void add(void *context, uint64_t from, uint64_t to)
{
    uint64_t sum = 0;
    const uint64_t *first = words + from % WORDS; /* a part never reaches from one pass into the next */
    for (uint64_t i = 0; i < to - from; i++)
        sum += first[i];
    __atomic_fetch_add((uint64_t *)context, sum, __ATOMIC_RELAXED);
}

static void told(unsigned workers, uint64_t begun, uint64_t sum)
{
    uint64_t us = (rt_ticks() - begun) * 1000000 / rt_start->timebase;
    expect(sum == PASSES * (WORDS / 2 * (WORDS - 1)), "the sum");
    printf("sum %u us %llu\n", workers, (unsigned long long)us);
}

static void add_all(unsigned workers)
{
    uint64_t sum = 0, begun;
    expect(executor_start(workers) == workers, "start the workers");
    executor_for(0, WORDS / 64, GRAIN, add, &sum); /* all are awake then */
    sum = 0;
    begun = rt_ticks();
    executor_for(0, PASSES * WORDS, GRAIN, add, &sum);
    told(workers, begun, sum);
    executor_stop();
}

struct half {
    uint64_t from, sum;
};

static void add_half(void *argument)
{
    struct half *half = argument;
    for (unsigned i = 0; i < PASSES; i++)
        add(&half->sum, half->from, half->from + WORDS / 2);
}

static void add_halves(void)
{
    struct half first = {.from = 0}, second = {.from = WORDS / 2};
    enum error error;
    uint64_t begun = rt_ticks();
    unsigned other = (thread_hart(thread_self()) + 1) % thread_harts();
    struct thread *thread = thread_start(other, add_half, &second, &error);
    expect(thread != NULL, "start a thread");
    add_half(&first);
    thread_join(thread);
    told(0, begun, first.sum + second.sum);
}

/* --- All kinds of jobs --- */

struct number {
    uint64_t n, result;
};

/* So many jobs that the deques overflow now and then. */
static void fibonacci(void *argument)
{
    struct number *number = argument;
    if (number->n < 2) {
        number->result = number->n;
        return;
    }
    struct number one = {.n = number->n - 1}, two = {.n = number->n - 2};
    struct job job;
    job_start(&job, fibonacci, &one);
    fibonacci(&two);
    job_join(&job);
    number->result = one.result + two.result;
}

static void doze(void *argument)
{
    expect(!task_sleep(rt_ticks() + rt_ticks_of_us(2000)), "sleep in a job");
    __atomic_fetch_add((uint64_t *)argument, 1, __ATOMIC_RELAXED);
}

/* Jobs that wait at the same time: all of it takes little longer than one of them. */
static void dozing(void)
{
    struct job job[SLEEPS];
    uint64_t count = 0;
    for (unsigned i = 0; i < SLEEPS; i++)
        job_start(&job[i], doze, &count);
    for (unsigned i = 0; i < SLEEPS; i++)
        job_join(&job[i]);
    expect(count == SLEEPS, "all jobs that slept");
}

/* Where there are no stacks left, a job cannot wait. */
static void try_to_doze(void *argument)
{
    enum error error = task_sleep(rt_ticks() + rt_ticks_of_us(2000));
    expect(!error || error == ERR_BUSY, "sleep in one of many jobs");
    __atomic_fetch_add((uint64_t *)argument, 1, __ATOMIC_RELAXED);
}

static void many(void)
{
    struct job job[1000];
    uint64_t count = 0;
    for (unsigned i = 0; i < 1000; i++)
        job_start(&job[i], try_to_doze, &count);
    for (unsigned i = 1000; i-- > 0;)
        job_join(&job[i]);
    expect(count == 1000, "more jobs that wait than there are stacks");
}

static void check(void)
{
    for (unsigned round = 0; round < 5; round++) {
        struct number number = {.n = FIB};
        expect(executor_start(0) == thread_harts(), "start the workers");
        fibonacci(&number);
        expect(number.result == 6765, "Fibonacci's number");
        dozing();
        executor_stop();
    }
    executor_start(0);
    many();
    executor_stop();
    struct number alone = {.n = 10};
    fibonacci(&alone);
    expect(alone.result == 55, "jobs without workers");
    printf("sum: all is well\n");
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "check")) {
        check();
        return 0;
    }
    words = rt_map(BYTES, 3);
    expect(words != NULL, "map memory");
    fill(NULL, 0, WORDS);
    for (unsigned i = 0; i <= ROUNDS; i++) {
        add_all(2);
        add_halves();
        add_all(1);
    }
    printf("sum: done\n");
    return 0;
}
