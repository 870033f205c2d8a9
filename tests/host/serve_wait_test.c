/* SPDX-License-Identifier: MIT */
/* Handlers of servers that wait. */
// sources: lib/rt/serve.c lib/rt/serve_wait.c lib/rt/task.c lib/rt/task_signal.c lib/rt/task_sync.c
#include "serve_world.h"

TestSuite(serve_wait, .init = set_up, .timeout = 20);

static void say_word(uint32_t op, uint64_t client, uint64_t word)
{
    struct msg *m = say(op, 1, 0, USE);
    m->badge = proto_badge(client, USE);
    m->word[0] = word;
}

static void ring_twice(uint64_t number)
{
    say_word(OP_trial_ring, CLIENT, number);
    say_word(OP_trial_ring, CLIENT, number);
}

Test(serve_wait, whoever_waits_delays_nobody)
{
    say_word(OP_trial_doze, CLIENT, 0);
    say_word(OP_trial_add, CLIENT, 1);
    say_word(OP_trial_doze, CLIENT, 1);
    ring_twice(1);
    say_word(OP_trial_add, CLIENT, 2);
    ring_twice(0);
    run(false);
    static const uint64_t expected[] = {2, 0, 0, 1001, 3, 0, 0, 1000};
    cr_assert_eq(answers, 8);
    for (unsigned i = 0; i < 8; i++) {
        cr_assert_eq(answer[i].word[0], expected[i], "answer %u", i);
        cr_assert_eq(to[i] != 0, expected[i] >= 1000);
    }
    cr_assert_eq(saved, 2, "each caller is put aside once");
}

Test(serve_wait, signals_wake_handlers)
{
    say_word(OP_trial_doze, CLIENT, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct msg *m = say(0, 0, 0, 0);
        m->tag |= TAG_SIGNAL;
        m->badge = 8;
    }
    say_word(OP_trial_add, CLIENT, 5);
    run(false);
    cr_assert_eq(answers, 2);
    cr_assert_eq(answer[0].word[0], 1000);
    cr_assert_eq(answer[1].word[0], 6);
}

static void long_waits(bool in_place)
{
    struct msg *m = say(OP_trial_doze_long, 64, 0, USE);
    for (unsigned i = 0; i < MSG_REGS; i++)
        m->word[i] = i;
    for (unsigned i = MSG_REGS; i < MSG_MAX_WORDS; i++)
        long_words[i - MSG_REGS] = i;
    say(OP_trial_tell, 0, 0, USE); /* uses the page */
    say_word(OP_trial_ring, CLIENT, 1);
    run(in_place);
    cr_assert_eq(answers, 3);
    expect(2, ERR_OK, 64, 0);
    for (unsigned i = 0; i < MSG_MAX_WORDS; i++)
        cr_assert_eq(i < MSG_REGS ? answer[2].word[i] : words[i], ~(uint64_t)i, "word %u", i);
}

Test(serve_wait, long_messages_are_kept_over_a_wait)
{
    long_waits(false);
    set_up();
    long_waits(true);
}

Test(serve_wait, capabilities_are_kept_over_a_wait)
{
    for (unsigned i = 0; i < 3; i++) {
        give[i][0] = OBJ_FRAME;
        say(OP_trial_doze_keep, 1, 1, USE)->word[0] = i;
    }
    give[3][0] = OBJ_NOTIFICATION | RIGHT_SIGNAL << 8;
    say(OP_trial_keep, 1, 1, USE)->word[0] = 0;
    say_word(OP_trial_ring, CLIENT, 0);
    say(OP_trial_doze_give, 0, 0, USE);
    say_word(OP_trial_ring, CLIENT, 0);
    run(false);
    cr_assert_eq(answers, 7);
    expect(6, ERR_OK, 0, 2);
    cr_assert_neq(to[6], 0);
    /* Reply objects: three at once. */
    cr_assert_eq(slots_taken(), MSG_MAX_CAPS + 1 + 3 + 1, "the second of the first three was kept");
}

Test(serve_wait, defers_after_a_wait)
{
    say(OP_trial_doze_defer, 0, 0, USE);
    say_word(OP_trial_ring, CLIENT, 0);
    say_word(OP_trial_add, CLIENT, 1);
    run(false);
    cr_assert_eq(answers, 3);
    cr_assert_eq(answer[1].word[0], 99);
    cr_assert_eq(saved, 1);
}

Test(serve_wait, gives_way)
{
    say(OP_trial_doze_defer, 0, 0, USE);
    say_word(OP_trial_yield, CLIENT, 0);
    say_word(OP_trial_yield, CLIENT, 0); /* to nobody */
    run(false);
    cr_assert_eq(answers, 3);
    cr_assert_eq(answer[0].word[0], 99);
    cr_assert_eq(answer[1].word[0], 1);
    cr_assert_eq(answer[2].word[0], 1);
    cr_assert_eq(saved, 2);
}

Test(serve_wait, faults_may_wait)
{
    struct msg *m = say(1, 6, 0, 0);
    m->tag |= TAG_FAULT;
    m->word[0] = 2;
    say_word(OP_trial_add, CLIENT, 1);
    say_word(OP_trial_ring, CLIENT, 2);
    run(false);
    cr_assert_eq(answers, 3);
    expect(2, ERR_OK, 0, 0);
    cr_assert_neq(to[2], 0);
}

Test(serve_wait, handlers_of_a_dead_client_end_before_it_is_forgotten)
{
    say_word(OP_trial_doze, 8, 0);
    say_word(OP_trial_doze, 9, 0);
    say_word(OP_trial_doze, 8, 1);
    say(OP_server_client_gone, 1, 0, PROTO_MANAGE)->word[0] = 8;
    ring_twice(0);
    say_word(OP_trial_doze, 9, 0);
    run(false);
    cr_assert_eq(answers, 6);
    expect(0, ERR_OK, 0, 0);
    for (unsigned i = 1; i < 3; i++)
        expect(i, ERR_PEER_GONE, 1, 0);
    cr_assert_eq(gone, 8);
    cr_assert_eq(times_gone, 1);
    expect(5, ERR_OK, 1, 0); /* the other one's */
    cr_assert_eq(saved, 4, "the stack of a handler that was given up is good for others");
}

Test(serve_wait, one_client_waits_so_often_and_others_do_not_notice)
{
    for (unsigned i = 0; i <= SERVE_CLIENT_WAITS; i++)
        say_word(OP_trial_doze, 8, 0);
    say_word(OP_trial_doze, 9, 1);
    say_word(OP_trial_add, CLIENT, 1);
    ring_twice(1);
    ring_twice(0);
    say_word(OP_trial_doze, 8, 2);
    run(false);
    expect(0, ERR_BUSY, 1, 0);
    cr_assert_eq(answer[1].word[0], 2);
    cr_assert_eq(answer[4].word[0], 1001);
    cr_assert_eq(answers, 7 + SERVE_CLIENT_WAITS);
    cr_assert_eq(saved, SERVE_CLIENT_WAITS + 2);
}

Test(serve_wait, all_clients_wait_so_often)
{
    for (unsigned i = 0; i <= TASKS_MAX; i++)
        say_word(OP_trial_doze, 100 + i, 0);
    ring_twice(0);
    for (unsigned i = 0; i < 4; i++)
        say_word(OP_trial_doze, 100 + i, 1);
    ring_twice(1);
    run(false);
    expect(0, ERR_BUSY, 1, 0);
    for (unsigned i = 1; i < answers; i++)
        cr_assert_eq(tag_label(answer[i].tag), ERR_OK);
    cr_assert_eq(answers, TASKS_MAX + 1 + 4 + 4);
    cr_assert_eq(maps, TASKS_MAX);
}

Test(serve_wait, waits_need_memory)
{
    say(OP_trial_no_memory, 0, 0, USE);
    say_word(OP_trial_doze, CLIENT, 0);
    say_word(OP_trial_add, CLIENT, 1);
    run(false);
    expect(1, ERR_BUSY, 1, 0);
    expect(2, ERR_OK, 1, 0);
}

Test(serve_wait, greedy_clients_leave_some_for_others)
{
    for (unsigned i = 0; i < 5 * SERVE_CLIENT_WAITS; i++)
        say_word(OP_trial_doze, 100 + i / SERVE_CLIENT_WAITS, 0);
    for (unsigned i = 0; i < 3; i++)
        say_word(OP_trial_doze, 200 + i, 1);
    ring_twice(1);
    run(false);
    unsigned refused = 0;
    for (unsigned i = 0; i < answers; i++)
        refused += tag_label(answer[i].tag) == ERR_BUSY;
    cr_assert(refused > 0 && refused < 5 * SERVE_CLIENT_WAITS);
    for (unsigned i = 0; i < 3; i++) {
        expect(answers - 3 + i, ERR_OK, 1, 0);
        cr_assert_eq(answer[answers - 3 + i].word[0], 1001);
    }
}
