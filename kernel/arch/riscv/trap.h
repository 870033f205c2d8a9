/* SPDX-License-Identifier: MIT */
/* Where traps arrive, and where the kernel is left. */
#pragma once

#include <stdbool.h>

struct thread;

/* Trap vectors, for native and for foreign threads. */
void trap_entry(void);
void trap_entry_foreign(void);
/* Resumes the thread, whose registers are in it. */
void user_enter(struct thread *thread) __attribute__((noreturn));

/* Floating-point registers, which must be on. */
void fp_save(struct thread *thread);
void fp_restore(const struct thread *thread);

/* For trap.S. A system call whose registers are saved; the hart has its own lock, or none. Returns when the
 * same thread goes on, with the results in its registers. */
void syscall_from_user(struct thread *thread, bool locked);
/* Every other trap from user mode. */
void trap_from_user(struct thread *thread) __attribute__((noreturn));
