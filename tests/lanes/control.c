/* SPDX-License-Identifier: MIT */
/* What is done to the threads from outside. Slots are those of main's CNode. */
#include "lanes.h"

#include <string.h>

enum { A0 = 10 };

static uint32_t invoke(struct block *block, cap_t cap, uint32_t operation, unsigned length)
{
    return issue(block, SYS_CALL, cap, tag_make(operation, length, 0), KIND_CONTROL + (operation & 15));
}

/* An operation with up to two arguments. */
static uint32_t invoke_2(struct block *block, cap_t cap, uint32_t operation, uint64_t first, uint64_t second)
{
    prepare(block);
    block->in[word_register[0]] = first;
    block->in[word_register[1]] = second;
    return invoke(block, cap, operation, 2);
}

static uint64_t state_of(struct block *block, unsigned thread)
{
    prepare(block);
    block->mask = 1u << word_register[4] | 1u << word_register[7];
    if (invoke(block, master_thread + thread, OP_THREAD_INFO, 0))
        return THREAD_STATE_COUNT;
    return block->out[word_register[0]];
}

/* Reads its registers, of which those that a system call keeps must be the same; has it skip the read of
 * the probe. */
static void look_at_registers(struct block *block, unsigned thread)
{
    static const uint8_t kept[] = {0, 2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
    struct msg_page *page = block_page(block);
    uint64_t sum = 0;

    prepare(block);
    block->mask = 1 | 1u << word_register[1] | 7u << 5; /* the page, ra, t0 to t2 */
    if (invoke(block, master_thread + thread, OP_THREAD_READ_REGISTERS, 0))
        return;
    for (unsigned i = 0; i < sizeof(kept); i++)
        sum = sum * 31 + (kept[i] < MSG_REGS ? block->out[word_register[kept[i]]] : page->word[kept[i]]);
    block->random ^= sum | 1;
    if (block->out[word_register[0]] == (uint64_t)lanes_probe_instruction) {
        for (unsigned i = 0; i < MSG_REGS; i++)
            block->in[word_register[i]] = block->out[word_register[i]];
        block->in[word_register[0]] += 4;
        invoke(block, master_thread + thread, OP_THREAD_WRITE_REGISTERS, 32);
    }
    memset(page->word, 0, sizeof(page->word)); /* what is in other registers is no part of the comparison */
}

static void end_foreign(struct block *block, unsigned thread)
{
    if (shared->block[thread].foreign &&
        !invoke_2(block, master_thread + thread, OP_THREAD_SET_FOREIGN, 0, 0))
        shared->block[thread].foreign = FOREIGN_UNSURE;
}

static void resume(struct block *block, unsigned thread)
{
    if (state_of(block, thread) == THREAD_FAULTED || random_below(block, 2)) {
        look_at_registers(block, thread);
        if (random_below(block, 3) == 0)
            end_foreign(block, thread);
    }
    invoke_2(block, master_thread + thread, OP_THREAD_RESUME, 0, 0);
}

/* For a moment, or for longer. */
static void suspend(struct block *block, unsigned thread)
{
    invoke_2(block, master_thread + thread, OP_THREAD_SUSPEND, 0, 0);
    if (random_below(block, 4))
        resume(block, thread);
}

/* What an unrecorded look says. */
static uint64_t peek(unsigned thread)
{
    struct msg message = {.tag = tag_make(OP_THREAD_INFO, 0, 0)};

    return !sys_msg(SYS_CALL, master_thread + thread, &message) ? message.word[0]
                                                                         : THREAD_STATE_COUNT;
}

/* Only of a thread whose next system call is one that it makes itself: registers that a system call clears
 * are not the same by the lanes when the kernel repeats it. */
static void change_foreign(struct block *block, unsigned thread)
{
    struct block *other = &shared->block[thread];

    if (peek(thread) != THREAD_BLOCKED_REPLY || shared->harts > 1)
        return;
    invoke_2(block, master_thread + thread, OP_THREAD_SUSPEND, 0, 0);
    if (other->foreign)
        end_foreign(block, thread);
    else if (!invoke_2(block, master_thread + thread, OP_THREAD_SET_FOREIGN, 1, 0))
        other->foreign = FOREIGN_NEXT;
    invoke_2(block, master_thread + thread, OP_THREAD_RESUME, 0, 0);
}

static void bind(struct block *block, unsigned thread, bool give)
{
    if (!invoke_2(block, master_thread + thread, OP_THREAD_BIND_CONTEXT, give ? master_context + thread : 0,
                 0))
        shared->block[thread].has_context = give;
}

/* A thread is stopped, gets or loses its message page, and may move to another space. */
static void reconfigure(struct block *block, unsigned thread)
{
    struct block *other = &shared->block[thread];
    bool page = random_below(block, 3);
    unsigned space = random_below(block, 3) ? other->space : random_below(block, SPACES);

    if (invoke_2(block, master_thread + thread, OP_THREAD_SUSPEND, 0, 0))
        return;
    prepare(block);
    block->in[word_register[0]] = master_cnode + space;
    block->in[word_register[1]] = space_of(space);
    block->in[word_register[2]] = page ? master_page + thread : 0;
    block->in[word_register[3]] = master_fault + thread;
    if (!invoke(block, master_thread + thread, OP_THREAD_CONFIGURE, 4)) {
        other->message_page = page;
        other->space = space;
        other->unsure = true;
    }
    resume(block, thread);
}

/* An endpoint loses all its capabilities, and may be destroyed and made anew. */
static void replace_endpoint(struct block *block)
{
    unsigned number = random_below(block, shared->endpoints);

    invoke_2(block, BOOT_CNODE, OP_CNODE_REVOKE, master_endpoint + number, 0);
    if (random_below(block, 2)) {
        invoke_2(block, BOOT_CNODE, OP_CNODE_DELETE, master_endpoint + number, 0);
        untyped_retype(world_memory, OBJ_ENDPOINT, 0, 0, master_endpoint + number, 1, 0);
    }
    endpoint_give(number);
}

static void send_to(struct block *block, unsigned endpoint)
{
    prepare(block);
    issue(block, SYS_TRY_SEND, master_endpoint + endpoint, compose(block), KIND_CONTROL);
}

/* Takes what somebody sends, and perhaps answers. */
static void take_from(struct block *block, unsigned endpoint)
{
    prepare(block);
    issue(block, SYS_TRY_RECV, master_endpoint + endpoint, compose(block), KIND_CONTROL);
    prepare(block);
    if (random_below(block, 8))
        issue(block, SYS_REPLY, 0, compose(block), KIND_CONTROL);
}

static void talk(struct block *block)
{
    if (random_below(block, 2))
        send_to(block, random_below(block, shared->endpoints));
    else
        take_from(block, random_below(block, shared->endpoints));
}

static void signal(struct block *block, unsigned notification)
{
    prepare(block);
    issue(block, SYS_SEND, master_notification + notification, compose(block), KIND_CONTROL);
}

static void answer(struct block *block)
{
    prepare(block);
    issue(block, SYS_SEND, master_reply + random_below(block, REPLIES), compose(block), KIND_CONTROL);
}

static void anything(struct block *block, unsigned thread)
{
    cap_t notification =
        random_below(block, 2) ? master_notification + random_below(block, NOTIFICATIONS) : 0;

    switch (random_below(block, 14)) {
    case 0: suspend(block, thread); break;
    case 1: resume(block, thread); break;
    case 2:
    case 3:
        invoke_2(block, master_thread + thread, OP_THREAD_SET_PRIORITY, 10 + random_below(block, 5) * 10,
                 100);
        break;
    case 4: bind(block, thread, random_below(block, 2)); break;
    case 5: invoke_2(block, master_thread + thread, OP_THREAD_BIND_NOTIFICATION, notification, 0); break;
    case 6: change_foreign(block, thread); break;
    case 7: look_at_registers(block, thread); break;
    case 8: reconfigure(block, thread); break;
    case 9:
        if (random_below(block, 3) == 0)
            return replace_endpoint(block);
        state_of(block, thread);
        break;
    case 10: answer(block); break;
    case 11: signal(block, random_below(block, NOTIFICATIONS)); break;
    default: talk(block); break;
    }
}

/* Nobody can run: somebody who waits for something that will not happen by itself, from `thread` on, is
 * given it. */
static void help(struct block *block, unsigned thread)
{
    uint64_t state = peek(thread), slot = 0;

    for (unsigned i = 0;
         i < shared->workers && (state == THREAD_BLOCKED_RECV || state == THREAD_BLOCKED_REPLY); i++) {
        thread = (thread + 1) % shared->workers;
        state = peek(thread);
    }
    slot = shared->block[thread].in[A0];
    switch (state) {
    case THREAD_INACTIVE:
    case THREAD_FAULTED: return resume(block, thread);
    case THREAD_READY:
        if (random_below(block, 2))
            bind(block, thread, false);
        return bind(block, thread, true);
    case THREAD_BLOCKED_RECV: return send_to(block, shared->block[thread].endpoint);
    case THREAD_BLOCKED_WAIT: return signal(block, (slot - SLOT_NOTIFICATION) / 3 % NOTIFICATIONS);
    case THREAD_BLOCKED_SEND:
        if (random_below(block, 8) && slot - SLOT_ENDPOINT < ENDPOINTS * 4)
            return take_from(block, (slot - SLOT_ENDPOINT) / 4);
        return suspend(block, thread);
    default: return random_below(block, 3) ? answer(block) : suspend(block, thread);
    }
}

/* A server that is to be passive, and has time again, waits: it loses it. */
static void make_passive(struct block *block)
{
    for (unsigned i = 0; i < shared->workers; i++)
        if (shared->block[i].passive && shared->block[i].has_context && peek(i) == THREAD_BLOCKED_RECV)
            bind(block, i, false);
}

void control_step(struct block *block, bool idle)
{
    unsigned thread = random_below(block, shared->workers);

    if (!idle || random_below(block, 16) == 0)
        return anything(block, thread);
    make_passive(block);
    help(block, thread);
}
