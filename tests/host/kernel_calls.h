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

/* The thread has just got a message: label, badge, and words 0 to length - 1 of `seed`. */
static inline void check_message_of(struct thread *thread, uint32_t label, uint64_t badge, unsigned length,
                                    uint64_t seed)
{
    cr_assert_eq(thread->state, THREAD_READY, "state %u", thread->state);
    cr_assert_eq(label_of(thread), label, "label %u", label_of(thread));
    cr_assert_eq(badge_of(thread), badge, "badge %lu", badge_of(thread));
    cr_assert_eq(tag_length(tag_of(thread)), length);
    for (unsigned i = 0; i < length || i < MSG_REGS; i++)
        cr_assert_eq(word_of(thread, i), i < length ? pattern(seed, i) : 0, "word %u", i);
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
        cr_assert(at->next ? at->next->prev == at : queue->tail == at, "a queue's links disagree");
        if (at == thread)
            return true;
    }
    return false;
}

static inline void check_waits(const struct thread *thread)
{
    const struct endpoint *endpoint = thread->blocked_on;

    switch (thread->state) {
    case THREAD_BLOCKED_SEND:
    case THREAD_BLOCKED_RECV:
        cr_assert(queue_has(&endpoint->queue, thread));
        cr_assert_eq(endpoint->receivers, thread->state == THREAD_BLOCKED_RECV);
        break;
    case THREAD_BLOCKED_WAIT:
        cr_assert(queue_has(&((struct notification *)thread->blocked_on)->queue, thread));
        cr_assert_eq(((struct notification *)thread->blocked_on)->bits, 0,
                     "it waits for bits that are there");
        break;
    case THREAD_BLOCKED_REPLY:
        cr_assert_eq(thread->blocked_on_reply ? ((struct reply *)thread->blocked_on)->caller
                                              : ((struct thread *)thread->blocked_on)->caller,
                     thread, "nobody is to answer it");
        break;
    default: cr_assert_null(thread->blocked_on); cr_assert(!thread->calling || thread->state == THREAD_READY);
    }
}

static inline void check_thread(const struct thread *thread)
{
    bool running = thread->hart && thread->hart->current == thread;

    check_waits(thread);
    cr_assert(!thread->caller ||
              (thread->caller->state == THREAD_BLOCKED_REPLY && thread->caller->blocked_on == thread));
    cr_assert(!thread->context || thread->context->thread == thread);
    cr_assert(!thread->lent || thread->state == THREAD_BLOCKED_REPLY);
    cr_assert(!thread->lent || !thread->context);
    cr_assert(!thread->bound || thread->bound->bound == thread);
    if (thread->queued) {
        cr_assert(!running);
        cr_assert(queue_has(&harts[thread->context->hart].ready[thread->priority], thread));
    } else if (thread->state == THREAD_READY && thread->context && thread->context->remaining) {
        cr_assert(running, "a thread that could run is neither queued nor running");
    }
}

static inline void check_context(const struct sched_context *context)
{
    unsigned depth = 0;
    const struct thread *first = NULL;

    for (const struct thread *lender = context->lender; lender; lender = lender->lender) {
        cr_assert_eq(lender->lent, context);
        first = lender;
        depth++;
    }
    cr_assert_eq(context->depth, depth, "depth %u, lenders %u", context->depth, depth);
    cr_assert_leq(depth, CONTEXT_FAULT_DEPTH);
    cr_assert(!context->thread || context->thread->context == context);
    cr_assert(!depth || first == context->owner);
    cr_assert(depth || context->thread == context->owner);
    cr_assert(context->remaining <= context->budget);
    cr_assert(!context->budget || context->node.queued == !context->remaining, "remaining %lu, queued %u",
              context->remaining, context->node.queued);
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
