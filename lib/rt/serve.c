/* SPDX-License-Identifier: MIT */
/*
 * The server loop: receive, look the operation up, check, call the handler, answer and receive again. A plain
 * call, which fits into registers, goes straight through serve(); all else goes through other_message().
 */
#include "exchange.h"
#include "serve_internal.h"

#include <string.h>

#define SPARE_MAX 64

_Thread_local struct loop *serve_loop;

/* Reply objects that hold no caller. */
static _Thread_local cap_t spare[SPARE_MAX];
static _Thread_local unsigned spare_count;

cap_t reply_take(void)
{
    cap_t reply = 0;
    if (spare_count > 0)
        return spare[--spare_count];
    return !object_make(OBJ_REPLY, 0, &reply) ? reply : 0;
}

void reply_put(cap_t reply)
{
    if (spare_count < SPARE_MAX)
        spare[spare_count++] = reply;
    else
        slot_free(reply);
}

cap_t serve_defer(struct call *call)
{
    cap_t reply = call->reply;
    if (call->deferred & CALL_WAITED) {
        call->reply = 0; /* the handler's now */
    } else {
        reply = reply_take();
        if (reply != 0 && kernel_call(reply, OP_REPLY_SAVE_CALLER, NULL, 0, NULL, 0)) {
            reply_put(reply);
            reply = 0;
        }
    }
    if (reply != 0)
        call->deferred |= CALL_DEFERRED;
    return reply;
}

void serve_answer(cap_t reply, enum error error, const void *words, size_t size)
{
    struct msg m = {0};
    if (size > PROTO_MAX_BYTES)
        size = PROTO_MAX_BYTES;
    size_t in_registers = size < sizeof(m.word) ? size : sizeof(m.word);
    if (size > 0)
        memcpy(m.word, words, in_registers);
    if (size > in_registers)
        memcpy(&rt_msg_page()->word[MSG_REGS], (const char *)words + in_registers, size - in_registers);
    m.tag = tag_make(error, (unsigned)(size / 8), 0);
    sys_msg(SYS_SEND, reply, &m);
    reply_put(reply);
}

/* Offers the slots. Calls that a handler makes find an empty list: what comes with their answers is not for
 * the loop. */
static inline void offer(const struct loop *loop, struct msg_page *page)
{
    _Static_assert(sizeof(loop->receive) == 16, "two words");
    uint64_t *to = (uint64_t *)page->recv_cap;
    const uint64_t *from = (const uint64_t *)loop->receive;
    to[0] = from[0];
    to[1] = from[1];
}

void serve_refill(struct loop *loop)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++) {
        cap_t slot = loop->receive[i] != 0 ? loop->receive[i] : slot_alloc();
        if (slot != 0)
            loop->receive[count++] = slot;
    }
    for (; count < MSG_MAX_CAPS; count++)
        loop->receive[count] = 0;
}

/* Whether what came is what the operation wants. The kernel filled the offered slots from the first on. */
static enum error check_caps(const struct loop *loop, struct call *call, unsigned came)
{
    const struct proto_operation *op = call->op;
    if (came > op->in_most)
        return ERR_TOO_MANY;
    if (came < op->in_least)
        return ERR_NO_CAP;
    if (op->in_most == 0)
        return ERR_OK;
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++)
        call->cap[i] = i < came ? loop->receive[i] : 0;
    call->cap_count = (uint8_t)came;
    enum error error = ERR_OK;
    for (unsigned i = 0; i < came && !error; i++)
        error = cap_check_kind(loop->page->recv_kind[i], op->in[i]);
    return error;
}

/* Empties the slots whose capability the handler did not keep, and forgets those of which it did. The slots
 * of a call that has waited are its own. */
static void settle_caps(struct loop *loop, const struct call *call, unsigned came)
{
    bool own = call->deferred & CALL_WAITED;
    for (unsigned i = 0; i < came; i++) {
        bool kept = call->kept >> i & 1;
        if (own && !kept)
            slot_free(call->cap[i]);
        else if (!own && kept)
            loop->receive[i] = 0;
        else if (!own)
            cnode_delete(rt_caps.cnode, loop->receive[i]);
    }
    if (!own && call->kept != 0)
        serve_refill(loop);
}

static enum error serve_server_client_gone(struct call *call, const struct server_client_request *q,
                                           struct proto_empty *r);
PROTO_SERVER(server, SERVER_OPS)

static enum error serve_server_client_gone(struct call *call, const struct server_client_request *q,
                                           struct proto_empty *r)
{
    (void)call, (void)r;
    serve_client_gone(serve_loop, q->client);
    return ERR_OK;
}

static inline const struct proto_handler *entry(const struct protocol *protocol, uint32_t op)
{
    if (op >> 8 != protocol->number || (op & 0xff) >= protocol->count)
        return NULL;
    const struct proto_handler *handler = &protocol->handler[op & 0xff];
    return handler->handle != NULL ? handler : NULL;
}

static const struct proto_handler *find_handler(const struct server *server, uint32_t op)
{
    const struct proto_handler *handler = entry(&server_protocol, op);
    for (unsigned i = 1; i < PROTO_MAX_SERVED && handler == NULL && server->protocol[i] != NULL; i++)
        handler = entry(server->protocol[i], op);
    return handler;
}

static inline void call_start(struct call *call, const struct proto_operation *op, uint64_t badge)
{
    call->op = op;
    call->badge = badge;
    call->client = proto_client(badge);
    call->rights = badge & 0xffff;
    call->size = op->size;
    call->cap_count = call->reply_caps = call->kept = call->given = 0;
    call->deferred = 0;
}

/* As eight loads and stores: a call of memcpy costs more. */
static inline void copy_registers(uint64_t *to, const uint64_t *from)
{
    uint64_t a = from[0], b = from[1], c = from[2], d = from[3];
    uint64_t e = from[4], f = from[5], g = from[6], h = from[7];
    to[0] = a, to[1] = b, to[2] = c, to[3] = d, to[4] = e, to[5] = f, to[6] = g, to[7] = h;
}

static inline void clear(uint64_t *word, const uint64_t *end)
{
    while (word < end)
        *word++ = 0;
}

/* Runs the handler of a call that is no plain one. What is long it reads and writes in the message page,
 * where what the request does not overwrite is the client's own. */
static enum error run_in_place(uint64_t *page, const struct proto_handler *handler, struct call *call,
                               struct msg *in, struct msg *out)
{
    size_t came = call->size.request / 8, wanted = handler->op.size.request / 8;
    size_t replied = handler->op.size.reply / 8, filled = 0;
    uint64_t *q = in->word, *r = page;

    if (wanted > MSG_REGS) {
        copy_registers(page, in->word);
        q = page;
        filled = came;
    } else {
        clear(q + came, q + wanted);
    }
    if (replied <= MSG_REGS) {
        r = out->word;
        clear(r, r + MSG_REGS);
    }
    size_t end = wanted > replied ? wanted : replied;
    if (filled < end && end > MSG_REGS)
        clear(page + filled, page + end);
    return handler->handle(call, q, r);
}

/* The same on the stack. */
static enum error run_on_copies(struct loop *loop, const struct proto_handler *handler, struct call *call,
                                struct msg *in, struct msg *out)
{
    uint64_t request[MSG_MAX_WORDS], reply[MSG_MAX_WORDS];
    unsigned wanted = handler->op.size.request / 8, replied = handler->op.size.reply / 8;
    unsigned came = call->size.request / 8;
    uint64_t *page = loop->page->word;

    copy_registers(request, in->word);
    if (came > MSG_REGS)
        memcpy(request + MSG_REGS, page + MSG_REGS, (came - MSG_REGS) * 8);
    clear(request + came, request + wanted);
    clear(reply, reply + (replied > MSG_REGS ? replied : MSG_REGS));
    enum error error = handler->handle(call, request, reply);
    copy_registers(out->word, reply);
    if (call->deferred & CALL_DEFERRED)
        return error;
    unsigned sent = call->size.reply / 8 < replied ? call->size.reply / 8 : replied;
    if (sent > MSG_REGS)
        memcpy(page + MSG_REGS, reply + MSG_REGS, (sent - MSG_REGS) * 8);
    return error;
}

static void answer_now(const struct call *call, struct msg *out)
{
    if (call->deferred & CALL_WAITED && call->reply != 0)
        sys_msg(SYS_SEND, call->reply, out);
    else if (!(call->deferred & CALL_WAITED))
        sys_msg(SYS_REPLY, 0, out);
}

/* Sends the answer with capabilities. Some are meant for the client alone, so they are let go of at once:
 * true when the answer is still to be sent. */
static bool answer_with_caps(const struct loop *loop, const struct call *call, struct msg *out)
{
    bool failed = tag_label(out->tag);
    for (unsigned i = 0; i < call->reply_caps; i++)
        loop->page->send_cap[i] = call->reply_cap[i];
    if (!failed)
        out->tag |= tag_make(0, 0, call->reply_caps);
    if (call->given == 0)
        return true;
    if (!failed)
        answer_now(call, out);
    for (unsigned i = 0; i < call->reply_caps; i++)
        if (call->given >> i & 1)
            slot_free(call->reply_cap[i]);
    return failed;
}

/* After a handler that has waited, that defers its answer, or that lets other tasks run: they run now. True
 * when the answer is still to be sent; `words` are its first eight. */
static __attribute__((noinline)) bool unusual_end(struct loop *loop, struct call *call, struct msg *out,
                                                  const uint64_t *words, bool answer)
{
    if (call->deferred & CALL_DEFERRED)
        answer = false;
    if (answer && words != out->word)
        copy_registers(out->word, words);
    if (call->deferred & CALL_WAITED) {
        serve_waited(loop, call, out, answer);
        answer = false;
    }
    if (tasks.ready.first == NULL)
        return answer;
    if (answer)
        sys_msg(SYS_REPLY, 0, out);
    task_loop_rest();
    return false;
}

/* A call that is no plain one, or of no operation; true when `out` holds an answer to send. */
static bool other_call(struct loop *loop, const struct proto_handler *handler, struct call *call,
                       struct msg *in, struct msg *out)
{
    unsigned came = tag_caps(in->tag);
    enum error error = ERR_BAD_OP;

    call->kept = call->deferred = call->reply_caps = 0;
    out->tag = 0;
    if (handler != NULL) {
        call_start(call, &handler->op, in->badge);
        call->size.request = tag_length(in->tag) * 8;
        error = handler->op.right & ~in->badge                  ? ERR_DENIED
                : call->size.request > handler->op.size.request ? ERR_TOO_LONG
                                                                : check_caps(loop, call, came);
    }
    if (handler != NULL && !error) {
        error = run_on_copies(loop, handler, call, in, out);
        out->tag = tag_make(0, call->size.reply / 8, 0);
    }
    if (came > 0)
        settle_caps(loop, call, came);
    out->tag |= tag_make(error, 0, 0);
    bool answer = true;
    if (call->reply_caps > 0 && !(call->deferred & CALL_DEFERRED))
        answer = answer_with_caps(loop, call, out);
    return call->deferred == 0 ? answer : unusual_end(loop, call, out, out->word, answer);
}

/* A fault is a call of the thread that faulted. */
static bool fault(struct loop *loop, struct call *call, struct msg *in, struct msg *out)
{
    call->op = NULL;
    call->client = proto_client(in->badge);
    call->cap_count = 0;
    call->deferred = 0;
    if (loop->server->fault == NULL || !loop->server->fault(in))
        in->tag = tag_make(ERR_BAD_OP, 0, 0);
    out->tag = in->tag;
    return call->deferred == 0 ? true : unusual_end(loop, call, out, out->word, true);
}

static void signals(struct call *call, uint64_t bits)
{
    tasks.current->call = NULL;
    tasks_signal(bits);
    task_loop_rest();
    tasks.current->call = call;
}

/* What is no call of the server's first protocol; true when `out` holds an answer to send. `answered`: the
 * last system call answered as well. */
static bool other_message(struct loop *loop, struct call *call, bool answered, struct msg *in,
                          struct msg *out)
{
    const struct server *server = loop->server;
    if (in->tag & TAG_FAULT)
        return fault(loop, call, in, out);
    if (in->tag & TAG_SIGNAL) {
        signals(call, in->badge);
        return false;
    }
    /* Every client has a badge; a message without one is the kernel's refusal of the call itself. A reply can
     * be refused because its client is gone; receiving cannot. */
    if (in->badge != 0)
        return other_call(loop, find_handler(server, tag_label(in->tag)), call, in, out);
    if (!answered)
        rt_fail("%s: cannot receive: %s", server->name, error_text(tag_label(in->tag)));
    return false;
}

static void receive_for_ever(void *unused)
{
    struct loop *loop = serve_loop;
    const struct server *server = loop->server;
    const cap_t endpoint = server->endpoint != 0 ? server->endpoint : START_ENDPOINT;
    const struct protocol *protocol = server->protocol[0];
    struct msg_page *page = loop->page;
    uint64_t number = SYS_RECV, tag = 0;
    struct msg in, out = {0};
    const uint64_t *words = out.word; /* of the answer: the first eight */
    struct call call;
    bool answer;

    (void)unused;
    tasks.current->call = &call;
    for (size_t replied = 0;;) { /* words of `out` that are not zero */
        offer(loop, page);
        struct exchanged came = exchange(number, endpoint, tag, words, in.word);
        page->recv_cap[0] = 0;
        words = out.word;

        const struct proto_handler *handler = entry(protocol, tag_label(came.tag));
        uint32_t shape = (uint32_t)came.tag; /* words; more if there are capabilities */
        bool allowed = handler != NULL && (handler->op.right & ~came.badge) == 0;
        if (__builtin_expect(allowed && shape == handler->op.plain, 1)) {
            if (replied > 0)
                clear(out.word, out.word + replied);
            replied = handler->op.size.reply / 8;
            call_start(&call, &handler->op, came.badge);
            enum error error = handler->handle(&call, in.word, out.word);
            tag = tag_make(error, (unsigned)replied, 0);
        } else if (allowed && server->in_place && shape <= handler->op.at_most) {
            replied = MSG_REGS;
            call_start(&call, &handler->op, came.badge);
            call.size.request = shape * 8;
            enum error error = run_in_place(page->word, handler, &call, &in, &out);
            tag = tag_make(error, call.size.reply / 8, 0);
            words = handler->op.size.reply > PROTO_SHORT ? page->word : out.word;
        } else {
            replied = MSG_REGS;
            in.badge = came.badge, in.tag = came.tag;
            answer = handler != NULL
                         ? other_call(loop, handler, &call, &in, &out)
                         : other_message(loop, &call, number == SYS_REPLY_RECV, &in, &out);
            number = answer ? SYS_REPLY_RECV : SYS_RECV;
            tag = out.tag;
            continue;
        }
        number = SYS_REPLY_RECV;
        if (__builtin_expect(call.deferred != 0, 0)) {
            out.tag = tag;
            answer = unusual_end(loop, &call, &out, words, true);
            number = answer ? SYS_REPLY_RECV : SYS_RECV;
            words = out.word;
            replied = MSG_REGS;
        }
    }
}

void serve(const struct server *server)
{
    static const struct task_host host = {.receives = true,
                                          .loop = receive_for_ever,
                                          .before_wait = serve_before_wait,
                                          .wait = serve_wait,
                                          .readied = serve_readied};
    struct loop loop = {.server = server, .page = rt_msg_page()};

    serve_loop = &loop;
    task_self();
    tasks.signalled = server->signalled;
    tasks.host = &host;
    serve_refill(&loop);
    for (cap_t reply; spare_count < server->waits && !object_make(OBJ_REPLY, 0, &reply);)
        reply_put(reply);
    receive_for_ever(NULL);
    __builtin_unreachable();
}
