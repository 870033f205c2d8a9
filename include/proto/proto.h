/* SPDX-License-Identifier: MIT */
/*
 * How a protocol is written down. Each header of this directory has plain request and reply structs and one
 * line per operation, OP(number, name, request, reply, right); from that line come the number (OP_name), the
 * name in traces and error messages, the size assertions, the server's handler table and the client's call.
 *
 *   #define ECHO_OPS(OP) OP(1, echo_say, struct echo_say_request, struct echo_say_reply, ECHO_USE)
 *   PROTO_CLIENT(ECHO_OPS)               enum with OP_echo_say; static inline enum error
 *                                        echo_say(cap_t server, const struct echo_say_request *,
 *                                        struct echo_say_reply *)
 *   PROTO_SERVER(echo_table, ECHO_OPS)   in the server: table for serve(); calls enum error
 *                                        serve_echo_say(struct call *, const struct echo_say_request *,
 *                                        struct echo_say_reply *)
 *
 * A message is the request struct in words, padded with zeros by the server's loop when the client sent less;
 * the label of the answer is an enum error. Structs are multiples of 8 bytes of at most 512. A client is
 * known by the badge of the capability that it was given: its number << 16 | its rights (proto/rights.h).
 */
#pragma once

#include <abi/error.h>
#include <abi/syscall.h>
#include <proto/rights.h>

#include <stddef.h>
#include <stdint.h>

typedef uint32_t cap_t; /* index of a slot in the own CSpace; 0 is no capability */

#define PROTO_MAX_BYTES (MSG_MAX_WORDS * 8)

/* For operations without request or reply words. */
struct proto_empty {
};

/* A client (all sessions of that number) has died: forget it. Sent by init to every server that the client
 * used. */
#define OP_CLIENT_GONE 0xffff
struct proto_client_gone {
    uint64_t client;
};

static inline uint64_t proto_badge(uint64_t client, uint64_t rights)
{
    return client << 16 | rights;
}

static inline uint64_t proto_client(uint64_t badge)
{
    return badge >> 16;
}

/* Sends `request` to `server` with capabilities and receives the reply; in lib/rt/call.c. Slots that are to
 * take the capabilities of the reply are in `take`; *taken says how many came. Returns the label of the
 * reply. */
enum error proto_call(cap_t server, uint32_t op, const void *request, size_t request_size, void *reply,
                      size_t reply_size, const cap_t *give, unsigned give_count, const cap_t *take,
                      unsigned take_count, unsigned *taken);

#define PROTO_NUMBER(number, name, request, reply, right) OP_##name = number,
#define PROTO_CALL(number, name, request, reply, right)                                                      \
    _Static_assert(sizeof(request) <= PROTO_MAX_BYTES && sizeof(request) % 8 == 0, #name " request");        \
    _Static_assert(sizeof(reply) <= PROTO_MAX_BYTES && sizeof(reply) % 8 == 0, #name " reply");              \
    static inline enum error name(cap_t server, const request *q, reply *r)                                  \
    {                                                                                                        \
        return proto_call(server, number, q, sizeof(request), r, sizeof(reply), NULL, 0, NULL, 0, NULL);     \
    }
#define PROTO_CLIENT(OPS)                                                                                    \
    enum { OPS(PROTO_NUMBER) };                                                                              \
    OPS(PROTO_CALL)

/* A request as its server sees it. */
struct call {
    uint64_t badge;
    uint64_t client;        /* number of the client, from the badge */
    uint32_t rights;        /* of the client, from the badge */
    size_t request_size;    /* bytes that the client sent */
    unsigned cap_count;     /* capabilities that came with it, in take[] */
    cap_t cap[MSG_MAX_CAPS];/* slots they landed in; the loop deletes those that the handler does not set to
                             * 0 */
    unsigned reply_caps;    /* set by the handler: capabilities to send with the answer (copies are sent) */
    cap_t reply_cap[MSG_MAX_CAPS];
    unsigned reply_drop;    /* set by the handler, bit i: slot reply_cap[i] is freed once the answer is
                             * sent */
    size_t reply_size;      /* bytes of the reply to send; preset to the size of the reply struct */
    int deferred;           /* set by the handler when it saved the caller to answer later */
};

struct proto_handler {
    uint32_t number;
    uint32_t right;
    const char *name;
    uint32_t request_size, reply_size;
    enum error (*handle)(struct call *call, const void *request, void *reply);
};

#define PROTO_WRAP(number, name, request, reply, right)                                                      \
    static enum error serve_##name(struct call *call, const request *q, reply *r);                           \
    static enum error wrap_##name(struct call *call, const void *q, void *r)                                 \
    {                                                                                                        \
        return serve_##name(call, q, r);                                                                     \
    }
#define PROTO_ENTRY(number, name, request, reply, right)                                                     \
    {number, right, #name, sizeof(request), sizeof(reply), wrap_##name},
#define PROTO_SERVER(table, OPS)                                                                             \
    OPS(PROTO_WRAP)                                                                                          \
    static const struct proto_handler table[] = {OPS(PROTO_ENTRY){0}};
