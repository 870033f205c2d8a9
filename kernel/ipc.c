/* SPDX-License-Identifier: MIT */
/*
 * Synchronous messages: send, receive, call and reply on endpoints, and fault messages.
 *
 * A receiver's current caller is a field of its thread: `caller` points from the one who must answer to the
 * one who waits, whose `blocked_on` points back. A reply object can take the caller's place as the one who
 * must answer.
 */
#include "ipc.h"

#include "context.h"
#include "invoke.h"
#include "log.h"
#include "notification.h"
#include "sched.h"

#include <abi/fault.h>

struct msg_page *thread_msg_page(const struct thread *thread)
{
    return thread->slot[THREAD_MSG].object;
}

uint64_t message_word(const struct thread *thread, unsigned n)
{
    if (n < MSG_REGS)
        return thread->reg[word_register[n]];
    return n < MSG_MAX_WORDS && thread_msg_page(thread) ? thread_msg_page(thread)->word[n] : 0;
}

void message_set_word(struct thread *thread, unsigned n, uint64_t value)
{
    if (n < MSG_REGS)
        thread->reg[word_register[n]] = value;
    else if (n < MSG_MAX_WORDS && thread_msg_page(thread))
        thread_msg_page(thread)->word[n] = value;
}

void thread_result(struct thread *thread, uint64_t badge, uint64_t tag, const uint64_t *words, unsigned count)
{
    thread->reg[REG_A0] = badge;
    thread->reg[REG_A0 + 1] = tag;
#pragma GCC unroll 8
    for (unsigned i = 0; i < MSG_REGS; i++)
        thread->reg[word_register[i]] = i < count ? words[i] : 0;
    thread_clear_rest(thread);
}

void thread_settle(struct thread *thread)
{
    if (!thread->zeroed)
        return;
    thread->zeroed = false;
    thread_result(thread, 0, 0, NULL, 0);
}

static void result_error(struct thread *thread, enum error error, uint64_t bad_arg, uint64_t hint)
{
    uint64_t words[2] = {bad_arg, hint};

    thread_result(thread, 0, tag_make(error, error ? 2 : 0, 0), words, 2);
}

void thread_wake_error(struct thread *thread, enum error error)
{
    context_recall(thread);
    thread->blocked_on = NULL;
    thread->blocked_on_reply = false;
    thread->calling = false;
    if (thread->fault_waits) {
        struct thread *caller = thread->caller;

        thread->fault_waits = false;
        thread->state = THREAD_FAULTED;
        /* One step only: a chain of threads that handle each other's faults may be long. */
        if (caller && !caller->fault_waits) {
            thread->caller = NULL;
            thread_wake_error(caller, ERR_PEER_GONE);
        }
        return;
    }
    result_error(thread, error, 0, 0);
    thread->state = THREAD_READY;
    sched_ready(thread);
}

/* --- Moving a message --- */

static void copy_long_words(const struct thread *from, struct thread *to, unsigned length)
{
    const struct msg_page *source = thread_msg_page(from);
    struct msg_page *target = thread_msg_page(to);

    if (!source || !target)
        return;
    for (unsigned i = MSG_REGS; i < length; i++)
        target->word[i] = source->word[i];
}

/* Copies capabilities into the slots that the receiver named; stops at the first that cannot be. Returns how
 * many. */
static unsigned copy_caps(const struct thread *from, struct thread *to, unsigned count)
{
    struct msg_page *source = thread_msg_page(from), *target = thread_msg_page(to);
    unsigned done = 0;

    if (!source || !target)
        return 0;
    for (; done < count; done++) {
        uint32_t wanted = target->recv_cap[done];
        struct slot *out = cspace_slot(from, source->send_cap[done]);
        struct slot *in = wanted ? cspace_slot(to, wanted) : NULL;

        if (!out || !in || !slot_can_copy(out) || !slot_is_empty(in))
            break;
        slot_copy(out, in, RIGHTS_ALL);
        target->recv_kind[done] = in->type | (uint32_t)in->rights << 8;
    }
    return done;
}

static void fault_words(const struct thread *from, struct thread *to)
{
    bool foreign = tag_label(from->send_tag) == FAULT_FOREIGN;
    const uint64_t told[MSG_REGS] = {from->fault_address, from->reg[REG_PC], from->fault_access,
                                     from->fault_cause, from->reg[REG_SP], from->reg[REG_RA]};

#pragma GCC unroll 8
    for (unsigned i = 0; i < MSG_REGS; i++)
        to->reg[word_register[i]] = foreign ? from->reg[REG_A0 + i] : told[i];
}

/* Gives `to` the message of `from`: registers, long words and capabilities. All words in registers go along,
 * whatever the length says. */
static void transfer(struct thread *from, struct thread *to, uint64_t badge, uint64_t tag, bool grant)
{
    unsigned length = tag_length(tag), caps = 0;

    if (from->fault_waits) {
        fault_words(from, to);
        tag |= TAG_FAULT;
    } else {
#pragma GCC unroll 8
        for (unsigned i = 0; i < MSG_REGS; i++)
            to->reg[word_register[i]] = from->reg[word_register[i]];
        if (length > MSG_REGS)
            copy_long_words(from, to, length);
        if (tag_caps(tag) && grant)
            caps = copy_caps(from, to, tag_caps(tag));
    }
    tag = (tag & ~(uint64_t)(TAG_CAPS_MASK << TAG_CAPS_SHIFT)) | (uint64_t)caps << TAG_CAPS_SHIFT;
    to->reg[REG_A0] = badge;
    to->reg[REG_A0 + 1] = tag;
    thread_clear_rest(to);
}

/* What may be in a tag that a user wrote; the kernel's own flags are taken out. */
static enum error check_message(const struct thread *thread, uint64_t *tag, bool grant, uint64_t *hint)
{
    unsigned length = tag_length(*tag), caps = tag_caps(*tag);
    const struct msg_page *page = thread_msg_page(thread);

    *tag = tag_make(tag_label(*tag), length, caps);
    *hint = MSG_MAX_WORDS;
    if (length > MSG_MAX_WORDS)
        return ERR_TOO_LONG;
    *hint = MSG_MAX_CAPS;
    if (caps > MSG_MAX_CAPS)
        return ERR_TOO_LONG;
    *hint = 0;
    if ((length > MSG_REGS || caps) && !page)
        return ERR_NOT_CONFIGURED;
    if (caps && !grant)
        return ERR_NO_RIGHT;
    for (unsigned i = 0; i < caps; i++) {
        const struct slot *slot = cspace_slot(thread, page->send_cap[i]);

        *hint = page->send_cap[i];
        if (!slot || slot_is_empty(slot))
            return ERR_NO_CAP;
        if (!slot_can_copy(slot))
            return ERR_WRONG_TYPE;
    }
    return ERR_OK;
}

/* --- Send and call (docs/LANES.md: call, fault, send) --- */

/* `from`, whose message `to` has just been given, waits for the answer. */
static void wait_for_reply(struct thread *from, struct thread *to)
{
    from->state = THREAD_BLOCKED_REPLY;
    from->blocked_on = to;
    from->blocked_on_reply = false;
    from->calling = false;
    to->caller = from;
    context_lend(from, to);
}

static void block_on(struct thread *thread, enum thread_state state, void *object)
{
    thread->state = state;
    thread->blocked_on = object;
}

static void block_receiver(struct thread *thread, struct endpoint *endpoint)
{
    deadline_end(thread);
    if (!endpoint->receivers.head)
        endpoint->lane = endpoint->home = thread->hart;
    if (!thread->lane_slots || endpoint->home != thread->hart)
        endpoint->lane = NULL;
    if (thread->bound)
        notification_come_home(thread->bound, thread->hart);
    block_on(thread, THREAD_BLOCKED_RECV, endpoint);
    queue_append(&endpoint->receivers, thread);
}

static void unblock_receiver(struct endpoint *endpoint, struct thread *receiver)
{
    queue_remove(&endpoint->receivers, receiver);
    receiver->blocked_on = NULL;
    receiver->state = THREAD_READY;
    deadline_begin(receiver);
}

/* A call by a thread that is blocked no longer or not yet: hands over the message if somebody receives, else
 * queues. */
static void send_or_queue(struct thread *thread, struct endpoint *endpoint)
{
    struct thread *receiver = endpoint->receivers.head;

    if (!receiver) {
        endpoint->lane = NULL;
        if (!endpoint->home)
            endpoint->home = hart_self();
        sched_remove(thread);
        block_on(thread, THREAD_BLOCKED_SEND, endpoint);
        queue_rank(&endpoint->senders, thread);
        return;
    }
    unblock_receiver(endpoint, receiver);
    transfer(thread, receiver, thread->send_badge, thread->send_tag, thread->send_grant);
    if (thread->calling)
        wait_for_reply(thread, receiver);
    else
        result_error(thread, ERR_OK, 0, 0);
    sched_handoff(receiver);
}

void ipc_send(struct thread *thread, const struct slot *slot, uint64_t tag, bool call, bool block)
{
    struct endpoint *endpoint = slot->object;
    bool grant = slot->rights & RIGHT_GRANT;
    uint64_t hint = 0;
    enum error error = ERR_OK;

    if (!(slot->rights & RIGHT_SEND))
        error = ERR_NO_RIGHT;
    if (!error)
        error = check_message(thread, &tag, grant, &hint);
    if (!error && !block && !endpoint->receivers.head)
        error = ERR_WOULD_BLOCK;
    if (!error && call && thread->depth >= -1)
        error = ERR_TOO_MANY;
    if (error) {
        result_error(thread, error, 0, hint);
        return;
    }
    thread->send_tag = tag;
    thread->send_badge = slot->badge;
    thread->send_grant = grant;
    thread->calling = call;
    send_or_queue(thread, endpoint);
}

/* The caller that was not answered gets an error: its server does not mean to. */
static void drop_caller(struct thread *thread)
{
    struct thread *caller = thread->caller;

    if (!caller)
        return;
    thread_wake_error(caller, ERR_PEER_GONE);
    thread->caller = NULL;
}

/* Nobody handles the fault: whoever waits for this thread's answer would wait for ever. */
static void leave_faulted(struct thread *thread)
{
    thread->state = THREAD_FAULTED;
    drop_caller(thread);
}

void ipc_fault(struct thread *thread, uint32_t fault)
{
    struct slot *slot = &thread->slot[THREAD_FAULT];
    bool nowhere = slot_is_empty(slot);

    if (nowhere || thread->depth >= DEPTH_FAULT_LIMIT) {
        log_line("thread %s: fault %u at pc %lx, address %lx, and %s", thread->name, fault,
                 thread->reg[REG_PC], thread->fault_address,
                 nowhere ? "no fault endpoint" : "too deep in calls");
        sched_remove(thread);
        leave_faulted(thread);
        return;
    }
    thread->send_tag = tag_make(fault, fault == FAULT_FOREIGN ? MSG_REGS : 6, 0);
    thread->send_badge = slot->badge;
    thread->send_grant = false;
    thread->calling = true;
    thread->fault_waits = true;
    thread->lane = NULL; /* what resumes it must know that it waits for no message */
    send_or_queue(thread, slot->object);
}

/* --- Receive (receive, take-sender) --- */

/* Takes the message of the first sender in the queue. */
static void receive_from(struct thread *thread, struct endpoint *endpoint)
{
    struct thread *sender = endpoint->senders.head;

    queue_remove_ranked(&endpoint->senders, sender);
    deadline_end(thread);
    deadline_begin(thread);
    transfer(sender, thread, sender->send_badge, sender->send_tag, sender->send_grant);
    if (sender->calling) {
        wait_for_reply(sender, thread);
        sched_ready(thread);
        return;
    }
    sender->blocked_on = NULL;
    sender->state = THREAD_READY;
    result_error(sender, ERR_OK, 0, 0);
    sched_ready(sender);
}

void ipc_receive(struct thread *thread, const struct slot *slot, bool block)
{
    struct endpoint *endpoint = slot->object;
    struct notification *bound = thread->bound;

    if (!(slot->rights & RIGHT_RECV)) {
        result_error(thread, ERR_NO_RIGHT, 0, 0);
        return;
    }
    if (!block && !(bound && bound->bits) && !endpoint->senders.head) {
        result_error(thread, ERR_WOULD_BLOCK, 0, 0);
        return;
    }
    drop_caller(thread);
    context_release(thread);
    if (bound && bound->bits) {
        notification_give(bound, thread, TAG_SIGNAL);
        thread_lane_update(thread);
    } else if (endpoint->senders.head) {
        receive_from(thread, endpoint);
    } else {
        block_receiver(thread, endpoint);
    }
}

/* --- Reply (answer, answer-fault, save) --- */

/* The answer to a fault restarts the thread, or leaves it faulted. A foreign call gets its results in
 * a0-a7. */
static void answer_fault(struct thread *from, struct thread *caller, uint64_t tag)
{
    caller->fault_waits = false;
    if (tag_label(tag)) {
        leave_faulted(caller);
        return;
    }
    if (tag_label(caller->send_tag) == FAULT_FOREIGN) {
        for (unsigned i = 0; i < MSG_REGS; i++)
            caller->reg[REG_A0 + i] = message_word(from, i);
        caller->reg[REG_PC] += 4;
    }
    caller->state = THREAD_READY;
    sched_handoff(caller);
}

/* Answers `caller`, whom nothing points to any more. */
static void answer(struct thread *from, struct thread *caller, uint64_t tag)
{
    enum error error;
    uint64_t hint;

    context_recall(caller);
    caller->blocked_on = NULL;
    caller->blocked_on_reply = false;
    if (caller->fault_waits) {
        answer_fault(from, caller, tag);
        return;
    }
    error = check_message(from, &tag, true, &hint);
    if (error)
        tag = tag_make(error, 0, 0);
    transfer(from, caller, 0, tag, true);
    caller->state = THREAD_READY;
    sched_handoff(caller);
}

bool ipc_reply(struct thread *thread, uint64_t tag)
{
    struct thread *caller = thread->caller;

    if (!caller)
        return false;
    answer(thread, caller, tag);
    thread->caller = NULL;
    return true;
}

void reply_send(struct thread *thread, struct reply *reply, uint64_t tag)
{
    struct thread *caller = reply->caller;

    if (!caller) {
        result_error(thread, ERR_NO_CALLER, 0, 0);
        return;
    }
    answer(thread, caller, tag);
    reply->caller = NULL;
    result_error(thread, ERR_OK, 0, 0);
}

void reply_destroy(struct reply *reply)
{
    struct thread *caller = reply->caller;

    if (!caller)
        return;
    thread_wake_error(caller, ERR_PEER_GONE);
    reply->caller = NULL;
}

OPERATION(REPLY_SAVE_CALLER)
{
    struct reply *reply = cap->object;
    struct thread *thread = by, *caller = thread->caller;

    if (!caller)
        return fail(by, ERR_NO_CALLER, 0, 0);
    if (reply->caller)
        return fail(by, ERR_IN_USE, 0, 0);
    thread->caller = NULL;
    reply->caller = caller;
    caller->blocked_on = reply;
    caller->blocked_on_reply = true;
    context_park(caller);
    return 0;
}

/* --- The end of an endpoint --- */

bool endpoint_destroy(struct endpoint *endpoint)
{
    struct thread_queue *queue = endpoint->receivers.head ? &endpoint->receivers : &endpoint->senders;
    struct thread *thread = queue->head;

    if (!thread)
        return true;
    if (queue == &endpoint->senders)
        queue_remove_ranked(queue, thread);
    else
        queue_remove(queue, thread);
    thread_wake_error(thread, ERR_PEER_GONE);
    return !queue->head;
}
