/* SPDX-License-Identifier: MIT */
/*
 * Locks of threads. A mutex is one word: bit 0 says that somebody has it, the rest is the list of those who
 * wait, the newest first, each in a record on its own stack. Whoever has the mutex, and nobody else, takes
 * records out, so only the newest link is ever changed by two at once. A thread enters the list only while
 * somebody has the mutex, so the one who lets go finds it.
 *
 * Whoever is woken competes anew: the mutex is not kept for it, so nobody waits for a thread that is not
 * scheduled.
 */
#include "thread.h"

#define HELD 1u

struct thread_waiter {
    struct thread_waiter *next;
    struct thread *thread;
    bool woken;
};

static struct thread_waiter *waiters_of(uintptr_t state)
{
    return (struct thread_waiter *)(state & ~(uintptr_t)HELD);
}

static bool change(struct thread_mutex *mutex, uintptr_t *from, uintptr_t to)
{
    return __atomic_compare_exchange_n(&mutex->state, from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Wakes a waiter, whose record may be gone as soon as it is told. */
static void tell(struct thread_waiter *waiter)
{
    struct thread *thread = waiter->thread;
    __atomic_store_n(&waiter->woken, true, __ATOMIC_RELEASE);
    thread_wake(thread);
}

static void await(const struct thread_waiter *waiter)
{
    while (!__atomic_load_n(&waiter->woken, __ATOMIC_ACQUIRE))
        thread_park();
}

bool thread_try_lock(struct thread_mutex *mutex)
{
    uintptr_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);
    while (!(state & HELD))
        if (change(mutex, &state, state | HELD))
            return true;
    return false;
}

static void __attribute__((noinline)) lock_slowly(struct thread_mutex *mutex)
{
    struct thread_waiter self = {.thread = thread_self()};
    while (!thread_try_lock(mutex)) {
        uintptr_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);
        self.next = waiters_of(state);
        self.woken = false;
        if (state & HELD && change(mutex, &state, (uintptr_t)&self | HELD))
            await(&self);
    }
}

void thread_lock(struct thread_mutex *mutex)
{
    uintptr_t nobody = 0;
    if (!change(mutex, &nobody, HELD))
        lock_slowly(mutex);
}

/* Takes the one who has waited longest out of the list, whose newest is `first`. NULL: it is the newest
 * itself, and others may be entering. */
static struct thread_waiter *take_oldest(struct thread_waiter *first)
{
    struct thread_waiter *before = NULL;
    while (first->next != NULL) {
        before = first;
        first = first->next;
    }
    if (before == NULL)
        return NULL;
    before->next = NULL;
    return first;
}

static void __attribute__((noinline)) unlock_slowly(struct thread_mutex *mutex)
{
    uintptr_t state = __atomic_load_n(&mutex->state, __ATOMIC_ACQUIRE);
    struct thread_waiter *oldest = NULL;
    while (oldest == NULL && waiters_of(state) != NULL) {
        oldest = take_oldest(waiters_of(state));
        if (oldest == NULL && change(mutex, &state, HELD))
            oldest = waiters_of(state);
    }
    __atomic_fetch_and(&mutex->state, ~(uintptr_t)HELD, __ATOMIC_RELEASE);
    if (oldest != NULL)
        tell(oldest);
}

void thread_unlock(struct thread_mutex *mutex)
{
    uintptr_t alone = HELD;
    if (!change(mutex, &alone, 0))
        unlock_slowly(mutex);
}

/* --- Conditions --- */

void thread_condition_wait(struct thread_condition *condition, struct thread_mutex *mutex)
{
    struct thread_waiter self = {.thread = thread_self()};
    thread_lock(&condition->guard);
    *(condition->first != NULL ? &condition->last->next : &condition->first) = &self;
    condition->last = &self;
    thread_unlock(&condition->guard);
    thread_unlock(mutex);
    await(&self);
    thread_lock(mutex);
}

static struct thread_waiter *take_first(struct thread_condition *condition)
{
    thread_lock(&condition->guard);
    struct thread_waiter *first = condition->first;
    if (first != NULL)
        condition->first = first->next;
    thread_unlock(&condition->guard);
    return first;
}

void thread_condition_signal(struct thread_condition *condition)
{
    struct thread_waiter *first = take_first(condition);
    if (first != NULL)
        tell(first);
}

/* Those that begin to wait meanwhile are left. */
void thread_condition_broadcast(struct thread_condition *condition)
{
    thread_lock(&condition->guard);
    struct thread_waiter *waiter = condition->first;
    condition->first = NULL;
    thread_unlock(&condition->guard);
    while (waiter != NULL) {
        struct thread_waiter *next = waiter->next;
        tell(waiter);
        waiter = next;
    }
}
