/* SPDX-License-Identifier: MIT */
/* The console's surroundings for its tests: callers that wait, a terminal of any speed, calls as the server
 * loop makes them. */
#pragma once

#include "../../user/console/console.h"
#include "rt_stub.h"

#include <criterion/criterion.h>

#define MAX_CALLERS 256
#define ANSWER_NONE 9999

static const struct start_info start_info = {.epoch = 3};
const struct start_info *rt_start = &start_info;

/* --- Callers that were put aside --- */

static struct {
    bool waiting;
    enum error error;
    union {
        struct console_read_reply read;
        struct console_write_reply write;
    };
    size_t size;
} caller[MAX_CALLERS];
static unsigned callers, order[MAX_CALLERS], order_count;
static unsigned interrupts, others, freed; /* signals of 55 and of 56; 55 given back */
static unsigned attentions;
static uint64_t attention_program;
static bool no_memory;

cap_t serve_defer(struct call *call)
{
    if (no_memory)
        return 0;
    call->deferred = 1;
    caller[++callers].waiting = true;
    caller[callers].error = ANSWER_NONE;
    return callers;
}

void serve_answer(cap_t reply, enum error error, const void *words, size_t size)
{
    cr_assert(caller[reply].waiting, "answered twice");
    caller[reply].waiting = false;
    caller[reply].error = error;
    caller[reply].size = size;
    if (size > 0)
        memcpy(&caller[reply].read, words, size);
    order[order_count++] = reply;
}

enum error notification_signal(cap_t notification)
{
    cr_assert(notification == 55 || notification == 56);
    interrupts += notification == 55;
    others += notification == 56;
    return ERR_OK;
}

void slot_free(cap_t slot)
{
    freed += slot == 55;
}

/* --- The terminal --- */

static struct console_port port;
static char sent[262144];
static size_t sent_count, speed; /* bytes that the terminal takes each time */

static inline void transmit(void)
{
    const char *bytes;
    size_t left = speed;

    for (size_t count; left > 0 && (count = console_output(&bytes)) > 0; left -= count) {
        count = count < left ? count : left;
        cr_assert_leq(sent_count + count, sizeof(sent));
        memcpy(sent + sent_count, bytes, count);
        sent_count += count;
        console_transmitted(count);
    }
}

static inline void attention(uint64_t program)
{
    attentions++;
    attention_program = program;
}

static inline void set_up(void)
{
    callers = order_count = interrupts = others = freed = attentions = 0;
    sent_count = 0;
    no_memory = false;
    speed = sizeof(sent);
    port = (struct console_port){.transmit = transmit, .attention = attention};
    console_start(&port);
}

static inline void type(const char *text)
{
    for (; *text != 0; text++)
        console_receive(*text);
    console_serve();
}

static inline void expect_sent(const char *text)
{
    cr_assert_eq(sent_count, strlen(text), "'%.*s' instead of '%s'", (int)sent_count, sent, text);
    cr_assert_eq(memcmp(sent, text, sent_count), 0, "'%.*s' instead of '%s'", (int)sent_count, sent, text);
    sent_count = 0;
}

/* --- Calls, as the server loop makes them --- */

static inline enum error invoke(uint64_t client, uint32_t op, const void *request, size_t size, void *reply,
                         cap_t cap)
{
    const struct proto_handler *handler = &console_serves->handler[op & 0xff];
    struct call call = {.client = client, .size = handler->op.size, .cap_count = cap != 0, .cap = {cap}};
    uint64_t words[MSG_MAX_WORDS] = {0};

    call.size.request = (uint32_t)size;
    memcpy(words, request, size);
    memset(reply, 0, handler->op.size.reply);
    enum error error = handler->handle(&call, words, reply);
    return call.deferred ? ANSWER_NONE : error;
}

/* ANSWER_NONE when the caller waits; its number is `callers` then. */
static inline enum error write_length(uint64_t client, const char *text, uint64_t length)
{
    struct console_write_request request = {.length = length};
    struct console_write_reply reply;

    memcpy(request.bytes, text, length < CONSOLE_MAX_BYTES ? length : CONSOLE_MAX_BYTES);
    enum error error = invoke(client, OP_console_write, &request, 8 + (length + 7) / 8 * 8, &reply, 0);
    if (!error)
        cr_assert_eq(reply.written, length);
    return error;
}

static inline enum error write_text(uint64_t client, const char *text)
{
    return write_length(client, text, strlen(text));
}

static struct console_read_reply got;

static inline enum error read_some(uint64_t client, uint64_t max, uint64_t flags)
{
    struct console_read_request request = {max, flags, 0};

    return invoke(client, OP_console_read, &request, sizeof(request), &got, 0);
}

static inline enum error set_mode(uint64_t client, uint64_t mode)
{
    struct console_mode_request request = {mode};

    return invoke(client, OP_console_mode, &request, sizeof(request), &got, 0);
}

static inline void expect_got(const struct console_read_reply *reply, const char *text)
{
    cr_assert_eq(reply->length, strlen(text));
    cr_assert_eq(memcmp(reply->bytes, text, reply->length), 0, "'%.*s' instead of '%s'", (int)reply->length,
                 reply->bytes, text);
}

static inline void expect_answer(unsigned n, const char *text)
{
    cr_assert_not(caller[n].waiting);
    cr_assert_eq(caller[n].error, ERR_OK);
    cr_assert_eq(caller[n].size, 8 + (strlen(text) + 7) / 8 * 8);
    expect_got(&caller[n].read, text);
}
