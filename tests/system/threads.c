/* SPDX-License-Identifier: MIT */
/*
 * Threads of a program, on all harts: start, join, locks, conditions, malloc and thread-local variables.
 * `threads` checks and says so; `threads overflow` has one use up its stack, which must end the program, and
 * `threads exit` has one end it in peace.
 */
#include <proto/proc.h>
#include <rt/task.h>
#include <rt/thread.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT  8
#define ROUNDS 2000

static void expect(bool right, const char *what)
{
    if (right)
        return;
    printf("threads: failed: %s\n", what);
    exit(1);
}

static struct thread *start(unsigned hart, void (*run)(void *argument), uintptr_t argument)
{
    enum error error;
    struct thread *thread = thread_start(hart, run, (void *)argument, &error);
    expect(thread != NULL, error_text(error));
    return thread;
}

static void together(void (*run)(void *argument))
{
    struct thread *thread[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        thread[i] = start(i % thread_harts(), run, i);
    for (unsigned i = 0; i < COUNT; i++)
        thread_join(thread[i]);
}

/* --- What each has of its own --- */

static _Thread_local uint64_t own = 77;
static _Thread_local double own_number = 0.5;

static void use_own(void *argument)
{
    expect(own == 77 && own_number == 0.5, "thread-local variables begin anew");
    own = (uint64_t)argument;
    own_number = (double)(uint64_t)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        own++;
        own_number += 1;
    }
    expect(own == (uint64_t)argument + ROUNDS, "thread-local integers");
    expect(own_number == (double)((uint64_t)argument + ROUNDS), "thread-local floating-point numbers");
}

/* --- Locks --- */

static struct thread_mutex mutex;
static struct thread_condition changed;
static volatile uint64_t counted, turn;

static void count(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        thread_lock(&mutex);
        counted++;
        thread_unlock(&mutex);
    }
}

/* Each waits for its turn, round and round. */
static void take_turns(void *argument)
{
    uint64_t number = (uint64_t)argument;
    for (unsigned i = 0; i < ROUNDS / 100; i++) {
        thread_lock(&mutex);
        while (turn % COUNT != number)
            thread_condition_wait(&changed, &mutex);
        turn++;
        thread_condition_broadcast(&changed);
        thread_unlock(&mutex);
    }
}

/* --- The C library --- */

static void allocate(void *argument)
{
    char *block[16] = {NULL};
    uint64_t random = (uint64_t)argument + 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        unsigned which = random >> 60;
        size_t size = 1 + (random >> 40) % 500;
        if (block[which] != NULL)
            expect(block[which][0] == (char)which, "what malloc gave is this thread's alone");
        free(block[which]);
        block[which] = malloc(size);
        expect(block[which] != NULL, "malloc");
        memset(block[which], (int)which, size);
    }
    for (unsigned i = 0; i < 16; i++)
        free(block[i]);
}

/* --- Tasks --- */

static void nap(void *argument)
{
    (void)argument;
    expect(!task_sleep(rt_ticks() + rt_ticks_of_us(1000)), "sleep");
    counted++; /* all tasks of this hart's thread */
}

static void use_tasks(void *argument)
{
    struct task *task[4];
    (void)argument;
    for (unsigned i = 0; i < 4; i++)
        task[i] = task_start(nap, NULL);
    for (unsigned i = 0; i < 4; i++)
        expect(task[i] != NULL && !task_join(task[i]), "join a task");
}

/* --- Limits --- */

static void wait_for_turn(void *argument)
{
    (void)argument;
    thread_lock(&mutex);
    while (turn != 1)
        thread_condition_wait(&changed, &mutex);
    thread_unlock(&mutex);
}

static void all_that_there_may_be(void)
{
    struct thread *thread[PROC_MAX_THREADS];
    enum error error = ERR_OK;
    unsigned made = 0;
    turn = 0;
    while (made < PROC_MAX_THREADS && !error) {
        thread[made] = thread_start(THREAD_ANY_HART, wait_for_turn, NULL, &error);
        made += !error;
    }
    expect(made == PROC_MAX_THREADS, "start as many as there may be");
    expect(thread_start(THREAD_ANY_HART, wait_for_turn, NULL, &error) == NULL && error == ERR_TOO_MANY,
           "no more");
    thread_lock(&mutex);
    turn = 1;
    thread_condition_broadcast(&changed);
    thread_unlock(&mutex);
    for (unsigned i = 0; i < made; i++)
        thread_join(thread[i]);
    expect(thread_start(100, wait_for_turn, NULL, &error) == NULL && error, "no such hart");
}

static unsigned __attribute__((noinline)) deeper(volatile char *above, unsigned levels)
{
    volatile char here[1024];
    memset((char *)here, *above, sizeof(here));
    return levels > 0 ? deeper(here, levels - 1) + (unsigned)here[7] : 0;
}

static void overflow(void *argument)
{
    volatile char one = 1;
    (void)argument;
    deeper(&one, 2 * THREAD_STACK_BYTES / 1024);
}

static void leave(void *argument)
{
    exit((int)(uintptr_t)argument);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "overflow"))
        thread_join(start(THREAD_ANY_HART, overflow, 0));
    if (argc > 1 && !strcmp(argv[1], "exit"))
        thread_join(start(THREAD_ANY_HART, leave, 7));
    for (unsigned i = 0; i < 3; i++)
        together(use_own);
    expect(own == 77, "those of main are not touched");
    together(count);
    expect(counted == COUNT * ROUNDS, "a lock excludes");
    together(take_turns);
    expect(turn == COUNT * (ROUNDS / 100), "conditions");
    together(allocate);
    for (unsigned i = 0; i < 50; i++) {
        counted = 0;
        thread_join(start(i % thread_harts(), use_tasks, 0));
        expect(counted == 4, "tasks of a thread");
    }
    all_that_there_may_be();
    printf("threads: all is well\n");
    return 0;
}
