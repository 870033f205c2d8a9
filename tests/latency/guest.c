/* SPDX-License-Identifier: MIT */
/* Objects and threads for programs that take init's place: see guest.h. */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BASE   0x2000000000ull /* of thread n: 2 MiB further on, with a page that is not mapped below */
#define STACK_STRIDE 0x200000ull
#define SHARED_BASE  0x2400000000ull
#define COPY_PAGE    0x2500000000ull /* where a frame is filled */
#define MAX_SHARED   16
#define MAX_TAKEN    8

extern char __text_start[], __text_end[], __rodata_start[], __data_start[], __image_end[];

static const char *program;
static cap_t memory; /* what guest_object() makes objects of: the largest untyped */
static cap_t next_slot;
static cap_t taken[MAX_TAKEN];
static unsigned taken_count;
static unsigned stacks_made;
static cap_t shared[MAX_SHARED];
static unsigned shared_count;

void guest_end(bool failed)
{
    uint64_t argument = failed;

    fflush(stdout);
    kernel_call(BOOT_RESET, OP_RESET_POWEROFF, &argument, 1, NULL, 0);
    __builtin_trap();
}

void guest_check(bool right, const char *what)
{
    if (!right) {
        printf("%s: failed: %s\n", program, what);
        guest_end(true);
    }
}

void guest_must(enum error error, const char *what)
{
    if (error != ERR_OK) {
        printf("%s: failed: %s: %s\n", program, what, error_text(error));
        guest_end(true);
    }
}

uint64_t guest_option(const char *name, uint64_t otherwise)
{
    size_t length = strlen(name);

    for (const char *at = rt_boot->command_line; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == rt_boot->command_line || at[-1] == ' ') && at[length] == '=') {
            return strtoull(at + length + 1, NULL, 0);
        }
    }
    return otherwise;
}

static bool is_taken(cap_t slot)
{
    for (unsigned i = 0; i < taken_count; i++) {
        if (taken[i] == slot) {
            return true;
        }
    }
    return false;
}

/* A free untyped of exactly that size, or with 0 the largest there is. */
static cap_t find_untyped(unsigned size_bits)
{
    const struct boot_untyped *found = NULL;

    for (uint64_t i = 0; i < rt_boot->untyped_count; i++) {
        const struct boot_untyped *untyped = &rt_boot->untyped[i];
        if (untyped->device || is_taken(untyped->slot) || (size_bits && untyped->size_bits != size_bits)) {
            continue;
        }
        if (!found || untyped->size_bits > found->size_bits) {
            found = untyped;
        }
    }
    if (!found) {
        return 0;
    }
    guest_check(taken_count < MAX_TAKEN, "too many untyped objects are taken");
    taken[taken_count++] = found->slot;
    return found->slot;
}

cap_t guest_untyped(unsigned size_bits)
{
    return find_untyped(size_bits);
}

void guest_begin(const char *name)
{
    const uint64_t priority[2] = {PRIORITY_MAIN, 255};

    program = name;
    next_slot = rt_boot->first_free_slot;
    memory = find_untyped(0);
    guest_must(kernel_call(BOOT_THREAD, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0),
               "set the own priority");
}

cap_t guest_slots(unsigned count)
{
    cap_t first = next_slot;

    guest_check(count <= rt_boot->cnode_slots - first, "too few capability slots");
    next_slot += count;
    return first;
}

cap_t guest_object(enum object_type type, unsigned size_bits)
{
    cap_t slot = guest_slots(1);

    guest_must(untyped_retype(memory, type, size_bits, 0, slot, 1, 0), "make an object");
    return slot;
}

void guest_map(cap_t frame, cap_t space, uint64_t address, uint64_t rights)
{
    enum error error = frame_map(frame, space, address, rights);

    while (error == ERR_NO_TABLE) {
        const uint64_t where[2] = {space, address};
        guest_must(kernel_call(guest_object(OBJ_PAGE_TABLE, PAGE_BITS), OP_PAGE_TABLE_MAP, where, 2, NULL, 0),
                   "map a page table");
        error = frame_map(frame, space, address, rights);
    }
    guest_must(error, "map a page");
}

/* --- Threads --- */

void guest_context_set(cap_t context, unsigned hart, uint64_t budget, uint64_t period)
{
    const uint64_t time[3] = {context, rt_ticks_of_us(budget), rt_ticks_of_us(period)};

    guest_must(kernel_call(BOOT_SCHED_CONTROL + hart, OP_SCHED_CONTROL_CONFIGURE, time, 3, NULL, 0),
               "set a budget");
}

cap_t guest_context(unsigned hart, uint64_t budget, uint64_t period)
{
    cap_t context = guest_object(OBJ_SCHED_CONTEXT, SCHED_CONTEXT_BITS);

    guest_context_set(context, hart, budget, period);
    return context;
}

struct msg_page *guest_thread_page(const struct guest_thread *thread)
{
    return (struct msg_page *)thread->stack;
}

void guest_thread_prepare(struct guest_thread *t)
{
    cap_t space = t->space ? t->space : BOOT_ADDRESS_SPACE;
    uint64_t base = STACK_BASE + stacks_made++ * STACK_STRIDE + PAGE_BYTES;

    for (uint64_t at = 0; at < GUEST_STACK; at += PAGE_BYTES) {
        guest_map(guest_object(OBJ_FRAME, PAGE_BITS), space, base + at, RIGHT_READ | RIGHT_WRITE);
    }
    t->stack = base + GUEST_STACK;
    if (t->with_page) {
        t->page_frame = guest_object(OBJ_FRAME, PAGE_BITS);
        guest_map(t->page_frame, space, t->stack, RIGHT_READ | RIGHT_WRITE);
    }
    t->untyped = guest_object(OBJ_UNTYPED, PAGE_BITS);
    t->thread = guest_slots(2);
    t->context = t->thread + 1;
}

void guest_thread_start(struct guest_thread *t)
{
    cap_t space = t->space ? t->space : BOOT_ADDRESS_SPACE;

    if (!t->stack) {
        guest_thread_prepare(t);
    }
    const uint64_t parts[4] = {BOOT_CNODE, space, t->page_frame, t->fault}, bound[1] = {t->context};
    const uint64_t priority[2] = {t->priority, t->priority};
    /* The lowest bytes of the stack hold the thread-local variables. */
    const uint64_t start[6] = {(uint64_t)guest_entry, t->stack, (uint64_t)t->code, t->argument, 0,
                               t->stack - GUEST_STACK};
    guest_must(untyped_retype(t->untyped, OBJ_THREAD, 0, 0, t->thread, 1, 0), "make a thread");
    guest_must(untyped_retype(t->untyped, OBJ_SCHED_CONTEXT, 0, 0, t->context, 1, 0),
               "make a scheduling context");
    guest_context_set(t->context, t->hart, t->budget, t->period);
    guest_must(kernel_call(t->thread, OP_THREAD_CONFIGURE, parts, 4, NULL, 0), "configure a thread");
    guest_must(kernel_call(t->thread, OP_THREAD_BIND_CONTEXT, bound, 1, NULL, 0), "give a thread time");
    guest_must(kernel_call(t->thread, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set a priority");
    guest_must(kernel_call(t->thread, OP_THREAD_START, start, 6, NULL, 0), "start a thread");
}

void guest_thread_end(struct guest_thread *thread)
{
    guest_must(cnode_revoke(BOOT_CNODE, thread->untyped), "destroy a thread");
}

/* --- Address spaces --- */

/* Maps a frame with a copy of the page at `address` in `space`. */
static void clone_page(cap_t space, uint64_t address, uint64_t rights)
{
    cap_t frame = guest_object(OBJ_FRAME, PAGE_BITS);

    guest_map(frame, BOOT_ADDRESS_SPACE, COPY_PAGE, RIGHT_READ | RIGHT_WRITE);
    memcpy((void *)COPY_PAGE, (const void *)address, PAGE_BYTES);
    guest_must(frame_unmap(frame), "unmap a page");
    guest_map(frame, space, address, rights);
}

cap_t guest_space_clone(void)
{
    cap_t space = guest_object(OBJ_ADDRESS_SPACE, PAGE_BITS);
    uint64_t end = ((uint64_t)__image_end + PAGE_BYTES - 1) & -PAGE_BYTES;

    for (uint64_t at = (uint64_t)__text_start & -PAGE_BYTES; at < end; at += PAGE_BYTES) {
        clone_page(space, at, at < (uint64_t)__rodata_start ? RIGHT_READ | RIGHT_EXEC
                              : at < (uint64_t)__data_start ? RIGHT_READ
                                                            : RIGHT_READ | RIGHT_WRITE);
    }
    for (unsigned i = 0; i < shared_count; i++) {
        cap_t copy = guest_slots(1);
        guest_must(cnode_copy(BOOT_CNODE, copy, 0, shared[i], RIGHTS_ALL), "copy a frame's capability");
        guest_map(copy, space, SHARED_BASE + i * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE);
    }
    return space;
}

void *guest_shared_page(void)
{
    uint64_t address = SHARED_BASE + shared_count * PAGE_BYTES;

    guest_check(shared_count < MAX_SHARED, "too many shared pages");
    shared[shared_count] = guest_object(OBJ_FRAME, PAGE_BITS);
    guest_map(shared[shared_count++], BOOT_ADDRESS_SPACE, address, RIGHT_READ | RIGHT_WRITE);
    return (void *)address;
}
