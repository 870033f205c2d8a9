/* SPDX-License-Identifier: MIT */
/* Objects, threads and probes for programs that test the kernel: see guest.h. */
#include "guest.h"

#include <abi/fault.h>
#include <rt/internal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES 0x2000
#define STACKS      64
#define SLICE_US    10000
#define WORKER_BITS 11 /* a thread and a scheduling context */

static const char *program;
static unsigned passed, failed;
static cap_t memory;
static cap_t next_slot;
static cap_t own_timer, own_notification;
static char stacks[STACKS][STACK_BYTES] __attribute__((aligned(16)));
static unsigned stacks_used;

/* --- Results --- */

static void power_off(bool failure)
{
    uint64_t argument = failure;

    fflush(stdout);
    kernel_call(BOOT_RESET, OP_RESET_POWEROFF, &argument, 1, NULL, 0);
    __builtin_trap();
}

bool verdict(bool right, const char *name, const char *format, ...)
{
    va_list arguments;

    printf("%s %s: %s ", program, name, right ? "ok" : "FAILED");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    passed += right;
    failed += !right;
    return right;
}

void must(enum error error, const char *what)
{
    if (error == ERR_OK)
        return;
    printf("%s: cannot %s: %s\n", program, what, error_text(error));
    power_off(true);
}

void guest_finish(void)
{
    printf("%s: %u passed, %u failed\n", program, passed, failed);
    power_off(failed != 0);
    __builtin_unreachable();
}

uint64_t guest_option(const char *name, uint64_t otherwise)
{
    size_t length = strlen(name);

    for (const char *at = rt_boot->command_line; (at = strstr(at, name)) != NULL; at += length)
        if (at[length] == '=' && (at == rt_boot->command_line || at[-1] == ' '))
            return strtoull(at + length + 1, NULL, 0);
    return otherwise;
}

void guest_init(const char *name)
{
    const uint64_t priority[2] = {PRIORITY_MAIN, 255};
    unsigned bits = 0;

    program = name;
    next_slot = rt_boot->first_free_slot;
    for (uint64_t i = 0; i < rt_boot->untyped_count; i++) {
        const struct boot_untyped *untyped = &rt_boot->untyped[i];
        if (!untyped->device && untyped->size_bits > bits) {
            memory = untyped->slot;
            bits = untyped->size_bits;
        }
    }
    must(kernel_call(BOOT_THREAD, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set the own priority");
    own_timer = make_object(OBJ_TIMER, TIMER_BITS);
    own_notification = make_object(OBJ_NOTIFICATION, NOTIFICATION_BITS);
}

/* --- Objects --- */

cap_t slots_take(unsigned count)
{
    cap_t first = next_slot;

    must(count <= rt_boot->cnode_slots - first ? ERR_OK : ERR_NO_MEMORY, "take capability slots");
    next_slot += count;
    return first;
}

enum error make_of(cap_t untyped, enum object_type type, unsigned size_bits, cap_t slot)
{
    return untyped_retype(untyped, type, size_bits, 0, slot, 1, 0);
}

cap_t make_object(enum object_type type, unsigned size_bits)
{
    cap_t slot = slots_take(1);

    must(make_of(memory, type, size_bits, slot), "make an object");
    return slot;
}

cap_t copy_cap(cap_t from, uint64_t rights)
{
    cap_t slot = slots_take(1);

    must(cnode_copy(BOOT_CNODE, slot, 0, from, rights), "copy a capability");
    return slot;
}

void map_at(cap_t frame, cap_t space, uint64_t address, uint64_t rights)
{
    enum error error = frame_map(frame, space, address, rights);

    while (error == ERR_NO_TABLE) {
        const uint64_t where[2] = {space, address};
        must(kernel_call(make_object(OBJ_PAGE_TABLE, PAGE_BITS), OP_PAGE_TABLE_MAP, where, 2, NULL, 0),
             "map a page table");
        error = frame_map(frame, space, address, rights);
    }
    must(error, "map a page");
}

cap_t map_new(uint64_t address)
{
    cap_t frame = make_object(OBJ_FRAME, PAGE_BITS);

    map_at(frame, BOOT_ADDRESS_SPACE, address, RIGHT_READ | RIGHT_WRITE);
    return frame;
}

uint64_t memory_left(void)
{
    uint64_t info[2];

    must(kernel_call(memory, OP_UNTYPED_INFO, NULL, 0, info, 2), "ask untyped memory");
    return (1ull << info[0]) - info[1];
}

/* --- Threads --- */

static void worker_parts(const struct worker *worker)
{
    uint64_t budget = rt_ticks_of_us(worker->budget ? worker->budget : SLICE_US);
    uint64_t period = rt_ticks_of_us(worker->period ? worker->period : SLICE_US);
    const uint64_t time[3] = {worker->context, budget, period}, bound[1] = {worker->context};
    const uint64_t parts[4] = {worker->cnode ? worker->cnode : BOOT_CNODE,
                               worker->space ? worker->space : BOOT_ADDRESS_SPACE, worker->message_frame,
                               worker->fault};
    const uint64_t priority[2] = {worker->priority, worker->priority};

    must(kernel_call(BOOT_SCHED_CONTROL + worker->hart, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0),
         "set a budget");
    must(kernel_call(worker->thread, OP_THREAD_CONFIGURE, parts, 4, NULL, 0), "configure a thread");
    must(kernel_call(worker->thread, OP_THREAD_BIND_CONTEXT, bound, 1, NULL, 0), "give a thread time");
    must(kernel_call(worker->thread, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set a priority");
}

void worker_make(struct worker *worker)
{
    if (!worker->untyped) {
        worker->untyped = make_object(OBJ_UNTYPED, WORKER_BITS);
        worker->thread = slots_take(2);
        worker->context = worker->thread + 1;
    }
    if (worker->priority == 0)
        worker->priority = PRIORITY_MAIN - 1;
    worker->done = false;
    must(make_of(worker->untyped, OBJ_THREAD, 0, worker->thread), "make a thread");
    must(make_of(worker->untyped, OBJ_SCHED_CONTEXT, 0, worker->context), "make a scheduling context");
    worker_parts(worker);
}

enum error worker_start(struct worker *worker, uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1)
{
    return sys_invoke(worker->thread, tag_make(OP_THREAD_START, 6, 0), pc, sp, a0, a1, 0, 0);
}

static void worker_main(struct worker *worker)
{
    worker->function(worker->argument);
    worker->done = true;
    worker_suspend(worker);
    __builtin_trap();
}

void worker_run(struct worker *worker, void (*function)(uint64_t argument), uint64_t argument)
{
    extern const char __tls_start[], __tls_data_size[], __tls_size[];

    must(worker->stack || stacks_used < STACKS ? ERR_OK : ERR_NO_MEMORY, "find a stack");
    if (!worker->stack)
        worker->stack = ++stacks_used;
    worker->function = function;
    worker->argument = argument;
    char *low = stacks[worker->stack - 1], *top = low + STACK_BYTES;
    memset(low, 0, (size_t)__tls_size);
    memcpy(low, __tls_start, (size_t)__tls_data_size);
    must(sys_invoke(worker->thread, tag_make(OP_THREAD_START, 6, 0), (uint64_t)guest_entry, (uint64_t)top,
                    (uint64_t)worker, (uint64_t)worker_main, 0, (uint64_t)low),
         "start a thread");
}

enum error worker_suspend(struct worker *worker)
{
    return sys_invoke(worker->thread, tag_make(OP_THREAD_SUSPEND, 0, 0), 0, 0, 0, 0, 0, 0);
}

struct thread_info worker_info(const struct worker *worker)
{
    struct thread_info info;

    must(kernel_call(worker->thread, OP_THREAD_INFO, NULL, 0, (uint64_t *)&info, sizeof(info) / 8),
         "ask a thread");
    return info;
}

uint64_t worker_consumed(const struct worker *worker)
{
    uint64_t info[4];

    must(kernel_call(worker->context, OP_SCHED_CONTEXT_INFO, NULL, 0, info, 4), "ask a scheduling context");
    return info[3];
}

void worker_end(struct worker *worker)
{
    must(cnode_revoke(BOOT_CNODE, worker->untyped), "destroy a thread");
}

void sleep_us(uint64_t us)
{
    must(timer_set(own_timer, own_notification, rt_ticks() + rt_ticks_of_us(us), 0), "set a timer");
    notification_wait(own_notification);
}

/* --- Probes --- */

static cap_t probe_endpoint;

void probe_make(struct worker *worker, uint32_t hart)
{
    if (!probe_endpoint)
        probe_endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    worker->hart = hart;
    worker->fault = probe_endpoint;
    worker_make(worker);
}

/* Takes a message of the probe as its outcome and leaves it stopped. */
static struct outcome probe_end(struct worker *worker, const struct msg *m)
{
    struct outcome outcome = {.survived = !(m->tag & TAG_FAULT), .fault = tag_label(m->tag)};
    struct msg refuse = {.tag = tag_make(ERR_DENIED, 0, 0)};

    memcpy(outcome.word, m->word, sizeof(outcome.word));
    if (outcome.survived)
        must(worker_suspend(worker), "suspend a probe");
    else
        must(sys_msg(SYS_REPLY, 0, &refuse), "leave a probe as it is");
    return outcome;
}

struct outcome probe_wait(struct worker *worker)
{
    struct msg m = {.tag = 0};

    sys_msg(SYS_RECV, probe_endpoint, &m);
    return probe_end(worker, &m);
}

bool probe_poll(struct worker *worker, uint64_t us, struct outcome *outcome)
{
    uint64_t end = rt_ticks() + rt_ticks_of_us(us);
    struct msg m;

    do {
        m = (struct msg){.tag = 0};
        if (sys_msg(SYS_TRY_RECV, probe_endpoint, &m) != ERR_WOULD_BLOCK) {
            *outcome = probe_end(worker, &m);
            return true;
        }
        sleep_us(20);
    } while (rt_ticks() < end);
    must(worker_suspend(worker), "suspend a probe");
    return false;
}

void probe_go(struct worker *worker, const void *pc, uint64_t argument)
{
    must(worker_start(worker, (uint64_t)pc, 0, argument, probe_endpoint), "start a probe");
}

bool probe_within(struct worker *worker, const void *pc, uint64_t argument, uint64_t us,
                  struct outcome *outcome)
{
    probe_go(worker, pc, argument);
    return probe_poll(worker, us, outcome);
}

struct outcome probe(struct worker *worker, const void *pc, uint64_t argument)
{
    probe_go(worker, pc, argument);
    return probe_wait(worker);
}

bool probe_refused(const struct outcome *outcome, uint64_t access, uint64_t address)
{
    const struct fault_message *fault = (const struct fault_message *)outcome->word;

    return !outcome->survived && (outcome->fault == FAULT_PAGE || outcome->fault == FAULT_ACCESS) &&
           fault->access == access && fault->address == address;
}

const char *fault_name(const struct outcome *outcome)
{
    static const char *const name[] = {
#define FAULT(number, name, text) [number] = text,
        FAULT_LIST(FAULT)
#undef FAULT
    };

    if (outcome->survived)
        return "survived";
    return outcome->fault < sizeof(name) / sizeof(name[0]) && name[outcome->fault] ? name[outcome->fault]
                                                                                   : "?";
}
