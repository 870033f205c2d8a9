/* SPDX-License-Identifier: MIT */
/* What each operation refuses, which argument it blames, and that nothing has changed then; and what those
 * tell that only look. */
// sources: kernel/cap.c kernel/cnode.c kernel/untyped.c kernel/thread.c kernel/ipc.c kernel/notification.c
// sources: kernel/timer.c kernel/irq.c kernel/aspace.c kernel/sched.c kernel/context.c
// sources: kernel/syscall.c
// sources: kernel/debug.c kernel/lock.c kernel/hart.c kernel/reach.c kernel/arch/host/host.c
#include "kernel_calls.h"

#include "../../kernel/debug.h"
#include "../../kernel/log.h"

/* Beside those of kernel_calls.h: TH0 is the thread that calls, TH1 ready, TH2 suspended, TH3 without a
 * space. */
enum {
    TIMER = W_USER,
    FREE_CONTEXT,
    NEW_CONTEXT,
    SPACE,
    TABLE,
    PAGE,
    READ_ONLY,
    DEVICE_PAGE,
    LINE,
    BOUND_NOTE,
    WEAK_CNODE,
    RESET_CAP,
    CALLER_ALREADY,
    SMALL_CNODE,
    MUCH_COPIED,
    NEW_THREAD,
    NOTHING = 1000,
    BEYOND = W_SLOTS
};

static void refusal_world(void)
{
    world_objects();
    thread_suspend(w.thread[2]);
    make(OBJ_TIMER, 0, TIMER);
    make(OBJ_SCHED_CONTEXT, 0, FREE_CONTEXT);
    make(OBJ_SCHED_CONTEXT, 0, NEW_CONTEXT);
    make(OBJ_ADDRESS_SPACE, 0, SPACE);
    make(OBJ_PAGE_TABLE, 0, TABLE);
    make(OBJ_FRAME, 12, PAGE);
    make(OBJ_THREAD, 0, NEW_THREAD);
    make(OBJ_CNODE, 8, SMALL_CNODE);
    make(OBJ_NOTIFICATION, 0, BOUND_NOTE);
    INVOKE(W_DEVICE, OP_UNTYPED_RETYPE, OBJ_FRAME, 12, 0, DEVICE_PAGE, 1, 0);
    INVOKE(W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 5, 0, LINE);
    INVOKE(W_CNODE, OP_CNODE_COPY, READ_ONLY, 0, PAGE, RIGHT_READ);
    INVOKE(W_CNODE, OP_CNODE_COPY, WEAK_CNODE, 0, W_CNODE, RIGHT_INSPECT);
    INVOKE(W_SCHED, OP_SCHED_CONTROL_CONFIGURE, FREE_CONTEXT, 1000, 2000);
    INVOKE(TH1, OP_THREAD_BIND_NOTIFICATION, BOUND_NOTE);
}

TestSuite(kernel_refusal, .init = refusal_world, .timeout = 50);

struct refusal {
    uint16_t cap, op;
    enum error error;
    unsigned bad_arg;
    uint64_t word[6];
};

static const struct refusal refusals[] = {
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 1, {OBJ_TYPE_COUNT, 0, 0, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 2, {OBJ_FRAME, 13, 0, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 2, {OBJ_CNODE, 6, 0, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 2, {OBJ_UNTYPED, 5, 0, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 2, {OBJ_UNTYPED, UNTYPED_MAX_BITS + 1, 0, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 2, {OBJ_IRQ_HANDLER, 0, 0, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_NO_CAP, 3, {OBJ_ENDPOINT, 0, NOTHING, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_WRONG_TYPE, 3, {OBJ_ENDPOINT, 0, EP, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_NO_RIGHT, 3, {OBJ_ENDPOINT, 0, WEAK_CNODE, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 4, {OBJ_ENDPOINT, 0, 0, 0, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 4, {OBJ_ENDPOINT, 0, 0, W_SLOTS - 1, 2}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 4, {OBJ_ENDPOINT, 0, SMALL_CNODE, 4, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_SLOT_FULL, 4, {OBJ_ENDPOINT, 0, 0, EP, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 5, {OBJ_ENDPOINT, 0, 0, NOTHING, 0}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 5, {OBJ_ENDPOINT, 0, 0, W_USER + 100, 65}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 5, {OBJ_ADDRESS_SPACE, 0, 0, W_USER + 100, 5}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 6, {OBJ_ENDPOINT, 0, 0, NOTHING, 1, 64}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_BAD_ARG, 6, {OBJ_FRAME, 12, 0, NOTHING, 1, (1 << 20) + 64}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_NO_MEMORY, 6, {OBJ_ENDPOINT, 0, 0, NOTHING, 1, (1 << 24) + 64}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_NO_MEMORY, 0, {OBJ_FRAME, 30, 0, NOTHING, 1}},
    {W_UNTYPED, OP_UNTYPED_RETYPE, ERR_NO_MEMORY, 0, {OBJ_FRAME, 21, 0, NOTHING - 10, 9}},
    {W_DEVICE, OP_UNTYPED_RETYPE, ERR_WRONG_TYPE, 1, {OBJ_ENDPOINT, 0, 0, NOTHING, 1}},
    {W_CNODE, OP_CNODE_COPY, ERR_BAD_ARG, 1, {BEYOND, 0, EP, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_COPY, ERR_BAD_ARG, 1, {0, 0, EP, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_COPY, ERR_SLOT_FULL, 1, {EP2, 0, EP, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_COPY, ERR_WRONG_TYPE, 2, {NOTHING, EP, EP, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_COPY, ERR_NO_CAP, 3, {NOTHING, 0, NOTHING, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_COPY, ERR_BAD_ARG, 3, {NOTHING, 0, BEYOND, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_COPY, ERR_BAD_ARG, 3, {NOTHING, 0, 0, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_COPY, ERR_WRONG_TYPE, 3, {NOTHING, 0, W_UNTYPED, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_COPY, ERR_WRONG_TYPE, 3, {NOTHING, 0, TABLE, RIGHTS_ALL}},
    {W_CNODE, OP_CNODE_MINT, ERR_WRONG_TYPE, 3, {NOTHING, 0, PAGE, RIGHTS_ALL, 1}},
    {W_CNODE, OP_CNODE_MINT, ERR_NO_CAP, 3, {NOTHING, 0, NOTHING, RIGHTS_ALL, 1}},
    {W_CNODE, OP_CNODE_MINT, ERR_IN_USE, 5, {NOTHING, 0, BADGED, RIGHTS_ALL, 1}},
    {W_CNODE, OP_CNODE_MOVE, ERR_NO_CAP, 3, {NOTHING, 0, NOTHING}},
    {W_CNODE, OP_CNODE_MOVE, ERR_SLOT_FULL, 1, {EP, 0, EP2}},
    {W_CNODE, OP_CNODE_DELETE, ERR_BAD_ARG, 1, {BEYOND}},
    {W_CNODE, OP_CNODE_DELETE, ERR_BAD_ARG, 1, {0}},
    {W_CNODE, OP_CNODE_REVOKE, ERR_BAD_ARG, 1, {BEYOND}},
    {W_CNODE, OP_CNODE_INSPECT, ERR_BAD_ARG, 1, {BEYOND}},
    {W_CNODE, OP_CNODE_INSPECT, ERR_NO_CAP, 2, {EP, BEYOND}},
    {W_CNODE, OP_CNODE_OBJECT_ID, ERR_BAD_ARG, 1, {BEYOND}},
    {WEAK_CNODE, OP_CNODE_DELETE, ERR_NO_RIGHT, 0, {EP}},
    {TH1, OP_THREAD_CONFIGURE, ERR_IN_USE, 0, {W_CNODE, SPACE, PAGE, EP}},
    {TH2, OP_THREAD_CONFIGURE, ERR_WRONG_TYPE, 1, {EP, SPACE, PAGE, EP}},
    {TH2, OP_THREAD_CONFIGURE, ERR_NO_RIGHT, 1, {WEAK_CNODE, SPACE, PAGE, EP}},
    {TH2, OP_THREAD_CONFIGURE, ERR_NO_CAP, 2, {W_CNODE, BEYOND, PAGE, EP}},
    {TH2, OP_THREAD_CONFIGURE, ERR_NO_RIGHT, 3, {W_CNODE, SPACE, READ_ONLY, EP}},
    {TH2, OP_THREAD_CONFIGURE, ERR_WRONG_TYPE, 3, {W_CNODE, SPACE, DEVICE_PAGE, EP}},
    {TH2, OP_THREAD_CONFIGURE, ERR_WRONG_TYPE, 4, {W_CNODE, SPACE, PAGE, NOTE}},
    {NEW_THREAD, OP_THREAD_CONFIGURE, ERR_WRONG_TYPE, 5, {W_CNODE, SPACE, PAGE, EP, EP, 0}},
    {NEW_THREAD, OP_THREAD_CONFIGURE, ERR_IN_USE, 5, {W_CNODE, SPACE, PAGE, EP, SC1, 0}},
    {NEW_THREAD, OP_THREAD_CONFIGURE, ERR_NOT_CONFIGURED, 5, {W_CNODE, SPACE, PAGE, EP, NEW_CONTEXT, 0}},
    {NEW_THREAD, OP_THREAD_CONFIGURE, ERR_BAD_ARG, 6, {W_CNODE, SPACE, PAGE, EP, FREE_CONTEXT, 201}},
    {NEW_THREAD, OP_THREAD_CONFIGURE, ERR_BAD_ARG, 6, {W_CNODE, SPACE, PAGE, EP, FREE_CONTEXT, 201 << 8}},
    {TH2, OP_THREAD_CONFIGURE, ERR_IN_USE, 0, {W_CNODE, SPACE, PAGE, EP, FREE_CONTEXT, 0}},
    {TH1, OP_THREAD_BIND_CONTEXT, ERR_NO_CAP, 1, {NOTHING}},
    {TH1, OP_THREAD_BIND_CONTEXT, ERR_IN_USE, 1, {SC0}},
    {TH1, OP_THREAD_BIND_CONTEXT, ERR_IN_USE, 0, {FREE_CONTEXT}},
    {NEW_THREAD, OP_THREAD_BIND_CONTEXT, ERR_NOT_CONFIGURED, 1, {NEW_CONTEXT}},
    {TH1, OP_THREAD_SET_PRIORITY, ERR_BAD_ARG, 1, {201, 200}},
    {TH1, OP_THREAD_SET_PRIORITY, ERR_BAD_ARG, 2, {200, 201}},
    {TH1, OP_THREAD_START, ERR_IN_USE, 0, {0x1000}},
    {NEW_THREAD, OP_THREAD_START, ERR_NOT_CONFIGURED, 0, {0x1000}},
    {TH1, OP_THREAD_RESUME, ERR_IN_USE, 0, {0}},
    {NEW_THREAD, OP_THREAD_RESUME, ERR_NOT_CONFIGURED, 0, {0}},
    {TH1, OP_THREAD_READ_REGISTERS, ERR_IN_USE, 0, {0}},
    {TH1, OP_THREAD_WRITE_REGISTERS, ERR_IN_USE, 0, {0}},
    {TH2, OP_THREAD_WRITE_REGISTERS, ERR_BAD_ARG, 1, {0}},
    {TH1, OP_THREAD_BIND_NOTIFICATION, ERR_WRONG_TYPE, 1, {EP}},
    {TH2, OP_THREAD_BIND_NOTIFICATION, ERR_IN_USE, 1, {BOUND_NOTE}},
    {TH2, OP_THREAD_SET_FOREIGN, ERR_BAD_ARG, 1, {2}},
    {TH1, OP_THREAD_SET_FOREIGN, ERR_IN_USE, 0, {1}},
    {TH0, OP_THREAD_SET_FOREIGN, ERR_IN_USE, 0, {0}},
    {TH1, OP_THREAD_SET_TIMEOUT_FAULT, ERR_BAD_ARG, 1, {2}},
    {FREE_CONTEXT, OP_SCHED_CONTEXT_SET_DEADLINE, ERR_BAD_ARG, 1, {1ull << 62}},
    {SC1, OP_SCHED_CONTEXT_SET_DEADLINE, ERR_BAD_ARG, 1, {~0ull}},
    {TABLE, OP_PAGE_TABLE_MAP, ERR_WRONG_TYPE, 1, {EP, 0}},
    {TABLE, OP_PAGE_TABLE_MAP, ERR_BAD_ADDRESS, 2, {SPACE, 1ull << 38}},
    {PAGE, OP_FRAME_MAP, ERR_NO_CAP, 1, {NOTHING, 0, RIGHT_READ}},
    {PAGE, OP_FRAME_MAP, ERR_BAD_ARG, 3, {SPACE, 0, RIGHT_WRITE}},
    {PAGE, OP_FRAME_MAP, ERR_BAD_ARG, 3, {SPACE, 0, RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC}},
    {PAGE, OP_FRAME_MAP, ERR_BAD_ARG, 3, {SPACE, 0, RIGHT_READ | RIGHT_DMA}},
    {PAGE, OP_FRAME_MAP, ERR_BAD_ALIGN, 2, {SPACE, 8, RIGHT_READ}},
    {PAGE, OP_FRAME_MAP, ERR_BAD_ADDRESS, 2, {SPACE, 1ull << 38, RIGHT_READ}},
    {PAGE, OP_FRAME_MAP, ERR_NO_TABLE, 2, {SPACE, 0, RIGHT_READ}},
    {READ_ONLY, OP_FRAME_MAP, ERR_NO_RIGHT, 3, {SPACE, 0, RIGHT_READ | RIGHT_WRITE}},
    {READ_ONLY, OP_FRAME_CLEAR, ERR_NO_RIGHT, 0, {0}},
    {DEVICE_PAGE, OP_FRAME_CLEAR, ERR_UNSUPPORTED, 0, {0}},
    {REPLY, OP_REPLY_SAVE_CALLER, ERR_NO_CALLER, 0, {0}},
    {TIMER, OP_TIMER_SET, ERR_WRONG_TYPE, 1, {EP, 0, 0}},
    {TIMER, OP_TIMER_SET, ERR_BAD_ARG, 2, {NOTE, 1ull << 62, 0}},
    {TIMER, OP_TIMER_SET, ERR_BAD_ARG, 3, {NOTE, 0, 1ull << 62}},
    {TIMER, OP_TIMER_SET, ERR_BAD_ARG, 3, {NOTE, 0, 1}},
    {LINE, OP_IRQ_HANDLER_BIND, ERR_WRONG_TYPE, 1, {EP}},
    {LINE, OP_IRQ_HANDLER_SET_PRIORITY, ERR_BAD_ARG, 1, {0}},
    {LINE, OP_IRQ_HANDLER_SET_PRIORITY, ERR_BAD_ARG, 1, {8}},
    {W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, ERR_BAD_ARG, 1, {0, 0, NOTHING}},
    {W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, ERR_BAD_ARG, 1, {64, 0, NOTHING}},
    {W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, ERR_IN_USE, 1, {5, 0, NOTHING}},
    {W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, ERR_WRONG_TYPE, 2, {6, EP, NOTHING}},
    {W_IRQ_CONTROL, OP_IRQ_CONTROL_GET, ERR_SLOT_FULL, 3, {6, 0, EP}},
    {W_SCHED, OP_SCHED_CONTROL_CONFIGURE, ERR_WRONG_TYPE, 1, {EP, 1000, 1000}},
    {W_SCHED, OP_SCHED_CONTROL_CONFIGURE, ERR_BAD_ARG, 2, {FREE_CONTEXT, 1, 1000}},
    {W_SCHED, OP_SCHED_CONTROL_CONFIGURE, ERR_BAD_ARG, 3, {FREE_CONTEXT, 1000, 999}},
    {W_SCHED, OP_SCHED_CONTROL_CONFIGURE, ERR_BAD_ARG, 3, {FREE_CONTEXT, 1000, (1ull << 62) + 1}},
    {W_DEBUG, OP_DEBUG_LOG, ERR_BAD_ARG, 1, {5 * 8 + 1}},
    {W_DEBUG, OP_DEBUG_SET_ECHO, ERR_BAD_ARG, 1, {2}},
    {NOTHING, OP_DEBUG_INFO, ERR_NO_CAP, 0, {0}},
    {BEYOND, OP_DEBUG_INFO, ERR_NO_CAP, 0, {0}},
    {NOTE, OP_FIRST(OBJ_NOTIFICATION), ERR_BAD_OP, 0, {0}},
    {TIMER, OP_TIMER_SET + 100, ERR_BAD_OP, 0, {0}},
    {TIMER, OP_CNODE_COPY, ERR_BAD_OP, 0, {0}},
    {REPLY, OP_REPLY_SAVE_CALLER + 1, ERR_BAD_OP, 0, {0}},
    {FREE_CONTEXT, OP_SCHED_CONTEXT_DEADLINE_INFO + 1, ERR_BAD_OP, 0, {0}},
    {W_SCHED, OP_SCHED_CONTROL_CONFIGURE + 1, ERR_BAD_OP, 0, {0}},
};

Test(kernel_refusal, a_call_that_is_refused_names_the_cause_and_changes_nothing)
{
    for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *r = &refusals[i];
        uint64_t before = world_hash(w.thread[0]);

        syscall_words(w.thread[0], SYS_CALL, r->cap, tag_make(r->op, 6, 0), r->word, 6);
        cr_expect_eq(label_of(w.thread[0]), r->error, "refusal %u, operation %x: error %u, not %u", i, r->op,
                     label_of(w.thread[0]), r->error);
        cr_expect_eq(word_of(w.thread[0], 0), r->bad_arg,
                     "refusal %u, operation %x: it blames argument %lu, not %u", i, r->op,
                     word_of(w.thread[0], 0), r->bad_arg);
        cr_expect_eq(world_hash(w.thread[0]), before, "refusal %u, operation %x changed something", i, r->op);
    }
}

Test(kernel_refusal, a_request_of_more_words_than_there_are_is_refused)
{
    syscall_words(w.thread[0], SYS_CALL, W_DEBUG, tag_make(OP_DEBUG_INFO, MSG_MAX_WORDS + 1, 0), NULL, 0);
    cr_assert_eq(label_of(w.thread[0]), ERR_TOO_LONG);
}

/* A move tells the children where their parent is, so there may not be too many. */
Test(kernel_refusal, a_capability_with_too_many_copies_does_not_move)
{
    for (unsigned i = 1; i <= SLOT_MOVE_MAX_CHILDREN; i++) { /* READ_ONLY is one */
        cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, NOTHING, 0, PAGE), ERR_OK, "with %u copies", i);
        INVOKE(W_CNODE, OP_CNODE_MOVE, PAGE, 0, NOTHING);
        INVOKE(W_CNODE, OP_CNODE_COPY, W_USER + 100 + i, 0, PAGE, RIGHTS_ALL);
    }
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_MOVE, NOTHING, 0, PAGE), ERR_TOO_MANY);
    cr_assert_eq(w.slots[PAGE].type, OBJ_FRAME);
}

Test(kernel_refusal, a_caller_is_put_aside_once)
{
    receive(w.thread[1], EP);
    call(w.thread[0], EP, 7, 1);
    cr_assert_eq(INVOKE_AS(w.thread[1], REPLY, OP_REPLY_SAVE_CALLER), ERR_OK);
    cr_assert_eq(INVOKE_AS(w.thread[1], REPLY, OP_REPLY_SAVE_CALLER), ERR_NO_CALLER);
    thread_resume(w.thread[2]);
    receive(w.thread[1], EP);
    call(w.thread[2], EP, 7, 1);
    cr_assert_eq(INVOKE_AS(w.thread[1], REPLY, OP_REPLY_SAVE_CALLER), ERR_IN_USE);
    cr_assert_eq(w.thread[1]->caller, w.thread[2]);
}

Test(kernel_refusal, a_thread_without_a_message_page_gets_no_registers)
{
    cr_assert(slot_delete(&w.thread[0]->slot[THREAD_MSG]));
    cr_assert_eq(INVOKE(TH2, OP_THREAD_READ_REGISTERS), ERR_NOT_CONFIGURED);
    syscall_words(w.thread[0], SYS_CALL, TH2, tag_make(OP_THREAD_WRITE_REGISTERS, 32, 0), NULL, 0);
    cr_assert_eq(label_of(w.thread[0]), ERR_BAD_ARG);
}

/* --- Operations that tell something --- */

#define CHECK_ANSWER(...)                                                                                    \
    do {                                                                                                     \
        const uint64_t wanted_[] = {__VA_ARGS__};                                                            \
        cr_assert_eq(tag_length(tag_of(w.thread[0])), sizeof(wanted_) / 8);                                  \
        for (unsigned i_ = 0; i_ < sizeof(wanted_) / 8; i_++)                                                \
            cr_assert_eq(word_of(w.thread[0], i_), wanted_[i_], "word %u: %lx", i_,                          \
                         word_of(w.thread[0], i_));                                                          \
    } while (0)

Test(kernel_refusal, untyped_memory_tells_its_size_and_use)
{
    uint64_t used = w.slots[W_UNTYPED].used;

    cr_assert_eq(INVOKE(W_UNTYPED, OP_UNTYPED_INFO), ERR_OK);
    CHECK_ANSWER(24, used, 0, 0);
    cr_assert_eq(INVOKE(W_DEVICE, OP_UNTYPED_INFO), ERR_OK);
    CHECK_ANSWER(20, 1 << 12, 1, 60 << 20);
}

Test(kernel_refusal, a_cnode_tells_what_is_in_it)
{
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_INSPECT, BADGED), ERR_OK);
    CHECK_ANSWER(OBJ_ENDPOINT, RIGHTS_ALL, 77, ENDPOINT_BITS, 0);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_INSPECT, BADGED, EP), ERR_OK);
    CHECK_ANSWER(OBJ_ENDPOINT, RIGHTS_ALL, 77, ENDPOINT_BITS, 1);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_INSPECT, BADGED, PAGE), ERR_OK);
    CHECK_ANSWER(OBJ_ENDPOINT, RIGHTS_ALL, 77, ENDPOINT_BITS, 0);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_INSPECT, READ_ONLY), ERR_OK);
    CHECK_ANSWER(OBJ_FRAME, RIGHT_READ, 0, PAGE_BITS, 0);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_INSPECT, LINE), ERR_OK);
    cr_assert_eq(word_of(w.thread[0], 0), OBJ_IRQ_HANDLER);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_INSPECT, NOTHING), ERR_OK);
    CHECK_ANSWER(0, 0, 0, 0, 0);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_INSPECT, NOTHING, NOTHING), ERR_OK);
    CHECK_ANSWER(0, 0, 0, 0, 0);
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_SIZE), ERR_OK);
    CHECK_ANSWER(W_SLOTS);
}

Test(kernel_refusal, objects_have_numbers_of_their_own)
{
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_OBJECT_ID, BADGED), ERR_OK);
    CHECK_ANSWER(object_id(&w.slots[EP]));
    cr_assert_eq(INVOKE(W_CNODE, OP_CNODE_OBJECT_ID, NOTHING), ERR_OK);
    CHECK_ANSWER(0);
    for (unsigned i = EP; i <= SC3; i++)
        for (unsigned j = i + 1; j <= SC3; j++)
            cr_assert_eq(object_id(&w.slots[i]) == object_id(&w.slots[j]),
                         w.slots[i].object == w.slots[j].object && w.slots[i].type == w.slots[j].type,
                         "slots %u and %u", i, j);
}

Test(kernel_refusal, frames_tell_where_they_are_to_those_that_may_know)
{
    uint64_t physical = arch_physical(w.slots[PAGE].object);

    cr_assert_eq(INVOKE(PAGE, OP_FRAME_INFO), ERR_OK);
    CHECK_ANSWER(PAGE_BITS, 0, 0, physical);
    cr_assert_eq(INVOKE(READ_ONLY, OP_FRAME_INFO), ERR_OK);
    CHECK_ANSWER(PAGE_BITS, 0, 0, 0);
    cr_assert_eq(INVOKE(DEVICE_PAGE, OP_FRAME_INFO), ERR_OK);
    CHECK_ANSWER(PAGE_BITS, 1, 0, 60 << 20);
    cr_assert_eq(INVOKE(SPACE, OP_ADDRESS_SPACE_INFO), ERR_OK);
    CHECK_ANSWER(0);
}

Test(kernel_refusal, threads_tell_what_they_do)
{
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SUSPEND), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_FOREIGN, 1), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_RESUME), ERR_OK);
    cr_assert_eq(INVOKE(TH1, OP_THREAD_INFO), ERR_OK);
    CHECK_ANSWER(THREAD_READY, 100, 200, 0, 0, w.thread[1]->reg[REG_PC], 4, 0);
    cr_assert_eq(INVOKE(TH0, OP_THREAD_INFO), ERR_OK);
    cr_assert_eq(word_of(w.thread[0], 6), 1, "the one that asks runs");
    cr_assert_eq(INVOKE(NEW_THREAD, OP_THREAD_INFO), ERR_OK);
    CHECK_ANSWER(THREAD_INACTIVE, 0, 0, ~0ull, 0, 0, 0, 0);
    w.thread[3]->context->remaining = 0;
    cr_assert_eq(INVOKE(TH3, OP_THREAD_INFO), ERR_OK);
    cr_assert_eq(word_of(w.thread[0], 6), 2, "its budget is used up");
}

Test(kernel_refusal, a_name_is_no_longer_than_there_is_room)
{
    uint64_t name[2];

    memcpy(name, "0123456789abcdef", sizeof(name));
    cr_assert_eq(INVOKE(TH1, OP_THREAD_SET_NAME, name[0], name[1]), ERR_OK);
    cr_assert_str_eq(w.thread[1]->name, "0123456789abcde");
}

/* --- The log --- */

static const char *logged(void)
{
    return host.log;
}

Test(kernel_refusal, the_log_takes_as_many_bytes_as_were_sent)
{
    uint64_t words[] = {11, 0, 0};

    memcpy(&words[1], "hello there", 11);
    syscall_words(w.thread[0], SYS_CALL, W_DEBUG, tag_make(OP_DEBUG_LOG, 3, 0), words, 3);
    cr_assert_eq(label_of(w.thread[0]), ERR_OK);
    cr_assert_str_eq(logged(), "hello there");
    syscall_words(w.thread[0], SYS_CALL, W_DEBUG, tag_make(OP_DEBUG_LOG, 0, 0), NULL, 0);
    cr_assert_eq(label_of(w.thread[0]), ERR_BAD_ARG);
    words[0] = 17;
    syscall_words(w.thread[0], SYS_CALL, W_DEBUG, tag_make(OP_DEBUG_LOG, 3, 0), words, 3);
    cr_assert_eq(label_of(w.thread[0]), ERR_BAD_ARG);
    cr_assert_eq(word_of(w.thread[0], 1), 16, "so many were sent");
    cr_assert_str_eq(logged(), "hello there");
}

/* Reads the log from a position on, in pieces as large as fit. */
static void read_log(const char *text, unsigned room)
{
    size_t position = 0;

    while (position < strlen(text)) {
        size_t piece = strlen(text) - position < room ? strlen(text) - position : room;

        cr_assert_eq(INVOKE(W_DEBUG, OP_DEBUG_READ_LOG, position), ERR_OK);
        cr_assert_eq(word_of(w.thread[0], 0), position + piece);
        cr_assert_eq(word_of(w.thread[0], 1), piece);
        cr_assert_eq(tag_length(tag_of(w.thread[0])), 2 + (piece + 7) / 8);
        for (size_t i = 0; i < piece; i++)
            cr_assert_eq((char)(word_of(w.thread[0], 2 + i / 8) >> i % 8 * 8), text[position + i]);
        position += piece;
    }
    cr_assert_eq(INVOKE(W_DEBUG, OP_DEBUG_READ_LOG, position), ERR_OK);
    CHECK_ANSWER(position, 0);
}

Test(kernel_refusal, the_log_is_read_in_pieces)
{
    char text[1201];

    for (unsigned i = 0; i < sizeof(text) - 1; i++)
        text[i] = 'a' + i % 26;
    text[sizeof(text) - 1] = 0;
    log_bytes(text, sizeof(text) - 1);
    read_log(text, (MSG_MAX_WORDS - 2) * 8);
    cr_assert(slot_delete(&w.thread[0]->slot[THREAD_MSG]));
    read_log(text, (MSG_REGS - 2) * 8);
}

Test(kernel_refusal, the_kernel_tells_of_all_harts)
{
    harts[0].interrupts = 3;
    harts[1].interrupts = 4;
    harts[1].timer_interrupts = 5;
    harts[0].switches = harts[1].switches = 6;
    boot_facts.boot_time = 7;
    boot_facts.kernel_bytes = 8;
    log_bytes("123456789", 9);
    cr_assert_eq(INVOKE(W_DEBUG, OP_DEBUG_SET_ECHO, 1), ERR_OK);
    cr_assert_eq(INVOKE(W_DEBUG, OP_DEBUG_INFO), ERR_OK);
    CHECK_ANSWER(2, 7, arch_timebase, 7, 5, 12, 8, 9);
}

/* The host's stand-in for the machine exits. */
static void give_reset(void)
{
    slot_make_root(&w.slots[RESET_CAP], OBJ_RESET, NULL, 0, RIGHTS_ALL);
}

Test(kernel_refusal, the_machine_is_switched_off, .exit_code = 0)
{
    give_reset();
    INVOKE(RESET_CAP, OP_RESET_POWEROFF, 0);
    cr_assert_fail("it goes on");
}

Test(kernel_refusal, the_machine_is_switched_off_after_a_failure, .exit_code = 1)
{
    give_reset();
    INVOKE(RESET_CAP, OP_RESET_POWEROFF, 5);
    cr_assert_fail("it goes on");
}

Test(kernel_refusal, the_machine_starts_again, .exit_code = 2)
{
    give_reset();
    INVOKE(RESET_CAP, OP_RESET_REBOOT);
    cr_assert_fail("it goes on");
}

Test(kernel_refusal, the_firmware_can_neither)
{
    give_reset();
    host.stays_on = true;
    cr_assert_eq(INVOKE(RESET_CAP, OP_RESET_POWEROFF, 0), ERR_UNSUPPORTED);
    cr_assert_eq(INVOKE(RESET_CAP, OP_RESET_REBOOT), ERR_UNSUPPORTED);
}

/* --- A thread's life --- */

Test(kernel_refusal, a_thread_is_configured_in_one_call)
{
    const struct thread *thread = w.slots[NEW_THREAD].object;

    cr_assert_eq(
        INVOKE(NEW_THREAD, OP_THREAD_CONFIGURE, W_CNODE, SPACE, PAGE, EP, FREE_CONTEXT, 50 | 60 << 8),
        ERR_OK);
    cr_assert_eq(thread->slot[THREAD_CSPACE].object, w.slots);
    cr_assert_eq(thread->slot[THREAD_SPACE].object, w.slots[SPACE].object);
    cr_assert_eq(thread->slot[THREAD_MSG].object, w.slots[PAGE].object);
    cr_assert_eq(thread->slot[THREAD_FAULT].object, w.slots[EP].object);
    cr_assert_eq(thread->context, w.slots[FREE_CONTEXT].object);
    cr_assert_eq(thread->priority, 50);
    cr_assert_eq(thread->ceiling, 60);
    cr_assert_eq(INVOKE(NEW_THREAD, OP_THREAD_CONFIGURE, W_CNODE, SPACE, PAGE, EP), ERR_OK);
    cr_assert_eq(thread->context, w.slots[FREE_CONTEXT].object, "without the fifth word it stays");
    cr_assert_eq(thread->priority, 50);
    cr_assert_eq(INVOKE(NEW_THREAD, OP_THREAD_CONFIGURE, W_CNODE, SPACE, PAGE, 0, 0, 10 | 20 << 8), ERR_OK);
    cr_assert_eq(thread->context, w.slots[FREE_CONTEXT].object);
    cr_assert(slot_is_empty(&thread->slot[THREAD_FAULT]));
    cr_assert_eq(thread->priority, 10);
    cr_assert_eq(INVOKE(NEW_THREAD, OP_THREAD_START, 0x1000), ERR_OK);
    check_threads();
}

Test(kernel_refusal, a_thread_starts_without_the_registers_of_an_earlier_life)
{
    memset(w.thread[2]->reg, 0x5a, sizeof(w.thread[2]->reg));
    memset(w.thread[2]->fp, 0x5a, sizeof(w.thread[2]->fp));
    w.thread[2]->fcsr = 0x5a;
    w.thread[2]->fp_used = true;
    cr_assert_eq(INVOKE(TH2, OP_THREAD_START, 0x1000, 0x2000, 1, 2, 3, 0x3000), ERR_OK);
    for (unsigned i = 0; i < 32; i++) {
        uint64_t wanted[32] = {
            [REG_PC] = 0x1000, [REG_SP] = 0x2000, [REG_TP] = 0x3000, [10] = 1, [11] = 2, [12] = 3};

        cr_assert_eq(w.thread[2]->reg[i], wanted[i], "register %u", i);
        cr_assert_eq(w.thread[2]->fp[i], 0, "FP register %u", i);
    }
    cr_assert_eq(w.thread[2]->fcsr, 0);
    cr_assert_not(w.thread[2]->fp_used);
}
