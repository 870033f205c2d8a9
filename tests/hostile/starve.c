/* SPDX-License-Identifier: MIT */
/*
 * Tries to take more time than was given: a thread of high priority with a budget does all that could make
 * the kernel charge it too little, or cost others theirs. Beside it, on the same hart, a victim of low
 * priority with a budget of its own only counts. Measured over 100 periods: the victim's count against what
 * it counts alone, and what the scheduling contexts of the hog consumed. Runs with -icount, where time is
 * instructions; with `loose=1` on the kernel's command line without, on another hart than main's.
 */
#include "../guest/probe.h"

#include <stdio.h>
#include <string.h>

#define PERIOD        1000 /* microseconds, of all budgets */
#define PERIODS       100
#define HOG_BUDGET    600
#define VICTIM_BUDGET 300
#define PRIORITY_HOG  150
#define FRIENDS       4

/* Percent of its guaranteed time that the victim must get, and of its budgets that the hog may take. On
 * machines where a hart may stand still because the computer has other things to do (`loose` on the command
 * line) all that can be said is that the victim gets somewhere. */
#define VICTIM_SHARE  95
#define HOG_SHARE     103

/* The hog and those that work for it; their budgets together are HOG_BUDGET. */
struct hog {
    struct worker worker[FRIENDS];
    unsigned count;
    cap_t endpoint, second_endpoint, notification;
    cap_t untyped, slots;
};

static struct hog hog;
static uint32_t hart;
static volatile uint64_t counter;
static uint64_t rate; /* counts in a millisecond */

static void hog_add(uint64_t budget, uint64_t priority, void (*function)(uint64_t), uint64_t argument)
{
    struct worker *worker = &hog.worker[hog.count++];

    worker->hart = hart;
    worker->priority = priority;
    worker->budget = budget;
    worker->period = PERIOD;
    worker_make(worker);
    worker_run(worker, function, argument);
}

/* A thread without time of its own: it runs on that of those who call it. */
static void hog_add_server(void (*function)(uint64_t), uint64_t argument)
{
    struct worker *worker = &hog.worker[hog.count];

    hog_add(PERIOD, PRIORITY_HOG, function, argument);
    while (worker_info(worker).state != THREAD_BLOCKED_RECV)
        sleep_us(100);
    must(kernel_call(worker->thread, OP_THREAD_BIND_CONTEXT, (const uint64_t[1]){0}, 1, NULL, 0),
         "take time away");
}

/* --- What hogs do --- */

static void spin(uint64_t unused)
{
    (void)unused;
    for (;;)
        __asm__ volatile("");
}

static void yield(uint64_t unused)
{
    struct msg m = {.tag = 0};

    (void)unused;
    for (;;)
        sys_msg(SYS_YIELD, 0, &m);
}

static void signal(uint64_t notification)
{
    for (;;)
        notification_signal((cap_t)notification);
}

static void wait(uint64_t notification)
{
    for (;;)
        notification_wait((cap_t)notification);
}

static void call(uint64_t endpoint)
{
    struct msg m = {.tag = 0};

    for (;;)
        sys_msg(SYS_CALL, (cap_t)endpoint, &m);
}

static void serve_last(uint64_t endpoint)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, (cap_t)endpoint, &m);
    for (;;) {
        for (unsigned i = 0; i < 200; i++)
            __asm__ volatile("");
        sys_msg(SYS_REPLY_RECV, (cap_t)endpoint, &m);
    }
}

static void serve_by_calling(uint64_t endpoint)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, (cap_t)endpoint, &m);
    for (;;) {
        sys_msg(SYS_CALL, hog.second_endpoint, &m);
        sys_msg(SYS_REPLY_RECV, (cap_t)endpoint, &m);
    }
}

/* Answers faults so that the thread faults again. */
static void serve_faults(uint64_t endpoint)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, (cap_t)endpoint, &m);
    for (;;) {
        m.tag = 0;
        sys_msg(SYS_REPLY_RECV, (cap_t)endpoint, &m);
    }
}

/* Makes threads, one after the other, that all run on the context of a friend. */
static void fork_on_one_context(uint64_t context)
{
    const uint64_t parts[4] = {BOOT_CNODE, BOOT_ADDRESS_SPACE},
                   priority[2] = {PRIORITY_HOG - 1, PRIORITY_HOG - 1};

    for (uint64_t n = 0;; n++) {
        cap_t thread = hog.slots + n % 8;
        if (n % 8 == 0)
            cnode_revoke(BOOT_CNODE, hog.untyped);
        make_of(hog.untyped, OBJ_THREAD, 0, thread);
        kernel_call(thread, OP_THREAD_CONFIGURE, parts, 4, NULL, 0);
        kernel_call(thread, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0);
        if (n % 8)
            kernel_call(hog.slots + n % 8 - 1, OP_THREAD_BIND_CONTEXT, (const uint64_t[1]){0}, 1, NULL, 0);
        kernel_call(thread, OP_THREAD_BIND_CONTEXT, &context, 1, NULL, 0);
        sys_invoke(thread, tag_make(OP_THREAD_START, 6, 0), (uint64_t)spin_load, 0, (uint64_t)&counter, 0, 0,
                   0);
        for (unsigned i = 0; i < 3000; i++)
            __asm__ volatile("");
    }
}

/* Timers with the shortest period there is, all of one notification that it waits for. */
static void set_timers(uint64_t first_and_count)
{
    cap_t first = (cap_t)(first_and_count >> 32);

    for (unsigned i = 0; i < (uint32_t)first_and_count; i++)
        timer_set(first + i, hog.notification, rt_ticks() + i, rt_ticks_of_us(10));
    wait(hog.notification);
}

/* Sleeps until shortly before its budget would be there anew, so as to use the end of one period and the
 * beginning of the next. */
static void sleep_and_run(uint64_t timer)
{
    uint64_t period = rt_ticks_of_us(PERIOD), budget = rt_ticks_of_us(HOG_BUDGET);

    for (uint64_t from = rt_ticks();; from += period) {
        timer_set((cap_t)timer, hog.notification, from + period - budget / 2, 0);
        notification_wait(hog.notification);
        while (rt_ticks() < from + period + budget / 2)
            continue;
    }
}

/* --- Scenarios --- */

static void with_spinner(void)
{
    hog_add(HOG_BUDGET, PRIORITY_HOG, spin, 0);
}

static void with_many_spinners(void)
{
    for (unsigned i = 0; i < FRIENDS; i++)
        hog_add(HOG_BUDGET / FRIENDS, PRIORITY_HOG, spin, 0);
}

static void with_yields(void)
{
    hog_add(HOG_BUDGET / 2, PRIORITY_HOG, yield, 0);
    hog_add(HOG_BUDGET / 2, PRIORITY_HOG, yield, 0);
}

static void with_signals(void)
{
    hog_add(HOG_BUDGET / 2, PRIORITY_HOG + 1, wait, hog.notification);
    hog_add(HOG_BUDGET / 2, PRIORITY_HOG, signal, hog.notification);
}

static void with_forwarding(void)
{
    hog_add_server(serve_last, hog.second_endpoint);
    hog_add_server(serve_by_calling, hog.endpoint);
    hog_add(HOG_BUDGET / 2, PRIORITY_HOG, call, hog.endpoint);
    hog_add(HOG_BUDGET / 2, PRIORITY_HOG, call, hog.endpoint);
}

static void with_faults(void)
{
    hog_add_server(serve_faults, hog.endpoint);
    struct worker *worker = &hog.worker[hog.count++];
    *worker = (struct worker){.hart = hart,
                              .priority = PRIORITY_HOG,
                              .budget = HOG_BUDGET,
                              .period = PERIOD,
                              .fault = hog.endpoint,
                              .untyped = worker->untyped,
                              .thread = worker->thread,
                              .context = worker->context};
    worker_make(worker);
    must(worker_start(worker, (uint64_t)spin_load, 0, GUEST_MAP, 0), "start a thread");
}

static void with_forks(void)
{
    hog_add(HOG_BUDGET / 2, PRIORITY_HOG, spin, 0);
    must(kernel_call(hog.worker[0].thread, OP_THREAD_BIND_CONTEXT, (const uint64_t[1]){0}, 1, NULL, 0),
         "take time away");
    hog_add(HOG_BUDGET / 2, PRIORITY_HOG, fork_on_one_context, hog.worker[0].context);
}

static void with_timers(void)
{
    static cap_t first;
    unsigned count = 300;

    if (!first) {
        first = slots_take(count);
        for (unsigned i = 0; i < count; i++)
            must(make_of(hog.untyped, OBJ_TIMER, 0, first + i), "make a timer");
    }
    hog_add(HOG_BUDGET, PRIORITY_HOG, set_timers, (uint64_t)first << 32 | count);
}

static void with_sleep(void)
{
    hog_add(HOG_BUDGET, PRIORITY_HOG, sleep_and_run, make_object(OBJ_TIMER, 0));
}

/* --- Measuring --- */

static uint64_t hog_consumed(void)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < hog.count; i++)
        if (hog.worker[i].budget < PERIOD)
            total += worker_consumed(&hog.worker[i]);
    return total;
}

static void victim_make(struct worker *victim, uint64_t budget)
{
    victim->hart = hart;
    victim->priority = 50;
    victim->budget = budget;
    victim->period = PERIOD;
    counter = 0;
    worker_make(victim);
    must(worker_start(victim, (uint64_t)spin_count, 0, (uint64_t)&counter, 0), "start a thread");
}

static void calibrate(struct worker *victim)
{
    victim_make(victim, PERIOD);
    sleep_us(10 * PERIOD);
    uint64_t before = counter, from = rt_ticks();
    sleep_us(20 * PERIOD);
    rate = (counter - before) * rt_ticks_of_us(1000) / (rt_ticks() - from);
    worker_end(victim);
}

/* Main is of the highest priority and sleeps meanwhile. With timers a hundred times as many as can be
 * served even that must come to an end: what does not is seen from outside. */
static void scenario(const char *name, void (*begin)(void), bool time_is_taken, unsigned victim_share)
{
    static struct worker victim;

    begin();
    victim_make(&victim, VICTIM_BUDGET);
    /* On a computer with much else to do it may take long until it is the victim's turn. */
    for (unsigned tries = 0; counter == 0 && tries < 300; tries++)
        sleep_us(10 * PERIOD);
    uint64_t begun = counter;
    sleep_us(10 * PERIOD);
    uint64_t before = counter, consumed = hog_consumed(), charged = worker_consumed(&victim),
             from = rt_ticks();
    sleep_us(PERIODS * PERIOD);
    uint64_t ticks = rt_ticks() - from;
    uint64_t counted = counter - before, taken = hog_consumed() - consumed;
    uint64_t share = counted * 100 * PERIOD / (rate * ticks / rt_ticks_of_us(1000) * VICTIM_BUDGET);
    uint64_t allowed = ticks * HOG_BUDGET / PERIOD, hog_share = taken * 100 / allowed;
    uint64_t charged_share = (worker_consumed(&victim) - charged) * 100 / (ticks * VICTIM_BUDGET / PERIOD);
    bool loose = guest_option("loose", 0);
    for (unsigned tries = 0; loose && counter == begun && tries < 300; tries++)
        sleep_us(10 * PERIOD);
    bool enough = loose ? counter != begun : share >= victim_share;
    bool busy = !time_is_taken || hog_share >= 40;

    worker_end(&victim);
    for (unsigned i = 0; i < hog.count; i++)
        worker_end(&hog.worker[i]);
    hog.count = 0;
    verdict(enough && (loose || (hog_share <= HOG_SHARE && busy)), name,
            "the victim got %lu %% of its time (charged for %lu %%), the hog took %lu %% of its own", share,
            charged_share, hog_share);
}

/* --- From other harts --- */

static volatile uint64_t victim_calls;

static void call_and_count(uint64_t unused)
{
    struct msg m = {.tag = 0};

    (void)unused;
    for (;; victim_calls++)
        sys_msg(SYS_TRY_WAIT, hog.notification, &m);
}

/* Makes and destroys objects, which takes all locks there are. */
static void make_and_destroy(uint64_t untyped)
{
    for (;;) {
        untyped_retype((cap_t)untyped, OBJ_ENDPOINT, 0, 0, (cap_t)untyped + 1, 8, 0);
        cnode_revoke(BOOT_CNODE, (uint64_t)untyped);
    }
}

/* Suspends and resumes a thread of the victim's hart, which takes it off that hart each time. */
static void disturb(uint64_t thread)
{
    for (;;) {
        sys_invoke((cap_t)thread, tag_make(OP_THREAD_SUSPEND, 0, 0), 0, 0, 0, 0, 0, 0);
        sys_invoke((cap_t)thread, tag_make(OP_THREAD_RESUME, 0, 0), 0, 0, 0, 0, 0, 0);
    }
}

/* A hart whose threads make system calls goes on while all the others are in the kernel all the time. How
 * fast depends on the computer; that it does, on the kernel. */
static void from_other_harts(void)
{
    static struct worker victim, disturbed, other[BOOT_MAX_HARTS];
    uint64_t longest = 0, before, last, from;

    victim = (struct worker){.hart = hart, .priority = 50};
    disturbed = (struct worker){.hart = hart, .priority = 40};
    worker_make(&victim);
    worker_run(&victim, call_and_count, 0);
    worker_make(&disturbed);
    worker_run(&disturbed, spin, 0);
    for (unsigned i = 0; i < rt_boot->hart_count; i++) {
        cap_t untyped = make_object(OBJ_UNTYPED, PAGE_BITS);
        slots_take(8);
        other[i] = (struct worker){.hart = i, .priority = PRIORITY_HOG};
        if (i == hart)
            continue;
        worker_make(&other[i]);
        worker_run(&other[i], i % 2 ? make_and_destroy : disturb, i % 2 ? untyped : disturbed.thread);
    }
    before = victim_calls;
    for (unsigned i = 0; i < 20; i++) {
        last = victim_calls;
        from = rt_ticks();
        sleep_us(PERIOD);
        for (unsigned tries = 0; victim_calls == last && tries < 5000; tries++)
            sleep_us(PERIOD);
        if (rt_ticks() - from > longest)
            longest = rt_ticks() - from;
    }
    uint64_t made = victim_calls - before;
    for (unsigned i = 0; i < rt_boot->hart_count; i++)
        if (i != hart)
            worker_end(&other[i]);
    worker_end(&victim);
    worker_end(&disturbed);
    verdict(made >= 200 && longest < rt_ticks_of_us(5000000), "from_other_harts",
            "%lu calls, none for %lu us at most", made, longest / rt_ticks_of_us(1));
}

int main(void)
{
    static struct worker victim;

    guest_init("starve");
    hart = rt_boot->hart_count > 1 ? 1 : 0;
    hog.endpoint = make_object(OBJ_ENDPOINT, 0);
    hog.second_endpoint = make_object(OBJ_ENDPOINT, 0);
    hog.notification = make_object(OBJ_NOTIFICATION, 0);
    hog.untyped = make_object(OBJ_UNTYPED, 16);
    hog.slots = slots_take(8);
    map_at(make_object(OBJ_FRAME, PAGE_BITS), BOOT_ADDRESS_SPACE, GUEST_MAP + PAGE_BYTES, RIGHT_READ);
    for (unsigned tries = 0; rate <= 1000 && tries < 100; tries++)
        calibrate(&victim);
    verdict(rate > 1000, "calibration", "%lu counts in a millisecond", rate);
    scenario("spinning", with_spinner, true, VICTIM_SHARE);
    scenario("many_spinning", with_many_spinners, true, VICTIM_SHARE);
    scenario("yields", with_yields, true, VICTIM_SHARE);
    scenario("signals", with_signals, true, VICTIM_SHARE);
    scenario("forwarding", with_forwarding, true, VICTIM_SHARE);
    scenario("faults", with_faults, true, VICTIM_SHARE);
    scenario("forks_on_one_context", with_forks, true, VICTIM_SHARE);
    scenario("sleep_across_periods", with_sleep, true, VICTIM_SHARE);
    from_other_harts();
    cnode_revoke(BOOT_CNODE, hog.untyped);
    /* The interrupts of timers may take a fifth of a hart, from whomever they interrupt. */
    if (guest_option("timers", 1))
        scenario("timers", with_timers, false, VICTIM_SHARE - 20);
    guest_finish();
}
