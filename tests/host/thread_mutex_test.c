/* SPDX-License-Identifier: MIT */
/* Mutex and condition of threads: every order of their steps, within a bound. */
#include "interleave.h"

#include "../../lib/rt/thread_mutex.c"

struct thread {
    unsigned number;
};
static struct thread threads[FLOWS_MAX] = {{0}, {1}, {2}, {3}};

struct thread *thread_self(void)
{
    return &threads[flow_now];
}

void thread_park(void)
{
    flow_park();
}

void thread_wake(struct thread *thread)
{
    flow_wake(thread->number);
}

static struct thread_mutex mutex;
static struct thread_condition condition;
static unsigned inside, done, wanted;
static bool ready;

static void begin(void)
{
    mutex = (struct thread_mutex){0};
    condition = (struct thread_condition){0};
    inside = done = 0;
    ready = false;
}

static void check(void)
{
    cr_assert_eq(done, wanted);
    cr_assert_eq(mutex.state, 0);
    cr_assert_null(condition.first);
}

static void enter(void)
{
    thread_lock(&mutex);
    cr_assert_eq(inside++, 0, "two hold the mutex");
    step(false, false);
    inside--;
    done++;
    thread_unlock(&mutex);
}

static void enter_twice(void)
{
    enter();
    enter();
}

static void try_to_enter(void)
{
    if (!thread_try_lock(&mutex)) {
        done++;
        return;
    }
    cr_assert_eq(inside++, 0, "two hold the mutex");
    step(false, false);
    inside--;
    done++;
    thread_unlock(&mutex);
}

static void wait_until_ready(void)
{
    thread_lock(&mutex);
    while (!ready)
        thread_condition_wait(&condition, &mutex);
    done++;
    thread_unlock(&mutex);
}

static void make_ready_for_one(void)
{
    thread_lock(&mutex);
    ready = true;
    thread_unlock(&mutex);
    thread_condition_signal(&condition);
}

static void make_ready_for_all(void)
{
    thread_lock(&mutex);
    ready = true;
    thread_condition_broadcast(&condition);
    thread_unlock(&mutex);
}

static void try_all(unsigned count, void (*const run[])(void), unsigned deviations, unsigned expected)
{
    wanted = expected;
    unsigned long runs = explore(count, run, deviations, begin, check);
    cr_log_info("%lu orders", runs);
    cr_assert_gt(runs, 100);
}

Test(thread_mutex, two_threads, .timeout = 60)
{
    try_all(2, (void (*const[])(void)){enter_twice, enter_twice}, 6, 4);
}

Test(thread_mutex, three_threads, .timeout = 60)
{
    try_all(3, (void (*const[])(void)){enter, enter, enter}, 4, 3);
}

Test(thread_mutex, four_threads, .timeout = 60)
{
    try_all(4, (void (*const[])(void)){enter, enter, enter, enter}, 3, 4);
}

Test(thread_mutex, one_that_only_tries, .timeout = 60)
{
    try_all(3, (void (*const[])(void)){enter, try_to_enter, enter}, 4, 3);
}

Test(thread_mutex, a_signal_is_not_lost, .timeout = 60)
{
    try_all(2, (void (*const[])(void)){wait_until_ready, make_ready_for_one}, 6, 1);
}

Test(thread_mutex, a_broadcast_reaches_all, .timeout = 60)
{
    try_all(3, (void (*const[])(void)){wait_until_ready, wait_until_ready, make_ready_for_all}, 3, 2);
}
