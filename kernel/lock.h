/* SPDX-License-Identifier: MIT */
/*
 * The locks of the kernel, and taking a thread off the hart that runs it.
 *
 * Each hart has a lock. It guards the hart, the threads and contexts at home there, and the endpoints,
 * notifications and timers whose `home` it is, with all who wait at them. What an event touches says which
 * locks it needs (reach.h): the own hart's; that and one more; or all, without which no capability is moved
 * or taken away and no object ends. So whoever has any lock may follow capabilities and pointers to objects.
 *
 * Locks are taken in the order of the harts. Who waits for one has saved its thread's registers, and the
 * thread may be taken off the hart meanwhile: whatever was found before must be found anew.
 *
 * Two things are guarded apart, for a moment, by somebody who has a hart's lock and takes no other meanwhile:
 * the derivation tree where it grows (tree_lock), and the tables of an address space (note.lock).
 */
#pragma once

#include "arch.h"

/* Takes a hart's lock if it is free, whatever else is held; gives it back. */
static inline bool lock_try(struct hart *of)
{
    return !__atomic_exchange_n(&of->lock, 1, __ATOMIC_ACQUIRE);
}

static inline void lock_give_back(struct hart *of)
{
    __atomic_store_n(&of->lock, 0, __ATOMIC_RELEASE);
}

/* Takes the own hart's lock. */
void lock_own(void);
/* Takes that of `other` as well, or all; has the own one, which is let go for a moment, and maybe another. */
void lock_pair(struct hart *other);
void lock_all(void);
/* On a machine with one hart its lock is all locks. */
static inline bool has_all_locks(void)
{
    return hart_self()->has_all;
}
/* Gives back all. */
void unlock(void);

/* A lock held for a moment, which guards one thing; who has all locks does without. Its bit 0 stays 0. */
static inline void spin_lock(uint64_t *lock)
{
    if (!has_all_locks())
        while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE))
            arch_pause();
}

static inline void spin_unlock(uint64_t *lock)
{
    if (!has_all_locks())
        __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

/* Guards the derivation tree, and empty slots, against others who add capabilities without all locks. */
extern uint64_t tree_lock;

/* Makes sure that `thread` is on no hart: if another hart runs it, interrupts that hart and waits until its
 * registers are saved and the hart uses neither the thread nor its address space any more. On the own hart
 * only clears `current`. The thread may be changed or destroyed afterwards; a trap that it was in starts over
 * when it runs again. Needs all locks. */
void hart_evict(struct thread *thread);
/* Makes sure that the FP registers of `thread`, which does not run, are in its save area and on no hart.
 * Those that another hart holds need all locks. */
void hart_save_fp(struct thread *thread);
/* Whether another hart, whose lock is held, will look at its `reschedule` only if the caller interrupts it,
 * which then has to be done. */
static inline bool hart_call_due(struct hart *hart)
{
    if (hart->called || __atomic_load_n(&hart->awake, __ATOMIC_RELAXED))
        return false;
    hart->called = true;
    return true;
}
/* This hart was called. */
void hart_called(void);
