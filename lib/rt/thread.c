/* SPDX-License-Identifier: MIT */
/* Starting and joining threads: see thread.h. */
#include "internal.h"
#include "task_internal.h"
#include "thread.h"

#include <proto/mm.h>
#include <proto/proc.h>
#include <stddef.h>

/* The kernel uses the first KiB of a message page; the thread's record lies behind that. */
#define RECORD_OFFSET 1024
_Static_assert(sizeof(struct msg_page) <= RECORD_OFFSET, "a record behind the message page");

/* AWAITED: somebody is about to sleep, and is to be woken at the end. */
enum thread_life { LIFE_ENDED, LIFE_RUNNING, LIFE_AWAITED };

struct thread {
    uint32_t life; /* enum thread_life */
    unsigned hart;
    cap_t thread, context;
    cap_t wake; /* notification that it sleeps on */
    char *tls_end;
    void (*run)(void *argument);
    void *argument;
    struct thread *joiner;
    struct thread *next; /* in the list of those that are kept */
};
_Static_assert(RECORD_OFFSET + sizeof(struct thread) <= PAGE_BYTES, "in one page");

extern const char thread_entry[];
void thread_main(struct thread *self);

static struct thread origin; /* what the program began with */
static _Thread_local struct thread *self;
static struct thread_mutex kept_lock;
static struct thread *kept;

unsigned thread_harts(void)
{
    return (unsigned)rt_start->hart_count;
}

struct thread *thread_self(void)
{
    return self != NULL ? self : &origin;
}

unsigned thread_hart(const struct thread *thread)
{
    return thread == &origin ? (unsigned)rt_start->hart : thread->hart;
}

void thread_yield(void)
{
    struct msg m = {0};
    sys_msg(SYS_YIELD, 0, &m);
}

void thread_park(void)
{
    notification_wait(thread_self()->wake);
}

void thread_wake(struct thread *thread)
{
    notification_signal(thread->wake);
}

/* --- A thread's life --- */

/* Thread-local variables begin anew with each start, but for the stacks of its tasks, which are kept too. */
static void renew(struct thread *thread)
{
    struct tasks kept_tasks = tasks;
    rt_tls_make(thread->tls_end);
    if (kept_tasks.current != NULL)
        tasks = kept_tasks;
    self = thread;
    rt_set_msg_page((struct msg_page *)((char *)thread - RECORD_OFFSET));
}

void thread_main(struct thread *thread)
{
    for (;;) {
        renew(thread);
        thread->run(thread->argument);
        if (__atomic_exchange_n(&thread->life, LIFE_ENDED, __ATOMIC_ACQ_REL) == LIFE_AWAITED)
            thread_wake(thread->joiner);
        while (__atomic_load_n(&thread->life, __ATOMIC_ACQUIRE) == LIFE_ENDED)
            thread_park();
    }
}

void thread_join(struct thread *thread)
{
    uint32_t running = LIFE_RUNNING;
    thread->joiner = thread_self();
    if (__atomic_compare_exchange_n(&thread->life, &running, LIFE_AWAITED, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        while (__atomic_load_n(&thread->life, __ATOMIC_ACQUIRE) != LIFE_ENDED)
            thread_park();
    thread_lock(&kept_lock);
    thread->next = kept;
    kept = thread;
    thread_unlock(&kept_lock);
}

/* --- Making one --- */

/* The page below a stack stays unmapped, and the one above is for messages and the record. */
static struct thread *make_memory(void)
{
    char *low = rt_map(PAGE_BYTES + THREAD_STACK_BYTES + PAGE_BYTES, MM_READ | MM_WRITE);
    if (low == NULL)
        return NULL;
    rt_unmap(low, PAGE_BYTES);
    char *top = low + PAGE_BYTES + THREAD_STACK_BYTES;
    struct thread *thread = (struct thread *)(top + RECORD_OFFSET);
    thread->tls_end = top;
    return thread;
}

static void free_memory(struct thread *thread)
{
    rt_unmap(thread->tls_end - THREAD_STACK_BYTES, THREAD_STACK_BYTES + PAGE_BYTES);
}

/* Asks init for the thread. */
static enum error make_thread(struct thread *thread, unsigned hart)
{
    const struct proc_thread_request q = {
        .hart = hart == THREAD_ANY_HART ? PROC_ANY_HART : hart,
        .message_page = (uint64_t)thread - RECORD_OFFSET,
    };
    struct proc_thread_reply r = {0};
    enum error error = proc_thread(rt_caps.proc, &q, &r, &thread->thread, &thread->context);
    thread->hart = (unsigned)r.hart;
    return error;
}

/* What sleeps on it must be able to sleep before there is a second thread. */
static enum error make_wake(struct thread *thread)
{
    return thread->wake == 0 ? object_make(OBJ_NOTIFICATION, 0, &thread->wake) : ERR_OK;
}

static enum error begin(struct thread *thread)
{
    const uint64_t tls = (uint64_t)rt_tls_make(thread->tls_end);
    const uint64_t start[6] = {(uint64_t)thread_entry, tls, (uint64_t)thread, 0, 0, tls};
    return kernel_call(thread->thread, OP_THREAD_START, start, 6, NULL, 0);
}

static enum error start_new(struct thread *thread, unsigned hart)
{
    thread_libc_init();
    enum error error = make_wake(thread_self());
    if (!error)
        error = make_wake(thread);
    if (!error)
        error = make_thread(thread, hart);
    if (!error)
        error = begin(thread);
    return error;
}

/* One that has ended, on that hart. */
static struct thread *take_kept(unsigned hart)
{
    thread_lock(&kept_lock);
    struct thread **link = &kept, *thread;
    while ((thread = *link) != NULL && hart != THREAD_ANY_HART && thread->hart != hart)
        link = &thread->next;
    if (thread != NULL)
        *link = thread->next;
    thread_unlock(&kept_lock);
    return thread;
}

static void set_off(struct thread *thread, void (*run)(void *argument), void *argument)
{
    thread->run = run;
    thread->argument = argument;
    __atomic_store_n(&thread->life, LIFE_RUNNING, __ATOMIC_RELEASE);
}

struct thread *thread_start(unsigned hart, void (*run)(void *argument), void *argument, enum error *error)
{
    struct thread *thread = take_kept(hart);
    *error = ERR_OK;
    if (thread != NULL) {
        set_off(thread, run, argument);
        thread_wake(thread);
        return thread;
    }
    thread = make_memory();
    *error = thread != NULL ? ERR_OK : ERR_NO_MEMORY;
    if (*error)
        return NULL;
    set_off(thread, run, argument);
    *error = start_new(thread, hart);
    if (!*error)
        return thread;
    slot_free(thread->wake);
    slot_free(thread->thread);
    slot_free(thread->context);
    free_memory(thread);
    return NULL;
}
