/* SPDX-License-Identifier: MIT */
/* The server loop: receive, look the operation up, check, call the handler, answer and receive again. */
#include "internal.h"

#include <string.h>

#define DIRECT_OPS 64 /* operation numbers below this are found without a search */
#define SPARE_MAX  64

struct loop {
    const struct server *server;
    const struct proto_handler *direct[DIRECT_OPS];
    cap_t receive[MSG_MAX_CAPS]; /* empty slots for capabilities that come in; 0 ends the list */
};

/* Reply objects that hold no caller. */
static cap_t spare[SPARE_MAX];
static unsigned spare_count;

cap_t serve_defer(struct call *call)
{
    cap_t reply = 0;
    if (spare_count > 0)
        reply = spare[--spare_count];
    else if (object_make(OBJ_REPLY, 0, &reply))
        return 0;
    if (kernel_call(reply, OP_REPLY_SAVE_CALLER, NULL, 0, NULL, 0)) {
        spare[spare_count++] = reply;
        return 0;
    }
    call->deferred = 1;
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
    if (spare_count < SPARE_MAX)
        spare[spare_count++] = reply;
    else
        slot_free(reply);
}

/* Fills the list of slots to receive into and hands it to the kernel. Calls that a handler made have used the
 * list for their own answers, so this happens before each receive. */
static void offer_slots(struct loop *loop)
{
    uint32_t *offered = rt_msg_page()->recv_cap;
    unsigned count = 0;
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++) {
        if (loop->receive[i] == 0)
            loop->receive[i] = slot_alloc();
        if (loop->receive[i] != 0)
            offered[count++] = loop->receive[i];
    }
    if (count < MSG_MAX_CAPS)
        offered[count] = 0;
}

/* Says which slots the capabilities of a message landed in: the kernel filled the offered ones from the first
 * on. */
static void list_caps(const struct loop *loop, struct call *call)
{
    unsigned n = 0;
    for (unsigned i = 0; i < MSG_MAX_CAPS && n < call->cap_count; i++)
        if (loop->receive[i] != 0)
            call->cap[n++] = loop->receive[i];
    call->cap_count = n;
}

/* Empties the slots whose capability the handler did not keep, and forgets those of which it did. */
static void settle_caps(struct loop *loop, const cap_t *landed, const struct call *call, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        if (call->cap[n] != 0) {
            cnode_delete(rt_caps.cnode, landed[n]);
            continue;
        }
        for (unsigned i = 0; i < MSG_MAX_CAPS; i++)
            if (loop->receive[i] == landed[n])
                loop->receive[i] = 0;
    }
}

static const struct proto_handler *find_handler(const struct loop *loop, uint32_t op)
{
    if (op < DIRECT_OPS)
        return loop->direct[op];
    for (const struct proto_handler *h = loop->server->table; h->handle != NULL; h++)
        if (h->number == op)
            return h;
    return NULL;
}

static enum error client_gone(const struct server *server, const struct msg *m)
{
    if ((m->badge & PROTO_MANAGE) == 0)
        return ERR_DENIED;
    if (tag_length(m->tag) < 1)
        return ERR_BAD_ARG;
    if (server->client_gone != NULL)
        server->client_gone(m->word[0]);
    return ERR_OK;
}

/* Copies the words of a message out of the registers and the page, and adds zeros up to `wanted` words. */
static void take_words(const struct msg *m, uint64_t *words, unsigned count, unsigned wanted)
{
    for (unsigned i = 0; i < MSG_REGS && i < count; i++)
        words[i] = m->word[i];
    page_words_get(words, count);
    for (unsigned i = count; i < wanted; i++)
        words[i] = 0;
}

static void put_words(struct msg *m, const uint64_t *words, unsigned count)
{
    for (unsigned i = 0; i < MSG_REGS; i++)
        m->word[i] = i < count ? words[i] : 0;
    page_words_put(words, count);
}

/* Copies the request out of the message, calls the handler and puts its reply into the message. */
static enum error handle(const struct proto_handler *handler, struct call *call, struct msg *m)
{
    if ((call->rights & handler->right) != handler->right)
        return ERR_DENIED;
    if (call->request_size > handler->request_size)
        return ERR_TOO_LONG;
    uint64_t request[MSG_MAX_WORDS], reply[MSG_MAX_WORDS];
    take_words(m, request, (unsigned)call->request_size / 8, handler->request_size / 8);
    for (unsigned i = 0; i < handler->reply_size / 8; i++)
        reply[i] = 0;
    call->reply_size = handler->reply_size;
    enum error error = handler->handle(call, request, reply);
    if (call->deferred)
        return error;
    if (call->reply_size > handler->reply_size)
        call->reply_size = handler->reply_size;
    put_words(m, reply, (unsigned)call->reply_size / 8);
    return error;
}

/* Answers by SYS_REPLY now, so that capabilities meant for the client alone can be dropped at once. */
static void answer_and_drop(const struct call *call, struct msg *m)
{
    sys_msg(SYS_REPLY, 0, m);
    for (unsigned i = 0; i < call->reply_caps; i++)
        if (call->reply_drop >> i & 1)
            slot_free(call->reply_cap[i]);
}

/* Fills in what the message says of the call. */
static void call_start(struct call *call, const struct msg *m)
{
    call->badge = m->badge;
    call->client = proto_client(m->badge);
    call->rights = m->badge & 0xffff;
    call->request_size = tag_length(m->tag) * 8;
    call->cap_count = tag_caps(m->tag);
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++)
        call->cap[i] = 0;
    call->reply_caps = 0;
    call->reply_drop = 0;
    call->reply_size = 0;
    call->deferred = 0;
}

/* Handles a message; true when `m` holds an answer to send. */
static bool dispatch(struct loop *loop, struct msg *m)
{
    const struct server *server = loop->server;
    if (m->tag & TAG_SIGNAL) {
        if (server->signalled != NULL)
            server->signalled(m->badge);
        return false;
    }
    if (m->tag & TAG_FAULT) {
        if (server->fault == NULL || !server->fault(m))
            m->tag = tag_make(ERR_BAD_OP, 0, 0);
        return true;
    }
    struct call call;
    call_start(&call, m);
    cap_t landed[MSG_MAX_CAPS];
    if (call.cap_count > 0)
        list_caps(loop, &call);
    unsigned count = call.cap_count;
    for (unsigned i = 0; i < count; i++)
        landed[i] = call.cap[i];

    uint32_t op = tag_label(m->tag);
    const struct proto_handler *handler = find_handler(loop, op);
    enum error error = ERR_BAD_OP;
    if (handler != NULL)
        error = handle(handler, &call, m);
    else if (op == OP_CLIENT_GONE)
        error = client_gone(server, m);
    if (count > 0)
        settle_caps(loop, landed, &call, count);
    if (call.deferred)
        return false;

    struct msg_page *page = rt_msg_page();
    for (unsigned i = 0; i < call.reply_caps; i++)
        page->send_cap[i] = call.reply_cap[i];
    m->tag = tag_make(error, (unsigned)call.reply_size / 8, call.reply_caps);
    if (call.reply_caps == 0 || call.reply_drop == 0)
        return true;
    answer_and_drop(&call, m);
    return false;
}

void serve(const struct server *server)
{
    struct loop loop = {.server = server};
    for (const struct proto_handler *h = server->table; h->handle != NULL; h++)
        if (h->number < DIRECT_OPS)
            loop.direct[h->number] = h;
    bool answer = false;
    struct msg m = {0};
    for (;;) {
        offer_slots(&loop);
        sys_msg(answer ? SYS_REPLY_RECV : SYS_RECV, server->endpoint, &m);
        /* Every client has a badge; a message without one is the kernel's refusal of the call itself. A reply
         * can be refused because its client is gone; receiving cannot. */
        bool refused = m.badge == 0 && !(m.tag & (TAG_SIGNAL | TAG_FAULT));
        if (refused && !answer)
            rt_fail("%s: cannot receive: %s", server->name, error_text(tag_label(m.tag)));
        answer = !refused && dispatch(&loop, &m);
    }
}
