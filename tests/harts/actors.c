/* SPDX-License-Identifier: MIT */
/*
 * The stress test: actors on all harts, a mover that sends them from hart to hart while they run or wait, and
 * the first thread, which watches that none of them stands still. Whatever is wrong ends the machine with a
 * line that says so.
 */
#include "harts.h"

#include <stdio.h>
#include <string.h>

#define SLICE_US   1000
#define WATCH_US   50000
/* Harts may outnumber processors, and others may use those. */
#define PATIENCE_S (30 + 15 * rt_boot->hart_count)

struct actor *actors[MAX_ACTORS];
unsigned actor_count;
uint64_t stress_seed;
static volatile uint64_t counts[COUNTS];
const char *const count_name[COUNTS] = {"calls",  "cancelled", "passes", "wakes",    "interrupts",
                                        "remaps", "reads",     "faults", "suspends", "kills",
                                        "spaces", "moves",     "audits", "floats"};

void count_add(enum count what, uint64_t by)
{
    __atomic_fetch_add(&counts[what], by, __ATOMIC_RELAXED);
}

uint64_t count_get(enum count what)
{
    return __atomic_load_n(&counts[what], __ATOMIC_RELAXED);
}

uint64_t random_below(struct actor *actor, uint64_t limit)
{
    actor->random = actor->random * 6364136223846793005ull + 1442695040888963407ull;
    return (actor->random >> 33) % limit;
}

void yield(void)
{
    struct msg m = {0};

    sys_msg(SYS_YIELD, 0, &m);
}

struct sleeper sleeper_make(void)
{
    return (struct sleeper){make_object(OBJ_TIMER, 0), make_object(OBJ_NOTIFICATION, 0)};
}

void sleeper_sleep(const struct sleeper *sleeper, uint64_t us)
{
    uint64_t deadline = rt_ticks() + rt_ticks_of_us(us);

    must(timer_set(sleeper->timer, sleeper->notification, deadline, 0), "set a timer");
    check(notification_wait(sleeper->notification) == 1, "woken without the timer's bit");
    check(rt_ticks() >= deadline, "woken before the time");
}

void actor_add(struct actor *actor, const char *name, void (*code)(uint64_t), uint64_t argument,
               unsigned hart)
{
    check(actor_count < MAX_ACTORS, "too many actors");
    actors[actor_count++] = actor;
    actor->name = name;
    actor->random = stress_seed * 1000003 + actor_count;
    actor->thread.code = code;
    actor->thread.argument = argument;
    actor->thread.hart = hart % rt_boot->hart_count;
    actor->thread.budget = actor->thread.period = SLICE_US;
    if (!actor->thread.priority)
        actor->thread.priority = PRIORITY_LOAD;
}

void actors_start(void)
{
    for (unsigned i = 0; i < actor_count; i++) {
        actors[i]->seen_at = rt_ticks();
        guest_thread_start(&actors[i]->thread);
    }
}

/* --- The mover: any actor, itself among them, goes to any hart --- */

static struct actor mover;
static struct sleeper mover_sleeper;

static void move_all(uint64_t unused)
{
    (void)unused;
    for (;;) {
        struct actor *actor = actors[random_below(&mover, actor_count)];
        unsigned hart = random_below(&mover, rt_boot->hart_count);
        uint64_t slice = rt_ticks_of_us(SLICE_US), time[3] = {actor->thread.context, slice, slice};
        enum error error = kernel_call(BOOT_SCHED_CONTROL + hart, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL,
                                       0);
        /* Somebody may have just taken it away. */
        check(!error || error == ERR_NO_CAP, "moving a thread failed");
        count_add(COUNT_MOVES, 1);
        mover.progress++;
        if (random_below(&mover, 4) == 0)
            sleeper_sleep(&mover_sleeper, random_below(&mover, 2000));
    }
}

/* --- The auditor: has the kernel look at all that it has, if its command line says `audit` --- */

static struct actor auditor;
static struct sleeper auditor_sleeper;

static void audit_on(uint64_t unused)
{
    uint64_t info[8];

    (void)unused;
    for (;;) {
        must(kernel_call(BOOT_DEBUG, OP_DEBUG_INFO, NULL, 0, info, 8), "have the kernel audited");
        count_add(COUNT_AUDITS, 1);
        auditor.progress++;
        sleeper_sleep(&auditor_sleeper, 2000);
    }
}

/* --- The first thread --- */

static void forgotten(const struct actor *actor, unsigned number)
{
    struct thread_info info;

    must(kernel_call(actor->thread.thread, OP_THREAD_INFO, NULL, 0, (uint64_t *)&info, 8),
               "look at a thread");
    printf("harts: actor %s %u stands still at %lu: state %lu, hart %lu, pc %lx, flags %lx, %lu switches\n",
           actor->name, number, actor->seen, info.state, info.hart, info.pc, info.flags, info.switches);
    check(false, "somebody was forgotten");
}

static void watch(uint64_t now)
{
    for (unsigned i = 0; i < actor_count; i++) {
        struct actor *actor = actors[i];
        uint64_t progress = actor->progress_at ? *actor->progress_at : actor->progress;
        if (actor->stopped || progress != actor->seen) {
            actor->seen = progress;
            actor->seen_at = now;
        } else if (now - actor->seen_at > PATIENCE_S * rt_start->timebase) {
            forgotten(actor, i);
        }
    }
}

void stress_run(uint64_t seconds)
{
    unsigned harts = rt_boot->hart_count;
    struct sleeper sleeper = sleeper_make();

    if (!strstr(rt_boot->command_line, "floats")) {
        calls_make(harts);
        events_make(harts);
        remap_make(harts);
        victims_make(harts);
    }
    floats_make(harts);
    mover_sleeper = sleeper_make();
    mover.thread.priority = PRIORITY_TROUBLE;
    actor_add(&mover, "mover", move_all, 0, 1);
    if (strstr(rt_boot->command_line, "audit")) {
        auditor_sleeper = sleeper_make();
        auditor.thread.priority = PRIORITY_TROUBLE;
        actor_add(&auditor, "auditor", audit_on, 0, 2);
    }
    actors_start();
    for (uint64_t end = rt_ticks() + seconds * rt_start->timebase; rt_ticks() < end;) {
        sleeper_sleep(&sleeper, WATCH_US);
        watch(rt_ticks());
    }
    for (unsigned i = 0; i < COUNTS; i++)
        printf("harts count %s %lu\n", count_name[i], count_get(i));
}
