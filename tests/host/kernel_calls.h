/* SPDX-License-Identifier: MIT */
/*
 * System calls of the threads in a kernel_world.h, and what must hold between threads, queues and scheduling
 * contexts after each of them.
 */
#pragma once

#include "kernel_world.h"

#include <abi/fault.h>

/* The first slots that tests use. */
enum {
    EP = W_FREE,
    EP2,
    BADGED,
    REPLY,
    REPLY2,
    NOTE,
    SEND_ONLY,
    TH0,
    TH1,
    TH2,
    TH3,
    SC0,
    SC1,
    SC2,
    SC3,
    W_USER = 64
};

/* Word n of a message that `seed` stands for. */
static inline uint64_t pattern(uint64_t seed, unsigned n)
{
    return (seed << 32 | n) * 0x9e3779b97f4a7c15ull;
}

static inline struct msg_page *page_of(const struct thread *thread)
{
    return thread_msg_page(thread);
}

/* A system call with a message of `length` words made from `seed`. */
static inline void sys(struct thread *thread, uint64_t number, uint64_t cap, uint64_t tag, uint64_t seed)
{
    uint64_t words[MSG_REGS];

    for (unsigned i = 0; i < MSG_REGS; i++)
        words[i] = pattern(seed, i);
    for (unsigned i = MSG_REGS; i < MSG_MAX_WORDS && i < tag_length(tag) && page_of(thread); i++)
        page_of(thread)->word[i] = pattern(seed, i);
    syscall_words(thread, number, cap, tag, words, MSG_REGS);
}

static inline void call(struct thread *thread, uint64_t cap, uint32_t label, uint64_t seed)
{
    sys(thread, SYS_CALL, cap, tag_make(label, 2, 0), seed);
}

static inline void receive(struct thread *thread, uint64_t cap)
{
    sys(thread, SYS_RECV, cap, 0, 0);
}

static inline void reply(struct thread *thread, uint32_t label, uint64_t seed)
{
    sys(thread, SYS_REPLY, 0, tag_make(label, 2, 0), seed);
}

static inline void reply_receive(struct thread *thread, uint64_t cap, uint32_t label, uint64_t seed)
{
    sys(thread, SYS_REPLY_RECV, cap, tag_make(label, 2, 0), seed);
}

/* An operation on an object by any thread; returns the error. */
#define INVOKE_AS(thread, cap, op, ...)                                                                      \
    ({                                                                                                       \
        uint64_t as_words_[] = {__VA_ARGS__ __VA_OPT__(, ) 0};                                               \
        unsigned as_count_ = sizeof(as_words_) / 8 - 1;                                                      \
        syscall_words(thread, SYS_CALL, cap, tag_make(op, as_count_, 0), as_words_, as_count_);              \
        (enum error) label_of(thread);                                                                       \
    })

/* The thread has just got a message: label, badge, and words 0 to length - 1 of `seed`; those in registers
 * always come. */
static inline void check_message_of(struct thread *thread, uint32_t label, uint64_t badge, unsigned length,
                                    uint64_t seed)
{
    cr_assert_eq(thread->state, THREAD_READY, "state %u", thread->state);
    cr_assert_eq(label_of(thread), label, "label %u", label_of(thread));
    cr_assert_eq(badge_of(thread), badge, "badge %lu", badge_of(thread));
    cr_assert_eq(tag_length(tag_of(thread)), length);
    for (unsigned i = 0; i < length || i < MSG_REGS; i++)
        cr_assert_eq(word_of(thread, i), pattern(seed, i), "word %u", i);
}

/* Puts capabilities to the world's threads and their contexts into slots TH0... and SC0... */
static inline void world_threads_in_slots(void)
{
    for (unsigned i = 0; i < 4; i++) {
        slot_make_root(&w.slots[TH0 + i], OBJ_THREAD, w.thread[i], THREAD_BITS, RIGHTS_ALL);
        slot_make_root(&w.slots[SC0 + i], OBJ_SCHED_CONTEXT, w.thread[i]->context, SCHED_CONTEXT_BITS,
                       RIGHTS_ALL);
    }
}

/* Two endpoints, a copy with badge 77, two reply objects, a notification. */
static inline void world_objects(void)
{
    world_make();
    world_threads_in_slots();
    cr_assert_eq(make(OBJ_ENDPOINT, 0, EP), ERR_OK);
    cr_assert_eq(make(OBJ_ENDPOINT, 0, EP2), ERR_OK);
    cr_assert_eq(make(OBJ_REPLY, 0, REPLY), ERR_OK);
    cr_assert_eq(make(OBJ_REPLY, 0, REPLY2), ERR_OK);
    cr_assert_eq(make(OBJ_NOTIFICATION, 0, NOTE), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MINT, BADGED, 0, EP, RIGHTS_ALL, 77), ERR_OK);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, SEND_ONLY, 0, EP, RIGHT_SEND), ERR_OK);
}

/* Deletes the capability without a thread that asks for it. */
static inline void destroy(unsigned slot)
{
    while (!slot_revoke(&w.slots[slot]) || !slot_delete(&w.slots[slot]))
        continue;
}

/* --- Invariants of threads and scheduling contexts --- */

static inline bool queue_has(const struct thread_queue *queue, const struct thread *thread)
{
    for (const struct thread *at = queue->head; at; at = at->next) {
        cr_assert(at->next ? at->next->prev == at : at == queue->head || queue->tail == at,
                  "a queue's links disagree");
        if (at == thread)
            return true;
    }
    return false;
}

static inline bool has_own_deadline(const struct thread *thread)
{
    return thread->context && thread->context->owner == thread && thread->context->deadline;
}

/* One of the queues is empty; and the fast lanes of a hart may use it only if all that wait are at home
 * there. */
static inline void check_endpoint(const struct endpoint *endpoint)
{
    cr_assert(!endpoint->receivers.head || !endpoint->senders.head);
    cr_assert(!endpoint->senders.head || !endpoint->lane);
    cr_assert(!endpoint->lane || endpoint->lane == endpoint->home);
    cr_assert(endpoint->home || (!endpoint->senders.head && !endpoint->receivers.head));
    for (const struct thread *at = endpoint->senders.head; at; at = at->next)
        cr_assert(at->state == THREAD_BLOCKED_SEND && at->blocked_on == endpoint);
    for (const struct thread *at = endpoint->receivers.head; at; at = at->next) {
        cr_assert(at->state == THREAD_BLOCKED_RECV && at->blocked_on == endpoint);
        cr_assert(!endpoint->lane || (at->lane == endpoint->lane && at->hart == endpoint->lane),
                  "a fast lane would take a thread from elsewhere");
        cr_assert(!endpoint->lane || !has_own_deadline(at), "a fast lane would not see when it was woken");
        cr_assert(!at->bound || !at->bound->bits, "it waits for bits that are there");
    }
}

static inline void check_notification(const struct notification *notification)
{
    cr_assert(!notification->queue.head || !notification->bits, "they wait for bits that are there");
    for (const struct thread *at = notification->queue.head; at; at = at->next) {
        cr_assert(at->state == THREAD_BLOCKED_WAIT && at->blocked_on == notification);
        cr_assert(!notification->lane || (at->hart == notification->lane && !has_own_deadline(at)));
    }
    cr_assert(!notification->bound || notification->bound->bound == notification);
}

static inline void check_waits(const struct thread *thread)
{
    const struct endpoint *endpoint = thread->blocked_on;

    switch (thread->state) {
    case THREAD_BLOCKED_SEND:
    case THREAD_BLOCKED_RECV:
        cr_assert(queue_has(thread->state == THREAD_BLOCKED_RECV ? &endpoint->receivers : &endpoint->senders,
                            thread));
        check_endpoint(endpoint);
        break;
    case THREAD_BLOCKED_WAIT:
        cr_assert(queue_has(&((struct notification *)thread->blocked_on)->queue, thread));
        check_notification(thread->blocked_on);
        break;
    case THREAD_BLOCKED_REPLY:
        cr_assert_eq(thread->blocked_on_reply ? ((struct reply *)thread->blocked_on)->caller
                                              : ((struct thread *)thread->blocked_on)->caller,
                     thread, "nobody is to answer it");
        break;
    default: cr_assert(!thread->blocked_on_reply && !thread->fault_waits);
    }
}

/* The fast lanes look up capabilities only for threads for which there is nothing else to look at. */
static inline void check_lane_slots(const struct thread *thread)
{
    const struct slot *cspace = &thread->slot[THREAD_CSPACE];
    bool closed = slot_is_empty(cspace) || thread->foreign || (thread->bound && thread->bound->bits) ||
                  has_own_deadline(thread);

    cr_assert_eq(thread->lane_slots, closed ? 0 : 1ull << (cspace->size_bits - SLOT_BITS));
}

static inline void check_thread(const struct thread *thread)
{
    bool running = thread->hart && thread->hart->current == thread;

    check_waits(thread);
    cr_assert(!thread->caller ||
              (thread->caller->state == THREAD_BLOCKED_REPLY && thread->caller->blocked_on == thread));
    cr_assert(!thread->context || thread->context->thread == thread || thread->state == THREAD_BLOCKED_REPLY);
    cr_assert(!thread->bound || thread->bound->bound == thread);
    cr_assert(!thread->lane || thread->lane == thread->hart);
    check_lane_slots(thread);
    cr_assert(!running || !thread->zeroed);
    if (thread->queued) {
        const struct hart *hart = &harts[thread->context->hart];

        cr_assert(!running);
        cr_assert_eq(thread->state, THREAD_READY);
        cr_assert(hart->front == thread || queue_has(&hart->ready[thread->priority], thread));
    } else if (thread->state == THREAD_READY && thread->context && thread->context->remaining) {
        cr_assert(running, "a thread that could run is neither queued nor running");
    }
}

/* Threads that a context's pieces of chains lead through, by depth. */
#define CHAIN_ROOM (DEPTH_FAULT_LIMIT - DEPTH_OWNER + 1)
struct chain {
    const struct thread *at[CHAIN_ROOM];
    unsigned count;
};

/* Follows a piece from its last thread to its first: each waits for the one above it. */
static inline void follow(const struct sched_context *context, const struct thread *last, struct chain *chain)
{
    for (const struct thread *at = last; at && at->context == context; at = at->caller) {
        unsigned step = at->depth - DEPTH_OWNER;
        const struct thread *caller = at->caller;

        cr_assert_lt(step, CHAIN_ROOM, "depth %d", at->depth);
        cr_assert_null(chain->at[step], "two threads at depth %d", at->depth);
        chain->at[step] = at;
        chain->count++;
        if (caller && caller->context == context) {
            cr_assert_eq(caller->depth, at->depth - 1);
            cr_assert(caller->state == THREAD_BLOCKED_REPLY && caller->blocked_on == at &&
                      !caller->blocked_on_reply);
        }
    }
}

/* The chain of calls along which the context went: from its owner, at every depth one thread without a gap,
 * to the one that it points to; broken only where a reply object took a caller's place. */
static inline struct chain check_chain(const struct sched_context *context)
{
    struct chain chain = {.count = 0};

    cr_assert(!context->thread || context->thread->context == context);
    follow(context, context->thread, &chain);
    for (const struct thread *parked = context->parked; parked; parked = parked->next) {
        cr_assert(parked->state == THREAD_BLOCKED_REPLY && parked->blocked_on_reply &&
                  parked->context == context);
        follow(context, parked, &chain);
    }
    for (unsigned i = 0; i < chain.count; i++)
        cr_assert_not_null(chain.at[i], "nobody at depth %d", DEPTH_OWNER + (int)i);
    cr_assert_eq(chain.at[0], context->owner);
    if (context->thread)
        cr_assert_eq(chain.at[chain.count - 1], context->thread, "it is not the last that runs");
    return chain;
}

/* How many calls a context has gone along. */
static inline unsigned depth_of(const struct sched_context *context)
{
    struct chain chain = check_chain(context);

    return chain.count ? chain.count - 1 : 0;
}

static inline void check_context(const struct sched_context *context)
{
    struct chain chain = check_chain(context);

    for (unsigned i = 0; i < 4; i++)
        if (w.thread[i]->context == context)
            cr_assert_eq(chain.at[w.thread[i]->depth - DEPTH_OWNER], w.thread[i],
                         "thread %u points to a context that does not know of it", i);
    cr_assert(context->remaining <= context->budget);
    cr_assert(!context->budget || context->node.queued == !context->remaining, "remaining %lu, queued %u",
              context->remaining, context->node.queued);
    for (unsigned i = 0; i < hart_count; i++)
        cr_assert(harts[i].context != context || context->hart == i || &harts[i] == hart_self());
}

/* All of the world's threads, and the contexts in slots SC0... */
static inline void check_threads(void)
{
    for (unsigned i = 0; i < 4; i++) {
        if (w.slots[TH0 + i].type == OBJ_THREAD)
            check_thread(w.slots[TH0 + i].object);
        if (w.slots[SC0 + i].type == OBJ_SCHED_CONTEXT)
            check_context(w.slots[SC0 + i].object);
    }
    check_world(false);
}
