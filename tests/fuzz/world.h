/* SPDX-License-Identifier: MIT */
/*
 * The world that the fuzzer breaks: everything in it, its CNodes and first threads included, is made from one
 * untyped that only the vault names. So revoking that untyped must leave nothing behind, whatever happened
 * before.
 */
#pragma once

/* Their static variables are part of what is checked. */
#include "../../kernel/cap.c"
#include "../../kernel/irq.c"

/* What leads the fuzzer is which parts of the kernel it reaches, not which parts of the checkers. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

#include "../host/kernel_locks.h"

#include <base/checked.h>

enum {
    FUZZ_CNODE2 = 11,
    FUZZ_TIMER,
    FUZZ_TIMER2,
    FUZZ_NOTE2,
    FUZZ_SPACE = SC3 + 1,
    FUZZ_TABLE1,
    FUZZ_TABLE0,
    FUZZ_FRAME,
    FUZZ_IRQ,
    FUZZ_SLOTS = 64,
    FUZZ_THREADS = 4,
};

enum { VAULT_RAM, VAULT_DEVICE, VAULT_SLOTS };
#define RAM_BITS    18 /* of what everything is made from */
#define USER_BITS   17 /* its upper half is the untyped that the threads have */
#define DEVICE_BITS 23

#define FUZZ_ARENA                                                                                           \
    ((1 << RAM_BITS) + VAULT_SLOTS * sizeof(struct slot)) /* all that the kernel may write to */

static struct slot *vault;

/* An object out of the vault's untyped. */
static void *vault_take(enum object_type type, unsigned bits, struct slot *to)
{
    struct slot *ram = &vault[VAULT_RAM];
    uint64_t at = align_up(ram->used, 1ull << bits);
    void *object = host_arena + at;

    memset(object, 0, 1ull << bits);
    ram->used = at + (1ull << bits);
    slot_make_child(ram, to, type, object, bits);
    if (type == OBJ_ADDRESS_SPACE)
        arch_space_init(object);
    return object;
}

static void fuzz_thread(unsigned n, bool passive)
{
    struct thread *thread = vault_take(OBJ_THREAD, THREAD_BITS, &w.slots[TH0 + n]);
    struct sched_context *context = vault_take(OBJ_SCHED_CONTEXT, SCHED_CONTEXT_BITS, &w.slots[SC0 + n]);

    w.thread[n] = thread;
    for (unsigned i = 0; i < THREAD_SLOTS; i++)
        thread->slot[i].flags = SLOT_IN_THREAD;
    slot_copy(&w.slots[W_CNODE], &thread->slot[THREAD_CSPACE], RIGHTS_ALL);
    vault_take(OBJ_ADDRESS_SPACE, PAGE_BITS, &thread->slot[THREAD_SPACE]);
    vault_take(OBJ_FRAME, PAGE_BITS, &thread->slot[THREAD_MSG]);
    for (unsigned i = 0; i < MSG_MAX_CAPS; i++) {
        page_of(thread)->send_cap[i] = EP + i * 2;
        page_of(thread)->recv_cap[i] = FUZZ_SLOTS - 1 - i;
    }
    thread->priority = 100;
    thread->ceiling = 200;
    thread_lane_update(thread);
    context_configure(context, n % hart_count, 3000, n % 2 ? 9000 : 3000);
    thread->state = THREAD_READY;
    if (!passive)
        context_bind(context, thread);
}

/* The arena as a real machine's memory: not clean. */
static void fuzz_reset(unsigned hart_total)
{
    memset(host_arena, 0xa5, FUZZ_ARENA);
    memset(&host, 0, offsetof(struct host_machine, log));
    memset(&w, 0, sizeof(w));
    host_time = 1;
    host_harts_reset(hart_total);
    pause_over();
    memset(irq_lines, 0, sizeof(irq_lines));
}

static void fuzz_caps(void)
{
    static const struct {
        uint8_t slot, type, bits;
    } first[] = {
        {EP, OBJ_ENDPOINT, ENDPOINT_BITS},
        {EP2, OBJ_ENDPOINT, ENDPOINT_BITS},
        {REPLY, OBJ_REPLY, REPLY_BITS},
        {REPLY2, OBJ_REPLY, REPLY_BITS},
        {NOTE, OBJ_NOTIFICATION, NOTIFICATION_BITS},
        {FUZZ_NOTE2, OBJ_NOTIFICATION, NOTIFICATION_BITS},
        {FUZZ_TIMER, OBJ_TIMER, TIMER_BITS},
        {FUZZ_TIMER2, OBJ_TIMER, TIMER_BITS},
        {FUZZ_CNODE2, OBJ_CNODE, 10},
        {FUZZ_SPACE, OBJ_ADDRESS_SPACE, PAGE_BITS},
        {FUZZ_TABLE1, OBJ_PAGE_TABLE, PAGE_BITS},
        {FUZZ_TABLE0, OBJ_PAGE_TABLE, PAGE_BITS},
        {FUZZ_FRAME, OBJ_FRAME, PAGE_BITS},
        {W_UNTYPED, OBJ_UNTYPED, USER_BITS},
    };

    for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        vault_take(first[i].type, first[i].bits, &w.slots[first[i].slot]);
    slot_make_child(&vault[VAULT_DEVICE], &w.slots[W_DEVICE], OBJ_UNTYPED, vault[VAULT_DEVICE].object,
                    DEVICE_BITS);
    vault[VAULT_DEVICE].used = 1ull << DEVICE_BITS;
    slot_make_root(&w.slots[W_IRQ_CONTROL], OBJ_IRQ_CONTROL, NULL, 0, RIGHTS_ALL);
    slot_make_root(&w.slots[W_SCHED], OBJ_SCHED_CONTROL, NULL, 0, RIGHTS_ALL);
    slot_make_root(&w.slots[W_DEBUG], OBJ_DEBUG, NULL, 0, RIGHTS_ALL);
    for (unsigned i = 1; i < hart_count; i++) {
        slot_make_root(&w.slots[W_DEBUG + i], OBJ_SCHED_CONTROL, NULL, 0, RIGHTS_ALL);
        w.slots[W_DEBUG + i].number = i;
    }
    slot_copy(&w.slots[EP], &w.slots[BADGED], RIGHTS_ALL);
    w.slots[BADGED].badge = 77;
    slot_copy(&w.slots[EP2], &w.slots[SEND_ONLY], RIGHT_SEND);
}

/* What takes a fuzzer long to find: tables that are mapped, a line that is bound, somebody who handles
 * faults. */
static void fuzz_links(unsigned passive)
{
    struct endpoint *endpoint = w.slots[EP].object;
    unsigned level;

    table_map(&w.slots[FUZZ_TABLE1], w.slots[FUZZ_SPACE].object, 0, &level);
    table_map(&w.slots[FUZZ_TABLE0], w.slots[FUZZ_SPACE].object, 0, &level);
    slot_make_root(&w.slots[FUZZ_IRQ], OBJ_IRQ_HANDLER, NULL, 0, RIGHTS_ALL);
    w.slots[FUZZ_IRQ].number = 1;
    irq_lines[1].taken = true;
    line_bind(1, w.slots[NOTE].object, 2);
    for (unsigned i = 0; i < FUZZ_THREADS; i++) {
        if (i % 2)
            slot_copy(&w.slots[i == 1 ? EP : EP2], &w.thread[i]->slot[THREAD_FAULT], RIGHTS_ALL);
        if (passive >> i & 1) {
            w.thread[i]->state = THREAD_BLOCKED_RECV;
            w.thread[i]->blocked_on = endpoint;
            if (!endpoint->home)
                endpoint->home = hart_self();
            queue_append(&endpoint->receivers, w.thread[i]);
        }
    }
}

/* Threads on one to four harts; those that are passive wait for calls and have no context until somebody
 * calls. */
static void fuzz_world(unsigned hart_total, unsigned passive)
{
    fuzz_reset(hart_total);
    vault = (struct slot *)(host_arena + (1ull << RAM_BITS));
    memset(vault, 0, VAULT_SLOTS * sizeof(*vault));
    slot_make_root(&vault[VAULT_RAM], OBJ_UNTYPED, host_arena, RAM_BITS, RIGHTS_ALL);
    slot_make_root(&vault[VAULT_DEVICE], OBJ_UNTYPED, host_arena + (1ull << DEVICE_BITS), DEVICE_BITS,
                   RIGHTS_ALL);
    vault[VAULT_DEVICE].flags = SLOT_DEVICE;
    w.slots = vault[VAULT_RAM].object;
    {
        struct slot first = {0};

        vault_take(OBJ_CNODE, 12, &first);
        slot_move(&first, &w.slots[W_CNODE]);
    }
    for (unsigned i = 0; i < FUZZ_THREADS; i++)
        fuzz_thread(i, passive >> i & 1);
    fuzz_caps();
    fuzz_links(passive);
}
