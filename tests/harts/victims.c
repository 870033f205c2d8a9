/* SPDX-License-Identifier: MIT */
/*
 * Threads that count up a word in memory for ever, and a tormentor that suspends, resumes and destroys them
 * wherever they run: a word whose thread was said to be stopped must not change. Some run in the program's
 * address space, some in small ones that are destroyed and made again with them, with another page to count
 * in.
 */
#include "harts.h"

#define PER_HART    2
#define SPACES      MAX_HARTS
#define SPACE_CODE  0x10000000ull /* in the small spaces */
#define SPACE_COUNT 0x20000000ull
#define COUNT_ALIAS 0x2900000000ull /* the pages to count in, here: PAGES for each small space */
#define CODE_ALIAS  0x2a00000000ull
#define PAGES       2

struct victim {
    struct actor actor;
    volatile uint64_t count;
};
struct small {
    cap_t untyped, slots;         /* all of it is made of this, in SMALL_SLOTS slots */
    cap_t page[PAGES];
    unsigned generation;
    bool alive;
};
enum { S_SPACE, S_TABLE1, S_TABLE0, S_TABLE0_TOO, S_CODE, S_PAGE, S_THREAD, S_CONTEXT, SMALL_SLOTS };

static struct victim victims[MAX_HARTS * PER_HART];
static struct small smalls[SPACES];
static struct actor tormentor, destroyer;
static struct sleeper tormentor_sleeper, destroyer_sleeper;
static unsigned victim_count, small_count;
static cap_t code_frame;

static void count_up(uint64_t number)
{
    struct victim *victim = &victims[number];

    for (uint64_t i = 0;; i++) {
        victim->count++;
        if (i % 256 == 0) {
            victim->actor.progress++;
            yield();
        }
    }
}

/* While nobody runs that counts there, a word stays as it is. */
static void must_stand_still(const volatile uint64_t *count, const struct sleeper *sleeper,
                             struct actor *self)
{
    uint64_t before = __atomic_load_n(count, __ATOMIC_SEQ_CST);

    if (random_below(self, 2)) {
        sleeper_sleep(sleeper, random_below(self, 1000));
    } else {
        for (volatile unsigned i = 0; i < 2000; i++) {
        }
    }
    check(__atomic_load_n(count, __ATOMIC_SEQ_CST) == before,
                "a thread runs that was said to be stopped");
}

static void torment(uint64_t unused)
{
    (void)unused;
    for (;;) {
        struct victim *victim = &victims[random_below(&tormentor, victim_count)];
        struct guest_thread *thread = &victim->actor.thread;
        victim->actor.stopped = true;
        if (random_below(&tormentor, 3)) {
            must(kernel_call(thread->thread, OP_THREAD_SUSPEND, NULL, 0, NULL, 0), "suspend a thread");
            must_stand_still(&victim->count, &tormentor_sleeper, &tormentor);
            must(kernel_call(thread->thread, OP_THREAD_RESUME, NULL, 0, NULL, 0), "resume a thread");
            count_add(COUNT_SUSPENDS, 1);
        } else {
            guest_thread_end(thread);
            must_stand_still(&victim->count, &tormentor_sleeper, &tormentor);
            thread->hart = random_below(&tormentor, rt_boot->hart_count);
            guest_thread_start(thread);
            count_add(COUNT_KILLS, 1);
        }
        victim->actor.stopped = false;
        tormentor.progress++;
    }
}

/* --- Small address spaces --- */

static volatile uint64_t *small_count_at(const struct small *small)
{
    uint64_t page = (small - smalls) * PAGES + small->generation % PAGES;

    return (volatile uint64_t *)(COUNT_ALIAS + page * PAGE_BYTES);
}

static void small_table(const struct small *small, unsigned which, uint64_t address)
{
    const uint64_t where[2] = {small->slots + S_SPACE, address};

    must(untyped_retype(small->untyped, OBJ_PAGE_TABLE, 0, 0, small->slots + which, 1, 0),
               "make a table");
    must(kernel_call(small->slots + which, OP_PAGE_TABLE_MAP, where, 2, NULL, 0), "map a page table");
}

static void small_memory(const struct small *small)
{
    cap_t space = small->slots + S_SPACE, code = small->slots + S_CODE, page = small->slots + S_PAGE;

    must(untyped_retype(small->untyped, OBJ_ADDRESS_SPACE, 0, 0, space, 1, 0), "make an address space");
    small_table(small, S_TABLE1, SPACE_CODE);
    small_table(small, S_TABLE0, SPACE_CODE);
    small_table(small, S_TABLE0_TOO, SPACE_COUNT);
    must(cnode_copy(BOOT_CNODE, code, 0, code_frame, RIGHTS_ALL), "copy a frame's capability");
    must(frame_map(code, space, SPACE_CODE, RIGHT_READ | RIGHT_EXEC), "map code");
    must(cnode_copy(BOOT_CNODE, page, 0, small->page[small->generation % PAGES], RIGHTS_ALL), "copy");
    must(frame_map(page, space, SPACE_COUNT, RIGHT_READ | RIGHT_WRITE), "map a page");
}

static void small_begin(struct small *small, unsigned hart)
{
    cap_t thread = small->slots + S_THREAD, context = small->slots + S_CONTEXT;
    const uint64_t parts[4] = {BOOT_CNODE, small->slots + S_SPACE}, bound[1] = {context};
    const uint64_t priority[2] = {PRIORITY_BUSY, 0}, start[6] = {SPACE_CODE, 0, SPACE_COUNT};

    small->generation++;
    *small_count_at(small) = 0;
    small_memory(small);
    must(untyped_retype(small->untyped, OBJ_THREAD, 0, 0, thread, 1, 0), "make a thread");
    must(untyped_retype(small->untyped, OBJ_SCHED_CONTEXT, 0, 0, context, 1, 0), "make a context");
    guest_context_set(context, hart, 1000, 1000);
    must(kernel_call(thread, OP_THREAD_CONFIGURE, parts, 4, NULL, 0), "configure a thread");
    must(kernel_call(thread, OP_THREAD_BIND_CONTEXT, bound, 1, NULL, 0), "give a thread time");
    must(kernel_call(thread, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set a priority");
    must(kernel_call(thread, OP_THREAD_START, start, 6, NULL, 0), "start a thread");
}

/* Ends everything in one of several orders. */
static void small_end(struct small *small)
{
    cap_t first = small->slots + (random_below(&destroyer, 2) ? S_SPACE : S_THREAD);

    if (random_below(&destroyer, 2))
        must(cnode_delete(BOOT_CNODE, first), "delete a capability");
    must(cnode_revoke(BOOT_CNODE, small->untyped), "destroy an address space");
    for (unsigned i = 0; i < PAGES; i++)
        must(cnode_delete(BOOT_CNODE, small->slots + (i ? S_CODE : S_PAGE)), "delete a capability");
}

static void destroy_spaces(uint64_t unused)
{
    (void)unused;
    for (;;) {
        struct small *small = &smalls[random_below(&destroyer, small_count)];
        if (small->alive) {
            small_end(small);
            must_stand_still(small_count_at(small), &destroyer_sleeper, &destroyer);
            count_add(COUNT_SPACES, 1);
        } else {
            small_begin(small, random_below(&destroyer, rt_boot->hart_count));
            sleeper_sleep(&destroyer_sleeper, random_below(&destroyer, 1000));
        }
        small->alive = !small->alive;
        destroyer.progress++;
    }
}

static void small_make(struct small *small)
{
    uint64_t number = small - smalls;

    small->untyped = make_object(OBJ_UNTYPED, PAGE_BITS + 3);
    small->slots = slots_take(SMALL_SLOTS);
    for (unsigned i = 0; i < PAGES; i++) {
        cap_t own = slots_take(1);
        small->page[i] = make_object(OBJ_FRAME, PAGE_BITS);
        must(cnode_copy(BOOT_CNODE, own, 0, small->page[i], RIGHTS_ALL), "copy a frame's capability");
        map_at(own, BOOT_ADDRESS_SPACE, COUNT_ALIAS + (number * PAGES + i) * PAGE_BYTES,
                  RIGHT_READ | RIGHT_WRITE);
    }
}

static void code_make(void)
{
    cap_t own = slots_take(1);

    code_frame = make_object(OBJ_FRAME, PAGE_BITS);
    must(cnode_copy(BOOT_CNODE, own, 0, code_frame, RIGHTS_ALL), "copy a frame's capability");
    map_at(own, BOOT_ADDRESS_SPACE, CODE_ALIAS, RIGHT_READ | RIGHT_WRITE);
    __builtin_memcpy((void *)CODE_ALIAS, spin_page, PAGE_BYTES);
}

void victims_make(unsigned harts)
{
    victim_count = harts * PER_HART;
    small_count = harts;
    for (unsigned i = 0; i < victim_count; i++) {
        victims[i].actor.thread.priority = PRIORITY_BUSY;
        actor_add(&victims[i].actor, "victim", count_up, i, i);
    }
    code_make();
    for (unsigned i = 0; i < small_count; i++)
        small_make(&smalls[i]);
    tormentor_sleeper = sleeper_make();
    destroyer_sleeper = sleeper_make();
    tormentor.thread.priority = destroyer.thread.priority = PRIORITY_TROUBLE;
    actor_add(&tormentor, "tormentor", torment, 0, 0);
    actor_add(&destroyer, "destroyer", destroy_spaces, 0, 1);
}
