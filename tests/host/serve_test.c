/* SPDX-License-Identifier: MIT */
/* The server loop: what it refuses, what it hands on, and what becomes of the capabilities. */
// sources: lib/rt/serve.c lib/rt/serve_wait.c lib/rt/task.c lib/rt/task_signal.c lib/rt/task_sync.c
#include "serve_world.h"

TestSuite(serve, .init = set_up, .timeout = 20);

Test(serve, plain_calls)
{
    say(OP_trial_add, 1, 0, USE)->word[0] = 41;
    say(OP_trial_add, 0, 0, USE); /* shorter: padded with zeros */
    run(false);
    expect(0, ERR_OK, 1, 0);
    cr_assert_eq(answer[0].word[0], 42);
    for (unsigned i = 1; i < MSG_REGS; i++)
        cr_assert_eq(answer[0].word[i], 0, "nothing leaves that is not of the answer");
    cr_assert_eq(answer[1].word[0], 1);
}

Test(serve, refuses_what_it_does_not_serve)
{
    const uint32_t strange[] = {0, OP_CNODE_REVOKE, OP_trial_add + 0x100, PROTOCOL_trial << 8,
                                OP_trial_no_memory + 1, OP_trial_turn + 1 /* a gap */, ~0u};
    for (unsigned i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
        say(strange[i], 0, 0, USE | ADMIN | PROTO_MANAGE);
    run(false);
    cr_assert_eq(answers, scripted);
    for (unsigned i = 0; i < answers; i++)
        expect(i, ERR_BAD_OP, 0, 0);
}

Test(serve, refuses_without_the_right)
{
    say(OP_trial_add, 1, 0, ADMIN);
    say(OP_trial_admin, 0, 0, USE);
    say(OP_trial_turn, 64, 0, 0);
    say(OP_server_client_gone, 1, 0, USE);
    run(false);
    cr_assert_eq(answers, 4);
    for (unsigned i = 0; i < answers; i++)
        expect(i, ERR_DENIED, 0, 0);
    cr_assert_eq(gone, 0);
}

Test(serve, refuses_wrong_sizes_and_capabilities)
{
    say(OP_trial_add, 2, 0, USE);
    say(OP_trial_add, 1, 1, USE);
    say(OP_trial_keep, 1, 0, USE);
    say(OP_trial_keep, 1, 1, USE);
    give[3][0] = OBJ_ENDPOINT | RIGHTS_ALL << 8;
    say(OP_trial_keep, 1, 1, USE);
    give[4][0] = OBJ_NOTIFICATION | RIGHT_WAIT << 8;
    say(OP_trial_keep, 1, 3, USE);
    run(false);
    expect(0, ERR_TOO_LONG, 0, 0);
    expect(1, ERR_TOO_MANY, 0, 0);
    expect(2, ERR_NO_CAP, 0, 0);
    expect(3, ERR_WRONG_TYPE, 0, 0);
    expect(4, ERR_NO_RIGHT, 0, 0);
    expect(5, ERR_TOO_MANY, 0, 0);
    cr_assert_eq(slots_taken(), MSG_MAX_CAPS + 1, "nothing was kept");
}

Test(serve, keeps_what_a_handler_keeps_and_deletes_the_rest)
{
    for (unsigned i = 0; i < 4; i++) {
        give[i][0] = OBJ_NOTIFICATION | RIGHT_SIGNAL << 8;
        give[i][1] = OBJ_FRAME;
        say(OP_trial_keep, 1, i == 3 ? 1 : 2, USE)->word[0] = i;
    }
    run(false);
    for (unsigned i = 0; i < 4; i++)
        expect(i, ERR_OK, 0, 0);
    cr_assert_eq(slots_taken(), MSG_MAX_CAPS + 1 + 3, "the first, the second, and the first again");
}

Test(serve, gives_once_and_lends)
{
    say(OP_trial_give, 1, 0, USE)->word[0] = ERR_OK;
    say(OP_trial_give, 1, 0, USE)->word[0] = ERR_NO_MEMORY;
    run(false);
    expect(0, ERR_OK, 0, 2);
    cr_assert(page.send_cap[0] == lent && page.send_cap[1] == given);
    expect(1, ERR_NO_MEMORY, 0, 0);
    cr_assert_eq(slots_taken(), MSG_MAX_CAPS + 1, "what was given is gone, also where the handler failed");
    cr_assert_eq(slot[lent].type, OBJ_FRAME);
}

static void long_calls(bool in_place)
{
    struct msg *m = say(OP_trial_turn, 20, 0, USE);
    for (unsigned i = 0; i < MSG_REGS; i++)
        m->word[i] = i;
    m->word[0] = 24 * 8;
    for (unsigned i = MSG_REGS; i < MSG_MAX_WORDS; i++)
        long_words[i - MSG_REGS] = i < 20 ? i : STRANGE;
    run(in_place);
    expect(0, ERR_OK, 24, 0);
    cr_assert_eq(answer[0].word[0], ~(24 * 8ull));
    for (unsigned i = 1; i < 24; i++) {
        uint64_t got = i < MSG_REGS ? answer[0].word[i] : words[i];
        cr_assert_eq(got, i < 20 ? ~(uint64_t)i : ~0ull, "word %u", i);
    }
}

Test(serve, long_calls)
{
    long_calls(false);
}

Test(serve, long_calls_in_place)
{
    long_calls(true);
}

Test(serve, long_replies_have_nothing_of_others)
{
    for (unsigned i = 0; i < 2; i++) {
        set_up();
        memset(page.word, 0xee, sizeof(page.word));
        say(OP_trial_tell, 0, 0, USE);
        run(i);
        expect(0, ERR_OK, 64, 0);
        for (unsigned w = 0; w < MSG_MAX_WORDS; w++)
            cr_assert_eq(w < MSG_REGS ? answer[0].word[w] : words[w], w == 63 ? 63 : 0);
    }
}

Test(serve, answers_later)
{
    say(OP_trial_wait, 0, 0, USE);
    say(OP_trial_add, 1, 0, USE);
    run(false);
    cr_assert_eq(answers, 2, "one answer each");
    expect(0, ERR_OK, 1, 0);
    cr_assert_eq(answer[0].word[0], 99);
    expect(1, ERR_OK, 1, 0);
}

Test(serve, signals_and_dead_clients)
{
    say(0, 0, 0, 0)->tag |= TAG_SIGNAL;
    script[0].badge = 5;
    say(OP_server_client_gone, 1, 0, PROTO_MANAGE)->word[0] = 33;
    run(false);
    cr_assert_eq(signalled_bits, 5);
    cr_assert_eq(gone, 33);
    cr_assert_eq(answers, 1, "a signal has none");
}

Test(serve, a_refused_answer_is_no_message)
{
    say(OP_trial_add, 1, 0, USE);
    say(ERR_PEER_GONE, 0, 0, 0)->badge = 0;
    say(OP_trial_add, 1, 0, USE);
    run(false);
    cr_assert_eq(answers, 2);
    cr_assert_eq(delivered, 3);
}
