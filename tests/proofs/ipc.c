/* SPDX-License-Identifier: MIT */
/*
 * Messages: between any two threads, with any tag, any pages and any capabilities. What arrives is what was
 * sent; nothing beyond the message's own words and the slots that the receiver named is written; no right is
 * amplified on the way.
 */
#include "proof.h"

#include "kernel/ipc.c"
#include "kernel/syscall.c"

#include "locks.h"

static struct thread sender, receiver, third;
static struct msg_page pages[2];
static struct slot cnodes[2][4];
static struct endpoint endpoint;
static unsigned copies;
static bool ready[3];
char *const arch_granule_base = NULL;
struct hart harts[MAX_HARTS];

/* --- What is proved elsewhere --- */

bool slot_can_copy(const struct slot *slot)
{
    return slot->type != OBJ_NULL && slot->type != OBJ_UNTYPED && slot->type != OBJ_PAGE_TABLE;
}

void slot_copy(struct slot *from, struct slot *to, uint8_t rights)
{
    CHECK(slot_can_copy(from) && slot_is_empty(to), "transfer: what may be copied goes to an empty slot");
    CHECK(from >= cnodes[0] && from < cnodes[0] + 4, "transfer: it comes from the sender's CSpace");
    CHECK(to > cnodes[1] && to < cnodes[1] + 4,
          "transfer: it goes to the receiver's CSpace, and not to slot 0");
    CHECK(rights == RIGHTS_ALL, "transfer: with the rights that the sender has");
    to->type = from->type;
    to->rights = from->rights & rights;
    copies++;
}

void sched_ready(struct thread *thread)
{
    ready[thread == &receiver ? 1 : thread == &third ? 2 : 0] = true;
}
void sched_handoff(struct thread *thread)
{
    sched_ready(thread);
}
void sched_remove(struct thread *thread)
{
    thread->queued = false;
}
void context_lend(struct thread *from, struct thread *to)
{
    (void)from;
    (void)to;
}
void context_park(struct thread *caller)
{
    (void)caller;
}
void context_recall(struct thread *from)
{
    (void)from;
}
void context_release(struct thread *thread)
{
    (void)thread;
}
void deadline_begin(struct thread *thread)
{
    (void)thread;
}
void deadline_end(struct thread *thread)
{
    (void)thread;
}
void thread_lane_update(struct thread *thread)
{
    (void)thread;
}
void log_line(const char *format, ...)
{
    (void)format;
}

/* Queues of one thread are enough here; those of more are proved in sched.c. */
void queue_append(struct thread_queue *queue, struct thread *thread)
{
    CHECK(queue->head != thread, "queues: a thread waits but once");
    if (!queue->head)
        queue->head = thread;
}

void queue_remove(struct thread_queue *queue, struct thread *thread)
{
    CHECK(queue->head == thread, "queues: the thread waits there");
    queue->head = NULL;
}

void queue_rank(struct thread_queue *queue, struct thread *thread)
{
    queue_append(queue, thread);
}
void queue_remove_ranked(struct thread_queue *queue, struct thread *thread)
{
    queue_remove(queue, thread);
}

void notification_come_home(struct notification *notification, struct hart *hart)
{
    (void)notification;
    (void)hart;
}

/* --- Any two threads --- */

/* A thread with any registers, a CSpace of 4 slots or none, and a message page or none. */
static void any_thread(struct thread *thread, unsigned n)
{
    for (unsigned i = 0; i < 32; i++)
        thread->reg[i] = nondet_u64();
    for (unsigned i = 1; i < 4; i++) {
        cnodes[n][i].type = any_below(OBJ_TYPE_COUNT);
        cnodes[n][i].rights = nondet_u8();
    }
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++) {
        pages[n].send_cap[i] = nondet_u32();
        pages[n].recv_cap[i] = nondet_u32();
    }
    if (nondet_bool())
        thread->slot[THREAD_CSPACE] = (struct slot){.object = cnodes[n], .type = OBJ_CNODE, .size_bits = 8};
    if (nondet_bool())
        thread->slot[THREAD_MSG] =
            (struct slot){.object = &pages[n], .type = OBJ_FRAME, .size_bits = PAGE_BITS};
    thread->state = THREAD_READY;
}

static void any_threads(void)
{
    any_thread(&sender, 0);
    any_thread(&receiver, 1);
}

/*
 * proof check_message: any thread, any tag, granting or not
 * options: --unwind 9 --unwindset any_thread.0:33
 * planted kernel/ipc.c: s/^    if (caps > MSG_MAX_CAPS)/    if (false)/
 * planted kernel/ipc.c: s/^    if ((length > MSG_REGS || caps) \&\& !page)/    if (length > MSG_REGS \&\& !page)/
 * planted kernel/ipc.c: s/^    \*tag = tag_make(tag_label(\*tag), length, caps);//
 */
void prove_check_message(void)
{
    uint64_t tag = nondet_u64(), before = tag, hint;
    bool grant = nondet_bool();
    enum error error;

    any_threads();
    error = check_message(&sender, &tag, grant, &hint);
    CHECK(tag_label(tag) == tag_label(before) && !(tag & (TAG_FAULT | TAG_SIGNAL)),
          "messages: no flag of the kernel's is forged");
    if (error)
        return;
    CHECK(tag_length(tag) <= MSG_MAX_WORDS && tag_caps(tag) <= MSG_MAX_CAPS,
          "messages: no longer than allowed");
    CHECK(!tag_caps(tag) || grant, "rights: capabilities travel only with the right to grant");
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++)
        CHECK(i >= tag_caps(tag) ||
                  (pages[0].send_cap[i] < 4 && slot_can_copy(&cnodes[0][pages[0].send_cap[i] & 3])),
              "transfer: what may be copied");
}

/*
 * proof copy_caps: any two threads, up to 4 capabilities, any slots named
 * options: --unwind 9 --unwindset any_thread.0:33
 * planted kernel/ipc.c: s/struct slot \*in = wanted ? cspace_slot(to, wanted) : NULL;/struct slot *in = cspace_slot(to, wanted);/
 * planted kernel/ipc.c: s/!out || !in || !slot_can_copy(out) || !slot_is_empty(in)/!out || !in || !slot_can_copy(out)/
 * planted kernel/ipc.c: s/slot_copy(out, in, RIGHTS_ALL);/slot_copy(in, out, RIGHTS_ALL);/
 */
void prove_copy_caps(void)
{
    unsigned count = any_below(MSG_MAX_CAPS + 1), done;

    any_threads();
    done = copy_caps(&sender, &receiver, count);
    CHECK(done <= count && done == copies, "transfer: it is told how many arrived");
}

/*
 * proof copy_long_words: any two threads, any length up to the longest; looked at are the words at all the
 * edges
 * options: --unwind 66
 * planted kernel/ipc.c: s/^    for (unsigned i = MSG_REGS; i < length; i++)/    for (unsigned i = MSG_REGS; i <= length; i++)/
 */
void prove_copy_long_words(void)
{
    static const uint8_t looked_at[] = {0, 7, 8, 9, 31, 32, 63};
    unsigned length = any_below(MSG_MAX_WORDS + 1);
    bool with_pages;

    for (unsigned i = 0; i < sizeof(looked_at); i++)
        pages[0].word[looked_at[i]] = 1 + i;
    sender.slot[THREAD_MSG].object = nondet_bool() ? &pages[0] : NULL;
    receiver.slot[THREAD_MSG].object = nondet_bool() ? &pages[1] : NULL;
    with_pages = sender.slot[THREAD_MSG].object && receiver.slot[THREAD_MSG].object;
    copy_long_words(&sender, &receiver, length);
    for (unsigned i = 0; i < sizeof(looked_at); i++)
        CHECK(pages[1].word[looked_at[i]] ==
                  (with_pages && looked_at[i] >= MSG_REGS && looked_at[i] < length ? 1 + i : 0),
              "messages: exactly the words of the message are written");
    CHECK(pages[1].send_cap[0] == 0, "messages: exactly the words of the message are written");
}

/*
 * proof message_word: any thread, any number of a word
 * options: --unwind 9 --unwindset any_thread.0:33
 * planted kernel/ipc.c: s/else if (n < MSG_MAX_WORDS \&\& thread_msg_page(thread))/else if (thread_msg_page(thread))/
 */
void prove_message_word(void)
{
    unsigned n = nondet_u32();
    uint64_t value = nondet_u64(), read;

    any_threads();
    message_set_word(&sender, n, value);
    read = message_word(&sender, n);
    CHECK(read == value || (n >= MSG_REGS && (n >= MSG_MAX_WORDS || !sender.slot[THREAD_MSG].object)),
          "messages: a word is read as it was written");
}

/*
 * proof transfer: any two threads, any tag that check_message() accepts, without long words; a fault or not
 * options: --unwind 9 --unwindset any_thread.0:33
 * planted kernel/ipc.c: s/= from->reg\[word_register\[i\]\];/= from->reg[i];/
 * planted kernel/ipc.c: s/        if (tag_caps(tag) \&\& grant)/        if (tag_caps(tag))/
 * planted kernel/ipc.h: s/reg\[REG_RA\] = /reg[REG_GP] = /
 */
void prove_transfer(void)
{
    uint64_t tag = nondet_u64(), hint, badge = nondet_u64(), words[MSG_REGS], saved = nondet_u64();
    bool grant = nondet_bool(), fault = nondet_bool();

    any_threads();
    ASSUME(tag_length(tag) <= MSG_REGS && !check_message(&sender, &tag, true, &hint));
    sender.fault_waits = fault;
    for (unsigned i = 0; i < MSG_REGS; i++)
        words[i] = sender.reg[word_register[i]];
    receiver.reg[REG_SP] = saved;
    transfer(&sender, &receiver, badge, tag, grant);
    CHECK(receiver.reg[REG_A0] == badge && receiver.reg[REG_SP] == saved,
          "messages: the badge is the sender's");
    CHECK(tag_label(receiver.reg[REG_A0 + 1]) == tag_label(tag) &&
              !(receiver.reg[REG_A0 + 1] & TAG_FAULT) == !fault &&
              tag_caps(receiver.reg[REG_A0 + 1]) == copies,
          "messages: the tag is the sender's");
    CHECK(!copies || (grant && !fault), "rights: capabilities travel only with the right to grant");
    for (unsigned i = 0; i < MSG_REGS; i++)
        CHECK(fault || receiver.reg[word_register[i]] == words[i], "messages: what arrives is what was sent");
    CHECK(receiver.reg[REG_RA] == 0 && receiver.reg[REG_A7] == 0 && receiver.reg[REG_T3] == 0,
          "messages: nothing else arrives in registers");
}

/*
 * proof ipc_send: any capability, any tag, call or not, blocking or not; somebody receives or nobody
 * options: --unwind 9 --unwindset any_thread.0:33,copy_long_words.0:1
 * planted kernel/ipc.c: s/^    if (!(slot->rights & RIGHT_SEND))/    if (false)/
 * planted kernel/ipc.c: s/^    if (!error \&\& !block \&\& !endpoint->receivers.head)/    if (false)/
 * planted kernel/ipc.c: s/^    to->caller = from;//
 */
void prove_ipc_send(void)
{
    struct slot cap = {
        .object = &endpoint, .type = OBJ_ENDPOINT, .rights = nondet_u8(), .badge = nondet_u64()};
    uint64_t tag = nondet_u64();
    bool call = nondet_bool(), block = nondet_bool(), receives = nondet_bool(), sent, queued;

    any_threads();
    ASSUME(tag_length(tag) <= MSG_REGS);
    sender.depth = nondet_u8();
    if (receives) {
        endpoint.receivers.head = &receiver;
        receiver.state = THREAD_BLOCKED_RECV;
        receiver.blocked_on = &endpoint;
    }
    ipc_send(&sender, &cap, tag, call, block);
    sent = receives && receiver.state == THREAD_READY;
    queued = endpoint.senders.head == &sender;
    CHECK(!(sent || queued) || cap.rights & RIGHT_SEND, "rights: who sends has the right to");
    CHECK(!queued || (block && !receives && sender.state == THREAD_BLOCKED_SEND),
          "messages: only who may block waits");
    CHECK(!sent || (!endpoint.receivers.head && ready[1] && receiver.reg[REG_A0] == cap.badge),
          "messages: the receiver has it");
    CHECK(!(sent && call) || (sender.state == THREAD_BLOCKED_REPLY && receiver.caller == &sender &&
                              sender.blocked_on == &receiver),
          "messages: a caller waits for whom it called");
    CHECK(!sent || call || sender.state == THREAD_READY, "messages: who only sends goes on");
    CHECK(sent || queued ||
              (sender.state == THREAD_READY && tag_label(sender.reg[REG_A0 + 1]) && !ready[1]),
          "failure: a call that fails changes nothing");
}

/*
 * proof ipc_reply: any caller or none, who faulted or called, any tag
 * options: --unwind 9 --unwindset any_thread.0:33,copy_long_words.0:1
 * planted kernel/ipc.c: s/^    caller->blocked_on = NULL;//
 * planted kernel/ipc.c: /^bool ipc_reply/,/^}/s/if (!caller)/if (false)/
 */
void prove_ipc_reply(void)
{
    uint64_t tag = nondet_u64();
    bool has_caller = nondet_bool();

    any_threads();
    ASSUME(tag_length(tag) <= MSG_REGS);
    if (has_caller) {
        sender.caller = &receiver;
        receiver.state = THREAD_BLOCKED_REPLY;
        receiver.blocked_on = &sender;
        receiver.fault_waits = nondet_bool();
    }
    CHECK(ipc_reply(&sender, tag) == has_caller, "messages: it is told whether there was a caller");
    CHECK(!sender.caller, "messages: nobody is answered twice");
    CHECK(!has_caller || (!receiver.fault_waits && (receiver.state == THREAD_FAULTED || ready[1])),
          "messages: the caller goes on");
    CHECK(!has_caller || !receiver.blocked_on, "messages: it waits for nobody");
}

/*
 * proof save_caller: any thread with or without caller, any reply object
 * options: --unwind 9 --unwindset any_thread.0:33
 * planted kernel/ipc.c: s/^    if (reply->caller)/    if (false)/
 * planted kernel/ipc.c: /^OPERATION(REPLY_SAVE_CALLER)/,/^}/s/    thread->caller = NULL;//
 */
void prove_save_caller(void)
{
    struct reply reply = {.caller = nondet_bool() ? &third : NULL};
    struct slot cap = {.object = &reply, .type = OBJ_REPLY};
    bool had = reply.caller, has_caller = nondet_bool();

    if (has_caller) {
        sender.caller = &receiver;
        receiver.state = THREAD_BLOCKED_REPLY;
        receiver.blocked_on = &sender;
    }
    if (op_REPLY_SAVE_CALLER(&sender, &cap) >= 0)
        CHECK(has_caller && !had && reply.caller == &receiver && !sender.caller &&
                  receiver.blocked_on == &reply && receiver.blocked_on_reply,
              "messages: exactly one has to answer");
    else
        CHECK((!has_caller || had) && (reply.caller == &third) == had &&
                  (sender.caller != NULL) == has_caller,
              "failure: a call that fails changes nothing");
}

/*
 * proof endpoint_destroy: any one waiting, as sender, caller, faulted or receiver
 * options: --unwind 9 --unwindset any_thread.0:33
 * planted kernel/ipc.c: s/endpoint->receivers.head ? \&endpoint->receivers : \&endpoint->senders/\&endpoint->receivers/
 */
void prove_endpoint_destroy(void)
{
    bool receives = nondet_bool();

    any_threads();
    if (receives)
        endpoint.receivers.head = &receiver;
    else
        endpoint.senders.head = &receiver;
    receiver.state = receives ? THREAD_BLOCKED_RECV : THREAD_BLOCKED_SEND;
    receiver.blocked_on = &endpoint;
    receiver.fault_waits = !receives && nondet_bool();
    CHECK(endpoint_destroy(&endpoint), "objects: the end of an endpoint comes");
    CHECK(!endpoint.senders.head && !endpoint.receivers.head,
          "objects: nobody waits on an endpoint that is gone");
    CHECK(receiver.state == THREAD_FAULTED ||
              (ready[1] && tag_label(receiver.reg[REG_A0 + 1]) == ERR_PEER_GONE),
          "messages: who waited is told");
}
