/* SPDX-License-Identifier: MIT */
/*
 * Floating point registers of threads.
 *
 * A hart keeps the FP registers of its `fp_owner`, whether that thread runs or not, until another thread
 * there wants its own; `fp_hart` of the owner points back. Those of all other threads are in their save
 * areas. FP is on (sstatus.FS) exactly while the owner is the current thread; then the hart's lanes know
 * (CLOSED_FP).
 *
 * A thread's first FP instruction traps, and it gets the registers. From then on it is `fp_eager`: it gets
 * them before it runs, without a trap. Each time when it leaves the hart and has not changed them it is less
 * so; when it is not eager at all it does not own them either, and its next FP instruction traps again. A
 * lane_level of LEVEL_FP, below all priorities, tells the lanes that a thread is eager (lane.S,
 * lane_special).
 *
 * No hart ever needs registers that another one holds. An owner has a scheduling context, and runs on the
 * hart of that context and nowhere else: whoever takes the context off it, or moves the context to another
 * hart, has the registers saved first, by hart_save_fp(), which asks the hart that holds them. A thread that
 * is destroyed, or started anew, is forgotten as the owner, which takes nobody but its hart's lock: whoever
 * gets the registers next has all of them overwritten from its own save area, which is zero before its first
 * use.
 */
#include "csr.h"
#include "layout.h"
#include "machine.h"
#include "sched.h"
#include "trap.h"

#define EAGER_ROUNDS 64

static void own(struct hart *hart, struct thread *thread)
{
    hart->fp_owner = thread;
    thread->fp_hart = hart;
    csr_clear(sstatus, SSTATUS_FS);
    csr_set(sstatus, SSTATUS_FS_CLEAN);
    lanes_close(hart, CLOSED_FP);
}

/* Leaves FP on. */
static void save_owner(struct hart *hart)
{
    csr_set(sstatus, SSTATUS_FS);
    if (!hart->fp_owner)
        return;
    fp_save(hart->fp_owner);
    hart->fp_owner->fp_hart = NULL;
    hart->fp_owner = NULL;
}

static void take(struct hart *hart, struct thread *thread)
{
    save_owner(hart);
    fp_restore(thread);
    own(hart, thread);
}

void arch_fp_leave(void)
{
    struct hart *hart = hart_self();
    struct thread *owner = hart->fp_owner;

    if (!(hart->closed & CLOSED_FP))
        return;
    if ((csr_read(sstatus) & SSTATUS_FS) != SSTATUS_FS_DIRTY && --owner->fp_eager == 0) {
        thread_level_update(owner);
        save_owner(hart);
    }
    csr_clear(sstatus, SSTATUS_FS);
    lanes_open(hart, CLOSED_FP);
}

void arch_fp_save(void)
{
    struct hart *hart = hart_self();

    if (!hart->fp_owner)
        return;
    save_owner(hart);
    csr_clear(sstatus, SSTATUS_FS);
    lanes_open(hart, CLOSED_FP);
}

void arch_fp_enter(struct thread *thread)
{
    struct hart *hart = hart_self();

    if (hart->fp_owner == thread)
        own(hart, thread);
    else if (thread->fp_eager)
        take(hart, thread);
}

bool arch_fp_first_use(struct thread *thread)
{
    struct hart *hart = hart_self();

    if (!machine.cpus.has_fp || hart->closed & CLOSED_FP)
        return false;
    take(hart, thread);
    thread->fp_used = true;
    thread->fp_eager = EAGER_ROUNDS;
    thread_level_update(thread);
    return true;
}
