/* SPDX-License-Identifier: MIT */
/* The deque of workers: every order of its steps in small cases, and threads of the host in a large one. */
#include "interleave.h"

#define DEQUE_SLOTS 4
#include "../../lib/rt/deque.h"

#undef __atomic_load_n
#undef __atomic_store_n
#undef __atomic_thread_fence
#undef __atomic_compare_exchange_n

static struct deque deque;
static int64_t start_at;       /* the deque's indexes at first */
static unsigned put, got[16];  /* items 1 to put; how often each came out */

static void begin(void)
{
    memset(&deque, 0, sizeof(deque));
    memset(got, 0, sizeof(got));
    deque.top = deque.bottom = start_at;
    put = 0;
}

static void note(const void *item)
{
    uintptr_t number = (uintptr_t)item;
    if (item == NULL)
        return;
    cr_assert_leq(number, put, "an item that nobody put");
    got[number]++;
}

static void check(void)
{
    for (void *item; (item = deque_take(&deque)) != NULL;)
        note(item);
    for (unsigned i = 1; i <= put; i++)
        cr_assert_eq(got[i], 1, "item %u came out %u times", i, got[i]);
}

static void put_one(void)
{
    put++;
    if (!deque_put(&deque, (void *)(uintptr_t)put))
        note((void *)(uintptr_t)put);
}

static void take_one(void)
{
    note(deque_take(&deque));
}

static void steal_one(void)
{
    note(deque_steal(&deque));
}

static void put_take(void)
{
    put_one();
    take_one();
}

static void put_put_take_take(void)
{
    put_one();
    put_one();
    take_one();
    take_one();
}

static void fill_and_empty(void)
{
    for (unsigned i = 0; i < DEQUE_SLOTS + 1; i++)
        put_one();
    take_one();
    put_one();
    take_one();
    take_one();
}

static void steal_two(void)
{
    steal_one();
    steal_one();
}

static void try_all(unsigned count, void (*const run[])(void), unsigned deviations)
{
    unsigned long runs = 0;
    for (start_at = 0; start_at < DEQUE_SLOTS; start_at += 3)
        runs += explore(count, run, deviations, begin, check);
    cr_log_info("%lu orders", runs);
    cr_assert_gt(runs, 1000);
}

Test(deque, one_item_and_one_thief, .timeout = 60)
{
    try_all(2, (void (*const[])(void)){put_take, steal_one}, 6);
}

Test(deque, one_item_and_two_thieves, .timeout = 60)
{
    try_all(3, (void (*const[])(void)){put_take, steal_one, steal_one}, 3);
}

Test(deque, two_items_and_one_thief, .timeout = 60)
{
    try_all(2, (void (*const[])(void)){put_put_take_take, steal_two}, 4);
}

Test(deque, full_and_empty_again, .timeout = 60)
{
    try_all(2, (void (*const[])(void)){fill_and_empty, steal_two}, 2);
}
