/* SPDX-License-Identifier: MIT */
/* Timers and their heap, compared with a list that is searched; and interrupt lines. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

#define A             w.thread[0]
#define B             w.thread[1]
#define PER_INTERRUPT 16

TestSuite(kernel_timer, .init = world_objects, .timeout = 50);

enum { TIMER = W_USER, TIMER_COUNT = 200, NOTES = W_USER + TIMER_COUNT, IRQ = W_USER + 2 * TIMER_COUNT };

/* --- The heap --- */

static struct heap_node *node_at(granule ref)
{
    return granule_to(ref);
}

/* Checks the rules of a leftist heap; returns the number of nodes. */
static unsigned check_heap(granule ref, granule parent, uint64_t deadline, unsigned *right_path)
{
    unsigned ignored, left_rank, right_rank, count;
    const struct heap_node *node = node_at(ref);

    *right_path = 0;
    if (!ref)
        return 0;
    cr_assert(node->queued);
    cr_assert_eq(node->parent, parent);
    cr_assert_geq(node->deadline, deadline, "a child is due before its parent");
    left_rank = node->left ? node_at(node->left)->rank : 0;
    right_rank = node->right ? node_at(node->right)->rank : 0;
    cr_assert_geq(left_rank, right_rank);
    cr_assert_eq(node->rank, right_rank + 1);
    count = 1 + check_heap(node->left, ref, node->deadline, &ignored);
    count += check_heap(node->right, ref, node->deadline, right_path);
    (*right_path)++;
    cr_assert_geq(count, (1u << *right_path) - 1, "%u nodes with a right path of %u", count, *right_path);
    return count;
}

static void check_heaps(unsigned expected)
{
    unsigned count = 0, right_path;

    for (unsigned h = 0; h < hart_count; h++)
        count += check_heap(harts[h].heap, 0, 0, &right_path);
    cr_assert_eq(count, expected);
}

/* Memory for many timers, each on a granule of its own. */
union timer_place {
    struct timer timer;
    char place[1 << TIMER_BITS];
};

Test(kernel_timer, a_heap_of_thousands_keeps_its_rules_and_finds_the_first)
{
    enum { NODES = 3000 };
    union timer_place *timers = world_take(4096 * sizeof(*timers));
    unsigned queued = 0;

    srand(2);
    for (unsigned step = 0; step < 20000; step++) {
        struct heap_node *node = &timers[rand() % NODES].timer.node;

        if (node->queued) {
            time_queue_remove(node);
            queued--;
        } else {
            time_queue_insert(&harts[0], node, rand() % (step % 3 ? 100000 : 5));
            queued++;
        }
        if (step % 500)
            continue;
        check_heaps(queued);
        for (unsigned i = 0; i < NODES; i++)
            cr_assert(!timers[i].timer.node.queued ||
                      timers[i].timer.node.deadline >= time_queue_first(&harts[0])->deadline);
    }
    for (uint64_t last = 0; harts[0].heap; queued--) {
        struct heap_node *first = time_queue_first(&harts[0]);

        cr_assert_geq(first->deadline, last);
        last = first->deadline;
        time_queue_remove(first);
    }
    cr_assert_eq(queued, 0);
}

Test(kernel_timer, a_heap_filled_in_order_is_no_list)
{
    union timer_place *timers = world_take(4096 * sizeof(*timers));
    unsigned right_path;

    for (unsigned i = 0; i < 4096; i++)
        time_queue_insert(&harts[0], &timers[i].timer.node, i);
    cr_assert_eq(check_heap(harts[0].heap, 0, 0, &right_path), 4096);
    for (unsigned i = 4096; i > 0; i--)
        time_queue_remove(&timers[i - 1].timer.node);
    for (unsigned i = 4096; i > 0; i--)
        time_queue_insert(&harts[0], &timers[i - 1].timer.node, i);
    cr_assert_eq(check_heap(harts[0].heap, 0, 0, &right_path), 4096);
}

/* --- Timers --- */

/* What a timer should do. */
static struct {
    bool set;
    uint64_t deadline, period;
    uint64_t bits; /* that its notification should have */
} model[TIMER_COUNT];

static void make_timers(void)
{
    memset(model, 0, sizeof(model));
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        cr_assert_eq(make(OBJ_TIMER, 0, TIMER + i), ERR_OK);
        cr_assert_eq(make(OBJ_NOTIFICATION, 0, NOTES + i), ERR_OK);
    }
}

static struct notification *note(unsigned i)
{
    return w.slots[NOTES + i].object;
}

static struct timer *timer(unsigned i)
{
    return w.slots[TIMER + i].object;
}

/* Makes all interrupts that are due, on both harts. */
static void expire(void)
{
    for (unsigned i = 0; i < 2; i++) {
        host.hart = i;
        do {
            kernel_timer();
            schedule();
        } while (time_queue_first(&harts[i]) && time_queue_first(&harts[i])->deadline <= host_time);
    }
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        if (!model[i].set || model[i].deadline > host_time)
            continue;
        model[i].bits = 1;
        model[i].set = model[i].period;
        model[i].deadline += model[i].period;
        if (model[i].deadline <= host_time)
            model[i].deadline = host_time + model[i].period;
    }
}

static void check_timers(void)
{
    unsigned set = 0;

    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        cr_assert_eq(note(i)->bits, model[i].bits, "timer %u at %lu", i, host_time);
        cr_assert_eq(timer(i)->node.queued, model[i].set, "timer %u", i);
        cr_assert(!model[i].set || timer(i)->node.deadline == model[i].deadline);
        cr_assert_eq(timer(i)->notification, model[i].set ? note(i) : NULL);
        cr_assert_eq(note(i)->timers, model[i].set ? granule_of(timer(i)) : 0);
        set += model[i].set;
    }
    check_heaps(set);
}

Test(kernel_timer, random_timers_fire_when_a_list_says_so)
{
    make_timers();
    srand(3);
    for (unsigned step = 0; step < 6000; step++) {
        unsigned i = rand() % TIMER_COUNT;

        host.hart = 0;
        switch (rand() % 6) {
        case 0:
        case 1:
        case 2:
            model[i].set = true;
            model[i].deadline = rand() % 8 ? host_time + rand() % 2000 : rand() % host_time;
            model[i].period = rand() % 3 ? 0 : 100 + rand() % 500;
            host.hart = rand() % 2;
            context_configure(A->context, host.hart, 1000000, 1000000);
            cr_assert_eq(INVOKE(TIMER + i, OP_TIMER_SET, NOTES + i, model[i].deadline, model[i].period),
                         ERR_OK);
            break;
        case 3:
            cr_assert_eq(INVOKE(TIMER + i, OP_TIMER_CANCEL), ERR_OK);
            model[i].set = false;
            break;
        case 4: note(i)->bits = model[i].bits = 0; break;
        default: host_time += rand() % 300; expire();
        }
        check_timers();
    }
}

Test(kernel_timer, one_interrupt_handles_so_many_and_the_next_comes_at_once)
{
    unsigned fired = 0;

    make_timers();
    schedule();
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(INVOKE(TIMER + i, OP_TIMER_SET, NOTES + i, 5000 + i, 0), ERR_OK);
    schedule();
    cr_assert_eq(host.timer, 5000, "the timer is at %lu", host.timer);
    host_time = 6000;
    for (unsigned interrupts = 1; interrupts <= 3; interrupts++) {
        kernel_timer();
        schedule();
        for (fired = 0; fired < 40 && note(fired)->bits; fired++)
            continue;
        cr_assert_eq(fired, interrupts < 3 ? PER_INTERRUPT * interrupts : 40);
        cr_assert_eq(host.timer <= host_time, interrupts < 3, "the timer is at %lu", host.timer);
    }
}

Test(kernel_timer, a_timer_wakes_a_waiter_with_its_badge)
{
    make_timers();
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MINT, IRQ, 0, NOTE, RIGHT_SIGNAL, 0x30), ERR_OK);
    cr_assert_eq(INVOKE(TIMER, OP_TIMER_SET, IRQ, 1000, 0), ERR_OK);
    cr_assert_eq(INVOKE(TIMER + 1, OP_TIMER_SET, NOTE, 1000, 0), ERR_OK);
    sys(B, SYS_WAIT, NOTE, 0, 0);
    host_time = 999;
    kernel_timer();
    cr_assert_eq(B->state, THREAD_BLOCKED_WAIT);
    host_time = 1000;
    kernel_timer();
    cr_assert_eq(B->state, THREAD_READY);
    cr_assert_eq(badge_of(B) | ((struct notification *)w.slots[NOTE].object)->bits, 0x31);
}

Test(kernel_timer, a_periodic_timer_keeps_its_phase_and_skips_what_was_missed)
{
    make_timers();
    cr_assert_eq(INVOKE(TIMER, OP_TIMER_SET, NOTES, 1000, 300), ERR_OK);
    host_time = 1050;
    kernel_timer();
    cr_assert_eq(timer(0)->node.deadline, 1300);
    host_time = 5000;
    kernel_timer();
    cr_assert_gt(timer(0)->node.deadline, 5000);
    cr_assert_leq(timer(0)->node.deadline, 5300);
}

Test(kernel_timer, timers_of_a_notification_that_dies_are_stopped)
{
    make_timers();
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(INVOKE(TIMER + i, OP_TIMER_SET, NOTE, 1000 + i, 500), ERR_OK);
    cr_assert_eq(INVOKE(TIMER + 20, OP_TIMER_SET, NOTES, 1000, 0), ERR_OK);
    host.interrupt_pending = true; /* one step a system call */
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_DELETE, NOTE), ERR_OK);
    host.interrupt_pending = false;
    for (unsigned i = 0; i < 20; i++) {
        cr_assert(!timer(i)->node.queued);
        cr_assert_null(timer(i)->notification);
    }
    check_heaps(1);
    destroy(TIMER + 20);
    check_heaps(0);
    cr_assert_eq(note(0)->timers, 0);
}

Test(kernel_timer, a_timer_that_is_set_again_moves_to_the_other_notification)
{
    make_timers();
    cr_assert_eq(INVOKE(TIMER, OP_TIMER_SET, NOTES, 1000, 0), ERR_OK);
    cr_assert_eq(INVOKE(TIMER, OP_TIMER_SET, NOTES + 1, 2000, 0), ERR_OK);
    cr_assert_eq(note(0)->timers, 0);
    host_time = 2000;
    kernel_timer();
    cr_assert_eq(note(0)->bits, 0);
    cr_assert_eq(note(1)->bits, 1);
}

Test(kernel_timer, set_refuses_what_could_not_work_and_keeps_what_was_set)
{
    static const struct {
        uint64_t notification, deadline, period;
        enum error error;
    } bad[] = {
        {NOTE, 1ull << 62, 0, ERR_BAD_ARG}, {NOTE, ~0ull, 0, ERR_BAD_ARG}, {NOTE, 1000, ~0ull, ERR_BAD_ARG},
        {NOTE, 1000, 1, ERR_BAD_ARG},       {EP, 1000, 0, ERR_WRONG_TYPE}, {500, 1000, 0, ERR_NO_CAP},
        {IRQ, 1000, 0, ERR_NO_RIGHT},
    };
    uint64_t before;

    make_timers();
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, IRQ, 0, NOTE, RIGHT_WAIT), ERR_OK);
    cr_assert_eq(INVOKE(TIMER, OP_TIMER_SET, NOTES, 1000, 0), ERR_OK);
    before = world_hash(A);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_eq(INVOKE(TIMER, OP_TIMER_SET, bad[i].notification, bad[i].deadline, bad[i].period),
                     bad[i].error, "case %u", i);
        cr_expect_eq(world_hash(A), before, "case %u", i);
    }
}

/* --- Interrupt lines --- */

static void take_line(uint64_t line)
{
    cr_assert_eq(INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, line, 0, IRQ), ERR_OK);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_BIND, NOTE), ERR_OK);
}

static void raise_line(uint32_t line)
{
    host.claim = line;
    kernel_interrupt();
}

static uint64_t info(unsigned word)
{
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_INFO), ERR_OK);
    return word_of(A, word);
}

Test(kernel_timer, an_interrupt_signals_and_the_line_is_silent_until_acknowledged)
{
    struct notification *n = w.slots[NOTE].object;

    take_line(7);
    cr_assert_eq(host.enabled[7], 1);
    raise_line(7);
    cr_assert_eq(n->bits, 1);
    cr_assert_eq(host.completed[7], 0);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_ACK), ERR_OK);
    cr_assert_eq(host.completed[7], 1);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_ACK), ERR_OK);
    cr_assert_eq(host.completed[7], 1, "there was nothing to acknowledge");
    cr_assert_eq(info(0), 7);
    cr_assert_eq(info(1), 1);
    cr_assert_eq(info(2), 1);
}

Test(kernel_timer, latency_is_measured_from_interrupt_to_acknowledgement)
{
    static const uint64_t latency[] = {0, 1, 100, 50, 101};
    uint64_t total = 0;

    take_line(7);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_SET_DEADLINE, 60), ERR_OK);
    for (unsigned i = 0; i < 5; i++)
        for (unsigned odd = 0; odd < 2; odd++) {
            host_time = 10000 * (i + 1) + odd;
            raise_line(7);
            host_time += latency[i];
            cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_ACK), ERR_OK);
            total += latency[i];
        }
    cr_assert_eq(info(3), 4, "missed %lu", info(3));
    cr_assert_leq(info(4), total, "total %lu", info(4));
    cr_assert_geq(info(4), total - 5);
    cr_assert_eq(info(5), 101, "worst %lu", info(5));
}

Test(kernel_timer, a_line_that_nobody_handles_is_switched_off)
{
    host.enabled[9] = 1;
    raise_line(9);
    cr_assert_eq(host.enabled[9], 0);
    cr_assert_eq(host.completed[9], 1);
    raise_line(0);
}

Test(kernel_timer, a_line_belongs_to_one_handler_until_that_is_gone)
{
    take_line(7);
    cr_assert_eq(INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 7, 0, IRQ + 1), ERR_IN_USE);
    cr_assert_eq(INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 8, 0, IRQ), ERR_SLOT_FULL);
    cr_assert_eq(INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 0, 0, IRQ + 1), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 64, 0, IRQ + 1), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, ~0ull, 0, IRQ + 1), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_COPY, IRQ + 1, 0, IRQ, RIGHTS_ALL), ERR_OK);
    destroy(IRQ + 1);
    cr_assert_eq(host.enabled[7], 1, "a copy went away, and the line with it");
    raise_line(7);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_SET_PRIORITY, 7), ERR_OK);
    cr_assert_eq(host.priority[7], 7);
    destroy(IRQ);
    cr_assert_eq(host.enabled[7], 0);
    cr_assert_eq(host.completed[7], 1, "it was never acknowledged");
    take_line(7);
    cr_assert_eq(host.priority[7], 1, "that of whoever had it before");
    cr_assert_eq(info(1), 0, "counts of whoever had it before");
}

Test(kernel_timer, a_notification_that_dies_unbinds_its_lines)
{
    take_line(7);
    cr_assert_eq(INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 8, 0, IRQ + 1), ERR_OK);
    cr_assert_eq(INVOKE(IRQ + 1, OP_IRQ_HANDLER_BIND, NOTE), ERR_OK);
    raise_line(7);
    destroy(NOTE);
    cr_assert_eq(host.enabled[7], 0);
    cr_assert_eq(host.enabled[8], 0);
    cr_assert_eq(host.completed[7], 1);
    raise_line(8);
    cr_assert_eq(make(OBJ_NOTIFICATION, 0, NOTE), ERR_OK);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_BIND, NOTE), ERR_OK);
    cr_assert_eq(host.enabled[7], 1);
    raise_line(7);
    cr_assert_eq(((struct notification *)w.slots[NOTE].object)->bits, 1);
}

Test(kernel_timer, a_line_is_bound_anew_and_unbound)
{
    take_line(7);
    cr_assert_eq(make(OBJ_NOTIFICATION, 0, NOTES), ERR_OK);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_BIND, NOTES), ERR_OK);
    cr_assert_eq(((struct notification *)w.slots[NOTE].object)->irq_count, 0);
    raise_line(7);
    cr_assert_eq(note(0)->bits, 1);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_UNBIND), ERR_OK);
    cr_assert_eq(host.enabled[7], 0);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_UNBIND), ERR_OK);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_SET_PRIORITY, 0), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_SET_PRIORITY, 8), ERR_BAD_ARG);
    cr_assert_eq(INVOKE(IRQ, OP_IRQ_HANDLER_SET_PRIORITY, 7), ERR_OK);
}
