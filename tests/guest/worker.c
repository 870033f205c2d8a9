/* SPDX-License-Identifier: MIT */
/* Workers: see worker.h. */
#include "worker.h"

#include <string.h>

#define STACK_BYTES 0x2000
#define STACKS      64
#define SLICE_US    10000
#define WORKER_BITS 11 /* a thread and a scheduling context */

static char stacks[STACKS][STACK_BYTES] __attribute__((aligned(16)));
static unsigned stacks_used;

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
    static cap_t own_timer, own_notification;

    if (!own_timer) {
        own_timer = make_object(OBJ_TIMER, TIMER_BITS);
        own_notification = make_object(OBJ_NOTIFICATION, NOTIFICATION_BITS);
    }
    must(timer_set(own_timer, own_notification, rt_ticks() + rt_ticks_of_us(us), 0), "set a timer");
    notification_wait(own_notification);
}
