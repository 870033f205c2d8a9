/* SPDX-License-Identifier: MIT */
/* Results and objects of programs that take init's place: see guest.h. */
#include "guest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TAKEN 8

static const char *program;
static unsigned passed, failed;
static cap_t memory; /* what make_object() makes objects of: the largest untyped */
static cap_t next_slot;
static cap_t taken[MAX_TAKEN];
static unsigned taken_count;

/* --- Results --- */

void power_off(bool failure)
{
    uint64_t argument = failure;

    fflush(stdout);
    kernel_call(BOOT_RESET, OP_RESET_POWEROFF, &argument, 1, NULL, 0);
    kernel_call(BOOT_RESET, OP_RESET_REBOOT, NULL, 0, NULL, 0); /* not every machine can be switched off */
    __builtin_trap();
}

void check(bool right, const char *what)
{
    if (right)
        return;
    printf("%s: failed: %s\n", program, what);
    power_off(true);
}

void must(enum error error, const char *what)
{
    if (!error)
        return;
    printf("%s: failed: %s: %s\n", program, what, error_text(error));
    power_off(true);
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

void guest_finish(void)
{
    printf("%s: %u passed, %u failed\n", program, passed, failed);
    power_off(failed != 0);
}

uint64_t guest_option(const char *name, uint64_t otherwise)
{
    size_t length = strlen(name);

    for (const char *at = rt_boot->command_line; (at = strstr(at, name)) != NULL; at += length)
        if (at[length] == '=' && (at == rt_boot->command_line || at[-1] == ' '))
            return strtoull(at + length + 1, NULL, 0);
    return otherwise;
}

/* --- Objects --- */

static bool is_taken(cap_t slot)
{
    for (unsigned i = 0; i < taken_count; i++)
        if (taken[i] == slot)
            return true;
    return false;
}

/* A free untyped of exactly that size, or with 0 the largest there is. */
static cap_t find_untyped(unsigned size_bits)
{
    const struct boot_untyped *found = NULL;

    for (uint64_t i = 0; i < rt_boot->untyped_count; i++) {
        const struct boot_untyped *untyped = &rt_boot->untyped[i];
        if (untyped->device || is_taken(untyped->slot) || (size_bits && untyped->size_bits != size_bits))
            continue;
        if (!found || untyped->size_bits > found->size_bits)
            found = untyped;
    }
    if (!found)
        return 0;
    check(taken_count < MAX_TAKEN, "too many untyped objects are taken");
    taken[taken_count++] = found->slot;
    return found->slot;
}

cap_t untyped_take(unsigned size_bits)
{
    return find_untyped(size_bits);
}

void guest_init(const char *name)
{
    const uint64_t priority[2] = {PRIORITY_MAIN, 255};

    program = name;
    next_slot = rt_boot->first_free_slot;
    memory = find_untyped(0);
    must(kernel_call(BOOT_THREAD, OP_THREAD_SET_PRIORITY, priority, 2, NULL, 0), "set the own priority");
}

cap_t slots_take(unsigned count)
{
    cap_t first = next_slot;

    check(count <= rt_boot->cnode_slots - first, "too few capability slots");
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
