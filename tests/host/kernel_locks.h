/* SPDX-License-Identifier: MIT */
/*
 * The events of several harts, one after the other, with the locks that the kernel takes for them, and the
 * proof that these are enough: as long as a hart has less than all, what they do not guard must stay as it
 * is. It is copied when locks are taken, and compared when they are given back, or others taken. So a thing
 * that an event changes and kernel/reach.c does not name is found, with no second hart that would have to
 * come at the wrong moment; one that is only looked at is not.
 *
 * kernel/lock.c is part of this file, and its functions are called by those here. What there is to be guarded
 * says the program, in keep_everything().
 */
#pragma once

#include "kernel_calls.h"

#include "../../kernel/reach.h"

#include <stdio.h>

void real_lock_own(void);
void real_lock_pair(struct hart *other);
void real_lock_all(void);
void real_unlock(void);
#define lock_own  real_lock_own
#define lock_pair real_lock_pair
#define lock_all  real_lock_all
#define unlock    real_unlock
#define take      take_lock
#include "../../kernel/lock.c"
#undef lock_own
#undef lock_pair
#undef lock_all
#undef unlock
#undef take

/* --- What is not guarded --- */

/* What is kept besides objects: slots wherever they are, and what is no object. */
enum { KEPT_SLOT = OBJ_TYPE_COUNT, KEPT_HART, KEPT_LINE, KEPT_PAGE };
/* A thing at home at one hart that is in a list which is at home at another. */
enum { GUARD_HOME = 1, GUARD_LIST = 2, GUARD_ALL = 3 };

#define KEPT_MAX   4096
#define KEPT_BYTES (1 << 20)

static struct kept {
    const void *object;
    unsigned copy, size; /* place and length of the copy, if it is not guarded */
    uint8_t kind, guards;
} kept[KEPT_MAX];
static unsigned kept_count, kept_bytes;
static char kept_copy[KEPT_BYTES];

/* What the program keeps: all objects and slots that there are. */
static void keep_everything(void);

static void keep(unsigned kind, const void *object, unsigned size, unsigned guards)
{
    struct kept *to = &kept[kept_count++];

    *to = (struct kept){object, kept_bytes, size, kind, guards};
    cr_assert(kept_count < KEPT_MAX && kept_bytes + size <= KEPT_BYTES, "too much to keep");
    memcpy(kept_copy + kept_bytes, object, size);
    kept_bytes += size;
}

static bool is_guarded(const struct hart *hart)
{
    return hart && (hart == hart_self() || hart == hart_self()->partner);
}

/* Whether what a thread waits for is guarded: an endpoint, a notification, or who is to answer. Reply objects
 * are at home nowhere. */
static bool place_is_guarded(const struct thread *thread)
{
    switch (thread->state) {
    case THREAD_BLOCKED_SEND:
    case THREAD_BLOCKED_RECV: return is_guarded(((const struct endpoint *)thread->blocked_on)->home);
    case THREAD_BLOCKED_WAIT: return is_guarded(((const struct notification *)thread->blocked_on)->home);
    case THREAD_BLOCKED_REPLY:
        return !thread->blocked_on_reply && is_guarded(thread_home(thread->blocked_on));
    default: return true;
    }
}

/* A thread that has nothing to run on is at home where it waits in a queue. One that a hart still runs is
 * that hart's. */
static unsigned thread_guards(const struct thread *thread)
{
    bool queued = thread->state == THREAD_BLOCKED_SEND || thread->state == THREAD_BLOCKED_RECV ||
                  thread->state == THREAD_BLOCKED_WAIT;
    bool place = place_is_guarded(thread);
    bool home = thread->context ? is_guarded(thread_home(thread)) : queued && place;

    if (is_running(thread) && is_guarded(thread->hart))
        return GUARD_ALL;
    return (home ? GUARD_HOME : 0) | (place ? GUARD_LIST : 0);
}

static void keep_thread(const struct thread *thread)
{
    const struct msg_page *page = thread_msg_page(thread);
    unsigned guards = thread_guards(thread);

    keep(OBJ_THREAD, thread, guards == GUARD_ALL ? 0 : sizeof(*thread), guards);
    if (page && guards != GUARD_ALL)
        keep(KEPT_PAGE, page, sizeof(*page), 0);
}

/* The list of a notification's timers is guarded as the notification is. */
static void keep_timer(const struct timer *timer)
{
    unsigned home = is_guarded(timer->home) ? GUARD_HOME : 0;
    unsigned list = !timer->notification || is_guarded(timer->notification->home) ? GUARD_LIST : 0;

    if ((home | list) != GUARD_ALL)
        keep(OBJ_TIMER, timer, sizeof(*timer), home | list);
}

/* An object of the kernel. */
static inline void keep_object(enum object_type type, const void *object)
{
    const struct endpoint *endpoint = object;
    const struct notification *notification = object;
    const struct sched_context *context = object;

    if (type == OBJ_THREAD)
        keep_thread(object);
    else if (type == OBJ_TIMER)
        keep_timer(object);
    else if (type == OBJ_SCHED_CONTEXT && !is_guarded(&harts[context->hart]))
        keep(type, object, sizeof(*context), 0);
    else if (type == OBJ_ENDPOINT && !is_guarded(endpoint->home))
        keep(type, object, sizeof(*endpoint), 0);
    else if (type == OBJ_NOTIFICATION && !is_guarded(notification->home))
        keep(type, object, sizeof(*notification), 0);
    else if (type == OBJ_REPLY)
        keep(type, object, sizeof(struct reply), 0);
    else if (type == OBJ_ADDRESS_SPACE || type == OBJ_PAGE_TABLE)
        keep(type, object, 1 << PAGE_BITS, 0);
}

/* A slot of a CNode or a thread, empty ones too. */
static inline void keep_slot(const struct slot *slot)
{
    keep(KEPT_SLOT, slot, sizeof(*slot), 0);
}

/* --- What may change all the same --- */

/* The operation that the current system call invokes, or 0. */
static uint64_t operation;

static bool is_mapping(void)
{
    return operation == OP_FRAME_MAP || operation == OP_FRAME_UNMAP;
}

/* Slots of a thread are kept as slots. Who waits at an endpoint or a notification has its place in the queue
 * by the lock of that; and a caller, when its message is taken, goes on waiting by that alone. What is at
 * home here and waits elsewhere is told whether fast lanes may have it. */
static void allow_thread(const struct kept *at, struct thread *was, const struct thread *now)
{
    bool taken = was->state == THREAD_BLOCKED_SEND && was->calling && now->state == THREAD_BLOCKED_REPLY;

    memcpy(was->slot, now->slot, sizeof(was->slot));
    if (at->guards == GUARD_HOME)
        was->lane_slots = now->lane_slots;
    if (at->guards != GUARD_LIST)
        return;
    if (was->state == THREAD_BLOCKED_SEND || was->state == THREAD_BLOCKED_RECV ||
        was->state == THREAD_BLOCKED_WAIT) {
        was->next = now->next;
        was->prev = now->prev;
        was->peer = now->peer;
    }
    if (taken) {
        was->state = now->state;
        was->blocked_on = now->blocked_on;
        was->calling = false;
    }
}

static void allow_timer(const struct kept *at, struct timer *was, const struct timer *now)
{
    if (at->guards == GUARD_LIST) {
        was->next = now->next;
        was->prev = now->prev;
    } else if (at->guards == GUARD_HOME) {
        was->node = now->node;
    }
}

/* The tree grows, and untypeds are used, under tree_lock; mappings change under that of their space. */
static void allow_slot(struct slot *was, const struct slot *now)
{
    if (operation == OP_UNTYPED_RETYPE && slot_is_empty(was)) {
        *was = *now;
    } else if (operation == OP_UNTYPED_RETYPE) {
        was->child = now->child;
        was->prev = now->prev;
        was->flags = (was->flags & ~SLOT_CLEARING) | (now->flags & SLOT_CLEARING);
    } else if (is_mapping() && (was->type == OBJ_FRAME || was->type == OBJ_PAGE_TABLE)) {
        was->page = now->page;
        was->space = now->space;
        was->map_next = now->map_next;
        was->map_prev = now->map_prev;
    }
    if (operation == OP_UNTYPED_RETYPE && was->type == OBJ_UNTYPED) {
        was->page = now->page;
        was->used = now->used;
        was->cleared = now->cleared;
    }
}

/* One frame may be the message page of several threads. */
static bool page_is_guarded(const void *page)
{
    for (unsigned i = 0; i < kept_count; i++)
        if (kept[i].kind == OBJ_THREAD && kept[i].guards == GUARD_ALL &&
            thread_msg_page(kept[i].object) == page)
            return true;
    return false;
}

static void check_kept(const struct kept *at)
{
    static const char *const name[] = {
        [OBJ_THREAD] = "thread",
        [OBJ_SCHED_CONTEXT] = "context",
        [OBJ_ENDPOINT] = "endpoint",
        [OBJ_REPLY] = "reply",
        [OBJ_NOTIFICATION] = "notification",
        [OBJ_TIMER] = "timer",
        [OBJ_PAGE_TABLE] = "table",
        [OBJ_ADDRESS_SPACE] = "space",
        [KEPT_SLOT] = "slot",
        [KEPT_HART] = "hart",
        [KEPT_LINE] = "line",
        [KEPT_PAGE] = "message page",
    };
    char *was = kept_copy + at->copy;
    const char *now = at->object;
    unsigned differs = 0;

    if (memcmp(was, now, at->size) == 0)
        return;
    if (at->kind == OBJ_THREAD)
        allow_thread(at, (struct thread *)was, at->object);
    else if (at->kind == OBJ_TIMER)
        allow_timer(at, (struct timer *)was, at->object);
    else if (at->kind == KEPT_SLOT)
        allow_slot((struct slot *)was, at->object);
    else if ((at->kind == OBJ_ADDRESS_SPACE || at->kind == OBJ_PAGE_TABLE) && is_mapping())
        return;
    else if (at->kind == KEPT_PAGE && (operation == OP_FRAME_CLEAR || page_is_guarded(at->object)))
        return;
    while (differs < at->size && was[differs] == now[differs])
        differs++;
    cr_assert(differs == at->size, "hart %u, with %s, changed byte %u of a %s that is guarded elsewhere",
              hart_self()->index, hart_self()->partner ? "one lock besides its own" : "its own lock", differs,
              name[at->kind]);
}

static void guards_end(void)
{
    for (unsigned i = 0; i < kept_count; i++)
        check_kept(&kept[i]);
    kept_count = kept_bytes = 0;
}

static void guards_begin(void)
{
    if (has_all_locks())
        return;
    for (unsigned h = 0; h < hart_count; h++)
        if (!is_guarded(&harts[h]))
            keep(KEPT_HART, &harts[h], sizeof(harts[h]), 0);
    for (unsigned i = 0; i < arch_irq_lines(); i++)
        if (irq_lines[i].taken && !is_guarded(irq_lines[i].hart))
            keep(KEPT_LINE, &irq_lines[i], sizeof(irq_lines[i]), 0);
    keep_everything();
}

/* --- Locks --- */

enum { LOCKS_OWN, LOCKS_PAIR, LOCKS_ALL, LOCKS_COUNT };
static unsigned locks_taken; /* the most that the event has had */

static void more_locks(unsigned count)
{
    locks_taken = count > locks_taken ? count : locks_taken;
}

void lock_own(void)
{
    real_lock_own();
    guards_begin();
}

void lock_pair(struct hart *other)
{
    guards_end();
    real_lock_pair(other);
    more_locks(LOCKS_PAIR);
    guards_begin();
}

void lock_all(void)
{
    guards_end();
    real_lock_all();
    more_locks(LOCKS_ALL);
}

void unlock(void)
{
    guards_end();
    real_unlock();
}

/* --- Events --- */

/* Those whose locks are counted; the first are system calls, by their number. */
enum {
    EVENT_SIGNAL = SYS_REPLY + 1,
    EVENT_OPERATION,
    EVENT_FAULT,
    EVENT_TIMER,
    EVENT_INTERRUPT,
    EVENT_KINDS
};
static const char *const event_name[EVENT_KINDS] = {
    "call",  "reply_recv", "send",   "recv",      "wait",  "try_send", "try_recv",  "try_wait",
    "yield", "reply",      "signal", "operation", "fault", "timer",    "interrupt",
};
static unsigned events_seen[EVENT_KINDS][LOCKS_COUNT];
static unsigned event_kind;

/* The harts have no locks yet, or all of them did what the program did to the world. */
static inline void locks_begin(void)
{
    for (unsigned h = 0; h < hart_count; h++) {
        harts[h].has_all = hart_count == 1;
        harts[h].lock = 0;
        harts[h].partner = NULL;
    }
    kept_count = kept_bytes = 0;
}

static inline void event_begin(void)
{
    operation = 0;
    event_kind = EVENT_KINDS;
    locks_taken = LOCKS_OWN;
    lock_own();
}

static inline void event_end(void)
{
    unlock();
    if (event_kind < EVENT_KINDS && hart_count > 1)
        events_seen[event_kind][locks_taken]++;
}

/* Takes the locks for a system call of `thread`, which the hart runs, with what is in its registers. */
static inline void lock_syscall(struct thread *thread)
{
    uint64_t number = thread->reg[REG_A7], op = tag_label(thread->reg[REG_A0 + 1]);
    const struct slot *slot = cspace_slot(thread, thread->reg[REG_A0]);

    event_kind = number <= SYS_REPLY ? number : EVENT_KINDS;
    if (slot && slot->type == OBJ_NOTIFICATION && (number == SYS_SEND || number == SYS_TRY_SEND))
        event_kind = EVENT_SIGNAL;
    if (slot && number == SYS_CALL && slot->type != OBJ_ENDPOINT) {
        event_kind = EVENT_OPERATION;
        operation = op / OP_FIRST(1) == slot->type ? op : 0;
    }
    cr_assert(lock_for_thread(reach_syscall, thread));
}

static inline void locked_fault(struct thread *thread, uint32_t fault, uint64_t address, uint64_t access)
{
    event_kind = EVENT_FAULT;
    cr_assert(lock_for_thread(reach_fault, thread));
    kernel_fault(thread, fault, address, access, 13);
}

static inline void locked_timer(void)
{
    event_kind = EVENT_TIMER;
    kernel_timer();
}

static inline void locked_interrupt(void)
{
    event_kind = EVENT_INTERRUPT;
    kernel_interrupt();
}

/* How many events of each kind did with the own lock, took one more, took all. */
static inline void print_events(void)
{
    fprintf(stderr, "locks of events on several harts: own, pair, all\n");
    for (unsigned i = 0; i < EVENT_KINDS; i++)
        fprintf(stderr, "locks: %-10s %8u %8u %8u\n", event_name[i], events_seen[i][LOCKS_OWN],
                events_seen[i][LOCKS_PAIR], events_seen[i][LOCKS_ALL]);
}
