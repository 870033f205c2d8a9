/* SPDX-License-Identifier: MIT */
/*
 * The threads in the sandbox: each makes system calls by its random numbers, most of them such that they
 * have a chance to succeed, and now and then does what faults. They know what kinds of arguments each
 * operation takes and look for capabilities that fit; what they break of their own sandbox they break.
 */
#include "random.h"

/* Kinds of arguments. OF(type): a capability of that type; OR(type): or 0. */
enum kind {
    NONE,
    SLOT,
    FREE_SLOT,
    REVOKED,
    TYPE,
    SIZE_BITS,
    COUNT,
    OFFSET,
    ADDRESS,
    RIGHTS,
    SMALL,
    PRIORITY,
    WORD,
    DEADLINE,
    BUDGET,
    PERIOD,
    OF_FIRST = 32,
    OR_FIRST = 64,
};
#define OF(type) (OF_FIRST + OBJ_##type)
#define OR(type) (OR_FIRST + OBJ_##type)

struct random_operation {
    uint32_t op;
    uint8_t kind[6];
};

/* Operations that are not here get numbers of all kinds. */
static const struct random_operation operations[] = {
    {OP_UNTYPED_RETYPE, {TYPE, SIZE_BITS, OR(CNODE), FREE_SLOT, COUNT, OFFSET}},
    {OP_UNTYPED_INFO, {NONE}},
    {OP_CNODE_COPY, {FREE_SLOT, OR(CNODE), SLOT, RIGHTS}},
    {OP_CNODE_MINT, {FREE_SLOT, OR(CNODE), SLOT, RIGHTS, WORD}},
    {OP_CNODE_MOVE, {FREE_SLOT, OR(CNODE), SLOT}},
    {OP_CNODE_DELETE, {FREE_SLOT}},
    {OP_CNODE_REVOKE, {REVOKED}},
    {OP_CNODE_INSPECT, {SLOT, SLOT}},
    {OP_CNODE_OBJECT_ID, {SLOT}},
    {OP_CNODE_SIZE, {NONE}},
    {OP_THREAD_CONFIGURE, {OR(CNODE), OR(ADDRESS_SPACE), OR(FRAME), OR(ENDPOINT)}},
    {OP_THREAD_BIND_CONTEXT, {OR(SCHED_CONTEXT)}},
    {OP_THREAD_SET_PRIORITY, {PRIORITY, PRIORITY}},
    {OP_THREAD_START, {ADDRESS, ADDRESS, WORD, WORD, WORD, WORD}},
    {OP_THREAD_SUSPEND, {NONE}},
    {OP_THREAD_RESUME, {NONE}},
    {OP_THREAD_READ_REGISTERS, {NONE}},
    {OP_THREAD_WRITE_REGISTERS, {WORD, WORD, WORD, WORD, WORD, WORD}},
    {OP_THREAD_BIND_NOTIFICATION, {OR(NOTIFICATION)}},
    {OP_THREAD_SET_FOREIGN, {SMALL}},
    {OP_THREAD_SET_NAME, {WORD, WORD}},
    {OP_THREAD_INFO, {NONE}},
    {OP_SCHED_CONTEXT_INFO, {NONE}},
    {OP_ADDRESS_SPACE_INFO, {NONE}},
    {OP_PAGE_TABLE_MAP, {OF(ADDRESS_SPACE), ADDRESS}},
    {OP_PAGE_TABLE_UNMAP, {NONE}},
    {OP_FRAME_MAP, {OF(ADDRESS_SPACE), ADDRESS, RIGHTS}},
    {OP_FRAME_UNMAP, {NONE}},
    {OP_FRAME_CLEAR, {NONE}},
    {OP_FRAME_INFO, {NONE}},
    {OP_REPLY_SAVE_CALLER, {NONE}},
    {OP_TIMER_SET, {OF(NOTIFICATION), DEADLINE, PERIOD}},
    {OP_TIMER_CANCEL, {NONE}},
    {OP_IRQ_HANDLER_BIND, {OF(NOTIFICATION)}},
    {OP_IRQ_HANDLER_ACK, {NONE}},
    {OP_IRQ_HANDLER_UNBIND, {NONE}},
    {OP_IRQ_HANDLER_SET_PRIORITY, {SMALL}},
    {OP_IRQ_HANDLER_SET_DEADLINE, {DEADLINE}},
    {OP_IRQ_HANDLER_INFO, {NONE}},
    {OP_IRQ_CONTROL_GET, {SMALL, OR(CNODE), FREE_SLOT}},
    {OP_SCHED_CONTROL_CONFIGURE, {OF(SCHED_CONTEXT), BUDGET, PERIOD}},
    {OP_DEBUG_READ_LOG, {WORD}},
    {OP_DEBUG_INFO, {NONE}},
};

static const uint32_t every_operation[] = {
#define OP(type, n, name, right) OP_##type##_##name,
    OPERATION_LIST(OP)
#undef OP
};

extern void misbehave(uint64_t way, uint64_t address);

/* --- Random numbers --- */

static uint64_t random(struct driver *driver)
{
    uint64_t x = driver->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    driver->random = x;
    return x * 0x2545f4914f6cdd1dull >> 7;
}

static uint64_t below(struct driver *driver, uint64_t limit)
{
    return random(driver) % limit;
}

static bool one_in(struct driver *driver, unsigned n)
{
    return below(driver, n) == 0;
}

/* Numbers that are likely to be at some edge. */
static uint64_t any_word(struct driver *driver)
{
    uint64_t bit = 1ull << below(driver, 64);

    switch (below(driver, 6)) {
    case 0: return below(driver, 16);
    case 1: return bit;
    case 2: return bit - 1;
    case 3: return 0 - bit;
    case 4: return bit + below(driver, 64) * 8;
    default: return random(driver) << 7 ^ random(driver);
    }
}

/* --- Arguments --- */

static uint64_t any_slot(struct driver *driver)
{
    return below(driver, one_in(driver, 2) ? SANDBOX_FIRST_FREE : SANDBOX_SLOTS);
}

static uint64_t type_of_slot(uint64_t slot)
{
    struct msg m = {.tag = tag_make(OP_CNODE_INSPECT, 1, 0), .word = {slot}};

    return !sys_msg(SYS_CALL, 1, &m) ? m.word[0] : OBJ_NULL;
}

/* A slot with a capability of this type, if one is found soon. */
static uint64_t slot_of_type(struct driver *driver, uint64_t type)
{
    uint64_t slot = any_slot(driver);

    for (unsigned tries = 0; tries < 24 && type_of_slot(slot) != type; tries++)
        slot = any_slot(driver);
    return slot;
}

static uint64_t any_address(struct driver *driver)
{
    switch (below(driver, 8)) {
    case 0: return any_word(driver);
    case 1: return (uint64_t)driver_at(DRIVERS - 1) + below(driver, DRIVER_STRIDE); /* a shared one */
    case 2: return (uint64_t)guest_entry;
    default:
        return SANDBOX_PLAYGROUND + below(driver, 32) * PAGE_BYTES +
               below(driver, 4) * (one_in(driver, 2) ? 1ull << MEGAPAGE_BITS : 1ull << GIGAPAGE_BITS);
    }
}

static uint64_t size_bits(struct driver *driver)
{
    static const uint8_t bits[] = {PAGE_BITS, PAGE_BITS, PAGE_BITS,     6, 7, 8, 10,
                                   14,        16,        MEGAPAGE_BITS, 5, 38};

    return bits[below(driver, sizeof(bits))];
}

static uint64_t argument(struct driver *driver, unsigned kind)
{
    if (one_in(driver, 24))
        return any_word(driver);
    switch (kind) {
    case SLOT: return any_slot(driver);
    case FREE_SLOT:
        return one_in(driver, 400) ? any_slot(driver)
                                   : SANDBOX_FIRST_FREE + below(driver, SANDBOX_SLOTS - SANDBOX_FIRST_FREE);
    case REVOKED: /* memory that comes back is used again at once */
        return one_in(driver, 3) ? slot_of_type(driver, OBJ_UNTYPED) : argument(driver, FREE_SLOT);
    case TYPE: return 1 + below(driver, OBJ_TIMER);
    case SIZE_BITS: return size_bits(driver);
    case COUNT: return 1 + below(driver, one_in(driver, 8) ? 70 : 4);
    case OFFSET: return one_in(driver, 8) ? below(driver, 1024) << below(driver, 14) : 0;
    case ADDRESS: return any_address(driver);
    case RIGHTS: return one_in(driver, 2) ? RIGHTS_ALL : below(driver, 8);
    case SMALL: return below(driver, 12);
    case PRIORITY: return below(driver, 110);
    case WORD: return any_word(driver);
    case DEADLINE: return rt_ticks() + below(driver, one_in(driver, 2) ? 20000 : 2000000);
    case BUDGET: return 100 + below(driver, one_in(driver, 2) ? 1000 : 60000);
    case PERIOD: return one_in(driver, 2) ? 0 : 20000 + below(driver, 100000);
    default:
        if (kind >= OR_FIRST)
            return one_in(driver, 4) ? 0 : slot_of_type(driver, kind - OR_FIRST);
        return slot_of_type(driver, kind - OF_FIRST);
    }
}

/* --- Calls --- */

/* Periods so short that timers would take all of the time are left to tests of their own. */
static void be_sensible(uint32_t op, struct msg *m)
{
    if (op == OP_TIMER_SET && m->word[2] != 0 && m->word[2] < 20000)
        m->word[2] = 20000;
}

/* A thread that runs as one of the drivers. */
static void make_driver(struct driver *driver, struct msg *m)
{
    struct driver *other = driver_at(DRIVERS - 1 - (unsigned)below(driver, DRIVERS_SHARED));

    m->word[0] = (uint64_t)guest_entry;
    m->word[1] = (uint64_t)other + DRIVER_STRIDE;
    m->word[2] = (uint64_t)other;
    m->word[3] = (uint64_t)driver_main;
}

static void note(struct driver *driver, uint32_t op)
{
    if (op >> 8 < OBJ_TYPE_COUNT && (op & 0xff) < MAX_OPERATIONS)
        driver->done[op >> 8][op & 0xff]++;
}

static const struct random_operation *find_operation(uint32_t op)
{
    static const struct random_operation unknown = {0, {DEADLINE, SMALL, WORD, SLOT, SMALL, WORD}};

    for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (operations[i].op == op)
            return &operations[i];
    return &unknown;
}

static void invoke(struct driver *driver)
{
    uint32_t op = every_operation[below(driver, sizeof(every_operation) / sizeof(every_operation[0]))];
    const struct random_operation *operation = find_operation(op);
    uint64_t cap = one_in(driver, 20) ? any_slot(driver) : slot_of_type(driver, op >> 8);
    struct msg m = {.tag = 0};
    unsigned count = 0;

    for (; count < 6 && operation->kind[count] != NONE; count++)
        m.word[count] = argument(driver, operation->kind[count]);
    if (op == OP_THREAD_START && !one_in(driver, 3))
        make_driver(driver, &m);
    if (op == OP_THREAD_WRITE_REGISTERS)
        count = 32;
    be_sensible(op, &m);
    m.tag = one_in(driver, 30) ? any_word(driver) : tag_make(op, count, 0);
    /* A tag at random may be that of any operation. */
    if (tag_label(m.tag) != op)
        be_sensible(OP_TIMER_SET, &m);
    if (!sys_msg(SYS_CALL, (cap_t)cap, &m))
        note(driver, op);
}

/* Fills the lists of capabilities in the message page. */
static void prepare_page(struct driver *driver)
{
    struct msg_page *page = driver_msg_page(driver);

    for (unsigned i = 0; i < MSG_MAX_CAPS; i++) {
        page->send_cap[i] = (uint32_t)argument(driver, SLOT);
        page->recv_cap[i] = one_in(driver, 4) ? 0 : (uint32_t)argument(driver, FREE_SLOT);
    }
    page->word[8 + below(driver, 56)] = any_word(driver);
}

static void message(struct driver *driver)
{
    /* Those that may wait for ever come less often. */
    static const uint8_t wait[] = {SYS_CALL, SYS_SEND, SYS_RECV, SYS_REPLY_RECV, SYS_WAIT};
    static const uint8_t number[] = {SYS_TRY_SEND, SYS_TRY_RECV, SYS_TRY_WAIT,
                                     SYS_YIELD,    SYS_REPLY,    SYS_TRY_SEND};
    static const uint8_t type[] = {OBJ_ENDPOINT, OBJ_ENDPOINT, OBJ_NOTIFICATION, OBJ_REPLY};
    uint64_t which = one_in(driver, 60)  ? any_word(driver)
                     : one_in(driver, 8) ? wait[below(driver, sizeof(wait))]
                                         : number[below(driver, sizeof(number))];
    uint64_t cap =
        one_in(driver, 20) ? any_word(driver) : slot_of_type(driver, type[below(driver, sizeof(type))]);
    struct msg m = {.tag = tag_make((uint32_t)below(driver, 3),
                                    (unsigned)below(driver, one_in(driver, 4) ? 80 : 9),
                                    one_in(driver, 3) ? (unsigned)below(driver, 6) : 0)};

    if ((which == SYS_WAIT || which == SYS_TRY_WAIT) && !one_in(driver, 10))
        cap = slot_of_type(driver, OBJ_NOTIFICATION);
    for (unsigned i = 0; i < MSG_REGS; i++)
        m.word[i] = any_word(driver);
    if (!sys_msg(which, (cap_t)cap, &m) && which < 16)
        driver->sys_done[which]++;
}

/* --- Clients and servers among themselves --- */

#define REQUEST 0x7e57
#define ANSWERS 0x5e44e4a25ull /* word 6 of an answer that was made for the words of the request */
#define TURN    0x0f0f00ff12345678ull

extern uint64_t call_with_fp(uint64_t number, cap_t cap, struct msg *m, uint64_t pattern);

/* With registers of floating point in use, or not. */
static uint64_t talk(struct driver *driver, uint64_t number, uint64_t cap, struct msg *m)
{
    driver->calls++;
    if (one_in(driver, 2))
        return sys_msg(number, (cap_t)cap, m);
    uint64_t wrong = call_with_fp(number, (cap_t)cap, m, random(driver));
    if (wrong && !driver->shared)
        driver->fp_wrong++;
    return tag_label(m->tag);
}

static void serve_for_a_while(struct driver *driver)
{
    uint64_t endpoint = slot_of_type(driver, OBJ_ENDPOINT), turns = 1 + below(driver, 60);
    struct msg m = {.tag = 0};

    talk(driver, SYS_RECV, endpoint, &m);
    for (uint64_t i = 0; i < turns; i++) {
        bool request = tag_label(m.tag) == REQUEST && !(m.tag & (TAG_SIGNAL | TAG_FAULT));
        for (unsigned n = 0; n < 6 && n < tag_length(m.tag); n++)
            m.word[n] ^= TURN;
        m.word[6] = request && !driver->shared ? ANSWERS : 0;
        m.tag = tag_make(ERR_OK, one_in(driver, 8) ? 60 : MSG_REGS, 0);
        talk(driver, i + 1 == turns ? SYS_REPLY : SYS_REPLY_RECV, endpoint, &m);
    }
}

/* Calls one endpoint again and again: where the answer was made for a request, it was for this one. */
static void ask_for_a_while(struct driver *driver)
{
    uint64_t endpoint = slot_of_type(driver, OBJ_ENDPOINT);

    for (uint64_t turns = 1 + below(driver, 60); turns; turns--) {
        unsigned length = (unsigned)below(driver, one_in(driver, 6) ? 65 : 9);
        uint64_t first = random(driver);
        struct msg m = {.tag = tag_make(REQUEST, length, 0)};
        for (unsigned n = 0; n < MSG_REGS; n++)
            m.word[n] = first + n;
        if (talk(driver, SYS_CALL, endpoint, &m) || m.word[6] != ANSWERS)
            continue;
        bool right = true;
        for (unsigned n = 0; n < 6 && n < length; n++)
            right &= m.word[n] == ((first + n) ^ TURN);
        driver->checked++;
        if (!right && !driver->shared)
            driver->words_wrong++;
    }
}

static void signal_for_a_while(struct driver *driver)
{
    uint64_t notification = slot_of_type(driver, OBJ_NOTIFICATION);
    uint64_t number = one_in(driver, 2) ? SYS_WAIT : SYS_SEND;

    for (uint64_t turns = 1 + below(driver, 60); turns; turns--) {
        struct msg m = {.tag = 0};
        talk(driver, number, notification, &m);
    }
}

void driver_main(struct driver *driver)
{
    for (;;) {
        if (one_in(driver, 16))
            prepare_page(driver);
        if (one_in(driver, 60))
            serve_for_a_while(driver);
        if (one_in(driver, 60))
            ask_for_a_while(driver);
        if (one_in(driver, 120))
            signal_for_a_while(driver);
        if (one_in(driver, 3))
            message(driver);
        else
            invoke(driver);
        driver->calls++;
        if (one_in(driver, 250)) {
            driver->faults_tried++;
            misbehave(below(driver, 5), any_address(driver));
        }
    }
}
