/* SPDX-License-Identifier: MIT */
/*
 * Who may touch what when several receivers serve. Each receiver has a lock; a space is at home at one
 * receiver, whose lock guards all that belongs to it. Most requests take only the own lock. What touches a
 * space that is at home elsewhere, or segments, takes the locks of all receivers, in order.
 *
 * Below them is one more lock, the store's: for what all receivers take from (blocks, pools, shelves). It
 * is held for a few steps, and nothing is taken under it.
 */
#include "mm.h"

#define SPINS 200 /* looks at a lock before its waiter sleeps */

/* A mutex. Its holder can be preempted, so a waiter does not spin for long: it sleeps until it is
 * signalled. */
struct lock {
    uint32_t state; /* enum lock_state */
    cap_t wake;     /* notification */
} __attribute__((aligned(64)));

/* LOCK_AWAITED: somebody may sleep, and is to be signalled. */
enum lock_state { LOCK_FREE, LOCK_TAKEN, LOCK_AWAITED };

static struct lock own[MAX_RECEIVERS], store;
static unsigned receivers;
static unsigned store_owner; /* receiver + 1; 0: nobody */
static unsigned store_depth;
_Thread_local unsigned lock_receiver;
static _Thread_local bool all;

static bool try_take(struct lock *lock)
{
    uint32_t expected = LOCK_FREE;
    return __atomic_compare_exchange_n(&lock->state, &expected, LOCK_TAKEN, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static void __attribute__((noinline)) take_slowly(struct lock *lock)
{
    for (unsigned i = 0; i < SPINS; i++)
        if (__atomic_load_n(&lock->state, __ATOMIC_RELAXED) == LOCK_FREE && try_take(lock))
            return;
    /* A signal that comes before the wait is kept by the notification. */
    while (__atomic_exchange_n(&lock->state, LOCK_AWAITED, __ATOMIC_ACQUIRE) != LOCK_FREE)
        notification_wait(lock->wake);
}

static inline void take(struct lock *lock)
{
    if (!try_take(lock))
        take_slowly(lock);
}

static inline void let_go(struct lock *lock)
{
    if (__atomic_exchange_n(&lock->state, LOCK_FREE, __ATOMIC_RELEASE) == LOCK_AWAITED)
        notification_signal(lock->wake);
}

bool locks_init(unsigned count)
{
    receivers = count;
    store = (struct lock){.wake = own_notification()};
    bool ready = store.wake != 0;
    for (unsigned i = 0; i < count; i++) {
        own[i] = (struct lock){.wake = own_notification()};
        ready &= own[i].wake != 0;
    }
    return ready;
}

unsigned locks_receivers(void)
{
    return receivers;
}

void lock_be(unsigned receiver)
{
    lock_receiver = receiver;
}

void lock_enter(void)
{
    take(&own[lock_receiver]);
}

bool lock_is_all(void)
{
    return all || receivers == 1;
}

void lock_all(void)
{
    if (lock_is_all())
        return;
    let_go(&own[lock_receiver]);
    for (unsigned i = 0; i < receivers; i++)
        take(&own[i]);
    all = true;
}

void lock_leave(void)
{
    if (!all) {
        let_go(&own[lock_receiver]);
        return;
    }
    all = false;
    for (unsigned i = receivers; i-- > 0;)
        let_go(&own[i]);
}

void lock_pause(void)
{
    if (receivers == 1)
        return;
    lock_leave();
    lock_enter();
    lock_all();
}

void store_enter(void)
{
    if (__atomic_load_n(&store_owner, __ATOMIC_RELAXED) != lock_receiver + 1) {
        take(&store);
        __atomic_store_n(&store_owner, lock_receiver + 1, __ATOMIC_RELAXED);
    }
    store_depth++;
}

void store_leave(void)
{
    if (--store_depth > 0)
        return;
    __atomic_store_n(&store_owner, 0, __ATOMIC_RELAXED);
    let_go(&store);
}
