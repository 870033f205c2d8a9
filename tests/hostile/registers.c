/* SPDX-License-Identifier: MIT */
/*
 * Looks for what is in registers that should not be: after each system call, of every kind and with every
 * end, after faults and interrupts while other threads fill the same registers, and in threads that are
 * new. A register that takes no result must be as it was or zero, and all 31 and the 32 of floating point
 * stay bit for bit otherwise.
 */
#include "../guest/probe.h"

#include <abi/fault.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TOUCH (GUEST_MAP + 0x400000)

struct record {
    uint64_t in[32], out[32];
    uint64_t fp_in[32], fp_out[32];
    uint64_t fcsr_in, fcsr_out;
    uint64_t endpoint;
};
_Static_assert(offsetof(struct record, endpoint) == 1040, "known to registers.S");

extern const char round_ecall[], round_ecall_no_fp[], round_touch[], round_spin[], round_spin_no_fp[],
    round_newborn[], client_for_ever[];

enum { RA = 1, SP = 2, T0 = 5, T1, T2, A0 = 10, A1, A2, A6 = 16, A7 = 17, T3 = 28, T6 = 31 };
static const uint8_t word_register[MSG_REGS] = {A2, A2 + 1, A2 + 2, A2 + 3, A6, T0, T1, T2};

static cap_t done; /* the rounds' endpoint */
static cap_t endpoint, other, notification, reply;
static struct record record __attribute__((aligned(16)));
static struct worker caller; /* makes the system calls */
static unsigned calls, wrong;

/* --- Patterns --- */

/* No pattern looks like an address of the kernel's. */
static uint64_t pattern(uint64_t seed, unsigned n)
{
    return ((seed + 1) * 0x9e3779b97f4a7c15ull ^ (n + 1) * 0xbf58476d1ce4e5b9ull) >> 1;
}

static void fill(struct record *to, uint64_t seed)
{
    for (unsigned i = 0; i < 32; i++) {
        to->in[i] = pattern(seed, i);
        to->out[i] = to->fp_out[i] = ~0ull;
        to->fp_in[i] = pattern(seed, 32 + i);
    }
    to->fcsr_in = seed % 5 << 5 | seed % 31;
    to->fcsr_out = ~0ull;
    to->in[SP] = (uint64_t)to;
}

static bool fp_same(const struct record *of)
{
    return memcmp(of->fp_in, of->fp_out, sizeof(of->fp_in)) == 0 && of->fcsr_in == of->fcsr_out;
}

/* All registers are as they were but for those in the set. */
static bool all_same(const struct record *of, uint64_t but, const char *after)
{
    for (unsigned i = 1; i < 32; i++)
        if (!(but >> i & 1) && of->in[i] != of->out[i]) {
            printf("  x%u after %s: %lx, was %lx\n", i, after, of->out[i], of->in[i]);
            return false;
        }
    if (!fp_same(of))
        printf("  registers of floating point changed after %s\n", after);
    return fp_same(of);
}

/* --- System calls --- */

/* Whether a value could be an address of the kernel's. */
static bool looks_like_kernel(uint64_t value)
{
    return value >= 0xffffffc000000000ull && value < -4096ull;
}

static bool is_result(unsigned n, unsigned words)
{
    for (unsigned i = 0; i < words && i < MSG_REGS; i++)
        if (word_register[i] == n)
            return true;
    return n == A0 || n == A1;
}

/* Registers that a system call must keep: s0-s11, gp, tp, sp. */
static bool is_kept(unsigned n)
{
    return (n >= 2 && n <= 4) || n == 8 || n == 9 || (n >= 18 && n <= 27);
}

/* What came out of the call in `record`. With `sent` the eight words must be these. */
static void check_call(const char *name, const uint64_t *sent)
{
    unsigned words = sent ? MSG_REGS : tag_length(record.out[A1]);

    calls++;
    for (unsigned n = 1; n < 32; n++) {
        uint64_t in = record.in[n], out = record.out[n];
        bool right = is_kept(n)            ? out == in
                     : is_result(n, words) ? !looks_like_kernel(out)
                                           : out == 0 || out == in;
        if (!right && wrong++ < 20)
            printf("  x%u after %s: %lx, was %lx (tag %lx)\n", n, name, out, in, record.out[A1]);
    }
    for (unsigned i = 0; sent && i < MSG_REGS; i++)
        if (record.out[word_register[i]] != sent[i] && wrong++ < 20)
            printf("  word %u after %s: %lx instead of %lx\n", i, name, record.out[word_register[i]],
                   sent[i]);
    if (!fp_same(&record) && wrong++ < 20)
        printf("  registers of floating point changed after %s\n", name);
}

/* Has the caller make the call, with everything else in its registers a pattern; its end is awaited by
 * end_call. */
static void begin_call(uint64_t number, cap_t cap, uint64_t tag, const uint64_t *words, unsigned count)
{
    static uint64_t seed;

    fill(&record, ++seed);
    record.in[A7] = number;
    record.in[A0] = cap;
    record.in[A1] = tag;
    for (unsigned i = 0; i < count; i++)
        record.in[word_register[i]] = words[i];
    record.endpoint = done;
    if (seed == 1)
        must(worker_start(&caller, (uint64_t)round_ecall, 0, (uint64_t)&record, 0), "start a thread");
    else
        must(sys_msg(SYS_REPLY, 0, &(struct msg){.tag = 0}), "let a thread go on");
}

static void end_call(const char *name, const uint64_t *sent)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, done, &m);
    if (m.tag & TAG_FAULT && wrong++ < 20)
        printf("  fault %u at %lx, pc %lx, after %s\n", tag_label(m.tag), m.word[0], m.word[1], name);
    check_call(name, sent);
}

static void whole_call(const char *name, uint64_t number, cap_t cap, uint64_t tag, const uint64_t *words,
                       unsigned count)
{
    begin_call(number, cap, tag, words, count);
    end_call(name, NULL);
}

/* Every system call, and numbers that are none, on every capability there is, with and without arguments
 * that make sense; none of these waits for anybody. */
static void calls_without_partner(void)
{
    static const uint64_t numbers[] = {
        SYS_CALL,  SYS_SEND, SYS_TRY_SEND, SYS_TRY_RECV, SYS_TRY_WAIT,           SYS_YIELD,
        SYS_REPLY, 11,       12,           0xff,         1ull << 32 | SYS_YIELD, ~0ull};
    const cap_t caps[] = {0,
                          BOOT_CNODE,
                          BOOT_ADDRESS_SPACE,
                          caller.context,
                          BOOT_MSG_FRAME,
                          BOOT_IRQ_CONTROL,
                          BOOT_DEBUG,
                          BOOT_SCHED_CONTROL,
                          notification,
                          reply,
                          caller.untyped,
                          8191,
                          8192,
                          ~0u};

    for (unsigned n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
        for (unsigned c = 0; c < sizeof(caps) / sizeof(caps[0]); c++) {
            char name[40];
            snprintf(name, sizeof(name), "call %lx of capability %x", numbers[n], caps[c]);
            whole_call(name, numbers[n], caps[c], 0, NULL, 0);
            whole_call(name, numbers[n], caps[c], tag_make(0xffff, 8, 0), NULL, 0);
            whole_call(name, numbers[n], caps[c], tag_make(1, 127, 7), NULL, 0);
        }
    whole_call("try_send, nobody there", SYS_TRY_SEND, endpoint, tag_make(1, 8, 0), NULL, 0);
    whole_call("try_recv, nobody there", SYS_TRY_RECV, endpoint, 0, NULL, 0);
    whole_call("wait, wrong type", SYS_WAIT, endpoint, 0, NULL, 0);
    whole_call("recv, wrong type", SYS_RECV, notification, 0, NULL, 0);
    whole_call("reply_recv, wrong type", SYS_REPLY_RECV, notification, 0, NULL, 0);
}

/* Every operation on every type of object, with no arguments, and with words that are patterns. */
static void invocations(void)
{
    static const uint32_t op[] = {
#define OP(type, n, name, right) OP_##type##_##name,
        OPERATION_LIST(OP)
#undef OP
    };
    cap_t object[OBJ_TYPE_COUNT] = {0,
                                    caller.untyped,
                                    make_object(OBJ_CNODE, 10),
                                    make_object(OBJ_THREAD, 0),
                                    make_object(OBJ_SCHED_CONTEXT, 0),
                                    make_object(OBJ_ADDRESS_SPACE, 0),
                                    make_object(OBJ_PAGE_TABLE, 0),
                                    make_object(OBJ_FRAME, PAGE_BITS),
                                    endpoint,
                                    notification,
                                    reply,
                                    make_object(OBJ_TIMER, 0),
                                    0,
                                    BOOT_IRQ_CONTROL,
                                    BOOT_SCHED_CONTROL,
                                    BOOT_DEBUG,
                                    0};

    for (unsigned n = 0; n < sizeof(op) / sizeof(op[0]); n++) {
        unsigned type = op[n] >> 8;
        char name[40];
        if (!object[type] || op[n] == OP_DEBUG_SET_ECHO || op[n] == OP_DEBUG_LOG)
            continue;
        snprintf(name, sizeof(name), "operation %u of type %u", op[n] & 0xff, type);
        whole_call(name, SYS_CALL, object[type], tag_make(op[n], 0, 0), NULL, 0);
        whole_call(name, SYS_CALL, object[type], tag_make(op[n], 8, 0), NULL, 0);
        const uint64_t right[6] = {BOOT_ADDRESS_SPACE, TOUCH, RIGHT_READ, 0, 0, 0};
        whole_call(name, SYS_CALL, object[type], tag_make(op[n], 6, 0), right, 6);
    }
    const uint64_t slot[1] = {BOOT_THREAD};
    whole_call("inspect", SYS_CALL, BOOT_CNODE, tag_make(OP_CNODE_INSPECT, 1, 0), slot, 1);
    whole_call("registers of another", SYS_CALL, object[OBJ_THREAD], tag_make(OP_THREAD_READ_REGISTERS, 0, 0),
               NULL, 0);
}

/* Messages: the words are those that were sent, all eight of them, and nothing else comes along. */
static void calls_with_partner(void)
{
    struct msg m;
    uint64_t zero[MSG_REGS] = {0};
    const struct msg greeting = {.tag = tag_make(7, 8, 0), .word = {11, 12, 13, 14, 15, 16, 17, 18}};

    begin_call(SYS_CALL, endpoint, tag_make(3, 8, 0), NULL, 0); /* the caller waits, then is answered */
    m = (struct msg){.tag = 0};
    sys_msg(SYS_RECV, endpoint, &m);
    m = greeting;
    must(sys_msg(SYS_REPLY, 0, &m), "answer");
    end_call("call, answered", greeting.word);

    begin_call(SYS_SEND, endpoint, tag_make(3, 8, 0), NULL, 0);
    m = (struct msg){.tag = 0};
    sys_msg(SYS_RECV, endpoint, &m);
    end_call("send", NULL);

    begin_call(SYS_RECV, endpoint, 0, NULL, 0);
    m = greeting;
    must(sys_msg(SYS_SEND, endpoint, &m), "send");
    end_call("recv", greeting.word);

    begin_call(SYS_WAIT, notification, 0, NULL, 0);
    must(notification_signal(notification), "signal");
    end_call("wait, signalled later", zero);
    must(notification_signal(notification), "signal");
    whole_call("wait, signalled before", SYS_WAIT, notification, 0, NULL, 0);
    must(notification_signal(notification), "signal");
    whole_call("try_wait", SYS_TRY_WAIT, notification, 0, NULL, 0);
}

/* The caller as a server, of a client that is another thread. */
static void calls_as_server(void)
{
    static const uint64_t sent[MSG_REGS] = {0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x1008};
    struct worker client = {.hart = rt_boot->hart_count - 1};

    worker_make(&client);
    must(worker_start(&client, (uint64_t)client_for_ever, 0, endpoint, tag_make(5, 8, 0)), "start a thread");
    begin_call(SYS_RECV, endpoint, 0, NULL, 0);
    end_call("recv of a call", sent);
    for (unsigned i = 0; i < 4; i++) {
        begin_call(SYS_REPLY_RECV, endpoint, tag_make(0, 8, 0), NULL, 0);
        end_call("reply_recv", sent);
    }
    whole_call("reply", SYS_REPLY, 0, tag_make(0, 8, 0), NULL, 0);
    whole_call("reply, nobody waits", SYS_REPLY, 0, tag_make(0, 8, 0), NULL, 0);
    sleep_us(100);
    whole_call("try_recv", SYS_TRY_RECV, endpoint, 0, NULL, 0);
    whole_call("save the caller", SYS_CALL, reply, tag_make(OP_REPLY_SAVE_CALLER, 0, 0), NULL, 0);
    whole_call("send to a reply object", SYS_SEND, reply, tag_make(0, 8, 0), NULL, 0);
    /* What ends a wait with an error. */
    worker_end(&client);
    begin_call(SYS_RECV, other, 0, NULL, 0);
    sleep_us(100);
    must(cnode_delete(BOOT_CNODE, other), "destroy an endpoint");
    end_call("recv, endpoint destroyed", NULL);
    begin_call(SYS_CALL, endpoint, tag_make(0, 8, 0), NULL, 0);
    struct msg m = {.tag = 0};
    sys_msg(SYS_RECV, endpoint, &m);
    sys_msg(SYS_TRY_RECV, endpoint, &m); /* drops the caller */
    end_call("call, dropped", NULL);
}

static void system_calls(uint32_t hart)
{
    caller = (struct worker){.hart = hart, .fault = done};
    worker_make(&caller);
    calls_without_partner();
    invocations();
    calls_with_partner();
    calls_as_server();
    worker_end(&caller);
}

/* --- Faults --- */

static void faults(void)
{
    struct worker worker = {.fault = done, .hart = rt_boot->hart_count - 1};
    cap_t frame = make_object(OBJ_FRAME, PAGE_BITS);
    unsigned rounds = 300, bad = 0;
    struct msg m;

    map_at(frame, BOOT_ADDRESS_SPACE, TOUCH, RIGHT_READ);
    must(frame_unmap(frame), "unmap a page");
    worker_make(&worker);
    for (unsigned round = 0; round < rounds; round++) {
        fill(&record, 1000 + round);
        record.in[A0] = TOUCH + round;
        record.endpoint = done;
        if (round == 0)
            must(worker_start(&worker, (uint64_t)round_touch, 0, (uint64_t)&record, 0), "start a thread");
        else
            must(sys_msg(SYS_REPLY, 0, &(struct msg){.tag = 0}), "let a thread go on");
        for (bool mapped = false;; mapped = true) {
            m = (struct msg){.tag = 0};
            sys_msg(SYS_RECV, done, &m);
            if (!(m.tag & TAG_FAULT))
                break;
            bad += mapped || tag_label(m.tag) != FAULT_PAGE || m.word[0] != TOUCH + round || m.word[6] ||
                   m.word[7];
            must(frame_map(frame, BOOT_ADDRESS_SPACE, TOUCH, RIGHT_READ), "map a page");
            must(sys_msg(SYS_REPLY, 0, &(struct msg){.tag = 0}), "restart a thread");
        }
        bad += !all_same(&record, 0, "a fault");
        must(frame_unmap(frame), "unmap a page");
    }
    worker_end(&worker);
    verdict(bad == 0, "faults", "%u wrong in %u rounds", bad, rounds);
}

/* --- Interrupts --- */

#define SPINNERS 8
#define SPINS    800000

static struct record spin_record[SPINNERS] __attribute__((aligned(16)));

/* Threads with patterns of their own share harts, in slices of 50 us, with timers that fire in between. */
static void interrupts(void)
{
    static struct worker spinner[SPINNERS];
    cap_t timer = make_object(OBJ_TIMER, 0), nobody = make_object(OBJ_NOTIFICATION, 0);
    unsigned rounds = 40 * SPINNERS, bad = 0;
    uint64_t switches = 0;

    must(timer_set(timer, nobody, rt_ticks(), rt_ticks_of_us(30)), "set a timer");
    for (unsigned i = 0; i < SPINNERS; i++) {
        cap_t badged = slots_take(1);
        must(cnode_mint(BOOT_CNODE, badged, 0, done, RIGHTS_ALL, i + 1), "mint a capability");
        spinner[i] =
            (struct worker){.fault = badged, .hart = i % rt_boot->hart_count, .budget = 50, .period = 50};
        worker_make(&spinner[i]);
        fill(&spin_record[i], 5000 + i);
        spin_record[i].in[T6] = SPINS;
        spin_record[i].endpoint = badged;
        must(worker_start(&spinner[i], (uint64_t)(i % 4 == 3 ? round_spin_no_fp : round_spin), 0,
                          (uint64_t)&spin_record[i], 0),
             "start a thread");
    }
    for (unsigned round = 0; round < rounds; round++) {
        struct msg m = {.tag = 0};
        sys_msg(SYS_RECV, done, &m);
        unsigned i = (unsigned)(m.badge - 1) % SPINNERS;
        struct record *of = &spin_record[i];
        bad += (m.tag & TAG_FAULT) != 0;
        if (i % 4 == 3)
            memcpy(of->fp_out, of->fp_in, sizeof(of->fp_out)), of->fcsr_out = of->fcsr_in;
        bad += !all_same(of, 1ull << T6, "interrupts") || of->out[T6] != 0;
        fill(of, 6000 + round);
        of->in[T6] = SPINS;
        must(sys_msg(SYS_REPLY, 0, &(struct msg){.tag = 0}), "let a thread go on");
    }
    for (unsigned i = 0; i < SPINNERS; i++) {
        switches += worker_info(&spinner[i]).switches;
        worker_end(&spinner[i]);
    }
    must(timer_cancel(timer), "stop a timer");
    verdict(bad == 0 && switches > rounds + rounds / 8, "interrupts", "%u wrong in %u rounds, %lu switches",
            bad, rounds, switches);
}

/* --- New threads --- */

/* Every register of a new thread is zero but for those it was started with, whatever ran there before. */
static void new_threads(void)
{
    struct worker worker = {.fault = done}, dirty = {.fault = done};
    unsigned bad = 0, rounds = 60;
    struct msg m = {.tag = 0};

    for (unsigned round = 0; round < rounds; round++) {
        worker.hart = dirty.hart = round % rt_boot->hart_count;
        worker_make(&dirty);
        fill(&spin_record[0], round);
        spin_record[0].in[T6] = 1;
        spin_record[0].endpoint = done;
        must(worker_start(&dirty, (uint64_t)round_spin, 0, (uint64_t)&spin_record[0], 0), "start a thread");
        sys_msg(SYS_RECV, done, &m);
        /* The memory of the thread that was: every other time it becomes the new one. */
        struct worker *next = round & 1 ? &dirty : &worker;
        worker_end(&dirty);
        worker_make(next);
        fill(&record, round);
        record.endpoint = done;
        must(worker_start(next, (uint64_t)round_newborn, 0, (uint64_t)&record, 0), "start a thread");
        sys_msg(SYS_RECV, done, &m);
        bad += (m.tag & TAG_FAULT) != 0;
        for (unsigned i = 1; i < 32; i++)
            bad += i != A0 && record.out[i] != 0;
        for (unsigned i = 0; i < 32; i++)
            bad += record.fp_out[i] != 0;
        bad += record.fcsr_out != 0;
        worker_end(next);
    }
    verdict(bad == 0, "new_threads", "%u registers wrong in %u threads", bad, rounds);
}

/* The same thread started again has nothing left of before. */
static void restarted_thread(void)
{
    struct worker worker = {.fault = done, .hart = rt_boot->hart_count - 1};
    struct msg m = {.tag = 0};
    unsigned bad = 0;

    worker_make(&worker);
    fill(&spin_record[0], 1);
    spin_record[0].in[T6] = 1;
    spin_record[0].endpoint = done;
    must(worker_start(&worker, (uint64_t)round_spin, 0, (uint64_t)&spin_record[0], 0), "start a thread");
    sys_msg(SYS_RECV, done, &m);
    must(worker_suspend(&worker), "suspend a thread");
    fill(&record, 1);
    record.endpoint = done;
    must(worker_start(&worker, (uint64_t)round_newborn, 0, (uint64_t)&record, 0), "start a thread");
    sys_msg(SYS_RECV, done, &m);
    for (unsigned i = 1; i < 32; i++)
        bad += (i != A0 && record.out[i] != 0) + (record.fp_out[i] != 0);
    worker_end(&worker);
    verdict(bad == 0 && record.fp_out[0] == 0 && record.fcsr_out == 0, "restarted_thread",
            "%u registers wrong", bad);
}

int main(void)
{
    guest_init("registers");
    done = make_object(OBJ_ENDPOINT, 0);
    endpoint = make_object(OBJ_ENDPOINT, 0);
    other = make_object(OBJ_ENDPOINT, 0);
    notification = make_object(OBJ_NOTIFICATION, 0);
    reply = make_object(OBJ_REPLY, 0);
    system_calls(0);
    verdict(wrong == 0, "system_calls", "%u wrong after %u calls", wrong, calls);
    faults();
    interrupts();
    new_threads();
    restarted_thread();
    guest_finish();
}
