/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of the kernel core: an input is a sequence of system calls, faults, interrupts and passing time
 * on one to four harts. After each event everything that must hold of the kernel is checked (invariants.h), a
 * call that failed must have changed nothing, and in the end everything can be revoked without a trace.
 *
 * The first byte of an input is for the world, then each event is one byte, hart and kind, and the bytes that
 * it needs; missing ones are 0. Values are mostly chosen among those that mean something; 0xff stands for one
 * that does not.
 */
#include "invariants.h"
#include "operations.h"

#include <stdio.h>

#define STEPS_MAX 400

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- The input --- */

static const uint8_t *input, *input_end;
static bool verbose;

#define SAY(...) (verbose ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)

static uint8_t take(void)
{
    return input < input_end ? *input++ : 0;
}

static uint64_t take_evil(void)
{
    static const uint64_t evil[] = {
        ~0ull,      1ull << 63,
        1ull << 62, (1ull << 62) - 1,
        USER_END,   USER_END - 4096,
        1ull << 32, 0xffffffff,
        1ull << 38, 1ull << 21,
        1ull << 30, 64,
        65,         128,
        255,        256,
        1024,       0x7fffffffffffffff,
    };
    uint8_t n = take();

    return n < sizeof(evil) / sizeof(evil[0]) ? evil[n] : (uint64_t)n << (take() & 63);
}

/* --- Arguments --- */

static struct slot *own_slots(const struct thread *thread, uint64_t *count)
{
    const struct slot *cspace = &thread->slot[THREAD_CSPACE];

    *count = slot_is_empty(cspace) ? 0 : 1ull << (cspace->size_bits - SLOT_BITS);
    return cspace->object;
}

/* The n-th of the thread's slots of that type, counted round; 0 when there is none. */
static uint64_t slot_of_type(const struct thread *thread, unsigned type, unsigned n)
{
    uint64_t count, matches = 0;
    struct slot *slots = own_slots(thread, &count);

    for (uint64_t i = 1; i < count; i++)
        matches += slots[i].type == type;
    if (!matches)
        return 0;
    n %= matches;
    for (uint64_t i = 1; i < count; i++)
        if (slots[i].type == type && n-- == 0)
            return i;
    return 0;
}

static uint64_t full_slot(const struct thread *thread, unsigned n)
{
    uint64_t count;
    struct slot *slots = own_slots(thread, &count);

    for (uint64_t i = 1; i < count; i++)
        if (!slot_is_empty(&slots[i]) && n-- == 0)
            return i;
    return n + 1;
}

static uint64_t address_argument(uint8_t n)
{
    return (uint64_t)(n & 7) << 12 | (uint64_t)(n >> 3 & 3) << 21 | (uint64_t)(n >> 5 & 1) << 30 |
           (uint64_t)(n >> 6 & 1) << 37 | (n >> 7 ? 8 : 0);
}

static uint64_t size_argument(uint8_t n)
{
    static const uint8_t bits[] = {12, 6, 7, 8, 9, 10, 13, 14, 15, 16, 21, 30, 0, 5, 22, 23};

    return bits[n % sizeof(bits)];
}

/*
 * One argument. Its kind: t object type, b size bits, s slot to fill, f slot that is full, C N S A F E T: a
 * capability to a CNode, notification, ...; c count, r rights, a address, d deadline, p period, q priority,
 * Q priority and ceiling, l line, o offset, u ticks of a budget, w anything small.
 */
static uint64_t argument(const struct thread *thread, char kind)
{
    uint8_t n = take();

    if (n == 0xff)
        return take_evil();
    switch (kind) {
    case 't': return n % (OBJ_TYPE_COUNT + 2);
    case 'b': return size_argument(n);
    case 's': return n < 192 ? slot_of_type(thread, OBJ_NULL, n) : n & 63;
    case 'f': return n < 192 ? full_slot(thread, n) : n & 63;
    case 'C': return n < 192 ? 0 : slot_of_type(thread, OBJ_CNODE, n);
    case 'N': return n < 16 ? 0 : slot_of_type(thread, OBJ_NOTIFICATION, n);
    case 'S': return n < 16 ? 0 : slot_of_type(thread, OBJ_SCHED_CONTEXT, n);
    case 'A': return n < 16 ? 0 : slot_of_type(thread, OBJ_ADDRESS_SPACE, n);
    case 'F': return n < 16 ? 0 : slot_of_type(thread, OBJ_FRAME, n);
    case 'E': return n < 16 ? 0 : slot_of_type(thread, OBJ_ENDPOINT, n);
    case 'K': return n < 16 ? 0 : slot_of_type(thread, OBJ_CNODE, n);
    case 'c': return n < 200 ? 1 + n % 3 : n;
    case 'r': return n & 1 ? RIGHTS_ALL : n >> 1;
    case 'm': return n < 64 ? RIGHT_READ | RIGHT_WRITE : n & 15;
    case 'a': return address_argument(n);
    case 'd': return host_time + n * 64;
    case 'p': return n < 64 ? 0 : 64ull * n;
    case 'q': return n;
    case 'Q': return n | (uint64_t)take() << 8;
    case 'l': return n % 68;
    case 'o': return n < 200 ? 0 : (uint64_t)(n - 199) << 10;
    case 'u': return 64ull * n;
    default: return n;
    }
}

/* --- A system call, and whether it may change anything --- */

/* The state before a call, to be compared with that after one that failed. */
static char arena_before[FUZZ_ARENA];
static struct hart harts_before[MAX_HARTS];
static struct irq_line lines_before[IRQ_LINES];

static void remember(void)
{
    memcpy(arena_before, host_arena, sizeof(arena_before));
    memcpy(harts_before, harts, hart_count * sizeof(harts[0]));
    memcpy(lines_before, irq_lines, arch_irq_lines() * sizeof(irq_lines[0]));
}

/* Which hart used a notification last is a hint for the next time, and no part of its state. */
static void forget_hint(const struct slot *slot)
{
    const struct notification *notification = slot->object;
    struct notification *before;

    if (slot->type != OBJ_NOTIFICATION)
        return;
    before = (struct notification *)(arena_before + ((const char *)notification - host_arena));
    before->lane = notification->lane;
    before->home = notification->home;
}

/* The registers of the thread that called are its result. */
static void check_nothing_changed(const struct thread *thread)
{
    size_t from = (const char *)thread->reg - host_arena, to = from + sizeof(thread->reg);

    for (size_t i = 0; memcmp(arena_before + i, host_arena + i, sizeof(arena_before) - i) != 0; i++) {
        while (arena_before[i] == host_arena[i])
            i++;
        cr_assert(i >= from && i < to, "a call that failed with error %u changed byte %zx of memory",
                  label_of(thread), i);
        i = to - 1;
    }
    cr_assert_eq(memcmp(harts_before, harts, hart_count * sizeof(harts[0])), 0,
                 "a failing call changed a hart");
    cr_assert_eq(memcmp(lines_before, irq_lines, arch_irq_lines() * sizeof(irq_lines[0])), 0,
                 "a failing call changed a line");
}

/* Whether there is a message or signal for the thread at an endpoint. */
static bool can_receive(const struct thread *thread, const struct slot *slot)
{
    return slot->type == OBJ_ENDPOINT &&
           (((const struct endpoint *)slot->object)->senders.head || (thread->bound && thread->bound->bits));
}

/* Whether the call that has just come back is known to have failed, from what was before it. */
static bool has_failed(const struct thread *thread, uint64_t number, const struct slot *slot, bool nothing)
{
    bool back = thread->state == THREAD_READY, error = label_of(thread);

    if (number == SYS_YIELD || number == SYS_REPLY)
        return back && label_of(thread) == ERR_NO_CALLER;
    if (!slot)
        return back;
    switch (number) {
    case SYS_CALL: return back && error && slot->type != OBJ_NULL;
    case SYS_SEND:
    case SYS_TRY_SEND: return back && error;
    case SYS_TRY_RECV: return back && (nothing || slot->type != OBJ_ENDPOINT || !(slot->rights & RIGHT_RECV));
    case SYS_RECV:
    case SYS_REPLY_RECV: return back && (slot->type != OBJ_ENDPOINT || !(slot->rights & RIGHT_RECV));
    case SYS_WAIT:
    case SYS_TRY_WAIT: return back && error;
    default: return true;
    }
}

/* `thread` traps into the kernel with what is in its registers. */
static void trap(struct thread *thread)
{
    uint64_t number = thread->reg[REG_A7], cap = thread->reg[REG_A0], pc = thread->reg[REG_PC];
    const struct slot *slot = cap ? cspace_slot(thread, cap) : NULL;
    bool foreign = thread->foreign, nothing = slot && !can_receive(thread, slot), failed;
    struct slot before = slot ? *slot : (struct slot){0};

    SAY("hart %u thread %ld: number %lu cap %lu (%s) tag %lx words %lx %lx %lx %lx %lx %lx\n", host.hart,
        ((char *)thread - host_arena), number, cap, slot ? "" : "none", tag_of(thread), word_of(thread, 0),
        word_of(thread, 1), word_of(thread, 2), word_of(thread, 3), word_of(thread, 4), word_of(thread, 5));
    lock_syscall(thread);
    remember();
    kernel_syscall(thread);
    host.pending_after = 0;
    failed =
        !foreign && thread->reg[REG_PC] != pc && has_failed(thread, number, slot ? &before : NULL, nothing);
    SAY("    state %u, tag %lx, word %lx %lx%s\n", thread->state, tag_of(thread), word_of(thread, 0),
        word_of(thread, 1), failed ? ", failed" : "");
    if (failed && label_of(thread) == ERR_WOULD_BLOCK)
        forget_hint(&before);
    if (failed)
        check_nothing_changed(thread);
}

static void set_call(struct thread *thread, uint64_t number, uint64_t cap, uint64_t tag)
{
    thread->reg[REG_A7] = number;
    thread->reg[REG_A0] = cap;
    thread->reg[REG_A0 + 1] = tag;
}

/* --- Events --- */

static void invoke_event(struct thread *thread)
{
    unsigned n = take() % OPERATIONS, op = operations[n].op, length = strlen(operations[n].arguments);
    uint8_t which = take();
    uint64_t cap = which < 192 ? slot_of_type(thread, operations[n].type, which) : which & 63;

    if (which == 0xff)
        op = argument(thread, 'w') | OP_FIRST(operations[n].type);
    set_call(thread, SYS_CALL, cap, tag_make(op, op == OP_THREAD_WRITE_REGISTERS ? 32 : length, 0));
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread->reg[word_reg[i]] = i < length ? argument(thread, operations[n].arguments[i]) : 0;
    trap(thread);
}

static void message_event(struct thread *thread)
{
    static const uint8_t numbers[] = {SYS_CALL,  SYS_REPLY_RECV, SYS_RECV,     SYS_SEND,
                                      SYS_WAIT,  SYS_TRY_SEND,   SYS_TRY_RECV, SYS_TRY_WAIT,
                                      SYS_REPLY, SYS_YIELD,      SYS_CALL,     SYS_REPLY_RECV,
                                      SYS_CALL,  SYS_REPLY_RECV, SYS_SEND,     SYS_SEND};
    static const uint8_t lengths[] = {0, 2, 8, 9, 64, 65, 127, 4};
    uint8_t n = take(), which = take(), shape = take();
    uint64_t number = numbers[n & 15];
    unsigned type = number == SYS_WAIT || number == SYS_TRY_WAIT ? OBJ_NOTIFICATION : OBJ_ENDPOINT;

    if (number == SYS_SEND && which & 0x40)
        type = which & 0x20 ? OBJ_REPLY : OBJ_NOTIFICATION;
    set_call(thread, number, which < 192 ? slot_of_type(thread, type, which & 31) : which & 63,
             tag_make(shape >> 6, lengths[shape & 7], shape & 32 ? shape >> 3 & 7 : 0));
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread->reg[word_reg[i]] = pattern(n, i);
    trap(thread);
}

static void raw_event(struct thread *thread)
{
    set_call(thread, argument(thread, 'w') % 16, argument(thread, 'f'), take() | take_evil() << 8);
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread->reg[word_reg[i]] = argument(thread, 'w');
    trap(thread);
}

static void fault_event(struct thread *thread)
{
    uint8_t n = take();

    locked_fault(thread, 1 + n % 8, address_argument(take()), n >> 4 & 7);
}

/* The thread's own message page: which capabilities it sends, and where it wants those that come. */
static void page_event(struct thread *thread)
{
    struct msg_page *page = page_of(thread);

    if (!page)
        return;
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++) {
        page->send_cap[i] = argument(thread, 'f');
        page->recv_cap[i] = argument(thread, 's');
    }
}

static void time_event(void)
{
    uint8_t n = take();

    host_time += n < 200 ? n * 8 : n * 256ull;
    if (time_queue_first(hart_self()) && host_time >= time_queue_first(hart_self())->deadline)
        locked_timer();
    else if (n & 1)
        locked_timer();
}

static void interrupt_event(void)
{
    uint8_t n = take();

    host.claim = n & 64 ? n & 63 : 1 + n % 4;
    locked_interrupt();
}

/* Runs although others should. */
static struct thread *forced;

/* Another thread that is ready gets the hart, as if priorities were others. */
static void switch_event(void)
{
    struct hart *hart = hart_self();
    unsigned n = take();

    lock_all();
    for (unsigned p = 0; p < PRIORITIES; p++)
        for (struct thread *at = hart->ready[p].head; at; at = at->next)
            if (n-- == 0) {
                sched_charge(hart);
                if (at->queued)
                    run(at);
                forced = hart->current;
                return;
            }
}

/* Nothing can run here: time passes, or the outside starts a thread anew. */
static void idle_event(void)
{
    struct heap_node *first = time_queue_first(hart_self());
    struct thread *thread = w.thread[take() % FUZZ_THREADS];

    if (first) {
        host_time = first->deadline > host_time ? first->deadline : host_time;
        locked_timer();
        return;
    }
    if (thread == &nobody || slot_is_empty(&thread->slot[THREAD_SPACE]))
        return;
    lock_all();
    thread_suspend(thread);
    for (unsigned i = 0; i < FUZZ_THREADS && !thread->context; i++) {
        struct slot *slot = &w.slots[SC0 + i];
        struct sched_context *context = slot->object;

        if (lives(w.slots, OBJ_CNODE) && slot->type == OBJ_SCHED_CONTEXT && !context->owner &&
            context->budget)
            context_bind(context, thread);
    }
    thread_resume(thread);
}

static void thread_event(struct thread *thread, unsigned kind)
{
    if (kind < 24)
        invoke_event(thread);
    else if (kind < 48)
        message_event(thread);
    else if (kind < 50)
        raw_event(thread);
    else if (kind < 52)
        fault_event(thread);
    else
        page_event(thread);
}

/* One byte: the hart in the two highest bits, and what happens there. */
static void step(void)
{
    uint8_t first = take();
    unsigned kind = first & 63;
    struct thread *thread;

    host.hart = (first >> 6) % hart_count;
    host_time += 3;
    event_begin();
    thread = schedule();
    SAY("-- hart %u, kind %u, time %lu, thread %ld\n", host.hart, kind, host_time,
        thread ? (char *)thread - host_arena : -1);
    if (kind >= 60)
        host.pending_after = 1 + take() % 16;
    else if (kind >= 58)
        time_event();
    else if (kind == 57)
        interrupt_event();
    else if (kind >= 55)
        switch_event();
    else if (!thread)
        idle_event();
    else
        thread_event(thread, kind);
    check_everything();
    schedule();
    forced = hart_self()->current == forced ? forced : NULL;
    check_everything();
    if (!forced)
        check_scheduled();
    event_end();
}

/* What the vault's untypeds were made into goes, and nothing that pointed to it is left. */
static void end_world(void)
{
    host.pending_after = 0;
    event_begin();
    lock_all();
    for (unsigned i = 0; i < VAULT_SLOTS; i++)
        while (!slot_revoke(&vault[i]))
            pause_over();
    while (!reap())
        pause_over();
    check_everything();
    cr_assert_eq(census.objects, 0, "%u objects are left", census.objects);
    for (unsigned h = 0; h < hart_count; h++) {
        cr_assert_null(harts[h].current, "a thread that is gone runs");
        cr_assert(!harts[h].heap && !harts[h].throttled, "a deadline of something that is gone");
        for (unsigned i = 0; i < PRIORITIES / 64; i++)
            cr_assert_eq(harts[h].ready_map[i], 0, "a thread that is gone is ready");
    }
    for (unsigned i = 0; i < arch_irq_lines(); i++)
        cr_assert(!irq_lines[i].taken && !irq_lines[i].notification, "line %u", i);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    atexit(print_events);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t first;

    verbose = getenv("FUZZ_VERBOSE") != NULL;
    input = data;
    input_end = data + size;
    first = take();
    fuzz_world(1 + (first & 3), first >> 2 & 14);
    forced = NULL;
    check_everything();
    locks_begin();
    for (unsigned i = 0; i < STEPS_MAX && input < input_end; i++)
        step();
    end_world();
    return 0;
}

#pragma clang attribute pop
