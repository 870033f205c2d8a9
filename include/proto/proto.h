/* SPDX-License-Identifier: MIT */
/*
 * How a protocol is written down; docs/PROTOCOLS.md shows one from beginning to end. Each header of this
 * directory has plain request and reply structs and one line per operation, which names all that goes with a
 * message:
 *
 *   OP(protocol, n, name, request, reply, right, (capabilities in), (capabilities out))
 *
 *   #define ECHO_OPS(OP) OP(echo, 1, listen, struct echo_request, struct echo_reply, ECHO_USE,
 *                           (NOTIFICATION), ())
 *   PROTO_CLIENT(ECHO_OPS)        OP_echo_listen; the typed call enum error echo_listen(cap_t server, const
 *                                 struct echo_request *, struct echo_reply *, cap_t notification): request,
 *                                 reply, one cap_t for each capability in (0: an optional one is left out),
 *                                 one cap_t * for each capability out, which lands in a new slot.
 *                                 echo_listen_part() sends the first bytes of a request, a multiple of 8
 *   PROTO_SERVER(echo, ECHO_OPS)  in the server: echo_protocol, for serve(); calls enum error
 *                                 serve_echo_listen(struct call *, const struct echo_request *, struct
 *                                 echo_reply *)
 *
 * A message is the request struct in words, padded with zeros by the server's loop when the client sent less;
 * the label of the answer is an enum error. Structs are multiples of 8 bytes of at most 512. A client is
 * known by the badge of the capability that it was given: its number << 16 | its rights (proto/rights.h).
 */
#pragma once

#include <abi/error.h>
#include <abi/object.h>
#include <abi/syscall.h>
#include <proto/protocols.h>
#include <proto/rights.h>

#include <stddef.h>
#include <stdint.h>

typedef uint32_t cap_t; /* index of a slot in the own CSpace; 0 is no capability */

#define PROTO_MAX_BYTES (MSG_MAX_WORDS * 8)
#define PROTO_SHORT     (MSG_REGS * 8) /* requests and replies of so many bytes travel in registers alone */

/* For operations without request or reply words. */
struct proto_empty {
};

static inline uint64_t proto_badge(uint64_t client, uint64_t rights)
{
    return client << 16 | rights;
}

static inline uint64_t proto_client(uint64_t badge)
{
    return badge >> 16;
}

/* --- Capabilities that go with a message --- */

/* A kind is the kernel's type and the rights that a capability must have. */
#define PROTO_KIND(type, rights) (OBJ_##type | (rights) << 8)
#define PROTO_OPTIONAL           0x80 /* in the type: it may be left out, and all after it */
enum proto_kind {
    PROTO_CAP_NOTIFICATION = PROTO_KIND(NOTIFICATION, RIGHT_SIGNAL), /* to be signalled */
    PROTO_CAP_SEGMENT = PROTO_KIND(ENDPOINT, RIGHT_SEND), /* of mm, which alone knows whether it is one */
    PROTO_CAP_SESSION = PROTO_KIND(ENDPOINT, RIGHT_SEND), /* with a server */
    PROTO_CAP_FRAME = PROTO_KIND(FRAME, RIGHT_READ),
    PROTO_CAP_SPACE = PROTO_KIND(ADDRESS_SPACE, 0),
    PROTO_CAP_THREAD = PROTO_KIND(THREAD, RIGHT_CONTROL),
    PROTO_CAP_CONTEXT = PROTO_KIND(SCHED_CONTEXT, 0),
    PROTO_CAP_LINE = PROTO_KIND(IRQ_HANDLER, RIGHT_CONTROL),
    PROTO_CAP_OBJECT = OBJ_NULL, /* of any type */
};
#define PROTO_CAP_OPTIONAL(kind) (PROTO_OPTIONAL | PROTO_CAP_##kind)

struct proto_sizes {
    _Alignas(8) uint32_t request; /* bytes */
    uint32_t reply;
};

/* An operation, as clients, servers, traces and the fuzzer know it. */
struct proto_operation {
    const char *name;
    struct proto_sizes size;
    uint32_t number;
    uint32_t plain;   /* words of the request, if all of the call fits into registers; else ~0 */
    uint32_t at_most; /* words of the request, if no capabilities go with the call; else 0 */
    uint16_t right;
    uint8_t in_least, in_most, out_count; /* capabilities */
    uint16_t in[MSG_MAX_CAPS], out[MSG_MAX_CAPS]; /* enum proto_kind */
};

/* --- The client's side --- */

/* What the typed calls are made of, and nothing else: sends the first `size` bytes of a request with
 * capabilities and takes the reply. give[] has op->in_most capabilities, the first 0 ends them; *take[i] is
 * the slot of the i-th of the answer, new and the caller's. Either all that the operation says come, of the
 * kinds that it says, or none: ERR_NO_CAP, ERR_WRONG_TYPE, ERR_NO_RIGHT. Returns the label of the answer. In
 * lib/rt/call.c. */
enum error proto_call(cap_t server, const struct proto_operation *op, const void *request, size_t size,
                      void *reply, const cap_t *give, cap_t *const *take);
/* The same without capabilities. */
enum error proto_long_call(cap_t server, const struct proto_operation *op, const void *request, size_t size,
                           void *reply);

/* Where a long request or reply can be built or read without a copy: the words of the calling thread's
 * message page. It is good until the next call. */
void *proto_page(void);

#ifdef __riscv
#include <rt/short_call.h>
#else
#define proto_short_call(server, op, q, r) proto_long_call(server, op, q, (op)->size.request, r)
#endif

/* Macros over lists such as (SEGMENT, NOTIFICATION) and (). */
#define PROTO_FIFTH(a, b, c, d, count, ...) count
#define PROTO_COUNT_OF(...)         PROTO_FIFTH(__VA_ARGS__ __VA_OPT__(, ) 4, 3, 2, 1, 0)
#define PROTO_PASTE(a, b)           a##b
#define PROTO_GLUE(a, b)            PROTO_PASTE(a, b)
#define PROTO_COUNT(list)           PROTO_COUNT_OF list
#define PROTO_KINDS_0()
#define PROTO_KINDS_1(a)            PROTO_CAP_##a
#define PROTO_KINDS_2(a, b)         PROTO_CAP_##a, PROTO_CAP_##b
#define PROTO_KINDS_3(a, b, c)      PROTO_CAP_##a, PROTO_CAP_##b, PROTO_CAP_##c
#define PROTO_KINDS_4(a, b, c, d)   PROTO_CAP_##a, PROTO_CAP_##b, PROTO_CAP_##c, PROTO_CAP_##d
#define PROTO_LEAST_0()             0
#define PROTO_LEAST_1(a)            !(PROTO_CAP_##a & PROTO_OPTIONAL)
#define PROTO_LEAST_2(a, b)         PROTO_LEAST_1(a) + PROTO_LEAST_1(b)
#define PROTO_LEAST_3(a, b, c)      PROTO_LEAST_2(a, b) + PROTO_LEAST_1(c)
#define PROTO_LEAST_4(a, b, c, d)   PROTO_LEAST_2(a, b) + PROTO_LEAST_2(c, d)
#define PROTO_IN_0()
#define PROTO_IN_1(a)               , cap_t in0
#define PROTO_IN_2(a, b)            , cap_t in0, cap_t in1
#define PROTO_IN_3(a, b, c)         , cap_t in0, cap_t in1, cap_t in2
#define PROTO_IN_4(a, b, c, d)      , cap_t in0, cap_t in1, cap_t in2, cap_t in3
#define PROTO_PASS_IN_0()
#define PROTO_PASS_IN_1(a)          , in0
#define PROTO_PASS_IN_2(a, b)       , in0, in1
#define PROTO_PASS_IN_3(a, b, c)    , in0, in1, in2
#define PROTO_PASS_IN_4(a, b, c, d) , in0, in1, in2, in3
#define PROTO_GIVE_0()              NULL
#define PROTO_GIVE_1(a)             (const cap_t[]){in0}
#define PROTO_GIVE_2(a, b)          (const cap_t[]){in0, in1}
#define PROTO_GIVE_3(a, b, c)       (const cap_t[]){in0, in1, in2}
#define PROTO_GIVE_4(a, b, c, d)    (const cap_t[]){in0, in1, in2, in3}
#define PROTO_OUT_0()
#define PROTO_OUT_1(a)              , cap_t *out0
#define PROTO_OUT_2(a, b)           , cap_t *out0, cap_t *out1
#define PROTO_OUT_3(a, b, c)        , cap_t *out0, cap_t *out1, cap_t *out2
#define PROTO_OUT_4(a, b, c, d)     , cap_t *out0, cap_t *out1, cap_t *out2, cap_t *out3
#define PROTO_PASS_OUT_0()
#define PROTO_PASS_OUT_1(a)         , out0
#define PROTO_PASS_OUT_2(a, b)      , out0, out1
#define PROTO_PASS_OUT_3(a, b, c)   , out0, out1, out2
#define PROTO_PASS_OUT_4(a, b, c, d), out0, out1, out2, out3
#define PROTO_TAKE_0()              NULL
#define PROTO_TAKE_1(a)             (cap_t *const[]){out0}
#define PROTO_TAKE_2(a, b)          (cap_t *const[]){out0, out1}
#define PROTO_TAKE_3(a, b, c)       (cap_t *const[]){out0, out1, out2}
#define PROTO_TAKE_4(a, b, c, d)    (cap_t *const[]){out0, out1, out2, out3}
/* MACRO_n of a list of n. */
#define PROTO_FOR(macro, list)      PROTO_GLUE(macro, PROTO_COUNT(list)) list

#define PROTO_OPERATION_NUMBER(protocol, n) (PROTOCOL_##protocol << 8 | (n))
#define PROTO_NUMBER(protocol, n, name, ...)                                                                 \
    OP_##protocol##_##name = PROTO_OPERATION_NUMBER(protocol, n),
#define PROTO_IS_PLAIN(request, reply, in, out)                                                              \
    (sizeof(request) <= PROTO_SHORT && sizeof(reply) <= PROTO_SHORT &&                                       \
     PROTO_COUNT(in) + PROTO_COUNT(out) == 0)
/* The initialiser of a struct proto_operation. */
#define PROTO_OPERATION(protocol, n, name_, request_, reply_, right_, in_, out_)                             \
    {                                                                                                        \
        .name = #protocol "_" #name_, .size = {sizeof(request_), sizeof(reply_)},                            \
        .number = PROTO_OPERATION_NUMBER(protocol, n),                                                       \
        .plain = PROTO_IS_PLAIN(request_, reply_, in_, out_) ? sizeof(request_) / 8 : ~0u,                   \
        .at_most = PROTO_COUNT(in_) + PROTO_COUNT(out_) == 0 ? sizeof(request_) / 8 : 0, .right = (right_),  \
        .in_least = PROTO_FOR(PROTO_LEAST_, in_), .in_most = PROTO_COUNT(in_),                               \
        .out_count = PROTO_COUNT(out_), .in = {PROTO_FOR(PROTO_KINDS_, in_)},                                \
        .out = {PROTO_FOR(PROTO_KINDS_, out_)},                                                              \
    }
#define PROTO_CALL(protocol, n, name, request, reply, right, in, out)                                        \
    _Static_assert((n) > 0 && (n) < 256, #protocol "_" #name);                                               \
    _Static_assert(sizeof(request) <= PROTO_MAX_BYTES && sizeof(request) % 8 == 0, #name " request");        \
    _Static_assert(sizeof(reply) <= PROTO_MAX_BYTES && sizeof(reply) % 8 == 0, #name " reply");              \
    static const struct proto_operation operation_##protocol##_##name __attribute__((unused)) =              \
        PROTO_OPERATION(protocol, n, name, request, reply, right, in, out);                                  \
    static inline enum error protocol##_##name##_part(cap_t server, const request *q, size_t size,           \
                                                      reply *r PROTO_FOR(PROTO_IN_, in)                      \
                                                          PROTO_FOR(PROTO_OUT_, out))                        \
    {                                                                                                        \
        const struct proto_operation *op = &operation_##protocol##_##name;                                   \
        if (PROTO_COUNT(in) + PROTO_COUNT(out) == 0)                                                         \
            return proto_long_call(server, op, q, size, r);                                                  \
        return proto_call(server, op, q, size, r, PROTO_FOR(PROTO_GIVE_, in), PROTO_FOR(PROTO_TAKE_, out));  \
    }                                                                                                        \
    static inline enum error protocol##_##name(cap_t server, const request *q,                               \
                                               reply *r PROTO_FOR(PROTO_IN_, in) PROTO_FOR(PROTO_OUT_, out)) \
    {                                                                                                        \
        if (PROTO_IS_PLAIN(request, reply, in, out))                                                         \
            return proto_short_call(server, &operation_##protocol##_##name, q, r);                           \
        return protocol##_##name##_part(server, q, sizeof(request),                                          \
                                        r PROTO_FOR(PROTO_PASS_IN_, in) PROTO_FOR(PROTO_PASS_OUT_, out));    \
    }
#define PROTO_CLIENT(OPS)                                                                                    \
    enum { OPS(PROTO_NUMBER) };                                                                              \
    OPS(PROTO_CALL)
/* Rows of a list of all operations of a protocol, for what goes through them: {OPS(PROTO_LISTED)}. */
#define PROTO_LISTED(protocol, n, name, ...) &operation_##protocol##_##name,

/* --- The server's side --- */

/* A request as its server sees it. */
struct call {
    const struct proto_operation *op;
    uint64_t badge;
    uint64_t client;     /* number of the client, from the badge */
    uint32_t rights;     /* of the client, from the badge */
    struct proto_sizes size; /* of what the client sent: the rest of the request is zero; and of the reply: a
                              * handler may make one of more than eight words shorter */
    _Alignas(8) uint8_t cap_count; /* capabilities that came: all that must, and of their kinds */
    uint8_t reply_caps;
    uint8_t kept;        /* bit i: of cap[i] */
    uint8_t given;       /* bit i: of reply_cap[i] */
    int deferred;        /* the loop's, enum call_state: what is unusual at the end */
    cap_t cap[MSG_MAX_CAPS]; /* slots they landed in, 0 where none came; the loop deletes those that the
                              * handler does not keep */
    cap_t reply_cap[MSG_MAX_CAPS];
    /* The loop's, of a handler that has waited. */
    cap_t reply;       /* who waits for the answer */
    struct task *task; /* that handles it */
    struct call *next;
};

/* Keeps the i-th capability that came: its slot is the handler's now. */
static inline cap_t call_keep(struct call *call, unsigned i)
{
    call->kept |= (uint8_t)(1u << i);
    return call->cap[i];
}

/* Answers with a capability in the order of the OP line: a copy of it, ... */
static inline void call_lend(struct call *call, cap_t cap)
{
    call->reply_cap[call->reply_caps++] = cap;
}

/* ... or the capability itself: its slot is freed when the answer has been sent, or the handler fails. */
static inline void call_give(struct call *call, cap_t cap)
{
    call->given |= (uint8_t)(1u << call->reply_caps);
    call_lend(call, cap);
}

struct proto_handler {
    _Alignas(64) struct proto_operation op;
    enum error (*handle)(struct call *call, const void *request, void *reply); /* NULL: no such operation */
};

/* What a server serves: operation n of the protocol is handler[n]. */
struct protocol {
    const char *name;
    uint32_t number, count;
    const struct proto_handler *handler;
};

#define PROTO_WRAP(protocol, n, name, request, reply, ...)                                                   \
    static enum error serve_##protocol##_##name(struct call *call, const request *q, reply *r);              \
    static enum error wrap_##protocol##_##name(struct call *call, const void *q, void *r)                    \
    {                                                                                                        \
        return serve_##protocol##_##name(call, q, r);                                                        \
    }
#define PROTO_ENTRY_OF(function, protocol, n, ...)                                                           \
    [n] = {.op = PROTO_OPERATION(protocol, n, __VA_ARGS__), .handle = function},
#define PROTO_ENTRY(protocol, n, name, ...)                                                                  \
    PROTO_ENTRY_OF(wrap_##protocol##_##name, protocol, n, name, __VA_ARGS__)
/* ENTRY makes the entries: PROTO_ENTRY, or one of the server's own. */
#define PROTO_SERVER_BY(ENTRY, protocol_, OPS)                                                               \
    static const struct proto_handler protocol_##_handlers[] = {OPS(ENTRY)};                                 \
    static const struct protocol protocol_##_protocol = {                                                    \
        #protocol_, PROTOCOL_##protocol_,                                                                    \
        sizeof(protocol_##_handlers) / sizeof(protocol_##_handlers[0]), protocol_##_handlers};
#define PROTO_SERVER(protocol, OPS)                                                                          \
    OPS(PROTO_WRAP)                                                                                          \
    PROTO_SERVER_BY(PROTO_ENTRY, protocol, OPS)

/* --- What every server answers --- */

/* server_client_gone: a client (all sessions of that number) has died: forget it. Sent by init to every
 * server that the client used; the loop gives it to the server's `client_gone`. */
struct server_client_request {
    uint64_t client;
};

#define SERVER_OPS(OP)                                                                                       \
    OP(server, 1, client_gone, struct server_client_request, struct proto_empty, PROTO_MANAGE, (), ())
PROTO_CLIENT(SERVER_OPS)
