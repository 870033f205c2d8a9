/* SPDX-License-Identifier: MIT */
/*
 * Handlers that wait. A handler runs on the stack of the loop that called it. When it waits, its caller is
 * put aside in a reply object, once, and another loop of the same thread takes the next message.
 */
#include "serve_internal.h"

#include <string.h>

unsigned serve_waits(uint64_t client)
{
    unsigned count = 0;
    for (const struct call *call = serve_loop->waiting; call != NULL; call = call->next)
        count += call->client == client;
    return count;
}

/* Whether a client may have one more handler that waits: half as many as are left, so that there are some for
 * clients that come later. */
static bool may_wait(uint64_t client)
{
    unsigned mine = serve_waits(client), all = 0;
    for (const struct call *call = serve_loop->waiting; call != NULL; call = call->next)
        all++;
    return mine == 0 || (mine < SERVE_CLIENT_WAITS && all + 2 * mine < TASKS_MAX);
}

/* The slots that the call's capabilities landed in are the call's now, and others are offered. */
static void take_slots(struct loop *loop, const struct call *call)
{
    for (unsigned i = 0; i < call->cap_count; i++)
        loop->receive[i] = 0;
    if (call->cap_count > 0)
        serve_refill(loop);
}

enum error serve_before_wait(struct task *self)
{
    struct loop *loop = serve_loop;
    struct call *call = self->call;
    if (call == NULL || call->deferred & (CALL_DEFERRED | CALL_WAITED))
        return ERR_OK;
    if (!may_wait(call->client))
        return ERR_BUSY;
    cap_t reply = reply_take();
    if (reply == 0)
        return ERR_NO_MEMORY;
    enum error error = kernel_call(reply, OP_REPLY_SAVE_CALLER, NULL, 0, NULL, 0);
    if (error) {
        reply_put(reply);
        reply = 0;
    }
    if (error && error != ERR_NO_CALLER) /* who just sent waits for no answer */
        return error;
    take_slots(loop, call);
    call->reply = reply;
    call->task = self;
    call->next = loop->waiting;
    loop->waiting = call;
    call->deferred |= CALL_WAITED;
    return ERR_OK;
}

/* Words in the message page that the handler may still read or write. */
static unsigned words_in_page(const struct call *call)
{
    if (call == NULL || call->op == NULL || !serve_loop->server->in_place)
        return 0;
    const struct proto_sizes *size = &call->op->size;
    return (size->request > size->reply ? size->request : size->reply) / 8;
}

void serve_wait(struct task *self)
{
    unsigned count = words_in_page(self->call);
    if (count <= MSG_REGS) {
        task_leave(self);
        return;
    }
    uint64_t words[MSG_MAX_WORDS];
    memcpy(words, serve_loop->page->word, count * 8);
    task_leave(self);
    memcpy(serve_loop->page->word, words, count * 8);
}

void serve_readied(void)
{
    struct call *call = tasks.current->call;
    if (call != NULL)
        call->deferred |= CALL_OTHERS;
}

static void tell_server(const struct loop *loop, uint64_t client)
{
    if (loop->server->client_gone != NULL)
        loop->server->client_gone(client);
}

void serve_waited(struct loop *loop, struct call *call, struct msg *out, bool answer)
{
    struct task *self = tasks.current;
    struct call **link = &loop->waiting;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    if (answer && call->reply != 0)
        sys_msg(SYS_SEND, call->reply, out);
    if (call->reply != 0)
        reply_put(call->reply);
    bool gone = self->cancelled == ERR_PEER_GONE && serve_waits(call->client) == 0;
    self->cancelled = ERR_OK; /* the stack is the next call's */
    if (gone)
        tell_server(loop, call->client);
}

void serve_client_gone(struct loop *loop, uint64_t client)
{
    if (serve_waits(client) == 0) {
        tell_server(loop, client);
        return;
    }
    for (struct call *call = loop->waiting; call != NULL; call = call->next)
        if (call->client == client)
            task_cancel(call->task, ERR_PEER_GONE);
}
