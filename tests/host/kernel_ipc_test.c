/* SPDX-License-Identifier: MIT */
/* Messages: sending, receiving, calling, answering, and the capabilities that travel along. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

TestSuite(kernel_ipc, .init = world_objects, .timeout = 50);

#define A w.thread[0]
#define B w.thread[1]
#define C w.thread[2]
#define D w.thread[3]

enum { FIRST_IN = W_USER, FIRST_OUT = W_USER + 8 };

static void send(struct thread *thread, uint64_t cap, uint32_t label, uint64_t seed)
{
    sys(thread, SYS_SEND, cap, tag_make(label, 2, 0), seed);
}

/* --- Words --- */

Test(kernel_ipc, a_send_waits_for_a_receiver)
{
    send(A, EP, 5, 1);
    cr_assert_eq(A->state, THREAD_BLOCKED_SEND);
    check_threads();
    receive(B, EP);
    check_message_of(B, 5, 0, 2, 1);
    cr_assert_eq(A->state, THREAD_READY);
    cr_assert_eq(label_of(A), ERR_OK);
    cr_assert_null(B->caller);
    check_threads();
}

Test(kernel_ipc, a_receiver_waits_for_a_send)
{
    receive(B, EP);
    cr_assert_eq(B->state, THREAD_BLOCKED_RECV);
    send(A, EP, 5, 1);
    check_message_of(B, 5, 0, 2, 1);
    cr_assert_eq(A->state, THREAD_READY);
    cr_assert_eq(label_of(A), ERR_OK);
    check_threads();
}

Test(kernel_ipc, senders_and_receivers_take_their_turn)
{
    static const unsigned order[] = {3, 1, 2}; /* C is more urgent */

    send(A, EP, 1, 1);
    send(B, EP, 2, 2);
    send(C, EP, 3, 3);
    for (unsigned i = 0; i < 3; i++) {
        receive(D, EP);
        check_message_of(D, order[i], 0, 2, order[i]);
    }
    receive(A, EP);
    receive(B, EP);
    send(D, EP, 4, 4);
    send(D, EP, 5, 5);
    check_message_of(A, 4, 0, 2, 4);
    check_message_of(B, 5, 0, 2, 5);
    check_threads();
}

Test(kernel_ipc, a_call_is_answered_in_both_orders_of_arrival)
{
    for (unsigned server_first = 0; server_first < 2; server_first++) {
        if (server_first)
            receive(B, EP);
        call(A, BADGED, 9, 1);
        if (!server_first) {
            cr_assert_eq(A->state, THREAD_BLOCKED_SEND);
            receive(B, EP);
        }
        cr_assert_eq(A->state, THREAD_BLOCKED_REPLY);
        check_message_of(B, 9, 77, 2, 1);
        check_threads();
        reply(B, 4, 2);
        check_message_of(A, 4, 0, 2, 2);
        cr_assert_eq(label_of(B), ERR_OK);
        cr_assert_null(B->caller);
        check_threads();
    }
}

Test(kernel_ipc, reply_receive_answers_and_takes_the_next)
{
    receive(C, EP);
    call(A, EP, 1, 1);
    call(B, BADGED, 2, 2);
    reply_receive(C, EP, 11, 3);
    check_message_of(A, 11, 0, 2, 3);
    check_message_of(C, 2, 77, 2, 2);
    reply_receive(C, EP, 12, 4);
    check_message_of(B, 12, 0, 2, 4);
    cr_assert_eq(C->state, THREAD_BLOCKED_RECV);
    check_threads();
}

Test(kernel_ipc, reply_receive_without_a_caller_only_receives)
{
    reply_receive(B, EP, 11, 3);
    cr_assert_eq(B->state, THREAD_BLOCKED_RECV);
    send(A, EP, 5, 1);
    check_message_of(B, 5, 0, 2, 1);
    reply(B, 0, 0);
    cr_assert_eq(label_of(B), ERR_NO_CALLER);
}

Test(kernel_ipc, words_in_registers_travel_whatever_the_length_says)
{
    for (unsigned length = 0; length <= MSG_REGS; length++) {
        receive(B, EP);
        sys(A, SYS_CALL, EP, tag_make(1, length, 0), 7);
        check_message_of(B, 1, 0, length, 7);
        sys(B, SYS_REPLY, 0, tag_make(0, length, 0), 8);
        check_message_of(A, 0, 0, length, 8);
    }
}

Test(kernel_ipc, long_messages_go_through_the_message_pages)
{
    static const unsigned lengths[] = {9, 10, 33, 63, 64};

    for (unsigned i = 0; i < 10; i++) {
        unsigned length = lengths[i / 2];

        memset(page_of(B), 0xee, sizeof(struct msg_page));
        if (i % 2)
            receive(B, EP);
        sys(A, SYS_CALL, EP, tag_make(1, length, 0), i);
        if (i % 2 == 0)
            receive(B, EP);
        check_message_of(B, 1, 0, length, i);
        if (length < MSG_MAX_WORDS)
            cr_assert_eq(page_of(B)->word[length], 0xeeeeeeeeeeeeeeee, "one word too many was written");
        sys(B, SYS_REPLY, 0, tag_make(0, length, 0), 50 + i);
        check_message_of(A, 0, 0, length, 50 + i);
    }
}

Test(kernel_ipc, words_0_to_7_of_the_message_page_are_never_touched)
{
    memset(page_of(B), 0xee, sizeof(struct msg_page));
    receive(B, EP);
    sys(A, SYS_SEND, EP, tag_make(1, 64, 0), 1);
    for (unsigned i = 0; i < MSG_REGS; i++)
        cr_assert_eq(page_of(B)->word[i], 0xeeeeeeeeeeeeeeee);
}

Test(kernel_ipc, too_long_a_message_changes_nothing)
{
    uint64_t before;

    receive(B, EP);
    run(A);
    before = world_hash(A);
    for (unsigned length = 65; length < 128; length++) {
        syscall_words(A, SYS_SEND, EP, tag_make(1, length, 0), NULL, 0);
        cr_assert_eq(label_of(A), ERR_TOO_LONG);
        cr_assert_eq(word_of(A, 1), MSG_MAX_WORDS);
        cr_assert_eq(world_hash(A), before);
    }
    for (unsigned caps = 5; caps < 8; caps++) {
        syscall_words(A, SYS_CALL, EP, tag_make(1, 0, caps), NULL, 0);
        cr_assert_eq(label_of(A), ERR_TOO_LONG);
        cr_assert_eq(word_of(A, 1), MSG_MAX_CAPS);
        cr_assert_eq(world_hash(A), before);
    }
}

Test(kernel_ipc, without_a_message_page_eight_words_and_no_capabilities)
{
    receive(B, EP);
    slot_delete(&A->slot[THREAD_MSG]);
    sys(A, SYS_SEND, EP, tag_make(1, 9, 0), 1);
    cr_assert_eq(label_of(A), ERR_NOT_CONFIGURED);
    sys(A, SYS_SEND, EP, tag_make(1, 0, 1), 1);
    cr_assert_eq(label_of(A), ERR_NOT_CONFIGURED);
    cr_assert_eq(B->state, THREAD_BLOCKED_RECV);
    sys(A, SYS_SEND, EP, tag_make(1, 8, 0), 1);
    check_message_of(B, 1, 0, 8, 1);
    sys(B, SYS_SEND, EP, tag_make(1, 20, 0), 2);
    receive(A, EP);
    for (unsigned i = 0; i < MSG_REGS; i++)
        cr_assert_eq(word_of(A, i), pattern(2, i));
    cr_assert_eq(word_of(A, 8), 0);
}

Test(kernel_ipc, flags_of_the_kernel_cannot_be_forged)
{
    uint64_t forged = ~(uint64_t)(TAG_LENGTH_MASK | TAG_CAPS_MASK << TAG_CAPS_SHIFT);

    receive(B, EP);
    sys(A, SYS_CALL, EP, forged | 3, 1);
    cr_assert_eq(tag_of(B), tag_make(0xffffffff, 3, 0));
    sys(B, SYS_REPLY, 0, TAG_SIGNAL | TAG_FAULT | 2, 1);
    cr_assert_eq(tag_of(A), tag_make(0, 2, 0));
    sys(A, SYS_SEND, EP, TAG_SIGNAL | TAG_FAULT | 1, 1);
    receive(B, EP);
    cr_assert_eq(tag_of(B), tag_make(0, 1, 0));
    sys(A, SYS_CALL, EP, 1, 1);
    receive(B, EP);
    INVOKE_AS(B, REPLY, OP_REPLY_SAVE_CALLER);
    sys(B, SYS_SEND, REPLY, TAG_SIGNAL | TAG_FAULT | 4, 1);
    cr_assert_eq(tag_of(A), tag_make(0, 4, 0));
}

/* A notification remembers the hart that used it last, which no call can see. */
static uint64_t hash_after_waiting(void)
{
    sys(A, SYS_TRY_WAIT, NOTE, 0, 0);
    return world_hash(A);
}

Test(kernel_ipc, what_tries_does_not_wait)
{
    uint64_t before = hash_after_waiting();

    sys(A, SYS_TRY_SEND, EP, tag_make(1, 1, 0), 1);
    cr_assert_eq(label_of(A), ERR_WOULD_BLOCK);
    sys(A, SYS_TRY_RECV, EP, 0, 1);
    cr_assert_eq(label_of(A), ERR_WOULD_BLOCK);
    sys(A, SYS_TRY_WAIT, NOTE, 0, 1);
    cr_assert_eq(label_of(A), ERR_WOULD_BLOCK);
    cr_assert_eq(world_hash(A), before);

    send(B, EP, 2, 2); /* a sender waits: that is no receiver */
    sys(A, SYS_TRY_SEND, EP, tag_make(1, 1, 0), 1);
    cr_assert_eq(label_of(A), ERR_WOULD_BLOCK);
    sys(A, SYS_TRY_RECV, EP, 0, 1);
    check_message_of(A, 2, 0, 2, 2);
    receive(B, EP); /* a receiver waits: that is no sender */
    sys(A, SYS_TRY_RECV, EP, 0, 1);
    cr_assert_eq(label_of(A), ERR_WOULD_BLOCK);
    sys(A, SYS_TRY_SEND, EP, tag_make(1, 2, 0), 1);
    check_message_of(B, 1, 0, 2, 1);
    check_threads();
}

Test(kernel_ipc, rights_and_types_are_checked)
{
    static const struct {
        uint64_t number, cap;
        enum error error;
    } bad[] = {
        {SYS_RECV, SEND_ONLY, ERR_NO_RIGHT},
        {SYS_TRY_RECV, SEND_ONLY, ERR_NO_RIGHT},
        {SYS_SEND, W_USER, ERR_NO_RIGHT},
        {SYS_CALL, W_USER, ERR_NO_RIGHT},
        {SYS_TRY_SEND, W_USER, ERR_NO_RIGHT},
        {SYS_SEND, W_CNODE, ERR_WRONG_TYPE},
        {SYS_RECV, NOTE, ERR_WRONG_TYPE},
        {SYS_WAIT, EP, ERR_WRONG_TYPE},
        {SYS_REPLY_RECV, NOTE, ERR_WRONG_TYPE},
        {SYS_CALL, NOTE, ERR_BAD_OP},
        {SYS_SEND, 500, ERR_NO_CAP},
        {SYS_RECV, 500, ERR_NO_CAP},
        {SYS_WAIT, 500, ERR_NO_CAP},
        {SYS_CALL, 0, ERR_NO_CAP},
        {SYS_REPLY_RECV, ~0ull, ERR_NO_CAP},
        {SYS_REPLY + 1, EP, ERR_BAD_OP},
        {99, EP, ERR_BAD_OP},
        {~0ull, EP, ERR_BAD_OP},
        {SYS_WAIT, W_USER + 1, ERR_NO_RIGHT},
        {SYS_SEND, W_USER + 2, ERR_NO_RIGHT},
        {SYS_SEND, W_USER + 3, ERR_NO_RIGHT},
    };

    INVOKE(W_CNODE, OP_CNODE_COPY, W_USER, 0, EP, RIGHT_RECV);
    INVOKE(W_CNODE, OP_CNODE_COPY, W_USER + 1, 0, NOTE, RIGHT_SIGNAL);
    INVOKE(W_CNODE, OP_CNODE_COPY, W_USER + 2, 0, NOTE, RIGHT_WAIT);
    INVOKE(W_CNODE, OP_CNODE_COPY, W_USER + 3, 0, REPLY, RIGHT_RECV);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t before = hash_after_waiting(), pc = A->reg[REG_PC];

        syscall_words(A, bad[i].number, bad[i].cap, 0, NULL, 0);
        cr_expect_eq(label_of(A), bad[i].error, "case %u: %u", i, label_of(A));
        cr_expect_eq(A->reg[REG_PC], pc + 4);
        cr_expect_eq(world_hash(A), before, "case %u changed something", i);
    }
}

Test(kernel_ipc, a_bad_receive_keeps_the_caller)
{
    receive(B, EP);
    call(A, EP, 1, 1);
    receive(B, 500);
    cr_assert_eq(label_of(B), ERR_NO_CAP);
    receive(B, SEND_ONLY);
    cr_assert_eq(label_of(B), ERR_NO_RIGHT);
    cr_assert_eq(A->state, THREAD_BLOCKED_REPLY);
    reply(B, 0, 2);
    check_message_of(A, 0, 0, 2, 2);
}

/* --- Capabilities --- */

/* Four endpoints to send, in FIRST_OUT and on; the receiver wants them in FIRST_IN and on. */
static void prepare_caps(const struct thread *from, const struct thread *to)
{
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++) {
        cr_assert_eq(make(OBJ_ENDPOINT, 0, FIRST_OUT + i), ERR_OK);
        page_of(from)->send_cap[i] = FIRST_OUT + i;
        page_of(to)->recv_cap[i] = FIRST_IN + i;
    }
}

static unsigned caps_landed(void)
{
    unsigned landed = 0;

    for (; w.slots[FIRST_IN + landed].type == OBJ_ENDPOINT; landed++)
        cr_assert_eq(w.slots[FIRST_IN + landed].parent, &w.slots[FIRST_OUT + landed]);
    return landed;
}

/* What the page says of those that landed. */
static void check_kinds(const struct thread *to, unsigned landed)
{
    for (unsigned i = 0; i < landed; i++)
        cr_assert_eq(page_of(to)->recv_kind[i],
                     OBJ_ENDPOINT | (uint32_t)w.slots[FIRST_IN + i].rights << 8, "capability %u", i);
}

Test(kernel_ipc, capabilities_travel_both_ways)
{
    prepare_caps(A, B);
    for (unsigned caps = 0; caps <= MSG_MAX_CAPS; caps++) {
        receive(B, EP);
        sys(A, SYS_CALL, EP, tag_make(1, 0, caps), 1);
        cr_assert_eq(tag_of(B), tag_make(1, 0, caps));
        cr_assert_eq(caps_landed(), caps);
        check_kinds(B, caps);
        for (unsigned i = 0; i < caps; i++) {
            page_of(B)->send_cap[i] = FIRST_IN + i;
            page_of(A)->recv_cap[i] = W_USER + 32 + i;
        }
        sys(B, SYS_REPLY, 0, tag_make(0, 1, caps), 1);
        cr_assert_eq(tag_of(A), tag_make(0, 1, caps));
        for (unsigned i = 0; i < caps; i++) {
            cr_assert_eq(w.slots[W_USER + 32 + i].parent, &w.slots[FIRST_IN + i]);
            slot_delete(&w.slots[W_USER + 32 + i]);
            slot_delete(&w.slots[FIRST_IN + i]);
        }
        check_world(true);
    }
}

Test(kernel_ipc, an_endpoint_without_grant_carries_no_capabilities)
{
    prepare_caps(A, B);
    receive(B, EP);
    sys(A, SYS_CALL, SEND_ONLY, tag_make(1, 0, 1), 1);
    cr_assert_eq(label_of(A), ERR_NO_RIGHT);
    cr_assert_eq(B->state, THREAD_BLOCKED_RECV);
    cr_assert_eq(caps_landed(), 0);
}

Test(kernel_ipc, as_many_capabilities_land_as_the_receiver_has_room_for)
{
    for (unsigned room = 0; room < MSG_MAX_CAPS; room++)
        for (unsigned why = 0; why < 3; why++) {
            world_objects();
            prepare_caps(A, B);
            if (why == 0)
                page_of(B)->recv_cap[room] = 0;
            else if (why == 1)
                page_of(B)->recv_cap[room] = W_SLOTS + 5;
            else
                INVOKE(W_CNODE, OP_CNODE_COPY, FIRST_IN + room, 0, REPLY, RIGHTS_ALL);
            receive(B, EP);
            sys(A, SYS_SEND, EP, tag_make(1, 3, 4), 1);
            cr_assert_eq(tag_of(B), tag_make(1, 3, room), "room for %u, case %u", room, why);
            cr_assert_eq(caps_landed(), room);
            cr_assert_eq(label_of(A), ERR_OK);
            check_world(false);
        }
}

Test(kernel_ipc, the_same_slot_cannot_take_two_capabilities)
{
    prepare_caps(A, B);
    page_of(B)->recv_cap[1] = FIRST_IN;
    receive(B, EP);
    sys(A, SYS_SEND, EP, tag_make(1, 0, 2), 1);
    cr_assert_eq(tag_caps(tag_of(B)), 1);
    check_world(true);
}

Test(kernel_ipc, a_message_with_a_capability_that_is_none_is_refused)
{
    static const struct {
        uint32_t slot;
        enum error error;
    } bad[] = {{0, ERR_NO_CAP},
               {500, ERR_NO_CAP},
               {W_SLOTS, ERR_NO_CAP},
               {~0u, ERR_NO_CAP},
               {W_UNTYPED, ERR_WRONG_TYPE}};

    prepare_caps(A, B);
    receive(B, EP);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t before;

        page_of(A)->send_cap[2] = bad[i].slot;
        run(A);
        before = world_hash(A);
        syscall_words(A, SYS_SEND, EP, tag_make(1, 0, 3), NULL, 0);
        cr_expect_eq(label_of(A), bad[i].error, "case %u: %u", i, label_of(A));
        cr_expect_eq(word_of(A, 1), bad[i].slot);
        cr_expect_eq(world_hash(A), before);
    }
    syscall_words(A, SYS_SEND, EP, tag_make(1, 0, 2), NULL, 0); /* what is beyond the count does not matter */
    cr_assert_eq(caps_landed(), 2);
}

Test(kernel_ipc, a_capability_that_goes_away_while_the_message_waits_does_not_land)
{
    prepare_caps(A, B);
    sys(A, SYS_SEND, EP, tag_make(1, 0, 3), 1);
    slot_delete(&w.slots[FIRST_OUT + 1]);
    receive(B, EP);
    cr_assert_eq(tag_caps(tag_of(B)), 1);
    cr_assert_eq(caps_landed(), 1);
}

Test(kernel_ipc, a_capability_that_loses_rights_on_the_way_back_is_not_renewed)
{
    prepare_caps(A, B);
    INVOKE(W_CNODE, OP_CNODE_COPY, W_USER + 20, 0, FIRST_OUT, RIGHT_SEND);
    page_of(A)->send_cap[0] = W_USER + 20;
    receive(B, EP);
    sys(A, SYS_SEND, EP, tag_make(1, 0, 1), 1);
    cr_assert_eq(w.slots[FIRST_IN].rights, RIGHT_SEND);
}

Test(kernel_ipc, an_answer_that_is_wrong_reaches_the_caller_as_an_error)
{
    receive(B, EP);
    call(A, EP, 1, 1);
    sys(B, SYS_REPLY, 0, tag_make(0, 65, 0), 1);
    cr_assert_eq(A->state, THREAD_READY);
    cr_assert_eq(label_of(A), ERR_TOO_LONG);
    check_threads();
}

/* --- Notifications --- */

Test(kernel_ipc, bits_add_up_until_somebody_waits)
{
    INVOKE(W_CNODE, OP_CNODE_MINT, W_USER, 0, NOTE, RIGHT_SIGNAL, 6);
    INVOKE(W_CNODE, OP_CNODE_MINT, W_USER + 1, 0, NOTE, RIGHT_SIGNAL, 16);
    sys(A, SYS_SEND, W_USER, 0, 0);
    sys(A, SYS_SEND, W_USER + 1, 0, 0);
    sys(A, SYS_SEND, NOTE, 0, 0); /* without a badge: bit 0 */
    sys(B, SYS_WAIT, NOTE, 0, 0);
    cr_assert_eq(badge_of(B), 23);
    cr_assert_eq(label_of(B), ERR_OK);
    sys(B, SYS_WAIT, NOTE, 0, 0);
    cr_assert_eq(B->state, THREAD_BLOCKED_WAIT);
    sys(C, SYS_WAIT, NOTE, 0, 0);
    sys(A, SYS_SEND, W_USER, 0, 0);
    cr_assert_eq(badge_of(B), 6);
    cr_assert_eq(C->state, THREAD_BLOCKED_WAIT);
    sys(A, SYS_TRY_SEND, W_USER + 1, 0, 0);
    cr_assert_eq(badge_of(C), 16);
    check_threads();
}

Test(kernel_ipc, the_bound_thread_gets_signals_where_it_receives)
{
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_NOTIFICATION, NOTE), ERR_OK);
    cr_assert_eq(INVOKE(TH2, OP_THREAD_BIND_NOTIFICATION, NOTE), ERR_IN_USE);
    receive(B, EP);
    sys(A, SYS_SEND, NOTE, 0, 0);
    cr_assert_eq(tag_of(B), TAG_SIGNAL);
    cr_assert_eq(badge_of(B), 1);
    sys(A, SYS_SEND, NOTE, 0, 0);
    send(C, EP, 3, 3);
    receive(B, EP); /* signals go first */
    cr_assert_eq(tag_of(B), TAG_SIGNAL);
    receive(B, EP);
    check_message_of(B, 3, 0, 2, 3);
    sys(A, SYS_SEND, NOTE, 0, 0);
    sys(B, SYS_TRY_RECV, EP, 0, 0);
    cr_assert_eq(tag_of(B), TAG_SIGNAL);
    receive(B, EP);
    send(A, EP, 4, 4); /* the endpoint's queue survived all that */
    check_message_of(B, 4, 0, 2, 4);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_BIND_NOTIFICATION, 0), ERR_OK);
    cr_assert_eq(INVOKE(TH2, OP_THREAD_BIND_NOTIFICATION, NOTE), ERR_OK);
    check_threads();
}
