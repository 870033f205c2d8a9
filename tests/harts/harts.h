/* SPDX-License-Identifier: MIT */
/*
 * The parts of the program that takes init's place to try many harts: main.c, rate.c (messages a second),
 * wakes.c (lost wake-ups) and the stress test: actors.c, and what the actors do (calls.c, events.c, remap.c,
 * victims.c, floats.c).
 */
#pragma once

#include "../guest/thread.h"

#define MAX_HARTS  8
#define MAX_ACTORS 128
/* Who makes trouble comes before those who suffer it, and sleeps now and then; who never waits comes last. */
#define PRIORITY_TROUBLE (PRIORITY_LOAD + 10)
#define PRIORITY_BUSY    (PRIORITY_LOAD - 10)

/* Compares the rate of one pair of client and server with that of two on two harts, and prints it. */
void rate_run(void);
/* Looks for wake-ups that are lost between harts, for so many seconds. */
void wakes_run(uint64_t seconds);
/* Lets the actors loose for so many seconds. */
void stress_run(uint64_t seconds);

/* A thread of the stress test. It must show progress again and again, on whatever hart. */
struct actor {
    const char *name;
    struct guest_thread thread;
    volatile uint64_t progress;
    volatile uint64_t *progress_at; /* where it counts; NULL: in `progress` */
    uint64_t random;   /* state of random_below */
    uint64_t seen;     /* progress when it was last looked at, and when it last changed */
    uint64_t seen_at;
    bool stopped;      /* somebody suspended or ended it: not to be moved now, nor expected to progress */
};
extern struct actor *actors[MAX_ACTORS];
extern unsigned actor_count;
extern uint64_t stress_seed;

/*
 * Adds a thread that runs code(argument). Its priority is PRIORITY_LOAD and it begins on the hart of that
 * number (modulo the harts there are); its budget is that of round robin. Started by actors_start().
 */
void actor_add(struct actor *actor, const char *name, void (*code)(uint64_t), uint64_t argument,
               unsigned hart);
void actors_start(void);
/* A number below `limit`, of the actor's own sequence. */
uint64_t random_below(struct actor *actor, uint64_t limit);
/* Lets others of the same priority run. */
void yield(void);
/* Sleeps; each actor that sleeps has a timer and a notification of its own. */
struct sleeper {
    cap_t timer, notification;
};
struct sleeper sleeper_make(void);
void sleeper_sleep(const struct sleeper *sleeper, uint64_t us);

/* What makes the actors of each kind; `harts` is how many there are. */
void calls_make(unsigned harts);
void events_make(unsigned harts);
void remap_make(unsigned harts);
void victims_make(unsigned harts);
void floats_make(unsigned harts);

/* What was done, for the closing lines. */
enum count { COUNT_CALLS, COUNT_CALLS_GONE, COUNT_PASSES, COUNT_WAKES, COUNT_INTERRUPTS, COUNT_REMAPS,
             COUNT_READS, COUNT_FAULTS, COUNT_SUSPENDS, COUNT_KILLS, COUNT_SPACES, COUNT_MOVES, COUNT_AUDITS,
             COUNT_FLOATS, COUNTS };
extern const char *const count_name[COUNTS];
void count_add(enum count what, uint64_t by);
uint64_t count_get(enum count what);

/* --- spin.S --- */

/* A page that counts up the word at a0 for ever, with a system call every 64 times; needs nothing else. */
extern const char spin_page[];
