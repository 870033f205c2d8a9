/* SPDX-License-Identifier: MIT */
/*
 * Floating point registers of threads. A thread starts with FP off; its first FP instruction traps and turns
 * FP on. From then on its registers are restored when it gets the hart, and saved when it leaves it having
 * changed them.
 */
#include "csr.h"
#include "layout.h"
#include "machine.h"

static void set_fs(uint64_t fs)
{
    csr_clear(sstatus, SSTATUS_FS);
    csr_set(sstatus, fs);
}

void arch_fp_leave(struct thread *thread)
{
    if ((csr_read(sstatus) & SSTATUS_FS) == SSTATUS_FS_DIRTY) {
        fp_save(thread);
        set_fs(SSTATUS_FS_CLEAN);
    }
}

void arch_fp_enter(struct thread *thread)
{
    if (!thread->fp_used) {
        csr_clear(sstatus, SSTATUS_FS);
        return;
    }
    csr_set(sstatus, SSTATUS_FS);
    fp_restore(thread);
    set_fs(SSTATUS_FS_CLEAN);
}

/* The thread's save area is zero, so restoring it clears the registers. */
bool arch_fp_first_use(struct thread *thread)
{
    if (!machine.has_fp || thread->fp_used) {
        return false;
    }
    thread->fp_used = true;
    arch_fp_enter(thread);
    return true;
}
