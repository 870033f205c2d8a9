/* SPDX-License-Identifier: MIT */
/*
 * Tasks of one thread, on the host: ucontext stands for task_switch.S, and a kernel of a few lines for
 * notification, timer and clock. Time stands still but when the thread waits for its timer.
 */
// sources: lib/rt/task.c lib/rt/task_signal.c lib/rt/task_sync.c
// flags: -Ilib/rt
#include "support.h"
#include "task_switch.h"
#include <internal.h>

struct rt_caps rt_caps;
static uint64_t now, due;        /* due 0: the timer is not set */
static uint64_t pending, timer_sets, waits;
cap_t slot_alloc(void)
{
    return 1;
}

void slot_free(cap_t slot)
{
    (void)slot;
}

enum error object_make(enum object_type type, unsigned size_bits, cap_t *cap)
{
    (void)type, (void)size_bits;
    *cap = 2;
    return ERR_OK;
}

enum error kernel_call(cap_t cap, uint32_t op, const uint64_t *argument, unsigned count, uint64_t *result,
                       unsigned result_count)
{
    (void)cap, (void)op, (void)argument, (void)count, (void)result, (void)result_count;
    return ERR_OK;
}

enum error cnode_mint(cap_t cnode, uint64_t slot, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge)
{
    (void)cnode, (void)slot, (void)source_cnode, (void)source, (void)rights;
    cr_assert_eq(badge, TASK_TIMER_BIT);
    return ERR_OK;
}

enum error timer_set(cap_t timer, cap_t notification, uint64_t deadline, uint64_t period)
{
    (void)timer, (void)notification, (void)period;
    timer_sets++;
    due = deadline;
    return ERR_OK;
}

uint64_t rt_ticks(void)
{
    return now;
}

uint64_t notification_wait(cap_t notification)
{
    (void)notification;
    waits++;
    uint64_t bits = pending;
    pending = 0;
    if (bits == 0) {
        cr_assert_neq(due, 0, "every task waits, and nothing will come");
        now = due > now ? due : now;
        due = 0;
        bits = TASK_TIMER_BIT;
    }
    return bits;
}

/* What the tasks of a test did, in order. */
static char told[256];
static unsigned told_count;

static void tell(char what)
{
    cr_assert_lt(told_count, sizeof(told) - 1);
    told[told_count++] = what;
}

static void expect(const char *what)
{
    cr_assert_str_eq(told, what);
}

static struct task *start(void (*run)(void *argument), uintptr_t argument)
{
    struct task *task = task_start(run, (void *)argument);
    cr_assert_not_null(task);
    return task;
}

static void join(struct task *task)
{
    cr_assert_eq(task_join(task), ERR_OK);
}

static void yielder(void *argument)
{
    volatile char mine[3] = {(char)(uintptr_t)argument, 0, 0};
    for (mine[1] = 0; mine[1] < 3; mine[1]++) {
        tell(mine[0]);
        task_yield();
    }
}

Test(task, take_turns)
{
    struct task *a = start(yielder, 'a'), *b = start(yielder, 'b');
    expect("");
    task_yield();
    expect("ab");
    join(a);
    join(b);
    expect("ababab");
    cr_assert_eq(waits, 0);
}

static void nothing(void *argument)
{
    (void)argument;
}

Test(task, stacks_are_used_again)
{
    for (unsigned i = 0; i < 1000; i++)
        join(start(nothing, 0));
    cr_assert_eq(maps, 1);
    for (unsigned i = 0; i < 1000; i++) {
        task_detach(start(nothing, 0));
        task_yield();
    }
    cr_assert_eq(maps, 1);
}

Test(task, are_bounded)
{
    struct task *task[TASKS_MAX];
    for (unsigned i = 0; i < TASKS_MAX; i++)
        task[i] = start(nothing, 0);
    cr_assert_null(task_start(nothing, NULL));
    join(task[0]);
    task[0] = start(nothing, 0);
    for (unsigned i = 0; i < TASKS_MAX; i++)
        join(task[i]);
    cr_assert_eq(maps, TASKS_MAX);
}

Test(task, needs_memory)
{
    no_memory = true;
    cr_assert_null(task_start(nothing, NULL));
    no_memory = false;
    join(start(nothing, 0));
}

static struct event event;

static void waiter(void *argument)
{
    cr_assert_eq(event_wait(&event, TASK_FOREVER), ERR_OK);
    tell((char)(uintptr_t)argument);
}

Test(task, events_wake_in_order)
{
    struct task *task[4];
    for (unsigned i = 0; i < 4; i++)
        task[i] = start(waiter, 'a' + i);
    event_signal(&event);
    task_yield();
    expect("");
    event_signal(&event);
    event_signal(&event);
    task_yield();
    expect("ab");
    event_broadcast(&event);
    task_yield();
    expect("abcd");
    for (unsigned i = 0; i < 4; i++)
        join(task[i]);
}

static void sleeper(void *argument)
{
    uintptr_t until = (uintptr_t)argument;
    cr_assert_eq(task_sleep(until), ERR_OK);
    cr_assert_geq(now, until);
    tell((char)('0' + until / 100));
}

Test(task, deadlines_come_in_order)
{
    struct task *task[5];
    static const uint64_t until[5] = {300, 100, 500, 200, 400};
    for (unsigned i = 0; i < 5; i++)
        task[i] = start(sleeper, until[i]);
    for (unsigned i = 0; i < 5; i++)
        join(task[i]);
    expect("12345");
    cr_assert_eq(now, 500);
    task_join(start(sleeper, 100)); /* that is past already */
    cr_assert_eq(now, 500);
}

static void late(void *argument)
{
    uint64_t deadline = (uint64_t)argument;
    tell(event_wait(&event, deadline) == ERR_TIMED_OUT ? 't' : 'e');
}

Test(task, whoever_is_woken_in_time_has_no_deadline_any_more)
{
    struct task *a = start(late, 1000), *b = start(late, 2000);
    task_yield();
    event_signal(&event);
    join(a);
    expect("e");
    join(b);
    expect("et");
    cr_assert_eq(now, 2000);
    cr_assert_null(event.first);
}

/* A thousand waits with a deadline far away cost one setting of the kernel's timer. */
static void asks(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_eq(event_wait(&event, 1000000 + i), ERR_OK);
}

Test(task, deadlines_that_do_not_come_cost_little)
{
    struct task *task = start(asks, 0);
    for (unsigned i = 0; i < 1000; i++) {
        task_yield();
        event_signal(&event);
    }
    join(task);
    cr_assert_eq(timer_sets, 1);
}

static void on_signal(uint64_t bits)
{
    tell((char)('0' + bits));
    event_signal(&event);
    task_detach(start(nothing, 0)); /* must not get the stack that this runs on */
}

static void wait_and_end(void *argument)
{
    (void)argument;
    cr_assert_eq(event_wait(&event, TASK_FOREVER), ERR_OK);
    pending = 5;
    tell('w');
}

Test(task, signals_come_when_nothing_can_run)
{
    cr_assert_eq(tasks_init(on_signal), ERR_OK);
    pending = 3;
    task_detach(start(wait_and_end, 0));
    task_yield();
    /* Both wait; the first of them ends, and the thread waits on its stack. */
    cr_assert_eq(event_wait(&event, TASK_FOREVER), ERR_OK);
    expect("3w5");
    cr_assert_eq(event_wait(&event, 7777), ERR_TIMED_OUT);
}

static struct task_lock lock;
static unsigned inside;

static void locker(void *argument)
{
    cr_assert_eq(task_lock(&lock), ERR_OK);
    cr_assert_eq(inside++, 0);
    cr_assert_eq(task_sleep(now + 10), ERR_OK);
    tell((char)(uintptr_t)argument);
    inside--;
    task_unlock(&lock);
}

Test(task, locks_exclude_and_are_fair)
{
    struct task *task[5];
    for (unsigned i = 0; i < 5; i++)
        task[i] = start(locker, 'a' + i);
    for (unsigned i = 0; i < 5; i++)
        join(task[i]);
    expect("abcde");
    cr_assert_null(lock.holder);
}

static uint64_t slots[3];
static struct task_queue queue = {.slot = slots, .size = 3};

static void producer(void *argument)
{
    for (uint64_t i = 0; i < 100; i++) {
        cr_assert_eq(task_queue_put(&queue, (uint64_t)argument + i, TASK_FOREVER), ERR_OK);
        if (i % 7 == 0)
            task_sleep(now + 3);
    }
}

Test(task, queues_keep_order_and_bound)
{
    struct task *a = start(producer, 1000), *b = start(producer, 2000);
    uint64_t word, next[2] = {1000, 2000};
    for (unsigned i = 0; i < 200; i++) {
        cr_assert_eq(task_queue_take(&queue, &word, TASK_FOREVER), ERR_OK);
        cr_assert_eq(word, next[word / 1000 - 1]++);
    }
    join(a);
    join(b);
    cr_assert_eq(task_queue_take(&queue, &word, now + 1), ERR_TIMED_OUT);
}

static void given_up(void *argument)
{
    (void)argument;
    cr_assert_eq(event_wait(&event, TASK_FOREVER), ERR_PEER_GONE);
    cr_assert_eq(task_sleep(now + 1000), ERR_PEER_GONE);
    task_shield();
    cr_assert_eq(task_sleep(now + 1000), ERR_OK);
    task_unshield();
    cr_assert_eq(event_wait(&event, TASK_FOREVER), ERR_PEER_GONE);
    tell('g');
}

Test(task, is_given_up_at_its_waits)
{
    struct task *task = start(given_up, 0), *other = start(waiter, 'o');
    task_yield();
    task_cancel(task, ERR_PEER_GONE);
    task_cancel(task, ERR_PEER_GONE);
    join(task);
    cr_assert_eq(now, 1000);
    event_signal(&event);
    join(other);
    expect("go");
}

static void shielded(void *argument)
{
    (void)argument;
    task_shield();
    cr_assert_eq(event_wait(&event, TASK_FOREVER), ERR_OK);
    task_unshield();
    tell(event_wait(&event, TASK_FOREVER) == ERR_CANCELLED ? 'c' : '?');
}

Test(task, a_shield_holds_until_it_is_taken_away)
{
    struct task *task = start(shielded, 0);
    task_yield();
    task_cancel(task, ERR_CANCELLED);
    task_yield();
    expect("");
    event_signal(&event);
    join(task);
    expect("c");
}

static void wants_lock(void *argument)
{
    (void)argument;
    enum error error = task_lock(&lock);
    tell(error ? 'x' : 'l');
    if (!error)
        task_unlock(&lock);
}

Test(task, whoever_is_given_up_does_not_get_the_lock)
{
    cr_assert_eq(task_lock(&lock), ERR_OK);
    struct task *a = start(wants_lock, 0), *b = start(wants_lock, 0), *c = start(wants_lock, 0);
    task_yield();
    task_cancel(a, ERR_PEER_GONE);
    task_unlock(&lock);
    /* b has it already: being given up now is too late for this wait. */
    task_cancel(b, ERR_PEER_GONE);
    join(a);
    join(b);
    join(c);
    expect("xll");
    cr_assert_null(lock.holder);
}

/* Many tasks that do everything at random; nobody may be left over, and nobody may be in a lock with others.
 */
static uint64_t seed = 1;

static void anything(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < 50; i++) {
        uint64_t word;
        switch (random_below(&seed, 7)) {
        case 0: task_yield(); break;
        case 1: task_sleep(now + random_below(&seed, 50)); break;
        case 2: event_wait(&event, now + random_below(&seed, 50)); break;
        case 3: event_signal(&event); break;
        case 4: task_queue_put(&queue, i, now + random_below(&seed, 50)); break;
        case 5: task_queue_take(&queue, &word, now + random_below(&seed, 50)); break;
        default:
            if (task_lock(&lock))
                break;
            cr_assert_eq(inside++, 0);
            task_sleep(now + random_below(&seed, 5));
            inside--;
            task_unlock(&lock);
        }
    }
}

Test(task, does_anything_in_any_order)
{
    struct task *task[TASKS_MAX];
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < TASKS_MAX; i++)
            task[i] = start(anything, 0);
        for (unsigned i = 0; i < 40; i++) {
            task_yield();
            task_cancel(task[random_below(&seed, TASKS_MAX)], ERR_CANCELLED);
        }
        for (unsigned i = 0; i < TASKS_MAX; i++)
            join(task[i]);
        cr_assert(event.first == NULL && lock.holder == NULL && tasks.timers == 0);
        cr_assert(queue.filled.first == NULL && queue.emptied.first == NULL);
    }
}
