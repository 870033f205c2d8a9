/* SPDX-License-Identifier: MIT */
/* What the threads do: one random system call after the other, servers and clients with a taste of their
 * own. */
#include "lanes.h"

enum { A0 = 10, A1 = 11 };

enum kind {
    CALL,
    CALL_NEXT,
    SIGNAL,
    TRY_WAIT,
    WAIT,
    SEND,
    TRY_SEND,
    RECV,
    TRY_RECV,
    REPLY_RECV,
    REPLY,
    SAVE_CALLER,
    ANSWER,
    INFO,
    YIELD,
    SET_PRIORITY,
    RECEIVED,
    WEIRD,
    FOREIGN,
    PROBE,
    ALARM,
    NEW_FP,
    SUSPEND,
    RESUME,
    KIND_COUNT
};

/* How often each is done: by clients; by servers that have nobody to answer, and by all that have; by
 * links that have and did not ask the next one; by drivers. */
static const uint8_t taste[][KIND_COUNT] = {
    {[CALL] = 110, [SIGNAL] = 16,  [TRY_WAIT] = 14,    [WAIT] = 3,     [SEND] = 5,        [TRY_SEND] = 5,
     [RECV] = 1,   [TRY_RECV] = 2, [REPLY_RECV] = 1,   [REPLY] = 1,    [SAVE_CALLER] = 1, [ANSWER] = 6,
     [INFO] = 6,   [YIELD] = 5,    [SET_PRIORITY] = 2, [RECEIVED] = 6, [WEIRD] = 8,       [FOREIGN] = 1,
     [PROBE] = 1,  [ALARM] = 4,    [NEW_FP] = 4,       [SUSPEND] = 1,  [RESUME] = 2},
    {[CALL] = 1,
     [SIGNAL] = 3,
     [TRY_WAIT] = 2,
     [RECV] = 60,
     [REPLY_RECV] = 60,
     [TRY_RECV] = 3,
     [ANSWER] = 12,
     [WEIRD] = 2,
     [ALARM] = 1,
     [INFO] = 1},
    {[CALL] = 2,  [CALL_NEXT] = 12, [SIGNAL] = 10,      [TRY_WAIT] = 8, [WAIT] = 1,        [TRY_SEND] = 2,
     [RECV] = 3,  [TRY_RECV] = 2,   [REPLY_RECV] = 120, [REPLY] = 2,    [SAVE_CALLER] = 3, [ANSWER] = 8,
     [INFO] = 3,  [YIELD] = 2,      [SET_PRIORITY] = 1, [RECEIVED] = 4, [WEIRD] = 4,       [FOREIGN] = 1,
     [PROBE] = 1, [ALARM] = 2,      [NEW_FP] = 3,       [RESUME] = 1},
    {[CALL_NEXT] = 250,
     [REPLY_RECV] = 1,
     [SIGNAL] = 2,
     [TRY_WAIT] = 2,
     [NEW_FP] = 3,
     [PROBE] = 2},
    {[WAIT] = 200,
     [TRY_WAIT] = 6,
     [SIGNAL] = 16,
     [CALL] = 6,
     [SEND] = 1,
     [INFO] = 2,
     [NEW_FP] = 4,
     [PROBE] = 1,
     [ALARM] = 2,
     [YIELD] = 1},
};

static enum kind choose(struct block *block)
{
    bool asks = block->role == ROLE_LINK && !block->called_next, idle = !block->serving;
    const uint8_t *weights = taste[idle && block->role == ROLE_DRIVER ? 4
                                   : idle                             ? block->role != ROLE_CLIENT
                                   : asks                             ? 3
                                                                      : 2];
    unsigned total = 0;
    uint64_t n;

    if (block->dutiful && block->serving < 2)
        return !block->serving || block->called_next ? REPLY_RECV : CALL_NEXT;
    for (unsigned i = 0; i < KIND_COUNT; i++)
        total += weights[i];
    n = random_below(block, total);
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        if (n < weights[i])
            return i;
        n -= weights[i];
    }
    return YIELD;
}

/* A slot of an endpoint: mostly one that lets send, or receive. */
static uint64_t endpoint_slot(struct block *block, uint64_t number, bool receive)
{
    uint64_t variant = random_below(block, block->dutiful ? 120 : 12);

    if (variant > 2)
        variant = receive ? (variant & 1 ? 0 : 3) : variant % 3;
    return SLOT_ENDPOINT + number * 4 + variant;
}

/* Where there are many, often the first, from which a long chain of calls goes. */
static uint64_t random_endpoint(struct block *block)
{
    if (shared->endpoints > 8 && random_below(block, 8))
        return 0;
    return random_below(block, random_below(block, 32) ? shared->endpoints : ENDPOINTS);
}

static uint64_t random_notification(struct block *block)
{
    if (block->role == ROLE_DRIVER && random_below(block, 8))
        return SLOT_NOTIFICATION + block->endpoint * 3 + (random_below(block, 2) ? 0 : 2);
    return SLOT_NOTIFICATION + random_below(block, NOTIFICATIONS * 3);
}

/* What `receive` and the like brought. */
static void received(struct block *block, uint64_t number)
{
    uint64_t tag = block->out[A1];
    bool message = got_message(block) || tag & TAG_FAULT;

    block->serving = !message ? 0 : tag & TAG_FAULT ? 2 : 1;
    block->called_next = false;
    if (message && block->out[A0] &&
        badge_endpoint(block->out[A0]) != number) /* main sends without a badge */
        fail(block, "a message with a badge of another endpoint");
}

static void receive(struct block *block, uint64_t call, enum kind kind)
{
    uint64_t number = random_below(block, 200) ? block->endpoint : random_endpoint(block),
             tag = compose(block);

    if (random_below(block, 10) < (block->serving == 2 ? 8 : 1))
        tag = tag_make(random_below(block, 3) / 2, tag_length(tag), 0); /* 0 restarts a thread that faulted */
    issue(block, call, endpoint_slot(block, number, true), tag, kind);
    if (!block->foreign)
        received(block, number);
}

static void use_received(struct block *block)
{
    uint64_t slot = SLOT_RECEIVED + random_below(block, THREADS * 4);

    switch (random_below(block, 4)) {
    case 0: issue(block, SYS_CALL, slot, compose(block), RECEIVED); break;
    case 1: issue(block, SYS_SEND, slot, compose(block), RECEIVED); break;
    case 2:
        block->in[word_register[0]] = slot;
        issue(block, SYS_CALL, SLOT_CNODE, tag_make(OP_CNODE_DELETE, 1, 0), RECEIVED);
        break;
    default:
        block->in[word_register[0]] = slot;
        block->mask = 1u << word_register[4]; /* which object it is */
        issue(block, SYS_CALL, SLOT_CNODE, tag_make(OP_CNODE_INSPECT, 1, 0), RECEIVED);
        break;
    }
}

static void weird(struct block *block)
{
    static const uint64_t slots[] = {0,
                                     SLOT_EMPTY,
                                     SLOT_COUNT - 1,
                                     SLOT_COUNT,
                                     SLOT_COUNT + 1,
                                     1ull << 32 | SLOT_ENDPOINT,
                                     1ull << 63 | SLOT_ENDPOINT,
                                     1ull << 58 | SLOT_NOTIFICATION,
                                     ~0ull,
                                     SLOT_FRAME,
                                     SLOT_CONTEXT,
                                     SLOT_REPLY,
                                     SLOT_NEVER,
                                     0xffffffff,
                                     1ull << 57 | SLOT_ENDPOINT};
    uint64_t number = random_below(block, SYS_REPLY + 1), slot = random_below(block, SLOT_COUNT + 4);

    if (random_below(block, 2))
        slot = slots[random_below(block, sizeof(slots) / sizeof(slots[0]))];
    switch (random_below(block, 12)) {
    case 0: number = SYS_REPLY + 1 + random_below(block, 6); break;
    case 1: number |= 1ull << (32 + random_below(block, 32)); break;
    case 2: number = ~0ull; break;
    default: break;
    }
    if (slot == SLOT_NEVER && number == SYS_WAIT)
        number = SYS_TRY_WAIT;
    issue(block, number, slot, compose(block), WEIRD);
}

static void on_thread(struct block *block, enum kind kind)
{
    uint64_t slot = SLOT_THREAD + random_below(block, WORKERS);

    block->in[word_register[1]] = 100;
    switch (kind) {
    case INFO:
        block->mask = 1u << word_register[4] | 1u << word_register[7]; /* times and switches */
        issue(block, SYS_CALL, slot, tag_make(OP_THREAD_INFO, 0, 0), kind);
        break;
    case SET_PRIORITY:
        block->in[word_register[0]] = 10 * (1 + random_below(block, 5));
        issue(block, SYS_CALL, slot, tag_make(OP_THREAD_SET_PRIORITY, 2, 0), kind);
        break;
    case SUSPEND: issue(block, SYS_CALL, slot, tag_make(OP_THREAD_SUSPEND, 0, 0), kind); break;
    case RESUME: issue(block, SYS_CALL, slot, tag_make(OP_THREAD_RESUME, 0, 0), kind); break;
    default:
        block->in[word_register[0]] = 1;
        if (issue(block, SYS_CALL, SLOT_THREAD + block->index, tag_make(OP_THREAD_SET_FOREIGN, 1, 0), kind) ==
            ERR_OK)
            block->foreign = FOREIGN_YES;
        break;
    }
}

static void on_reply(struct block *block, enum kind kind)
{
    uint64_t slot = SLOT_REPLY + random_below(block, REPLIES);

    if (kind == ANSWER)
        issue(block, SYS_SEND, slot, compose(block), kind);
    else if (!issue(block, SYS_CALL, slot, tag_make(OP_REPLY_SAVE_CALLER, 0, 0), kind))
        block->serving = 0;
}

static void new_fp(struct block *block)
{
    if (block->fp)
        guest_fp_fill(block->fp = random_next(block) | 1);
}

static void send(struct block *block, uint64_t call, enum kind kind)
{
    issue(block, call, endpoint_slot(block, random_endpoint(block), false), compose(block), kind);
}

/* Servers call those with higher numbers only, so that they do not wait for each other in a circle. */
static void call_next(struct block *block)
{
    block->called_next = true;
    if (block->endpoint + 1 < shared->endpoints || random_below(block, 100) == 0)
        issue(block, SYS_CALL, endpoint_slot(block, (block->endpoint + 1) % ENDPOINTS, false), compose(block),
              CALL_NEXT);
}

static void step(struct block *block)
{
    enum kind kind = choose(block);

    prepare(block);
    switch (kind) {
    case CALL: return send(block, SYS_CALL, kind);
    case CALL_NEXT: return call_next(block);
    case SEND: return send(block, SYS_SEND, kind);
    case TRY_SEND: return send(block, SYS_TRY_SEND, kind);
    case SIGNAL:
        issue(block, SYS_SEND, SLOT_NOTIFICATION + random_below(block, NOTIFICATIONS * 3), compose(block),
              kind);
        return;
    case TRY_WAIT: issue(block, SYS_TRY_WAIT, random_notification(block), compose(block), kind); return;
    case WAIT: issue(block, SYS_WAIT, random_notification(block), compose(block), kind); return;
    case ALARM: issue(block, SYS_SEND, SLOT_ALARM, compose(block), kind); return;
    case RECV: return receive(block, SYS_RECV, kind);
    case TRY_RECV: return receive(block, SYS_TRY_RECV, kind);
    case REPLY_RECV: return receive(block, SYS_REPLY_RECV, kind);
    case REPLY:
        issue(block, SYS_REPLY, random_next(block), compose(block), kind);
        block->serving = 0;
        return;
    case YIELD: issue(block, SYS_YIELD, random_next(block), compose(block), kind); return;
    case SAVE_CALLER:
    case ANSWER: return on_reply(block, kind);
    case RECEIVED: return use_received(block);
    case WEIRD: return weird(block);
    case PROBE: return read_nothing(block);
    case NEW_FP: return new_fp(block);
    default: return on_thread(block, kind);
    }
}

/* At the end nobody may go on, so that main can. */
static void park(struct block *block)
{
    for (;;) {
        prepare(block);
        block->in[A0] = SLOT_NEVER;
        block->in[17] = SYS_WAIT;
        lanes_syscall(block);
    }
}

static void control(struct block *block)
{
    for (;;) {
        prepare(block);
        issue(block, SYS_WAIT, master_alarm, 0, WAIT);
        if (shared->steps >= shared->limit)
            continue;
        for (uint64_t n = 1 + random_below(block, 3); n; n--)
            control_step(block, false);
    }
}

void lanes_worker(struct block *block)
{
    if (block->index == BLOCK_HIGH)
        control(block);
    if (block->fp)
        guest_fp_fill(block->fp);
    if (block->role == ROLE_SERVER || block->role == ROLE_LINK) {
        prepare(block);
        receive(block, SYS_RECV, RECV);
    }
    while (shared->steps < shared->limit)
        step(block);
    park(block);
    __builtin_unreachable();
}
