/* SPDX-License-Identifier: MIT */
/* Which task runs, and how one waits: see task.h. */
#include "internal.h"
#include "task_internal.h"

#include <proto/mm.h>
#include <string.h>

_Thread_local struct tasks tasks;

/* --- Stacks: below each lies a page at which nothing is mapped, and its task lies at its top --- */

static char *make_stack(void)
{
    char *low = rt_map(PAGE_BYTES + TASK_STACK_BYTES, MM_READ | MM_WRITE);
    if (low != NULL)
        rt_unmap(low, PAGE_BYTES);
    return low != NULL ? low + PAGE_BYTES : NULL;
}

/* A task that has ended may still be the current one, while the thread is idle on its stack. */
static struct task *take_spare(void)
{
    struct task **link = &tasks.spare;
    if (*link != NULL && *link == tasks.current)
        link = &(*link)->next;
    struct task *task = *link;
    if (task != NULL)
        *link = task->next;
    return task;
}

static struct task *task_make(void)
{
    struct task *task = take_spare();
    if (task != NULL)
        return task;
    char *stack = tasks.count < TASKS_MAX ? make_stack() : NULL;
    if (stack == NULL)
        return NULL;
    tasks.count++;
    return (struct task *)align_down((uint64_t)(stack + TASK_STACK_BYTES - sizeof(*task)), HEAP_UNIT);
}

static void task_free(struct task *task)
{
    task->next = tasks.spare;
    tasks.spare = task;
}

/* --- What runs --- */

struct task *task_self(void)
{
    if (tasks.current == NULL)
        tasks.current = &tasks.origin;
    return tasks.current;
}

static inline void append(struct task *task)
{
    task->next = NULL;
    if (tasks.ready.first == NULL)
        tasks.ready.first = task;
    else
        tasks.ready.last->next = task;
    tasks.ready.last = task;
}

void task_ready(struct task *task)
{
    append(task);
    if (tasks.host != NULL && tasks.host->readied != NULL)
        tasks.host->readied();
}

static void run_next(struct task *self)
{
    struct task *next = tasks.ready.first;
    tasks.ready.first = next->next;
    if (next == self)
        return;
    tasks.current = next;
    task_switch(&self->registers, &next->registers);
}

void task_leave(struct task *self)
{
    while (tasks.ready.first == NULL) {
        struct task *loop = tasks.loops;
        if (loop == NULL) {
            tasks_idle();
            continue;
        }
        tasks.loops = loop->next;
        task_ready(loop);
    }
    run_next(self);
}

static void leave_by_host(struct task *self)
{
    if (tasks.host != NULL && tasks.host->wait != NULL)
        tasks.host->wait(self);
    else
        task_leave(self);
}

/* A server's handler gives way only if its caller can be put aside. */
static void __attribute__((noinline)) yield_to_host(struct task *self)
{
    if (tasks.host->before_wait != NULL && tasks.host->before_wait(self))
        return;
    task_ready(self);
    leave_by_host(self);
}

void task_yield(void)
{
    struct task *self = tasks.current;
    if (tasks.ready.first == NULL)
        return;
    if (tasks.host != NULL) {
        yield_to_host(self);
        return;
    }
    append(self);
    run_next(self);
}

static void __attribute__((noreturn)) begin(void)
{
    struct task *self = tasks.current;
    self->run(self->argument);
    self->ended = true;
    event_broadcast(&self->end);
    if (self->detached)
        task_free(self);
    task_leave(self);
    __builtin_unreachable();
}

static struct task *task_prepare(void (*run)(void *argument), void *argument)
{
    task_self();
    struct task *task = task_make();
    if (task == NULL)
        return NULL;
    memset(task, 0, sizeof(*task));
    task->run = run;
    task->argument = argument;
    task->registers.ra = (uint64_t)begin;
    task->registers.sp = (uint64_t)task;
    return task;
}

struct task *task_start(void (*run)(void *argument), void *argument)
{
    struct task *task = task_prepare(run, argument);
    if (task != NULL)
        task_ready(task);
    return task;
}

static void put_loop(struct task *loop)
{
    loop->next = tasks.loops;
    tasks.loops = loop;
}

void task_loop_rest(void)
{
    struct task *self = tasks.current;
    if (tasks.ready.first == NULL)
        return;
    put_loop(self);
    run_next(self);
}

enum error task_loop_prepare(void)
{
    if (tasks.loops != NULL)
        return ERR_OK;
    struct task *loop = task_prepare(tasks.host->loop, NULL);
    if (loop == NULL)
        return ERR_BUSY;
    put_loop(loop);
    return ERR_OK;
}

enum error task_join(struct task *task)
{
    enum error error = ERR_OK;
    while (!task->ended && !error)
        error = event_wait(&task->end, TASK_FOREVER);
    if (!error)
        task_free(task);
    return error;
}

void task_detach(struct task *task)
{
    if (task->ended)
        task_free(task);
    task->detached = true;
}

/* --- Waits --- */

static void enter_event(struct task *task, struct event *event)
{
    task->next = NULL;
    task->previous = event->last;
    *(event->last != NULL ? &event->last->next : &event->first) = task;
    event->last = task;
    task->waits = event;
}

static void leave_event(struct task *task)
{
    struct event *event = task->waits;
    if (event == NULL)
        return;
    *(task->previous != NULL ? &task->previous->next : &event->first) = task->next;
    *(task->next != NULL ? &task->next->previous : &event->last) = task->previous;
    task->waits = NULL;
}

void task_wake(struct task *task, enum error outcome)
{
    leave_event(task);
    timer_leave(task);
    task->waiting = false;
    task->outcome = outcome;
    task_ready(task);
}

static enum error before_wait(struct task *self, uint64_t deadline)
{
    if (self->cancelled && self->shields == 0)
        return self->cancelled;
    enum error error = tasks.host != NULL ? task_loop_prepare() : tasks_init(NULL);
    if (!error && tasks.host != NULL && tasks.host->before_wait != NULL)
        error = tasks.host->before_wait(self);
    return !error && deadline != TASK_FOREVER ? timer_enter(self, deadline) : error;
}

enum error event_wait(struct event *event, uint64_t deadline)
{
    struct task *self = task_self();
    enum error error = before_wait(self, deadline);
    if (error)
        return error;
    if (event != NULL)
        enter_event(self, event);
    self->waiting = true;
    leave_by_host(self);
    return self->outcome;
}

enum error task_sleep(uint64_t deadline)
{
    enum error error = event_wait(NULL, deadline);
    return error == ERR_TIMED_OUT ? ERR_OK : error;
}

void event_signal(struct event *event)
{
    if (event->first != NULL)
        task_wake(event->first, ERR_OK);
}

void event_broadcast(struct event *event)
{
    while (event->first != NULL)
        task_wake(event->first, ERR_OK);
}

void task_cancel(struct task *task, enum error error)
{
    task->cancelled = error;
    if (task->waiting && task->shields == 0)
        task_wake(task, error);
}

void task_shield(void)
{
    task_self()->shields++;
}

bool task_is_shielded(void)
{
    return task_self()->shields > 0;
}

void tasks_wait_here(void)
{
    tasks_idle();
    task_yield();
}

void task_unshield(void)
{
    task_self()->shields--;
}
