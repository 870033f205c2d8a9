/* SPDX-License-Identifier: MIT */
/* The kernel lock, and taking a thread or an address space off the other harts. */
#include "ipc.h"

struct hart harts[MAX_HARTS];
uint32_t hart_count;

/*
 * Whoever comes first when it is free gets it. A queue would be fairer, but where harts share processors, as they do in
 * an emulator, the next in the queue is often one that does not run, and all others wait for it: with 8 harts on 2
 * processors that made everything ten times slower.
 */
static uint32_t locked;

/* Whoever asks holds the lock; this hart waits for it, so its current thread's registers are saved already. */
static void answer_evict(struct hart *hart)
{
    if (!__atomic_load_n(&hart->evict, __ATOMIC_ACQUIRE))
        return;
    if (hart->current)
        arch_fp_leave(hart->current);
    arch_space_switch(NULL);
    hart->space = NULL;
    __atomic_store_n(&hart->evict, false, __ATOMIC_RELEASE);
}

static void __attribute__((noinline)) wait_for_lock(void)
{
    do {
        while (__atomic_load_n(&locked, __ATOMIC_RELAXED)) {
            answer_evict(hart_self());
            arch_relax();
        }
    } while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE));
}

void kernel_lock(void)
{
    if (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE))
        wait_for_lock();
}

void kernel_unlock(void)
{
    __atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}

static void evict_hart(struct hart *hart)
{
    if (hart == hart_self()) {
        if (hart->current)
            arch_fp_leave(hart->current);
    } else {
        __atomic_store_n(&hart->evict, true, __ATOMIC_RELEASE);
        arch_send_ipi(hart);
        while (__atomic_load_n(&hart->evict, __ATOMIC_ACQUIRE))
            arch_relax();
    }
    sched_charge(hart);
    hart->current = NULL;
    hart->reschedule = true;
}

void hart_evict(struct thread *thread)
{
    if (thread->hart && thread->hart->current == thread)
        evict_hart(thread->hart);
}

void hart_leave_space(struct address_space *space)
{
    for (uint32_t i = 0; i < hart_count; i++) {
        if (harts[i].space != space)
            continue;
        if (&harts[i] == hart_self()) {
            arch_space_switch(NULL);
            harts[i].space = NULL;
        } else {
            struct thread *thread = harts[i].current;

            evict_hart(&harts[i]);
            /* It cannot be a thread of this space, which nobody holds any more; let it go on. */
            harts[i].current = thread;
        }
    }
}
