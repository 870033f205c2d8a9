/* SPDX-License-Identifier: MIT */
/* The locks of the harts, and stopping a thread that runs on another hart. */
#pragma once

#include "hart.h"

/* Takes or gives back the locks of all harts. Everything below kernel/ other than boot and the fast lanes
 * runs under them. A fast lane (arch/riscv) takes only the lock of its own hart; then it may use what only
 * threads at home on this hart use: see struct endpoint. While waiting for a lock, a hart answers evict
 * requests. */
void kernel_lock(void);
void kernel_unlock(void);
/* Takes the locks of all harts when this hart has its own already. It may let go of that on the way, so what
 * was looked at under it must be looked at again. */
void kernel_lock_rest(void);
/* Harts that wait for a lock: whoever does something long lets them in between two steps. */
extern uint32_t lock_waiters;

/* Makes sure that `thread` is on no hart: if another hart runs it, interrupts that hart and waits until its
 * registers are saved and the hart uses neither the thread nor its address space any more. On the own hart
 * only clears `current`. The thread may be changed or destroyed afterwards; a trap that it was in starts over
 * when it runs again. */
void hart_evict(struct thread *thread);
/* Makes sure that the FP registers of `thread`, which does not run, are in its save area and on no hart. */
void hart_save_fp(struct thread *thread);
