/* SPDX-License-Identifier: MIT */
/* The fast lane does what the general path does: the same random system calls through both leave the same system. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/heap.c kernel/syscall.c kernel/debug.c kernel/lock.c kernel/fast.c kernel/arch/host/host.c
#include "kernel_world.h"

#define STEPS 400

TestSuite(kernel_fast, .timeout = 50);

enum { ENDPOINT = 20, SEND_ONLY = 22, RECV_ONLY = 24, BADGED = 26, NOTIFICATION = 28 };

static uint64_t digest;
static unsigned fast_taken;

static void mix(uint64_t value)
{
    digest = (digest ^ value) * 1099511628211ull;
}

/* Everything that a thread or a later system call could see of the system. */
static uint64_t system_digest(void)
{
    digest = 14695981039346656037ull;
    for (unsigned i = 0; i < 4; i++) {
        const struct thread *t = w.thread[i];

        for (unsigned r = 0; r < 32; r++)
            mix(t->reg[r]);
        mix(t->state);
        mix((uint64_t)t->blocked_on);
        mix((uint64_t)t->caller);
        mix((uint64_t)t->context);
        mix((uint64_t)t->lent);
        mix((uint64_t)t->next);
        mix(t->queued);
        mix(t->switches);
        mix(t->cpu_time);
        mix(t->context ? t->context->remaining + t->context->depth : 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct endpoint *e = w.slots[ENDPOINT + i].object;

        mix((uint64_t)e->queue.head);
        mix((uint64_t)e->queue.tail);
        mix(e->queue.head ? e->receivers : 0);
    }
    mix((uint64_t)harts[0].current);
    mix((uint64_t)harts[0].space);
    mix(harts[0].timer_deadline);
    for (unsigned i = 0; i < PRIORITIES / 64; i++)
        mix(harts[0].ready_map[i]);
    return digest;
}

static void make_system(bool passive)
{
    world_make();
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(make(OBJ_ENDPOINT, 0, ENDPOINT + i), ERR_OK);
        cr_assert_eq(make(OBJ_NOTIFICATION, 0, NOTIFICATION + i), ERR_OK);
        INVOKE(W_CNODE, OP_CNODE_COPY, SEND_ONLY + i, 0, ENDPOINT + i, RIGHT_SEND);
        INVOKE(W_CNODE, OP_CNODE_COPY, RECV_ONLY + i, 0, ENDPOINT + i, RIGHT_RECV);
        INVOKE(W_CNODE, OP_CNODE_MINT, BADGED + i, 0, ENDPOINT + i, RIGHTS_ALL, 1000 + i);
    }
    schedule();
    if (!passive)
        return;
    /* Threads 2 and 3 receive first, and then have no budget of their own. */
    for (unsigned i = 2; i < 4; i++) {
        syscall_words(w.thread[i], SYS_RECV, ENDPOINT + i - 2, 0, NULL, 0);
        context_unbind(w.thread[i]->context);
    }
    schedule();
}

/* One random system call of whichever thread runs. */
static void step(bool fast)
{
    static const uint8_t numbers[] = {SYS_CALL,       SYS_CALL,       SYS_CALL,  SYS_REPLY_RECV,
                                      SYS_REPLY_RECV, SYS_REPLY_RECV, SYS_RECV,  SYS_SEND,
                                      SYS_TRY_SEND,   SYS_TRY_RECV,   SYS_YIELD, SYS_REPLY};
    struct thread *thread = harts[0].current;
    uint64_t number = numbers[rand() % sizeof(numbers)];
    uint64_t cap = ENDPOINT + rand() % 8, length = rand() % 10;
    uint64_t tag = (uint64_t)(uint32_t)rand() << 32 | length | (rand() % 30 == 0 ? TAG_SIGNAL : 0);

    /* Mostly clients call and servers answer, or soon everybody would wait for everybody. */
    if (rand() % 20 != 0) {
        bool server = thread == w.thread[2] || thread == w.thread[3];

        number = server ? SYS_REPLY_RECV : SYS_CALL;
        cap = server ? ENDPOINT + (thread == w.thread[3]) : ENDPOINT + 6 + rand() % 2;
    }
    if (rand() % 40 == 0)
        cap = rand() % 64 + (rand() % 2 ? 2000 : 0);
    thread->reg[REG_A7] = number;
    thread->reg[REG_A0] = cap;
    thread->reg[REG_A0 + 1] = tag;
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread->reg[word_reg[i]] = rand();
    thread->reg[REG_RA] = rand();
    if (fast && kernel_fast(thread))
        fast_taken++;
    else
        kernel_syscall(thread);
    schedule();
}

static unsigned play(unsigned seed, bool passive, bool fast, uint64_t *digests)
{
    unsigned n = 0;

    srand(seed);
    make_system(passive);
    for (; n < STEPS && harts[0].current; n++) {
        if (!passive)
            host_time += rand() % 3000;
        step(fast);
        digests[n] = system_digest();
        if (n % 50 == 0)
            check_world(false);
    }
    return n;
}

static void compare(bool passive)
{
    static uint64_t general[STEPS], fast[STEPS];

    fast_taken = 0;
    for (unsigned seed = 1; seed <= 150; seed++) {
        unsigned steps = play(seed, passive, false, general);

        cr_assert_eq(play(seed, passive, true, fast), steps, "seed %u", seed);
        for (unsigned i = 0; i < steps; i++)
            cr_assert_eq(fast[i], general[i], "seed %u: the two differ after step %u", seed, i);
    }
    cr_assert_gt(fast_taken, 500, "only %u calls took the fast lane", fast_taken);
}

Test(kernel_fast, threads_with_budgets_of_their_own)
{
    compare(false);
}

Test(kernel_fast, servers_that_run_on_their_clients_budgets)
{
    compare(true);
}
