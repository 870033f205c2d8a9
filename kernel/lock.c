/* SPDX-License-Identifier: MIT */
/* Locks, and harts that call each other: see lock.h. */
#include "lock.h"

#include "arch.h"
#include "sched.h"

/* Whoever comes first when a lock is free gets it. A queue would be fairer, but where harts share processors,
 * as they do in an emulator, the next in the queue is often one that does not run, and all others wait for
 * it: with 8 harts on 2 processors that made everything ten times slower. */
uint32_t lock_waiters;

uint64_t tree_lock;

/* Whoever asks holds the locks; this hart waits for one, so its current thread's registers are saved
 * already. */
static void answer_evict(struct hart *self)
{
    uint8_t wanted = __atomic_load_n(&self->evict, __ATOMIC_ACQUIRE);

    if (!wanted)
        return;
    arch_fp_save();
    if (wanted == EVICT_THREAD)
        arch_space_switch(NULL);
    __atomic_store_n(&self->evict, EVICT_NOTHING, __ATOMIC_RELEASE);
}

static void __attribute__((noinline)) wait_for_lock(struct hart *self, struct hart *of)
{
    __atomic_fetch_add(&lock_waiters, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&self->awake, true, __ATOMIC_RELAXED);
    do
        while (__atomic_load_n(&of->lock, __ATOMIC_RELAXED)) {
            answer_evict(self);
            arch_relax();
        }
    while (!lock_try(of));
    __atomic_store_n(&self->awake, false, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&lock_waiters, 1, __ATOMIC_RELAXED);
}

static void take(struct hart *of)
{
    if (!lock_try(of))
        wait_for_lock(hart_self(), of);
}

void lock_own(void)
{
    take(hart_self());
}

void lock_pair(struct hart *other)
{
    struct hart *self = hart_self();

    unlock();
    take(self < other ? self : other);
    take(self < other ? other : self);
    self->partner = other;
}

void lock_all(void)
{
    struct hart *self = hart_self();

    if (self->has_all)
        return;
    unlock();
    for (struct hart *hart = harts; hart < &harts[hart_count]; hart++)
        take(hart);
    self->has_all = true;
}

void unlock(void)
{
    struct hart *self = hart_self();

    if (self->has_all && hart_count > 1) {
        self->has_all = false;
        for (struct hart *hart = harts; hart < &harts[hart_count]; hart++)
            lock_give_back(hart);
        return;
    }
    if (self->partner)
        lock_give_back(self->partner);
    self->partner = NULL;
    lock_give_back(self);
}

void hart_called(void)
{
    struct hart *self = hart_self();

    self->called = false;
    self->reschedule = self->reschedule || self->current;
}

/* Has a hart do what `wanted` says, and waits until it has. */
static void ask(struct hart *hart, enum evict wanted)
{
    if (hart == hart_self()) {
        arch_fp_save();
        return;
    }
    __atomic_store_n(&hart->evict, wanted, __ATOMIC_RELEASE);
    arch_send_ipi(hart);
    while (__atomic_load_n(&hart->evict, __ATOMIC_ACQUIRE))
        arch_relax();
}

void hart_evict(struct thread *thread)
{
    if (!is_running(thread))
        return;
    ask(thread->hart, EVICT_THREAD);
    sched_charge(thread->hart);
    thread->hart->current = NULL;
    thread->hart->reschedule = true;
}

void hart_save_fp(struct thread *thread)
{
    if (thread->fp_hart)
        ask(thread->fp_hart, EVICT_FP);
}
