/* SPDX-License-Identifier: MIT */
/* The kernel lock, and taking a thread or an address space off the other harts. */
#include "lock.h"

#include "arch.h"
#include "sched.h"

/* Whoever comes first when a lock is free gets it. A queue would be fairer, but where harts share processors,
 * as they do in an emulator, the next in the queue is often one that does not run, and all others wait for
 * it: with 8 harts on 2 processors that made everything ten times slower. */
uint32_t lock_waiters;

/* Whoever asks holds the locks; this hart waits for one, so its current thread's registers are saved
 * already. */
static void answer_evict(struct hart *hart)
{
    uint8_t wanted = __atomic_load_n(&hart->evict, __ATOMIC_ACQUIRE);

    if (!wanted)
        return;
    arch_fp_save();
    if (wanted == EVICT_THREAD)
        arch_space_switch(NULL);
    __atomic_store_n(&hart->evict, EVICT_NOTHING, __ATOMIC_RELEASE);
}

/* Takes the locks from that of `hart` on, which somebody else has. */
static void __attribute__((noinline)) wait_for_locks(struct hart *hart)
{
    __atomic_fetch_add(&lock_waiters, 1, __ATOMIC_RELAXED);
    for (; hart < &harts[hart_count]; hart++)
        while (__atomic_exchange_n(&hart->lock, 1, __ATOMIC_ACQUIRE))
            while (__atomic_load_n(&hart->lock, __ATOMIC_RELAXED)) {
                answer_evict(hart_self());
                arch_relax();
            }
    __atomic_fetch_sub(&lock_waiters, 1, __ATOMIC_RELAXED);
}

void kernel_lock(void)
{
    for (struct hart *hart = harts; hart < &harts[hart_count]; hart++)
        if (__atomic_exchange_n(&hart->lock, 1, __ATOMIC_ACQUIRE))
            return wait_for_locks(hart);
}

void kernel_lock_rest(void)
{
    if (hart_count == 1)
        return;
    __atomic_store_n(&hart_self()->lock, 0, __ATOMIC_RELEASE);
    kernel_lock();
}

void kernel_unlock(void)
{
    if (hart_count == 1) {
        __atomic_store_n(&harts[0].lock, 0, __ATOMIC_RELEASE);
        return;
    }
    for (struct hart *hart = harts; hart < &harts[hart_count]; hart++)
        __atomic_store_n(&hart->lock, 0, __ATOMIC_RELEASE);
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

static void evict_hart(struct hart *hart)
{
    ask(hart, EVICT_THREAD);
    sched_charge(hart);
    hart->current = NULL;
    hart->reschedule = true;
}

void hart_evict(struct thread *thread)
{
    if (is_running(thread))
        evict_hart(thread->hart);
}

void hart_save_fp(struct thread *thread)
{
    if (thread->fp_hart)
        ask(thread->fp_hart, EVICT_FP);
}
