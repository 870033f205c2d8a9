/* SPDX-License-Identifier: MIT */
/* Whatever threads do to each other, in whatever order and on whichever hart: what must hold between them
 * holds after every step, and no step has changed anything that the locks it took do not guard. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_locks.h"

#define SEEDS 60
#define STEPS 1500

TestSuite(kernel_random, .timeout = 300);

enum { TIMER0 = W_USER, TIMER1, NOTE2, LINE, SCHED1, CAPS_OUT, CAPS_END = CAPS_OUT + 16 };
#define LINE_NUMBER 3

static unsigned seen_states[THREAD_STATE_COUNT], deepest, throttled;

static void keep_everything(void)
{
    for (unsigned i = 1; i < CAPS_END; i++) {
        keep_slot(&w.slots[i]);
        if (!slot_is_empty(&w.slots[i]))
            keep_object(w.slots[i].type, w.slots[i].object);
    }
}

static void random_world(void)
{
    world_objects();
    make(OBJ_TIMER, 0, TIMER0);
    make(OBJ_TIMER, 0, TIMER1);
    make(OBJ_NOTIFICATION, 0, NOTE2);
    slot_make_root(&w.slots[SCHED1], OBJ_SCHED_CONTROL, NULL, 0, RIGHTS_ALL);
    w.slots[SCHED1].number = 1;
    INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, LINE_NUMBER, 0, LINE);
    INVOKE(LINE, OP_IRQ_HANDLER_BIND, NOTE2);
    for (unsigned i = 0; i < 4; i++) {
        context_configure(w.slots[SC0 + i].object, i % 2, 3000 + 1000 * i, 8000);
        if (i > 0 && rand() % 2)
            slot_copy(&w.slots[rand() % 2 ? EP : EP2], &w.thread[i]->slot[THREAD_FAULT], RIGHTS_ALL);
        for (unsigned n = 0; n < MSG_MAX_CAPS; n++) {
            page_of(w.thread[i])->send_cap[n] = EP + rand() % 8;
            page_of(w.thread[i])->recv_cap[n] = CAPS_OUT + rand() % 16;
        }
    }
}

/* The thread starts anew with the n-th context as its own. */
static void start_over(struct thread *thread, unsigned n)
{
    struct sched_context *context = w.slots[SC0 + n].object;

    thread_suspend(thread);
    if (thread->context && thread->context->owner == thread)
        context_unbind(thread->context);
    context_unbind(context);
    if (thread->caller)
        thread_wake_error(thread->caller, ERR_PEER_GONE);
    thread->caller = NULL;
    context_release(thread);
    context_configure(context, 0, context->budget, context->period);
    context_bind(context, thread);
    thread_resume(thread);
}

/* All but the first thread have no context of their own and wait for calls. */
static void make_passive(void)
{
    for (unsigned i = 1; i < 4; i++) {
        start_over(w.thread[i], i);
        receive(w.thread[i], i % 2 ? EP : EP2);
        if (w.thread[i]->context)
            context_unbind(w.thread[i]->context);
    }
    start_over(w.thread[0], 0);
    context_configure(w.slots[SC0 + 1].object, 1, 3000, 8000);
    schedule();
    check_threads();
}

static void random_passive_world(void)
{
    random_world();
    host.hart = 0;
    make_passive();
}

static unsigned one_of(unsigned first, unsigned count)
{
    return first + rand() % count;
}

/* Fills in a message and its capability as a client, a server or a fool would. */
static void random_message(struct thread *thread)
{
    static const uint8_t numbers[] = {
        SYS_CALL,       SYS_CALL,  SYS_CALL,     SYS_CALL, SYS_REPLY_RECV, SYS_REPLY_RECV,
        SYS_REPLY_RECV, SYS_RECV,  SYS_RECV,     SYS_SEND, SYS_TRY_SEND,   SYS_TRY_RECV,
        SYS_REPLY,      SYS_YIELD, SYS_TRY_WAIT, SYS_WAIT,
    };
    uint64_t number = numbers[rand() % sizeof(numbers)];
    uint64_t cap = one_of(EP, 7), tag = tag_make(rand() % 3, rand() % 12, rand() % 8 ? 0 : rand() % 5);

    if (rand() % 2)
        number = thread->caller && rand() % 2 ? SYS_REPLY_RECV : SYS_CALL;
    else if (rand() % 8 == 0)
        number = rand() % 2 ? SYS_WAIT : SYS_SEND;
    if (number == SYS_WAIT || number == SYS_TRY_WAIT || (number == SYS_SEND && rand() % 2))
        cap = rand() % 2 ? NOTE : NOTE2;
    thread->reg[REG_A7] = number;
    thread->reg[REG_A0] = rand() % 50 ? cap : (uint64_t)rand();
    thread->reg[REG_A0 + 1] = tag;
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread->reg[word_reg[i]] = rand();
}

static void words(struct thread *thread, uint64_t cap, enum operation op, uint64_t a, uint64_t b, uint64_t c)
{
    thread->reg[REG_A7] = SYS_CALL;
    thread->reg[REG_A0] = cap;
    thread->reg[REG_A0 + 1] = tag_make(op, 5, 0);
    thread->reg[word_reg[0]] = a;
    thread->reg[word_reg[1]] = b;
    thread->reg[word_reg[2]] = c;
    thread->reg[word_reg[3]] = thread->reg[word_reg[4]] = RIGHTS_ALL;
}

/* Fills in an operation on a kernel object. */
static void random_operation(struct thread *thread)
{
    unsigned other = one_of(TH0, 4);

    switch (rand() % 16) {
    case 0:
    case 1:
    case 2: return words(thread, one_of(REPLY, 2), OP_REPLY_SAVE_CALLER, 0, 0, 0);
    case 3: return words(thread, other, OP_THREAD_SUSPEND, 0, 0, 0);
    case 4:
    case 5: return words(thread, other, OP_THREAD_RESUME, 0, 0, 0);
    case 6: return words(thread, other, OP_THREAD_SET_PRIORITY, rand() % 201, 200, 0);
    case 7: return words(thread, other, OP_THREAD_BIND_CONTEXT, rand() % 3 ? one_of(SC0, 4) : 0, 0, 0);
    case 8: return words(thread, other, OP_THREAD_BIND_NOTIFICATION, rand() % 2 ? NOTE : 0, 0, 0);
    case 9:
    case 10:
        return words(thread, one_of(TIMER0, 2), OP_TIMER_SET, rand() % 2 ? NOTE : NOTE2,
                     host_time + rand() % 9000, rand() % 2 * 5000);
    case 13: return words(thread, one_of(TIMER0, 2), OP_TIMER_CANCEL, 0, 0, 0);
    case 14: return words(thread, LINE, OP_IRQ_HANDLER_ACK, 0, 0, 0);
    case 11: return words(thread, W_CNODE, OP_CNODE_DELETE, one_of(CAPS_OUT, 16), 0, 0);
    case 12: return words(thread, W_CNODE, OP_CNODE_COPY, one_of(CAPS_OUT, 16), 0, one_of(EP, 7));
    default:
        return words(thread, rand() % 2 ? W_SCHED : SCHED1, OP_SCHED_CONTROL_CONFIGURE, one_of(SC0, 4),
                     500 + rand() % 5000, 8000);
    }
}

/* The world's objects come back, so that there is always something left to break. */
static void recreate(void)
{
    static const struct {
        enum object_type type;
        unsigned bits;
    } kind[] = {
        [EP] = {OBJ_ENDPOINT, ENDPOINT_BITS},
        [EP2] = {OBJ_ENDPOINT, ENDPOINT_BITS},
        [REPLY] = {OBJ_REPLY, REPLY_BITS},
        [REPLY2] = {OBJ_REPLY, REPLY_BITS},
        [NOTE] = {OBJ_NOTIFICATION, NOTIFICATION_BITS},
    };

    for (unsigned i = EP; i <= NOTE; i++)
        if (kind[i].type && slot_is_empty(&w.slots[i]))
            slot_make_root(&w.slots[i], kind[i].type, world_take(1 << kind[i].bits), kind[i].bits,
                           RIGHTS_ALL);
    for (unsigned i = 0; i < 4; i++) {
        if (slot_is_empty(&w.slots[TH0 + i])) {
            w.thread[i] = world_thread(100);
            slot_make_root(&w.slots[TH0 + i], OBJ_THREAD, w.thread[i], THREAD_BITS, RIGHTS_ALL);
            destroy(SC0 + i);
            slot_make_root(&w.slots[SC0 + i], OBJ_SCHED_CONTEXT, w.thread[i]->context, SCHED_CONTEXT_BITS,
                           RIGHTS_ALL);
        }
    }
}

static void random_end(void)
{
    static const uint8_t slots[] = {EP, EP2, BADGED, SEND_ONLY, REPLY, REPLY2, NOTE, TH0, TH1, TH2, TH3};

    destroy(slots[rand() % sizeof(slots)]);
    check_threads();
    recreate();
}

/* Nothing can run and no time will help: somebody outside starts a thread anew, with a context of its own. */
static void revive(void)
{
    struct thread *thread = w.thread[rand() % 4];

    if (thread->state != THREAD_READY || !thread->context) {
        thread_suspend(thread);
        if (!thread->context) {
            unsigned n = SC0 + rand() % 4;

            context_unbind(w.slots[n].object);
            context_bind(w.slots[n].object, thread);
        }
        thread_resume(thread);
    }
}

static void note_what_was_seen(void)
{
    for (unsigned i = 0; i < 4; i++) {
        const struct sched_context *context = w.slots[SC0 + i].object;

        seen_states[w.thread[i]->state]++;
        deepest = depth_of(context) > deepest ? depth_of(context) : deepest;
        throttled += !context->remaining;
    }
}

/* Nothing can run on the hart. */
static void idle(bool passive)
{
    if (passive && (harts[0].current || harts[1].current))
        return;
    lock_all();
    if (passive)
        make_passive();
    else
        revive();
}

static void act(struct thread *thread)
{
    if (rand() % 25 == 0)
        return locked_fault(thread, FAULT_PAGE, 0x123000, RIGHT_READ);
    if (rand() % 6)
        random_message(thread);
    else
        random_operation(thread);
    lock_syscall(thread);
    kernel_syscall(thread);
}

/* An interrupt, something from outside, or what the hart's thread does. */
static void event(bool passive)
{
    struct thread *thread = hart_self()->current;

    if (rand() % 300 == 0) {
        lock_all();
        random_end();
    } else if (host_time >= host.timer || rand() % 20 == 0) {
        locked_timer();
    } else if (rand() % 40 == 0) {
        host.claim = LINE_NUMBER;
        locked_interrupt();
    } else if (thread) {
        act(thread);
    } else {
        idle(passive);
    }
}

static void step(bool passive)
{
    host.hart = rand() % 2;
    host_time += rand() % 700;
    event_begin();
    schedule();
    event(passive);
    check_threads();
    schedule();
    check_scheduled();
    check_threads();
    note_what_was_seen();
    event_end();
}

Test(kernel_random, what_threads_do_to_each_other_leaves_no_loose_ends)
{
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        srand(seed);
        if (seed % 2)
            random_passive_world();
        else
            random_world();
        locks_begin();
        for (unsigned i = 0; i < STEPS; i++)
            step(seed % 2);
        event_begin();
        lock_all();
        destroy(LINE);
        for (unsigned i = 0; i < 4; i++)
            destroy(TH0 + i);
        while (!reap())
            continue;
        for (unsigned h = 0; h < hart_count; h++)
            for (unsigned i = 0; i < PRIORITIES / 64; i++)
                cr_assert_eq(harts[h].ready_map[i], 0, "a thread that is gone is in a ready queue");
    }
    print_events();
    for (unsigned i = 0; i < THREAD_STATE_COUNT; i++)
        cr_assert_gt(seen_states[i], 100, "state %u was seen %u times only", i, seen_states[i]);
    cr_assert_geq(deepest, 3, "depth %u only", deepest);
    cr_assert_gt(throttled, 1000, "throttled %u times only", throttled);
}
