/* SPDX-License-Identifier: MIT */
/* Workers and their jobs: see executor.h. */
#include "executor.h"

#include "deque.h"
#include "task_internal.h"
#include "thread.h"

#define MAX_WORKERS 32
#define LOOKS       50 /* at all deques before a worker sleeps */

/* AWAITED: a task waits for the end. */
enum job_state { JOB_STARTED, JOB_AWAITED, JOB_OVER };

struct worker {
    struct deque deque;
    struct job *inbox __attribute__((aligned(64))); /* jobs that are over and that its tasks wait for */
    struct event stop;                              /* what its thread waits for */
    cap_t wake;                                     /* what it sleeps on */
    unsigned number;
    struct thread *thread;
};

static struct worker workers[MAX_WORKERS];
static unsigned worker_count;
static uint32_t sleepers; /* bit per worker */
static bool stopping;
static _Thread_local struct worker *own;

/* --- Sleeping and waking: whoever gives work makes it visible and then looks for sleepers, whoever goes to
 * sleep says so and then looks for work; one of the two sees the other. --- */

static void wake(unsigned number)
{
    uint32_t bit = 1u << number;
    if (__atomic_fetch_and(&sleepers, ~bit, __ATOMIC_ACQ_REL) & bit)
        notification_signal(workers[number].wake);
}

static void wake_one(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t asleep = __atomic_load_n(&sleepers, __ATOMIC_RELAXED);
    if (asleep != 0)
        wake((unsigned)__builtin_ctz(asleep));
}

static bool is_work_left(void)
{
    bool found = __atomic_load_n(&own->inbox, __ATOMIC_RELAXED) != NULL ||
                 __atomic_load_n(&stopping, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < worker_count && !found; i++)
        found = deque_has(&workers[i].deque);
    return found;
}

static void sleep(void)
{
    uint32_t bit = 1u << own->number;
    __atomic_fetch_or(&sleepers, bit, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!is_work_left())
        tasks_idle();
    __atomic_fetch_and(&sleepers, ~bit, __ATOMIC_ACQ_REL);
}

/* --- Jobs --- */

/* Whose job it was may be on another thread, which may forget it as soon as it is told. */
static void end_job(struct job *job)
{
    if (__atomic_exchange_n(&job->state, JOB_OVER, __ATOMIC_ACQ_REL) != JOB_AWAITED)
        return;
    struct worker *waiter = job->waiter;
    job->next = __atomic_load_n(&waiter->inbox, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&waiter->inbox, &job->next, job, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
        ;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    wake(waiter->number);
}

static void run_job(struct job *job)
{
    job->run(job->argument);
    end_job(job);
}

static void take_inbox(void)
{
    struct job *job = NULL;
    if (__atomic_load_n(&own->inbox, __ATOMIC_RELAXED) != NULL)
        job = __atomic_exchange_n(&own->inbox, NULL, __ATOMIC_ACQUIRE);
    while (job != NULL) {
        struct job *next = job->next;
        job->waiter = NULL;
        event_signal(&job->over);
        job = next;
    }
}

/* The own newest one, or somebody's oldest. */
static struct job *find_job(void)
{
    struct job *job = deque_take(&own->deque);
    for (unsigned i = 1; i < worker_count && job == NULL; i++)
        job = deque_steal(&workers[(own->number + i) % worker_count].deque);
    return job;
}

static void look_at_deadlines(void)
{
    uint64_t bits;
    if (tasks.timers != 0 && notification_poll(tasks.notification, &bits))
        tasks_signal(bits);
}

static void loop(void *unused)
{
    (void)unused;
    for (unsigned looks = 0;;) {
        take_inbox();
        look_at_deadlines();
        if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
            event_signal(&own->stop);
        task_loop_rest();
        struct job *job = find_job();
        looks = job == NULL ? looks + 1 : 0;
        if (job != NULL)
            run_job(job);
        else if (looks == LOOKS)
            sleep();
        looks %= LOOKS;
    }
}

static const struct task_host host = {.loop = loop};

void job_start(struct job *job, void (*run)(void *argument), void *argument)
{
    *job = (struct job){.run = run, .argument = argument};
    if (own == NULL || !deque_put(&own->deque, job))
        run_job(job);
    else
        wake_one();
}

/* Where there is no memory for one more loop, the jobs that are left are done in here. */
static void help(void)
{
    take_inbox();
    struct job *job = find_job();
    if (job != NULL)
        run_job(job);
    else
        thread_yield();
}

static void await(struct job *job)
{
    uint32_t started = JOB_STARTED;
    job->waiter = own;
    if (!__atomic_compare_exchange_n(&job->state, &started, JOB_AWAITED, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return;
    task_shield();
    while (job->waiter != NULL)
        if (event_wait(&job->over, TASK_FOREVER))
            help();
    task_unshield();
}

void job_join(struct job *job)
{
    struct job *newest = own != NULL ? deque_take(&own->deque) : NULL;
    if (newest == job) {
        run_job(job);
        return;
    }
    if (newest != NULL)
        deque_put(&own->deque, newest);
    if (__atomic_load_n(&job->state, __ATOMIC_ACQUIRE) != JOB_OVER)
        await(job);
}

/* --- Loops over ranges --- */

struct part {
    uint64_t from, to, grain;
    void (*body)(void *context, uint64_t from, uint64_t to);
    void *context;
};

/* One half is for others, as long as it is worth their while. */
static void do_part(void *argument)
{
    struct part part = *(const struct part *)argument;
    if (part.to - part.from <= part.grain) {
        part.body(part.context, part.from, part.to);
        return;
    }
    struct part other = part;
    struct job job;
    other.from = part.to = part.from + (part.to - part.from) / 2;
    job_start(&job, do_part, &other);
    do_part(&part);
    job_join(&job);
}

void executor_for(uint64_t from, uint64_t to, uint64_t grain,
                  void (*body)(void *context, uint64_t from, uint64_t to), void *context)
{
    struct part all = {from, to, grain > 0 ? grain : 1, body, context};
    if (from < to)
        do_part(&all);
}

/* --- Workers --- */

/* A worker that cannot sleep or wait for want of memory is none. */
static void work(void *argument)
{
    own = argument;
    if (tasks_init(NULL))
        return;
    own->wake = tasks.notification;
    tasks.host = &host;
    event_wait(&own->stop, TASK_FOREVER);
    tasks.host = NULL;
}

unsigned executor_start(unsigned count)
{
    enum error error = tasks_init(NULL);
    unsigned first = thread_hart(thread_self()), started = 1;
    if (error)
        return 1;
    own = &workers[0];
    own->wake = tasks.notification;
    tasks.host = &host;
    count = count == 0 ? thread_harts() : count;
    worker_count = count < MAX_WORKERS ? count : MAX_WORKERS;
    for (unsigned i = 1; i < worker_count; i++) {
        workers[i].number = i;
        workers[i].thread = thread_start((first + i) % thread_harts(), work, &workers[i], &error);
        started += workers[i].thread != NULL;
    }
    return started;
}

void executor_stop(void)
{
    __atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 1; i < worker_count; i++) {
        wake(i);
        if (workers[i].thread != NULL)
            thread_join(workers[i].thread);
    }
    stopping = false;
    worker_count = 0;
    own = NULL;
    tasks.host = NULL;
}
