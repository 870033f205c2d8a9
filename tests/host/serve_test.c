/* SPDX-License-Identifier: MIT */
/* The server loop: what it refuses, what it hands on, and what becomes of the capabilities. The kernel here
 * is a list of messages that it delivers one by one. */
// sources: lib/rt/serve.c
#include "rt_stub.h"

#include "../../lib/rt/exchange.h"
#include "../../lib/rt/internal.h"

#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdlib.h>

#define USE     0x0001
#define ADMIN   0x0002
#define CLIENT  7
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
    OP(trial, 8, tell, struct proto_empty, struct trial_long, USE, (), ())
PROTO_CLIENT(TRIAL_OPS)
PROTO_SERVER(trial, TRIAL_OPS)

/* --- The kernel --- */

static struct msg_page page;
struct rt_caps rt_caps;
static struct {
    uint64_t type, rights;
} slot[64];
static jmp_buf end;
static struct msg script[8], answer[8];
static uint64_t words[MSG_MAX_WORDS]; /* of the page, as the last answer had them */
static unsigned scripted, delivered, answers;
static uint64_t signalled_bits, gone;

struct msg_page *rt_msg_page(void)
{
    return &page;
}

cap_t slot_alloc(void)
{
    for (cap_t n = 1; n < 64; n++)
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
    cr_assert_eq(op, OP_REPLY_SAVE_CALLER);
    return ERR_OK;
}

uint32_t sys_msg(uint64_t number, cap_t cap, struct msg *m)
{
    (void)cap;
    cr_assert(number == SYS_REPLY || number == SYS_SEND);
    memcpy(words, page.word, sizeof(words));
    answer[answers++] = *m;
    return ERR_OK;
}

void rt_fail(const char *format, ...)
{
    (void)format;
    longjmp(end, 1);
}

/* What comes with each message of the list. */
static uint64_t give[8][MSG_MAX_CAPS]; /* type | rights << 8 */

struct exchanged exchange(uint64_t number, cap_t cap, uint64_t tag, const uint64_t *out, uint64_t *in)
{
    cr_assert_eq(cap, START_ENDPOINT);
    if (number == SYS_REPLY_RECV) {
        memcpy(words, page.word, sizeof(words));
        answer[answers].tag = tag;
        memcpy(answer[answers++].word, out, sizeof(answer[0].word));
    }
    if (delivered == scripted)
        longjmp(end, 1);
    const struct msg *m = &script[delivered];
    memcpy(in, m->word, sizeof(m->word));
    for (unsigned i = 0; i < tag_caps(m->tag); i++) {
        cap_t n = page.recv_cap[i];
        cr_assert(n != 0 && slot[n].type == OBJ_TYPE_COUNT, "an empty slot was offered");
        slot[n].type = give[delivered][i] & 0xff;
        slot[n].rights = give[delivered][i] >> 8;
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

static void signalled(uint64_t bits)
{
    signalled_bits |= bits;
}

static void client_gone(uint64_t client)
{
    gone = client;
}

static void set_up(void)
{
    memset(slot, 0, sizeof(slot));
    memset(&page, 0, sizeof(page));
    for (cap_t n = 0; n < START_FIRST_NAMED; n++)
        slot[n].type = OBJ_CNODE;
    object_make(OBJ_FRAME, 0, &lent);
    scripted = delivered = answers = 0;
    signalled_bits = gone = 0;
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

static void run(bool in_place)
{
    const struct server server = {.name = "trial", .protocol = {&trial_protocol}, .signalled = signalled,
                                  .client_gone = client_gone, .in_place = in_place};
    if (setjmp(end) == 0)
        serve(&server);
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
    for (cap_t n = START_FIRST_NAMED; n < 64; n++)
        count += slot[n].type != OBJ_NULL;
    return count;
}

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
                                OP_trial_tell + 1, OP_trial_turn + 1 /* a gap */, ~0u};
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
        page.word[i] = i < 20 ? i : STRANGE;
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
