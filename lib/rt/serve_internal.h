/* SPDX-License-Identifier: MIT */
/* What serve.c and serve_wait.c share. */
#pragma once

#include "internal.h"
#include "task_internal.h"

/* Of one thread that serves. Its loops share it: one runs, and the others wait in a handler or rest. */
struct loop {
    const struct server *server;
    struct msg_page *page;
    /* Empty slots for capabilities that come in, as the message page has them; 0 ends the list. */
    _Alignas(8) cap_t receive[MSG_MAX_CAPS];
    struct call *waiting; /* those whose handlers have waited and are not over */
};
extern _Thread_local struct loop *serve_loop;

/* What is unusual about a call when its handler returns. */
enum call_state {
    CALL_DEFERRED = 1, /* it is answered later, by serve_answer() */
    CALL_WAITED = 2,   /* it has waited: its caller is in call->reply */
    CALL_OTHERS = 4,   /* other tasks can run now */
};

/* Replaces the slots that are gone from the list. */
void serve_refill(struct loop *loop);
/* Reply objects without a caller: takes one, 0 when there is no memory; gives one back. */
cap_t reply_take(void);
void reply_put(cap_t reply);

/* --- serve_wait.c --- */

/* Handlers may wait: for struct task_host. */
enum error serve_before_wait(struct task *self);
void serve_wait(struct task *self);
void serve_readied(void);
/* The handler of a call that has waited is over. What it answers with is in `out` and still to be sent if
 * `answer` says so. */
void serve_waited(struct loop *loop, struct call *call, struct msg *out, bool answer);
/* A client is gone: its handlers' waits end, and the server hears of it when they are over. */
void serve_client_gone(struct loop *loop, uint64_t client);
