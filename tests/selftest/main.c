/* SPDX-License-Identifier: MIT */
/* Runs the kernel's own tests, and those of the portable core on real memory. */
#include "boot/boot.h"
#include "boot/selftest.h"
#include "invoke.h"
#include "log.h"
#include "selftest.h"
#include "syscall.h"
#include "timer.h"

#include <string.h>

#define SCRATCH_BYTES (4ull << 20)

static struct {
    uint64_t next, end; /* physical */
} scratch;

static bool is_free(uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < boot_state.reserved.count; i++)
        if (start < boot_state.reserved.range[i].end && boot_state.reserved.range[i].start < end)
            return false;
    return true;
}

/* The highest free piece of memory that is large enough. */
static void find_scratch(void)
{
    for (unsigned i = boot_state.memory.count; i-- > 0 && !scratch.end;) {
        const struct range *range = &boot_state.memory.range[i];

        for (uint64_t at = range->end & -SCRATCH_BYTES; at >= range->start + SCRATCH_BYTES;
             at -= SCRATCH_BYTES)
            if (is_free(at - SCRATCH_BYTES, at)) {
                scratch.next = at - SCRATCH_BYTES;
                scratch.end = at;
                break;
            }
    }
}

void *selftest_memory(uint64_t size)
{
    uint64_t at = (scratch.next + size - 1) & -size;

    if (at + size > scratch.end)
        return NULL;
    scratch.next = at + size;
    return memset(arch_direct(at), 0, size);
}

static unsigned run_list(const struct selftest *test, unsigned *passed)
{
    unsigned failed = 0;

    for (; test->name; test++) {
        const char *wrong = test->run();

        if (wrong)
            log_line("selftest %s: FAILED %s", test->name, wrong);
        else
            log_line("selftest %s: ok", test->name);
        failed += wrong != NULL;
        *passed += wrong == NULL;
    }
    return failed;
}

void selftest_run(void)
{
    unsigned passed = 0, failed;

    find_scratch();
    failed = run_list(selftests_machine, &passed);
    failed += run_list(selftests_core, &passed);
    log_line("selftest: %u passed, %u failed", passed, failed);
    if (failed == 0)
        arch_poweroff();
    arch_fail();
}

/* --- The core on real memory --- */

static const char *string_functions(void)
{
    static uint8_t from[160], to[160];

    for (unsigned i = 0; i < sizeof(from); i++)
        from[i] = i * 7 + 1;
    for (unsigned a = 0; a < 9; a++)
        for (unsigned b = 0; b < 9; b++)
            for (unsigned n = 0; n < 140; n += 1 + n / 20) {
                memset(to, 0xee, sizeof(to));
                memcpy(to + a, from + b, n);
                for (unsigned i = 0; i < sizeof(to); i++)
                    MUST(to[i] == (i >= a && i < a + n ? from[b + i - a] : 0xee));
                memset(to + b, 0x11, n);
                MUST(n == 0 || (to[b] == 0x11 && to[b + n - 1] == 0x11));
                MUST(to[b + n] != 0x11 || b + n < a + n);
            }
    for (unsigned i = 0; i < 100; i++)
        to[i] = i;
    memmove(to + 3, to, 90);
    for (unsigned i = 0; i < 90; i++)
        MUST(to[i + 3] == i);
    memmove(to, to + 5, 90);
    for (unsigned i = 0; i < 80; i++)
        MUST(to[i] == i + 2);
    MUST(memcmp("abc", "abd", 3) < 0 && memcmp("abc", "abd", 2) == 0);
    MUST(strcmp("ab", "abc") < 0 && strncmp("abx", "aby", 2) == 0 && strlen("four") == 4);
    return NULL;
}

static const char *time_queue(void)
{
    enum { COUNT = 500 };
    char *memory = selftest_memory(1 << 15);
    struct hart *hart = hart_self();
    uint64_t random = 12345, last = 0;

    MUST(memory && !hart->heap);
    for (unsigned i = 0; i < COUNT; i++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        time_queue_insert(hart, (struct heap_node *)(memory + (i << TIMER_BITS)), random >> 40);
    }
    for (unsigned i = 0; i < COUNT; i += 3)
        time_queue_remove((struct heap_node *)(memory + (i << TIMER_BITS)));
    for (unsigned i = 0; i < COUNT; i++) {
        struct heap_node *first = time_queue_first(hart);

        if (i % 3 == 0)
            continue;
        MUST(first && first->deadline >= last);
        last = first->deadline;
        time_queue_remove(first);
    }
    MUST(!hart->heap);
    return NULL;
}

/* A thread with a CNode of 64 slots that holds the CNode (1) and 1 MiB of untyped memory (2). */
static struct thread *make_thread(void)
{
    struct thread *thread = selftest_memory(1 << THREAD_BITS);
    struct slot *slots = selftest_memory(64 << SLOT_BITS);
    void *memory = selftest_memory(1 << 20);

    if (!thread || !slots || !memory)
        return NULL;
    slot_make_root(&slots[1], OBJ_CNODE, slots, SLOT_BITS + 6, RIGHTS_ALL);
    slot_make_root(&slots[2], OBJ_UNTYPED, memory, 20, RIGHTS_ALL);
    slot_make_root(&thread->slot[THREAD_CSPACE], OBJ_CNODE, slots, SLOT_BITS + 6, RIGHTS_ALL);
    thread->state = THREAD_READY;
    return thread;
}

/* One operation as `thread`, made again when it pauses. Returns the error. */
static uint32_t call(struct thread *thread, uint64_t cap, uint32_t op, const uint64_t *words,
                              unsigned count)
{
    thread->reg[REG_A7] = SYS_CALL;
    thread->reg[REG_A0] = cap;
    thread->reg[REG_A0 + 1] = tag_make(op, count, 0);
    for (unsigned i = 0; i < count; i++)
        message_set_word(thread, i, words[i]);
    thread->reg[REG_PC] = 0;
    while (thread->reg[REG_PC] == 0)
        kernel_syscall(thread);
    return tag_label(thread->reg[REG_A0 + 1]);
}

#define CALL(cap, op, ...)                                                                                   \
    call(thread, cap, op, (uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static const char *capabilities(void)
{
    struct thread *thread = make_thread();
    struct slot *slots;

    MUST(thread);
    slots = thread->slot[THREAD_CSPACE].object;
    MUST(!CALL(2, OP_UNTYPED_RETYPE, OBJ_ENDPOINT, 0, 0, 10, 4, 0));
    MUST(!CALL(1, OP_CNODE_COPY, 20, 0, 10, RIGHT_SEND));
    MUST(!CALL(1, OP_CNODE_COPY, 21, 0, 20, RIGHTS_ALL));
    MUST(slots[21].rights == RIGHT_SEND && !slot_is_last(&slots[10]) && slot_is_last(&slots[11]));
    MUST(!CALL(1, OP_CNODE_REVOKE, 10));
    MUST(slot_is_empty(&slots[20]) && slot_is_empty(&slots[21]) && slot_is_last(&slots[10]));
    MUST(CALL(2, OP_UNTYPED_RETYPE, OBJ_FRAME, MEGAPAGE_BITS, 0, 30, 1, 0) == ERR_NO_MEMORY);
    MUST(!CALL(2, OP_UNTYPED_RETYPE, OBJ_CNODE, 10, 0, 30, 2, 0));
    MUST(!CALL(30, OP_CNODE_MOVE, 5, 0, 31));
    MUST(!CALL(1, OP_CNODE_REVOKE, 2));
    MUST(!slots[2].child && slot_is_empty(&slots[10]) && slot_is_empty(&slots[30]));
    return NULL;
}

static const char *log_ring(void)
{
    char text[64];
    uint64_t next, before = log_end();

    log_set_echo(0);
    for (unsigned i = 0; i < 3000; i++)
        log_line("line %u that fills the ring", i);
    log_set_echo(1);
    MUST(log_end() > before + (64 << 10));
    MUST(log_read(before, text, sizeof(text), &next) == sizeof(text));
    MUST(next > before + sizeof(text)); /* the oldest byte is gone, so reading begins later */
    MUST(log_read(log_end() - 8, text, sizeof(text), &next) == 8 && next == log_end());
    MUST(text[7] == '\n');
    return NULL;
}

const struct selftest selftests_core[] = {
    {"string_functions", string_functions},
    {"time_queue", time_queue},
    {"capabilities", capabilities},
    {"log_ring", log_ring},
    {NULL, NULL},
};
