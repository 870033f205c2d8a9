/* SPDX-License-Identifier: MIT */
/* Signals of the kernel, and deadlines of tasks by one timer of it. */
#include "internal.h"
#include "task_internal.h"

#include <stddef.h>

/* References of the heap count from here: user addresses have 38 bits, and references 32 of units of 64. */
#define HEAP_BASE ((char *)align_down((uint64_t)tasks.current, 1ull << 38))

enum error tasks_init(void (*signalled)(uint64_t bits))
{
    if (signalled != NULL)
        tasks.signalled = signalled;
    return tasks.notification == 0 ? object_make(OBJ_NOTIFICATION, 0, &tasks.notification) : ERR_OK;
}

cap_t tasks_notification(void)
{
    return tasks.notification;
}

cap_t serve_notification(void)
{
    static _Thread_local bool bound;
    if (tasks_init(NULL))
        return 0;
    uint64_t argument = tasks.notification;
    if (!bound)
        bound = !kernel_call(rt_caps.thread, OP_THREAD_BIND_NOTIFICATION, &argument, 1, NULL, 0);
    return bound ? tasks.notification : 0;
}

static enum error make_timer(void)
{
    cap_t timer = 0, signal = slot_alloc();
    enum error error = signal != 0 ? tasks_init(NULL) : ERR_TOO_MANY;
    if (!error && tasks.host != NULL && tasks.host->receives && serve_notification() == 0)
        error = ERR_NO_MEMORY;
    if (!error)
        error = cnode_mint(rt_caps.cnode, signal, 0, tasks.notification, RIGHT_SIGNAL, TASK_TIMER_BIT);
    if (!error)
        error = object_make(OBJ_TIMER, 0, &timer);
    if (error) {
        slot_free(signal);
        return error;
    }
    tasks.timer_signal = signal;
    tasks.timer = timer;
    return ERR_OK;
}

static void arm(uint64_t deadline)
{
    tasks.armed = deadline;
    timer_set(tasks.timer, tasks.timer_signal, deadline, 0);
}

/* The kernel's timer is set anew only for what is earlier. It stays when nobody waits for it any more: one
 * signal too many costs less than to cancel it each time. */
enum error timer_enter(struct task *task, uint64_t deadline)
{
    enum error error = tasks.timer == 0 ? make_timer() : ERR_OK;
    if (error)
        return error;
    heap_insert(HEAP_BASE, &tasks.timers, &task->timer, deadline);
    if (tasks.armed == 0 || deadline < tasks.armed)
        arm(deadline);
    return ERR_OK;
}

void timer_leave(struct task *task)
{
    if (task->timer.queued)
        heap_remove(HEAP_BASE, &tasks.timers, &task->timer);
}

static void wake_those_due(void)
{
    uint64_t now = rt_ticks();
    tasks.armed = 0;
    while (tasks.timers != 0) {
        struct heap_node *node = heap_node_at(HEAP_BASE, tasks.timers);
        if (node->deadline > now) {
            arm(node->deadline);
            return;
        }
        task_wake((struct task *)((char *)node - offsetof(struct task, timer)), ERR_TIMED_OUT);
    }
}

void tasks_signal(uint64_t bits)
{
    if (bits & TASK_TIMER_BIT)
        wake_those_due();
    if (bits & ~TASK_TIMER_BIT && tasks.signalled != NULL)
        tasks.signalled(bits & ~TASK_TIMER_BIT);
}

void tasks_idle(void)
{
    tasks_signal(notification_wait(tasks.notification));
}
