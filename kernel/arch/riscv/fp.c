/* SPDX-License-Identifier: MIT */
/* Floating point registers of threads. FP is off until a thread's first FP instruction, which traps: then its
 * registers are restored, unless the hart still has them. They are saved when the thread leaves the hart
 * having changed them, so nobody ever has to fetch them from another hart. While FP is on, the fast lanes of
 * the hart know (CLOSED_FP). */
#include "csr.h"
#include "ipc.h"
#include "layout.h"
#include "machine.h"

static void fp_on(struct hart *hart)
{
    csr_clear(sstatus, SSTATUS_FS);
    csr_set(sstatus, SSTATUS_FS_CLEAN);
    lanes_close(hart, CLOSED_FP);
}

void arch_fp_leave(struct thread *thread)
{
    struct hart *hart = hart_self();

    if (!(hart->closed & CLOSED_FP))
        return;
    if ((csr_read(sstatus) & SSTATUS_FS) == SSTATUS_FS_DIRTY)
        fp_save(thread);
    csr_clear(sstatus, SSTATUS_FS);
    lanes_open(hart, CLOSED_FP);
}

void arch_fp_enter(struct thread *thread)
{
    struct hart *hart = hart_self();

    if (hart->fp_owner == thread && thread->fp_hart == hart)
        fp_on(hart);
}

/* The save area of a thread that never used FP is zero, so restoring it clears the registers. */
bool arch_fp_first_use(struct thread *thread)
{
    struct hart *hart = hart_self();

    if (!machine.cpus.has_fp || hart->closed & CLOSED_FP)
        return false;
    csr_set(sstatus, SSTATUS_FS);
    if (hart->fp_owner != thread || thread->fp_hart != hart)
        fp_restore(thread);
    hart->fp_owner = thread;
    thread->fp_hart = hart;
    thread->fp_used = true;
    fp_on(hart);
    return true;
}
