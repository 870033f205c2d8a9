/* SPDX-License-Identifier: MIT */
/*
 * Measures the kernel from user mode, in place of init: `bench NAME VALUE insn` for each row, VALUE the
 * instructions of one operation, the user's part too. QEMU must run with -icount shift=0, where the count of
 * retired instructions is exact, and the kernel with `counters` on its command line, which lets a process
 * read it. On a machine with more than one hart, what is measured is messages between them.
 */
#include "bench.h"

#include <abi/fault.h>
#include <stdio.h>
#include <string.h>

#define COUNT         20000
#define THREAD_COUNT  2000
#define BATCH         512 /* frames: one page table */
#define BATCHES       40
#define LINE_PHYSICAL 0x10000000ull /* the serial line of QEMU's machine `virt` */
#define LINE_NUMBER   10
#define PATTERN       0x1234567890abcdefull

static void row(const char *name, uint64_t total, uint64_t count)
{
    printf("bench %s %lu insn\n", name, (total + count / 2) / count);
}

static void check_counter(void)
{
    check(strstr(rt_boot->command_line, "counters") != NULL, "the kernel's command line lacks `counters`");
    uint64_t before = guest_instret(), between = guest_instret(), after = guest_instret();
    check(after - between == between - before && after - between < 20,
          "the count of instructions is not exact; QEMU needs -icount shift=0");
}

/* The count against the clock: a tick is 100 instructions. */
static void check_clock(cap_t notification)
{
    uint64_t from = rt_ticks();
    struct sample sample = bench_try_wait(notification, COUNT);
    uint64_t expected = (rt_ticks() - from) * (1000000000 / rt_start->timebase);
    uint64_t apart =
        expected > sample.instructions ? expected - sample.instructions : sample.instructions - expected;

    check(apart < 1000, "the clock and the count of instructions disagree; QEMU needs -icount shift=0");
}

static void calls(const char *name, cap_t endpoint, unsigned length)
{
    uint64_t words[MSG_REGS], tag = tag_make(0, length, 0);

    for (unsigned i = 0; i < MSG_REGS; i++)
        words[i] = PATTERN + i;
    struct sample sample = bench_call(endpoint, tag, COUNT, words);
    check(sample.tags == tag, "a call failed");
    for (unsigned i = 0; i < MSG_REGS && i < length; i++)
        check(words[i] == PATTERN + i, "a word came back changed");
    row(name, sample.instructions, COUNT);
}

/* The server's message page is to be seen at PEER_PAGE. */
static void long_calls(const char *name, cap_t endpoint)
{
    struct msg_page *own = rt_msg_page();
    const struct msg_page *peer = (const struct msg_page *)PEER_PAGE;

    for (unsigned i = 0; i < MSG_MAX_WORDS; i++)
        own->word[i] = name[0] + strlen(name) + i;
    calls(name, endpoint, MSG_MAX_WORDS);
    check(memcmp(&own->word[MSG_REGS], &peer->word[MSG_REGS],
                 sizeof(own->word) - sizeof(own->word[0]) * MSG_REGS) == 0,
          "long messages do not arrive");
}

static void rows_calls(void)
{
    cap_t endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS), copy = slots_take(1);
    cap_t frame = make_object(OBJ_FRAME, PAGE_BITS);
    struct peer server = {.space = second_space,
                          .code = bench_server,
                          .argument = endpoint,
                          .priority = PRIORITY_PEER,
                          .message_frame = frame,
                          .passive = true};

    must(cnode_copy(BOOT_CNODE, copy, 0, frame, RIGHTS_ALL), "copy a frame's capability");
    map_at(frame, second_space, PEER_PAGE, RIGHT_READ | RIGHT_WRITE);
    map_at(copy, BOOT_ADDRESS_SPACE, PEER_PAGE, RIGHT_READ);
    peer_start(&server);
    calls("ipc_rt_0w", endpoint, 0);
    calls("ipc_rt_4w", endpoint, 4);
    calls("ipc_rt_8w", endpoint, 8);
    long_calls("ipc_rt_64w", endpoint);
    peer_end(&server);

    server.passive = false;
    peer_start(&server);
    long_calls("ipc_rt_64w_budgets", endpoint);
    peer_end(&server);

    server.space = BOOT_ADDRESS_SPACE;
    server.message_frame = 0;
    server.passive = true;
    peer_start(&server);
    calls("ipc_rt_same_as", endpoint, 0);
    peer_end(&server);

    server.space = second_space;
    server.passive = false;
    peer_start(&server);
    calls("ipc_rt_budgets", endpoint, 0);
    peer_end(&server);
}

/* FP registers in use on one side, and on both. */
static void rows_fp(void)
{
    cap_t endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    struct peer server = {.space = second_space,
                          .code = bench_server,
                          .argument = endpoint,
                          .priority = PRIORITY_PEER,
                          .passive = true};

    peer_start(&server);
    row("ipc_rt_fp_one", bench_call_fp(endpoint, 0, COUNT).instructions, COUNT);
    peer_end(&server);
    server.code = bench_server_fp;
    peer_start(&server);
    row("ipc_rt_fp_both", bench_call_fp(endpoint, 0, COUNT).instructions, COUNT);
    peer_end(&server);
}

static void rows_notification(void)
{
    cap_t notification = make_object(OBJ_NOTIFICATION, NOTIFICATION_BITS);
    struct peer waiter = {
        .space = second_space, .code = bench_waiter, .argument = notification, .priority = PRIORITY_PEER};

    check_clock(notification);
    struct sample sample = bench_try_wait(notification, COUNT);
    check(tag_label(sample.tags) == ERR_WOULD_BLOCK, "a notification has bits that nobody sent");
    row("null_syscall", sample.instructions, COUNT);

    sample = bench_signal(notification, COUNT);
    check(!tag_label(sample.tags) && notification_poll(notification, NULL),
          "a signal did not arrive");
    row("signal_nowait", sample.instructions, COUNT);

    peer_start(&waiter);
    sample = bench_signal(notification, COUNT);
    check(!tag_label(sample.tags) && !notification_poll(notification, NULL),
          "a signal did not wake the waiter");
    row("signal_wake_rt", sample.instructions, COUNT);
    peer_end(&waiter);

    waiter.code = bench_receiver;
    waiter.argument = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    waiter.notification = notification;
    peer_start(&waiter);
    sample = bench_signal(notification, COUNT);
    check(!tag_label(sample.tags) && !notification_poll(notification, NULL),
          "a signal did not wake the receiver");
    row("signal_recv_rt", sample.instructions, COUNT);
    peer_end(&waiter);
}

static void foreign_calls(const char *name, cap_t endpoint, struct peer *peer)
{
    peer_start(peer);
    struct sample sample = bench_handle_faults(endpoint, COUNT);
    check(sample.tags & TAG_FAULT && tag_label(sample.tags) == FAULT_FOREIGN, "no foreign system call came");
    row(name, sample.instructions, COUNT);
    peer_end(peer);
}

static void rows_faults(void)
{
    cap_t endpoint = make_object(OBJ_ENDPOINT, ENDPOINT_BITS);
    struct peer faulter = {.space = second_space,
                           .code = bench_faulter,
                           .argument = NO_PAGE,
                           .priority = PRIORITY_MAIN - 1,
                           .fault = endpoint};

    peer_start(&faulter);
    struct sample sample = bench_handle_faults(endpoint, COUNT);
    check(sample.tags & TAG_FAULT, "no fault came");
    row("fault_rt", sample.instructions, COUNT);
    peer_end(&faulter);

    faulter.foreign = true;
    faulter.code = bench_foreign;
    foreign_calls("foreign_rt", endpoint, &faulter);
    faulter.code = bench_foreign_fp;
    foreign_calls("foreign_rt_fp", endpoint, &faulter);
}

static void row_interrupt(void)
{
    volatile uint64_t *shared = (volatile uint64_t *)SHARED_PAGE;
    cap_t notification = make_object(OBJ_NOTIFICATION, NOTIFICATION_BITS), handler = slots_take(1);
    const uint64_t line[3] = {LINE_NUMBER, 0, handler}, bind[1] = {notification};
    struct peer driver = {
        .space = second_space, .code = bench_driver, .argument = SHARED_PAGE, .priority = PRIORITY_PEER};

    map_device(LINE_PHYSICAL, UART_PAGE);
    must(kernel_call(BOOT_IRQ_CONTROL, OP_IRQ_CONTROL_GET, line, 3, NULL, 0), "take the interrupt");
    must(kernel_call(handler, OP_IRQ_HANDLER_BIND, bind, 1, NULL, 0), "bind the interrupt");
    shared[1] = notification;
    shared[2] = handler;
    shared[3] = tag_make(OP_IRQ_HANDLER_ACK, 0, 0);
    shared[4] = UART_PAGE;
    fflush(stdout);
    peer_start(&driver);
    struct sample sample = bench_interrupt((volatile uint8_t *)UART_PAGE, COUNT, shared);
    check(sample.tags == 0, "an interrupt did not reach the driver at once");
    row("irq_to_driver", sample.instructions, COUNT);
    peer_end(&driver);
}

static void rows_memory(void)
{
    cap_t untyped = make_object(OBJ_UNTYPED, PAGE_BITS + 9), first = slots_take(BATCH);
    uint64_t retype = 0, clear = 0, map = 0, unmap = 0, tags = 0;
    cap_t other = make_object(OBJ_FRAME, PAGE_BITS);

    map_at(other, BOOT_ADDRESS_SPACE, BATCH_PAGES, RIGHT_READ); /* makes the table */
    must(frame_unmap(other), "unmap a page");
    for (unsigned i = 0; i < BATCHES; i++) {
        struct sample sample =
            bench_retype(untyped, tag_make(OP_UNTYPED_RETYPE, 6, 0), BATCH, OBJ_FRAME, PAGE_BITS, first);
        retype += sample.instructions;
        tags |= sample.tags;
        sample = bench_each(first, tag_make(OP_FRAME_CLEAR, 0, 0), BATCH);
        clear += sample.instructions;
        tags |= sample.tags;
        sample = bench_map(first, tag_make(OP_FRAME_MAP, 3, 0), BATCH, BOOT_ADDRESS_SPACE, BATCH_PAGES,
                           RIGHT_READ | RIGHT_WRITE);
        map += sample.instructions;
        tags |= sample.tags;
        check(tag_label(tags) == 0, "an operation on memory failed");
        *(volatile uint64_t *)(BATCH_PAGES + (BATCH - 1) * PAGE_BYTES) = 1;
        sample = bench_each(first, tag_make(OP_FRAME_UNMAP, 0, 0), BATCH);
        unmap += sample.instructions;
        tags |= sample.tags;
        must(cnode_revoke(BOOT_CNODE, untyped), "revoke memory");
    }
    check(tag_label(tags) == 0, "an operation on memory failed");
    row("page_map", map, BATCH * BATCHES);
    row("page_unmap", unmap, BATCH * BATCHES);
    row("retype_frame", retype, BATCH * BATCHES);
    row("clear_page", clear, BATCH * BATCHES);
}

/* What it takes to have a thread: two objects, three operations. Returns the count at the beginning. */
static uint64_t create_thread(cap_t untyped, cap_t thread, cap_t context, cap_t never)
{
    uint64_t slice = rt_ticks_of_us(10000), code = STUB_PAGE + (uint64_t)(bench_newborn - bench_page);
    uint64_t from = guest_instret();

    enum error error = untyped_retype(untyped, OBJ_THREAD, 0, 0, thread, 1, 0);
    error |= untyped_retype(untyped, OBJ_SCHED_CONTEXT, 0, 0, context, 1, 0);
    error |= sys_invoke(BOOT_SCHED_CONTROL, tag_make(OP_SCHED_CONTROL_CONFIGURE, 3, 0), context, slice, slice,
                        0, 0, 0);
    error |= sys_invoke(thread, tag_make(OP_THREAD_CONFIGURE, 6, 0), BOOT_CNODE, second_space, 0, 0, context,
                        PRIORITY_PEER * 257);
    error |= sys_invoke(thread, tag_make(OP_THREAD_START, 6, 0), code, 0, SHARED_PAGE, never, 0, 0);
    check(!error, "making a thread failed");
    return from;
}

static void row_thread(void)
{
    volatile uint64_t *shared = (volatile uint64_t *)SHARED_PAGE;
    cap_t never = make_object(OBJ_NOTIFICATION, NOTIFICATION_BITS);
    cap_t untyped = make_object(OBJ_UNTYPED, PAGE_BITS), thread = slots_take(2);
    uint64_t total = 0;

    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        shared[0] = 0;
        uint64_t from = create_thread(untyped, thread, thread + 1, never);
        check(shared[0] > from, "a new thread does not run");
        total += shared[0] - from;
        must(cnode_revoke(BOOT_CNODE, untyped), "destroy a thread");
    }
    row("thread_create", total, THREAD_COUNT);
}

static void rows_one_hart(void)
{
    check_counter();
    rows_calls();
    rows_notification();
    rows_fp();
    rows_faults();
    row_interrupt();
    rows_memory();
    row_thread();
}

int main(void)
{
    if (rt_boot == NULL) {
        return 1; /* not started by the kernel */
    }
    guest_init("bench");
    world_init();
    if (rt_boot->hart_count > 1)
        rows_cross();
    else
        rows_one_hart();
    printf("bench: done\n");
    power_off(false);
}
