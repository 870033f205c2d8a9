/* SPDX-License-Identifier: MIT */
/*
 * Runs flows of control, which share memory by atomic operations, in every order: include this first, and the
 * code under test after it. Each atomic operation is a step; before it any flow may go on. A store waits in
 * the buffer of its flow, and reaches memory at any later time: those to one address in order, those to
 * several in any order but across a release fence or release store (Partial Store Order: SPARC Architecture
 * Manual 9, appendix D). A sequentially consistent fence and an atomic read-modify-write wait until it is
 * empty. What loads may do early beyond that is not tried.
 *
 * explore() runs all orders with at most `deviations` from the plain one, in which every store reaches memory
 * at once and each flow goes on until it has to wait. A deviation is that a flow goes on while stores wait,
 * which are late from then on; that another goes on than the one that could; or that a late store reaches
 * memory while one can go on.
 */
#pragma once

#include "support.h"
#include <stdbool.h>
#include <ucontext.h>

#define FLOWS_MAX   4
#define FLOW_STACK  65536
#define BUFFER_MAX  4
#define CHOICES_MAX 512

struct flow {
    ucontext_t context;
    void (*run)(void);
    bool over, parked, token;
    bool needs_empty, needs_room; /* of its buffer, before it can go on */
    unsigned buffered, epoch;
    struct {
        void *address;
        uint64_t value;
        unsigned size, epoch;
        bool late; /* somebody went on although it waited */
    } buffer[BUFFER_MAX];
};

static struct flow flows[FLOWS_MAX];
static unsigned flow_count, flow_now;
static ucontext_t explorer;
static char flow_stacks[FLOWS_MAX][FLOW_STACK] __attribute__((aligned(16)));
static bool exploring;

/* The choices of this run: which of how many. */
static struct {
    uint8_t taken, of;
} choices[CHOICES_MAX];
static unsigned choice_count, choices_known;

static inline unsigned choose(unsigned of)
{
    cr_assert_lt(choice_count, CHOICES_MAX, "a run that does not end");
    if (choice_count == choices_known) {
        choices[choices_known].taken = 0;
        choices[choices_known++].of = (uint8_t)of;
    }
    cr_assert_eq(choices[choice_count].of, of, "a run that does not repeat");
    return choices[choice_count++].taken;
}

/* --- What the flows call --- */

static inline void step(bool needs_empty, bool needs_room)
{
    struct flow *self = &flows[flow_now];
    if (!exploring)
        return;
    self->needs_empty = needs_empty;
    self->needs_room = needs_room;
    swapcontext(&self->context, &explorer);
}

static inline uint64_t flow_load(void *address, unsigned size)
{
    struct flow *self = &flows[flow_now];
    uint64_t value = 0;
    step(false, false);
    memcpy(&value, address, size);
    for (unsigned i = 0; exploring && i < self->buffered; i++)
        if (self->buffer[i].address == address)
            value = self->buffer[i].value;
    return value;
}

static inline void flow_fence(int order)
{
    if (order == __ATOMIC_SEQ_CST)
        step(true, false);
    else
        flows[flow_now].epoch++;
}

static inline void flow_store(void *address, uint64_t value, unsigned size, int order)
{
    struct flow *self = &flows[flow_now];
    if (order != __ATOMIC_RELAXED)
        flow_fence(__ATOMIC_RELEASE);
    if (order == __ATOMIC_SEQ_CST || !exploring) {
        step(true, false);
        memcpy(address, &value, size);
        return;
    }
    step(false, true);
    self->buffer[self->buffered].address = address;
    self->buffer[self->buffered].value = value;
    self->buffer[self->buffered].size = size;
    self->buffer[self->buffered].late = false;
    self->buffer[self->buffered++].epoch = self->epoch;
}

/* As notifications are: a wake-up that comes early is kept. */
static inline void flow_park(void)
{
    struct flow *self = &flows[flow_now];
    step(true, false);
    self->parked = !self->token;
    self->token = false;
    if (self->parked)
        swapcontext(&self->context, &explorer);
}

static inline void flow_wake(unsigned flow)
{
    step(true, false);
    flows[flow].token = !flows[flow].parked;
    flows[flow].parked = false;
}

#define __atomic_load_n(p, order) ((__typeof__(*(p) + 0))flow_load((void *)(p), sizeof(*(p))))
#define __atomic_store_n(p, v, order) flow_store((void *)(p), (uint64_t)(v), sizeof(*(p)), order)
#define __atomic_thread_fence(order) flow_fence(order)
#define __atomic_compare_exchange_n(p, e, v, weak, order, otherwise)                                         \
    ({                                                                                                       \
        step(true, false);                                                                                   \
        bool same_ = *(p) == *(e);                                                                           \
        if (same_)                                                                                           \
            *(p) = (v);                                                                                      \
        else                                                                                                 \
            *(e) = *(p);                                                                                     \
        same_;                                                                                               \
    })
#define __atomic_fetch_and(p, v, order)                                                                      \
    ({                                                                                                       \
        step(true, false);                                                                                   \
        __typeof__(*(p) + 0) old_ = *(p);                                                                    \
        *(p) = old_ & (v);                                                                                   \
        old_;                                                                                                \
    })

/* --- The explorer --- */

static inline void flow_main(void)
{
    flows[flow_now].run();
    flows[flow_now].over = true;
    swapcontext(&flows[flow_now].context, &explorer);
}

static inline bool can_go(const struct flow *flow)
{
    return !flow->over && !flow->parked && !(flow->needs_empty && flow->buffered > 0) &&
           !(flow->needs_room && flow->buffered == BUFFER_MAX);
}

/* Whether entry `n` of a buffer may be the next to reach memory. */
static inline bool can_flush(const struct flow *flow, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (flow->buffer[i].address == flow->buffer[n].address ||
            flow->buffer[i].epoch < flow->buffer[n].epoch)
            return false;
    return true;
}

static inline void flush_entry(struct flow *flow, unsigned n)
{
    memcpy(flow->buffer[n].address, &flow->buffer[n].value, flow->buffer[n].size);
    flow->buffered--;
    memmove(&flow->buffer[n], &flow->buffer[n + 1], (flow->buffered - n) * sizeof(flow->buffer[0]));
}

/* What can be next: the entry of a buffer reaches memory, or (entry -1) a flow goes on. */
struct option {
    struct flow *flow;
    int entry;
};

static inline unsigned list_entries(struct option *option, unsigned count, bool late)
{
    for (unsigned i = 0; i < flow_count; i++) {
        struct flow *flow = &flows[(flow_now + i) % flow_count];
        for (unsigned n = 0; n < flow->buffered; n++)
            if (flow->buffer[n].late == late && can_flush(flow, n))
                option[count++] = (struct option){flow, (int)n};
    }
    return count;
}

/* Lists them; the first deviates from nothing. */
static inline unsigned list_options(struct option *option)
{
    unsigned count = list_entries(option, 0, false);
    for (unsigned i = 0; i < flow_count; i++) {
        struct flow *flow = &flows[(flow_now + i) % flow_count];
        if (can_go(flow))
            option[count++] = (struct option){flow, -1};
    }
    return list_entries(option, count, true);
}

static inline void all_are_late(void)
{
    for (unsigned i = 0; i < flow_count; i++)
        for (unsigned n = 0; n < flows[i].buffered; n++)
            flows[i].buffer[n].late = true;
}

static inline bool all_over(void)
{
    bool over = true;
    for (unsigned i = 0; i < flow_count; i++)
        over &= flows[i].over && flows[i].buffered == 0;
    return over;
}

/* One step; false when all flows are over. `left`: deviations that are left. */
static inline bool go_on(unsigned *left)
{
    struct option option[FLOWS_MAX * (BUFFER_MAX + 1)];
    if (all_over())
        return false;
    unsigned count = list_options(option);
    cr_assert_gt(count, 0, "all flows wait: a wake-up is lost");
    bool free = option[0].entry < 0 && option[0].flow != &flows[flow_now]; /* somebody has to be next */
    unsigned chosen = free || *left > 0 ? choose(count) : 0;
    struct flow *flow = option[chosen].flow;
    *left -= !free && chosen > 0;
    if (option[chosen].entry >= 0) {
        flush_entry(flow, (unsigned)option[chosen].entry);
        return true;
    }
    all_are_late();
    flow_now = (unsigned)(flow - flows);
    swapcontext(&explorer, &flow->context);
    return true;
}

static void __attribute__((noinline)) flow_begin(struct flow *flow, char *stack)
{
    *flow = (struct flow){.run = flow->run};
    getcontext(&flow->context);
    flow->context.uc_stack.ss_sp = stack;
    flow->context.uc_stack.ss_size = FLOW_STACK;
    makecontext(&flow->context, flow_main, 0);
}

static inline void run_once(unsigned deviations)
{
    for (unsigned i = 0; i < flow_count; i++)
        flow_begin(&flows[i], flow_stacks[i]);
    flow_now = choice_count = 0;
    exploring = true;
    while (go_on(&deviations))
        ;
    exploring = false;
}

/* The next run differs in the last choice that has something left. */
static inline bool advance(void)
{
    while (choices_known > 0 && choices[choices_known - 1].taken + 1 == choices[choices_known - 1].of)
        choices_known--;
    if (choices_known == 0)
        return false;
    choices[choices_known - 1].taken++;
    return true;
}

/* Runs the flows in all orders, each time after begin() and before check(). Returns how many there were. */
static inline unsigned long explore(unsigned count, void (*const run[])(void), unsigned deviations,
                                    void (*begin)(void), void (*check)(void))
{
    unsigned long runs = 0;
    flow_count = count;
    choices_known = 0;
    for (unsigned i = 0; i < count; i++)
        flows[i].run = run[i];
    do {
        begin();
        run_once(deviations);
        check();
        runs++;
    } while (advance());
    return runs;
}
