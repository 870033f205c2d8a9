/* SPDX-License-Identifier: MIT */
/* A server for tests of serve(), with handlers of all kinds, and a kernel that is a list of messages, which
 * it delivers one by one. */
#pragma once

#include "rt_stub.h"

#include "../../lib/rt/exchange.h"
#include "../../lib/rt/internal.h"
#include "task_switch.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define USE     0x0001
#define ADMIN   0x0002
#define CLIENT  7
#define SLOTS   256
#define STRANGE 4711 /* what no handler shall see */

enum { PROTOCOL_trial = PROTOCOL_FIRST_OWN };

struct trial_word {
    uint64_t word;
};
struct trial_long {
    uint64_t word[MSG_MAX_WORDS];
};

#define TRIAL_OPS(OP)                                                                                        \
    OP(trial, 1, add, struct trial_word, struct trial_word, USE, (), ())                                     \
    OP(trial, 2, admin, struct proto_empty, struct proto_empty, USE | ADMIN, (), ())                         \
    OP(trial, 3, turn, struct trial_long, struct trial_long, USE, (), ())                                    \
    OP(trial, 5, keep, struct trial_word, struct proto_empty, USE, (NOTIFICATION, OPTIONAL(OBJECT)), ())     \
    OP(trial, 6, give, struct trial_word, struct proto_empty, USE, (), (OBJECT, OBJECT))                     \
    OP(trial, 7, wait, struct proto_empty, struct trial_word, USE, (), ())                                   \
    OP(trial, 8, tell, struct proto_empty, struct trial_long, USE, (), ())                                   \
    OP(trial, 9, doze, struct trial_word, struct trial_word, USE, (), ())                                    \
    OP(trial, 10, ring, struct trial_word, struct proto_empty, USE, (), ())                                  \
    OP(trial, 11, doze_long, struct trial_long, struct trial_long, USE, (), ())                              \
    OP(trial, 12, doze_keep, struct trial_word, struct proto_empty, USE, (OBJECT, OPTIONAL(OBJECT)), ())     \
    OP(trial, 13, doze_give, struct proto_empty, struct proto_empty, USE, (), (OBJECT, OBJECT))              \
    OP(trial, 14, doze_defer, struct proto_empty, struct trial_word, USE, (), ())                            \
    OP(trial, 15, yield, struct trial_word, struct trial_word, USE, (), ())                                  \
    OP(trial, 16, no_memory, struct proto_empty, struct proto_empty, USE, (), ())
PROTO_CLIENT(TRIAL_OPS)
PROTO_SERVER(trial, TRIAL_OPS)

/* --- The kernel --- */

static struct msg_page page;
struct rt_caps rt_caps;
static struct {
    uint64_t type, rights;
} slot[SLOTS];
#define MESSAGES 128
static ucontext_t end;
static struct msg script[MESSAGES], answer[MESSAGES];
static cap_t to[MESSAGES]; /* the reply object that was answered through; 0: the current caller */
static bool has_caller;
static unsigned saved;
static uint64_t words[MSG_MAX_WORDS]; /* of the page, as the last answer had them */
static unsigned scripted, delivered, answers;
static uint64_t long_words[MSG_MAX_WORDS - MSG_REGS]; /* of long requests */
static uint64_t signalled_bits, gone;
static unsigned times_gone;

struct msg_page *rt_msg_page(void)
{
    return &page;
}

cap_t slot_alloc(void)
{
    for (cap_t n = 1; n < SLOTS; n++)
        if (slot[n].type == OBJ_NULL) {
            slot[n].type = OBJ_TYPE_COUNT;
            return n;
        }
    return 0;
}

void slot_release(cap_t n)
{
    slot[n].type = OBJ_NULL;
}

void slot_free(cap_t n)
{
    slot_release(n);
}

enum error cnode_delete(cap_t cnode, uint64_t n)
{
    (void)cnode;
    slot[n].type = OBJ_TYPE_COUNT; /* the loop's own again */
    return ERR_OK;
}

enum error cnode_inspect(cap_t cnode, uint64_t n, struct cap_info *info)
{
    (void)cnode;
    *info = (struct cap_info){.type = slot[n].type, .rights = slot[n].rights};
    return ERR_OK;
}

enum error object_make(enum object_type type, unsigned size_bits, cap_t *cap)
{
    (void)size_bits;
    *cap = slot_alloc();
    slot[*cap].type = type;
    return ERR_OK;
}

enum error kernel_call(cap_t cap, uint32_t op, const uint64_t *argument, unsigned count, uint64_t *result,
                       unsigned result_count)
{
    (void)cap, (void)argument, (void)count, (void)result, (void)result_count;
    if (op == OP_THREAD_BIND_NOTIFICATION)
        return ERR_OK;
    cr_assert_eq(op, OP_REPLY_SAVE_CALLER);
    cr_assert(has_caller, "there is nobody to put aside");
    has_caller = false;
    saved++;
    return ERR_OK;
}

/* The script never waits for time. */
enum error cnode_mint(cap_t cnode, uint64_t n, cap_t source_cnode, uint64_t source, uint64_t rights,
                      uint64_t badge)
{
    (void)cnode, (void)n, (void)source_cnode, (void)source, (void)rights, (void)badge;
    return ERR_OK;
}

enum error timer_set(cap_t timer, cap_t notification, uint64_t deadline, uint64_t period)
{
    (void)timer, (void)notification, (void)deadline, (void)period;
    return ERR_OK;
}

uint64_t rt_ticks(void)
{
    return 0;
}

uint64_t notification_wait(cap_t notification)
{
    (void)notification;
    cr_assert_fail("a server waits for messages");
    return 0;
}

static void stop(void)
{
    setcontext(&end);
}

uint32_t sys_msg(uint64_t number, cap_t cap, struct msg *m)
{
    cr_assert(number == SYS_REPLY || number == SYS_SEND);
    cr_assert(number == SYS_SEND || has_caller, "nobody waits for that answer");
    has_caller &= number == SYS_SEND;
    memcpy(words, page.word, sizeof(words));
    to[answers] = number == SYS_SEND ? cap : 0;
    answer[answers++] = *m;
    return ERR_OK;
}

void rt_fail(const char *format, ...)
{
    (void)format;
    stop();
    abort();
}

/* What comes with each message of the list. */
static uint64_t give[MESSAGES][MSG_MAX_CAPS]; /* type | rights << 8 */

struct exchanged exchange(uint64_t number, cap_t cap, uint64_t tag, const uint64_t *out, uint64_t *in)
{
    cr_assert_eq(cap, START_ENDPOINT);
    if (number == SYS_REPLY_RECV) {
        cr_assert(has_caller);
        memcpy(words, page.word, sizeof(words));
        answer[answers].tag = tag;
        memcpy(answer[answers++].word, out, sizeof(answer[0].word));
    }
    cr_assert(!has_caller || number == SYS_REPLY_RECV, "a caller is left without an answer");
    if (delivered == scripted)
        stop();
    const struct msg *m = &script[delivered];
    memcpy(in, m->word, sizeof(m->word));
    has_caller = !(m->tag & TAG_SIGNAL) && m->badge != 0;
    if (tag_length(m->tag) > MSG_REGS)
        memcpy(&page.word[MSG_REGS], long_words, sizeof(long_words));
    for (unsigned i = 0; i < tag_caps(m->tag); i++) {
        cap_t n = page.recv_cap[i];
        cr_assert(n != 0 && slot[n].type == OBJ_TYPE_COUNT, "an empty slot was offered");
        slot[n].type = give[delivered][i] & 0xff;
        slot[n].rights = give[delivered][i] >> 8;
        page.recv_kind[i] = (uint32_t)give[delivered][i];
    }
    delivered++;
    return (struct exchanged){m->badge, m->tag};
}

/* --- The server --- */

static enum error serve_trial_add(struct call *call, const struct trial_word *q, struct trial_word *r)
{
    cr_assert_eq(call->client, CLIENT);
    cr_assert_eq(page.recv_cap[0], 0, "what a call's answer brings does not land in the loop's slots");
    cr_assert_eq(r->word, 0);
    r->word = q->word + 1;
    return ERR_OK;
}

static enum error serve_trial_admin(struct call *call, const struct proto_empty *q, struct proto_empty *r)
{
    (void)call, (void)q, (void)r;
    cr_assert_fail("nobody may");
    return ERR_OK;
}

static enum error serve_trial_turn(struct call *call, const struct trial_long *q, struct trial_long *r)
{
    call->size.reply = (uint32_t)q->word[0];
    for (unsigned i = 0; i < MSG_MAX_WORDS; i++) {
        cr_assert(r == (const void *)q || r->word[i] == 0);
        r->word[i] = ~q->word[i];
    }
    return ERR_OK;
}

static enum error serve_trial_keep(struct call *call, const struct trial_word *q, struct proto_empty *r)
{
    (void)r;
    cr_assert_eq(slot[call->cap[0]].type, OBJ_NOTIFICATION);
    cr_assert_eq(call->cap[1] != 0, call->cap_count == 2);
    if (q->word & 1)
        call_keep(call, 0);
    if (q->word & 2)
        call_keep(call, 1);
    return ERR_OK;
}

static cap_t lent, given;

static enum error serve_trial_give(struct call *call, const struct trial_word *q, struct proto_empty *r)
{
    (void)r;
    object_make(OBJ_FRAME, 0, &given);
    call_lend(call, lent);
    call_give(call, given);
    return (enum error)q->word;
}

static enum error serve_trial_wait(struct call *call, const struct proto_empty *q, struct trial_word *r)
{
    (void)q, (void)r;
    cap_t reply = serve_defer(call);
    cr_assert_neq(reply, 0);
    serve_answer(reply, ERR_OK, &(struct trial_word){99}, sizeof(struct trial_word));
    return ERR_OK;
}

static enum error serve_trial_tell(struct call *call, const struct proto_empty *q, struct trial_long *r)
{
    (void)call, (void)q;
    r->word[63] = 63;
    return ERR_OK;
}

/* --- Handlers that wait --- */

static struct event bell[4];

static enum error wait_for_bell(uint64_t number)
{
    return event_wait(&bell[number % 4], TASK_FOREVER);
}

static enum error serve_trial_doze(struct call *call, const struct trial_word *q, struct trial_word *r)
{
    (void)call;
    enum error error = wait_for_bell(q->word);
    if (!error)
        error = wait_for_bell(q->word); /* once more: the caller is put aside once */
    cr_assert_eq(r->word, 0);
    r->word = q->word + 1000;
    return error;
}

static enum error serve_trial_ring(struct call *call, const struct trial_word *q, struct proto_empty *r)
{
    (void)call, (void)r;
    event_broadcast(&bell[q->word % 4]);
    return ERR_OK;
}

static enum error serve_trial_doze_long(struct call *call, const struct trial_long *q, struct trial_long *r)
{
    for (unsigned i = 0; i < MSG_MAX_WORDS / 2; i++)
        r->word[i] = ~q->word[i];
    wait_for_bell(1);
    for (unsigned i = MSG_MAX_WORDS / 2; i < MSG_MAX_WORDS; i++)
        r->word[i] = ~q->word[i];
    call->size.reply = sizeof(*r);
    return ERR_OK;
}

static enum error serve_trial_doze_keep(struct call *call, const struct trial_word *q, struct proto_empty *r)
{
    cap_t first = call->cap[0];
    (void)r;
    wait_for_bell(0);
    cr_assert_eq(call->cap[0], first);
    cr_assert_eq(slot[first].type, OBJ_FRAME, "it is still there");
    if (q->word & 1)
        call_keep(call, 0);
    return ERR_OK;
}

static enum error serve_trial_doze_give(struct call *call, const struct proto_empty *q, struct proto_empty *r)
{
    (void)q, (void)r;
    wait_for_bell(0);
    object_make(OBJ_FRAME, 0, &given);
    call_lend(call, lent);
    call_give(call, given);
    return ERR_OK;
}

static enum error serve_trial_doze_defer(struct call *call, const struct proto_empty *q, struct trial_word *r)
{
    (void)q, (void)r;
    wait_for_bell(0);
    cap_t reply = serve_defer(call);
    serve_answer(reply, ERR_OK, &(struct trial_word){99}, sizeof(struct trial_word));
    return ERR_OK;
}

static enum error serve_trial_yield(struct call *call, const struct trial_word *q, struct trial_word *r)
{
    (void)call;
    event_broadcast(&bell[q->word % 4]);
    task_yield();
    r->word = 1;
    return ERR_OK;
}

static enum error serve_trial_no_memory(struct call *call, const struct proto_empty *q, struct proto_empty *r)
{
    (void)call, (void)q, (void)r;
    no_memory = true;
    return ERR_OK;
}

static bool fault(struct msg *m)
{
    wait_for_bell(m->word[0]);
    m->tag = tag_make(ERR_OK, 0, 0);
    return true;
}

static void signalled(uint64_t bits)
{
    signalled_bits |= bits;
    if (bits & 8)
        event_broadcast(&bell[0]);
}

static void client_gone(uint64_t client)
{
    gone = client;
    times_gone++;
}

static void set_up(void)
{
    memset(slot, 0, sizeof(slot));
    memset(&page, 0, sizeof(page));
    for (cap_t n = 0; n < START_FIRST_NAMED; n++)
        slot[n].type = OBJ_CNODE;
    object_make(OBJ_FRAME, 0, &lent);
    memset(to, 0, sizeof(to));
    memset(give, 0, sizeof(give));
    memset(&tasks, 0, sizeof(tasks));
    memset(bell, 0, sizeof(bell));
    scripted = delivered = answers = saved = times_gone = 0;
    signalled_bits = gone = 0;
    has_caller = no_memory = false;
}

/* Adds a message to the list. */
static struct msg *say(uint32_t op, unsigned length, unsigned caps, uint64_t rights)
{
    struct msg *m = &script[scripted++];
    *m = (struct msg){.badge = proto_badge(CLIENT, rights), .tag = tag_make(op, length, caps)};
    for (unsigned i = 0; i < MSG_REGS; i++)
        m->word[i] = STRANGE;
    return m;
}

static struct server trial = {.name = "trial", .protocol = {&trial_protocol}, .signalled = signalled,
                              .client_gone = client_gone, .fault = fault};

static void serve_trial(void)
{
    serve(&trial);
}

/* On a stack of its own, which is left as it is when the script is at its end. */
static void run(bool in_place)
{
    ucontext_t server;
    trial.in_place = in_place;
    getcontext(&server);
    server.uc_stack.ss_size = 1 << 20;
    server.uc_stack.ss_sp = rt_map(server.uc_stack.ss_size, 0);
    maps = 0;
    makecontext(&server, serve_trial, 0);
    swapcontext(&end, &server);
}

static void expect(unsigned n, enum error error, unsigned length, unsigned caps)
{
    cr_assert_lt(n, answers);
    cr_assert_eq(answer[n].tag, tag_make(error, length, caps), "answer %u: %s, %u words, %u capabilities", n,
                 error_text(tag_label(answer[n].tag)), tag_length(answer[n].tag), tag_caps(answer[n].tag));
}

/* Slots that the loop offers or that are in use beside the fixed ones. */
static unsigned slots_taken(void)
{
    unsigned count = 0;
    for (cap_t n = START_FIRST_NAMED; n < SLOTS; n++)
        count += slot[n].type != OBJ_NULL;
    return count;
}
