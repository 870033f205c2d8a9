/* SPDX-License-Identifier: MIT */
/*
 * The locks that picolibc takes around malloc, stdio, the environment and the like (sys/lock.h,
 * "retargetable locking"). A program without threads has picolibc's own, which do nothing.
 */
#include "internal.h"
#include "thread.h"

#include <stdlib.h>
#include <sys/lock.h>

struct __lock {
    struct thread_mutex mutex;
    struct thread *owner; /* of a recursive one */
    unsigned depth;
};

struct __lock __lock___libc_recursive_mutex;

/* NULL when there is no memory: such a lock does nothing, as without threads. */
void __retarget_lock_init(_LOCK_T *lock)
{
    *lock = calloc(1, sizeof(struct __lock));
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
    __retarget_lock_init(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
    if (lock != NULL)
        thread_lock(&lock->mutex);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return lock == NULL || thread_try_lock(&lock->mutex);
}

void __retarget_lock_release(_LOCK_T lock)
{
    if (lock != NULL)
        thread_unlock(&lock->mutex);
}

/* Only the owner itself can find itself there. */
static bool is_own(const struct __lock *lock)
{
    return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == thread_self();
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    if (lock == NULL)
        return;
    if (!is_own(lock)) {
        thread_lock(&lock->mutex);
        __atomic_store_n(&lock->owner, thread_self(), __ATOMIC_RELAXED);
    }
    lock->depth++;
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    if (lock == NULL)
        return 1;
    if (!is_own(lock) && !thread_try_lock(&lock->mutex))
        return 0;
    __atomic_store_n(&lock->owner, thread_self(), __ATOMIC_RELAXED);
    lock->depth++;
    return 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (lock == NULL || --lock->depth > 0)
        return;
    __atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
    thread_unlock(&lock->mutex);
}

static void stdio_lock(bool take)
{
    if (take)
        __retarget_lock_acquire_recursive(&__lock___libc_recursive_mutex);
    else
        __retarget_lock_release_recursive(&__lock___libc_recursive_mutex);
}

void thread_libc_init(void)
{
    rt_libc_lock = stdio_lock;
}
