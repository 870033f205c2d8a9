/* SPDX-License-Identifier: MIT */
/*
 * A small system inside the kernel core on arch/host: an untyped, CNodes and threads, made without system
 * calls, and helpers that make system calls as those threads. Included by the tests of the core.
 */
#pragma once

#include "../../kernel/arch/host/host.h"
#include "../../kernel/aspace.h"
#include "../../kernel/context.h"
#include "../../kernel/ipc.h"
#include "../../kernel/irq.h"
#include "../../kernel/lock.h"
#include "../../kernel/notification.h"
#include "../../kernel/sched.h"
#include "../../kernel/syscall.h"
#include "../../kernel/thread.h"
#include "../../kernel/timer.h"

#include <abi/error.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Slots of the first thread's CSpace. */
enum { W_CNODE = 1, W_UNTYPED, W_DEVICE, W_IRQ_CONTROL, W_SCHED, W_DEBUG, W_FREE = 16, W_SLOTS = 1024 };

struct world {
    struct slot *slots;       /* of the shared CNode */
    struct thread *thread[4]; /* all use it; priorities 100, 100, 110, 90; 0 runs */
    char *next;               /* bump pointer for what the world itself makes */
};
static struct world w;

static void *world_take(size_t size)
{
    char *at = (char *)(((uint64_t)w.next + size - 1) & ~(size - 1));

    w.next = at + size;
    memset(at, 0, size);
    return at;
}

static struct thread *world_thread(unsigned priority)
{
    struct thread *thread = world_take(1 << THREAD_BITS);
    struct sched_context *context = world_take(1 << SCHED_CONTEXT_BITS);
    struct address_space *space = world_take(1 << PAGE_BITS);
    struct msg_page *page = world_take(1 << PAGE_BITS);

    for (unsigned i = 0; i < THREAD_SLOTS; i++)
        thread->slot[i].flags = SLOT_IN_THREAD;
    slot_copy(&w.slots[W_CNODE], &thread->slot[THREAD_CSPACE], RIGHTS_ALL);
    slot_make_root(&thread->slot[THREAD_SPACE], OBJ_ADDRESS_SPACE, space, PAGE_BITS, RIGHTS_ALL);
    slot_make_root(&thread->slot[THREAD_MSG], OBJ_FRAME, page, PAGE_BITS, RIGHTS_ALL);
    thread->priority = priority;
    thread->ceiling = 200;
    context_configure(context, 0, 1000000, 1000000);
    thread->state = THREAD_READY;
    thread_lane_update(thread);
    context_bind(context, thread);
    return thread;
}

/* Puts down to the current thread what it has used of its time until now. */
static inline void charge_now(void)
{
    struct hart *hart = hart_self();

    sched_charge(hart);
    hart->context = hart->current ? hart->current->context : NULL;
}

/* Makes `thread` the current one of hart 0 whatever its priority, as if it had just been chosen. */
static inline void run(struct thread *thread)
{
    struct hart *hart = hart_self();

    if (hart->current == thread)
        return;
    if (hart->current) {
        struct thread *other = hart->current;

        hart->current = NULL;
        sched_ready(other);
    }
    cr_assert_eq(thread->state, THREAD_READY, "thread in state %u cannot run", thread->state);
    sched_remove(thread);
    thread_settle(thread);
    hart->current = thread;
    thread->hart = thread->lane = hart;
    charge_now();
}

static inline void world_make(void)
{
    memset(&w, 0, sizeof(w));
    host_reset(2);
    w.next = host_arena + (32 << 20);
    w.slots = world_take(W_SLOTS * sizeof(struct slot));
    slot_make_root(&w.slots[W_CNODE], OBJ_CNODE, w.slots, 16, RIGHTS_ALL);
    slot_make_root(&w.slots[W_UNTYPED], OBJ_UNTYPED, host_arena, 24, RIGHTS_ALL);
    slot_make_root(&w.slots[W_DEVICE], OBJ_UNTYPED, host_arena + (60 << 20), 20, RIGHTS_ALL);
    w.slots[W_DEVICE].flags = SLOT_DEVICE;
    slot_make_root(&w.slots[W_IRQ_CONTROL], OBJ_IRQ_CONTROL, NULL, 0, RIGHTS_ALL);
    slot_make_root(&w.slots[W_SCHED], OBJ_SCHED_CONTROL, NULL, 0, RIGHTS_ALL);
    slot_make_root(&w.slots[W_DEBUG], OBJ_DEBUG, NULL, 0, RIGHTS_ALL);
    for (unsigned i = 0; i < 4; i++)
        w.thread[i] = world_thread((unsigned[]){100, 100, 110, 90}[i]);
    run(w.thread[0]);
}

static const uint8_t word_reg[MSG_REGS] = {12, 13, 14, 15, 16, 5, 6, 7};

/* One system call by `thread`, with up to 8 words. */
static inline void syscall_words(struct thread *thread, uint64_t number, uint64_t cap, uint64_t tag,
                                 const uint64_t *words, unsigned count)
{
    run(thread);
    thread->reg[REG_A7] = number;
    thread->reg[REG_A0] = cap;
    thread->reg[REG_A0 + 1] = tag;
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread->reg[word_reg[i]] = i < count ? words[i] : 0;
    kernel_syscall(thread);
}

static inline uint64_t badge_of(const struct thread *thread)
{
    return thread->reg[REG_A0];
}

static inline uint64_t tag_of(const struct thread *thread)
{
    return thread->reg[REG_A0 + 1];
}

static inline uint32_t label_of(const struct thread *thread)
{
    return tag_label(tag_of(thread));
}

static inline uint64_t word_of(const struct thread *thread, unsigned n)
{
    return message_word(thread, n);
}

/* Invokes an operation as thread 0, going on after interruptions. Returns the error. */
#define INVOKE(cap, op, ...)                                                                                 \
    ({                                                                                                       \
        uint64_t words_[] = {__VA_ARGS__ __VA_OPT__(, ) 0};                                                  \
        unsigned count_ = sizeof(words_) / 8 - 1;                                                            \
        uint64_t pc_ = w.thread[0]->reg[REG_PC];                                                             \
        do                                                                                                   \
            syscall_words(w.thread[0], SYS_CALL, cap, tag_make(op, count_, 0), words_, count_);              \
        while (w.thread[0]->reg[REG_PC] == pc_);                                                             \
        (enum error) label_of(w.thread[0]);                                                                  \
    })

/* Makes an object in slot `slot`. */
static inline enum error make(enum object_type type, unsigned bits, unsigned slot)
{
    return INVOKE(W_UNTYPED, OP_UNTYPED_RETYPE, type, bits, 0, slot, 1, 0);
}

/* --- Invariants --- */

/* What must hold of one slot: its links agree with its neighbours', and an empty slot is linked to
 * nothing. */
static inline void check_slot(const struct slot *slot)
{
    if (slot_is_empty(slot)) {
        cr_assert(!slot->object && !slot->parent && !slot->child && !slot->next && !slot->prev,
                  "an empty slot has links");
        return;
    }
    cr_assert(!slot->next || slot->next->prev == slot);
    cr_assert(!slot->prev || slot->prev->next == slot);
    cr_assert(!slot->next || slot->next->parent == slot->parent);
    cr_assert(!slot->child || (slot->child->parent == slot && !slot->child->prev));
    if (slot->parent) {
        cr_assert(!slot_is_empty(slot->parent), "child of an empty slot");
        cr_assert(slot->prev || slot->parent->child == slot);
        if (slot->parent->type == OBJ_UNTYPED) {
            const char *start = slot->parent->object, *end = start + (1ull << slot->parent->size_bits);

            cr_assert((const char *)slot->object >= start && (const char *)slot->object < end);
        } else {
            cr_assert_eq(slot->type, slot->parent->type);
            cr_assert_eq(slot->object, slot->parent->object);
            cr_assert_eq(slot->rights & ~slot->parent->rights, 0, "a copy has more rights than its source");
        }
    }
}

/* The ready queues, their map, and what the fast lanes are told of them. */
static inline void check_hart(const struct hart *hart)
{
    const struct thread *front = hart->front;
    int top = -1;

    for (unsigned p = 0; p < PRIORITIES; p++) {
        bool marked = hart->ready_map[p / 64] >> p % 64 & 1;

        cr_assert_eq(marked, hart->ready[p].head != NULL);
        top = marked ? (int)p : top;
        for (struct thread *t = hart->ready[p].head; t; t = t->next)
            cr_assert(t->queued && t->state == THREAD_READY && t->context && t->context->remaining &&
                      t->context->thread == t && t->context->hart == hart->index && t->priority == p);
    }
    cr_assert_eq(hart->queue_top, top);
    if (front)
        cr_assert(front->queued && front->state == THREAD_READY && front->context &&
                  front->context->remaining && front->context->thread == front &&
                  front->context->hart == hart->index && front->priority >= top && front != hart->current);
    cr_assert_eq(hart->ready_top, front ? front->priority : top);
    cr_assert_eq(hart->lane_floor, hart->closed ? LANES_CLOSED : hart->ready_top);
    cr_assert(!hart->current || hart->current->hart == hart);
}

/* schedule() has just returned on this hart: who runs is who should, and is charged for it. */
static inline void check_scheduled(void)
{
    const struct hart *hart = hart_self();
    const struct thread *thread = hart->current;

    cr_assert_eq(hart->context, thread ? thread->context : NULL);
    cr_assert(!hart->reschedule);
    if (!thread) {
        cr_assert_eq(hart->ready_top, -1);
        return;
    }
    cr_assert(thread->state == THREAD_READY && !thread->queued && thread->context->thread == thread);
    cr_assert(thread->context->remaining && thread->context->hart == hart->index);
    cr_assert_leq(hart->ready_top, thread->priority);
    cr_assert_eq(thread->lane, thread->foreign ? NULL : hart);
}

/* Checks all slots of the world's CNode and its threads, and that a scan for other capabilities to the same
 * object agrees with slot_is_last(), unless children are half moved up: then it is not asked. */
static inline void check_world(bool check_last)
{
    for (unsigned i = 0; i < W_SLOTS; i++) {
        const struct slot *slot = &w.slots[i];

        check_slot(slot);
        check_last = check_last && !(slot->type == OBJ_UNTYPED && slot->flags & SLOT_RAISED && slot->child);
    }
    for (unsigned i = 1; check_last && i < W_SLOTS; i++) {
        bool others = false;

        if (slot_is_empty(&w.slots[i]) || w.slots[i].type == OBJ_UNTYPED || w.slots[i].type == OBJ_CNODE)
            continue;
        for (unsigned j = 1; j < W_SLOTS && !others; j++)
            others = j != i && w.slots[j].type == w.slots[i].type && w.slots[j].object == w.slots[i].object;
        cr_assert_eq(slot_is_last(&w.slots[i]), !others, "slot %u: last is %d, others %d", i,
                     slot_is_last(&w.slots[i]), others);
    }
    for (uint32_t h = 0; h < hart_count; h++)
        check_hart(&harts[h]);
}

/* A number that stands for everything that a failing call must not change: the arena, without the registers
 * of the thread that called. */
static inline uint64_t world_hash(const struct thread *caller)
{
    uint64_t hash = 14695981039346656037ull;
    const uint64_t *at = (const uint64_t *)host_arena, *end = (const uint64_t *)w.next;

    for (; at < end; at++) {
        if ((const char *)at >= (const char *)caller->reg &&
            (const char *)at < (const char *)(caller->reg + 32))
            continue;
        hash = (hash ^ *at) * 1099511628211ull;
    }
    return hash;
}
